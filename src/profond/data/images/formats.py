"""The formats of pictures that are read, and how much memory one needs while it is decoded.

Pillow knows some fifty formats and goes by the content, whatever a file is called. Among them are rarely used
decoders, and one that starts another program on the file (EPS, by Ghostscript). Only those named here are tried.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import (  # noqa: F401  - each makes its format known; otherwise Pillow would load all of them
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
    features,
)

_SUFFIXES_OF = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),  # MPO is a JPEG with more of them behind it
    "PNG": (".png", ".apng"),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "PPM": (".pgm", ".ppm", ".pnm", ".pbm"),
    "AVIF": (".avif",),
    "JPEG2000": (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
}
_NEEDS = {"WEBP": "webp", "AVIF": "avif", "JPEG2000": "jpg_2000"}
"""What Pillow must have been built with; its own wheels have all of it."""

FORMATS = tuple(name for name in _SUFFIXES_OF if name not in _NEEDS or features.check(_NEEDS[name]))
SUFFIXES = tuple(suffix for name in FORMATS for suffix in _SUFFIXES_OF[name])

MEMORY = 1_560_000_000
"""Bytes that pictures may need at one time while they are decoded and converted, over all threads of the process.

With what the program itself takes, some 0.4 GB, it stays below 2 GiB."""


def suffixes_of(kind: str) -> tuple[str, ...]:
    """What files of a format are called, such as ``"TIFF"``."""
    return _SUFFIXES_OF.get("JPEG" if kind == "MPO" else kind, (f".{kind.lower()}",))


def stored(mode: str) -> int:
    """Bytes that Pillow takes for a pixel: colour is kept in four, whatever it is."""
    if mode in ("1", "L", "P"):
        return 1
    return 2 if mode.startswith("I;16") else 4


def needed(image: Image.Image) -> int:
    """Bytes at the most while a picture is decoded, turned upright and brought to 8 bits; from its header alone.

    Args:
        image: opened, not yet decoded.
    """
    pixels, one = image.width * image.height, stored(image.mode)
    while_decoded = pixels * (one + _beside(image)) + _block(image)
    while_turned = pixels * 2 * one
    while_converted = pixels * (one + (0 if image.mode == "L" and not image.has_transparency_data else 4))
    return max(while_decoded, while_turned, while_converted)


def _beside(image: Image.Image) -> int:
    """Bytes for each pixel that a decoder keeps beside the picture itself."""
    bands = len(image.getbands())
    if image.format in ("JPEG", "MPO"):
        return 2 * bands if image.info.get("progressive") else 0  # all coefficients, until the last scan
    if image.format == "WEBP":
        return 12  # this frame, the one before it, and a copy in the order that Pillow takes
    if image.format == "AVIF":
        return 12  # planes of up to 16 bits, then colour, then a copy of it
    if image.format == "JPEG2000":
        return 5 * bands  # whole numbers of 32 bits, and what they are put together from
    if image.format in ("BMP", "PPM"):
        return 2 * bands  # run lengths, and numbers written as text, are put together in Python
    return 0


def _block(image: Image.Image) -> int:
    """Bytes of the largest strip or tile of a TIFF, which is unpacked as a whole."""
    tags = getattr(image, "tag_v2", None)
    tile = getattr(image, "tile", None)
    if image.format != "TIFF" or tags is None or (tile and tile[0][0] == "raw"):
        return 0
    width, height = image.size
    bits = tags.get(258, (1,))
    for_pixel = sum(bits) if isinstance(bits, tuple) else bits
    across = tags.get(322, width)
    down = tags.get(323) or min(tags.get(278, height), height)
    if not all(isinstance(number, int) for number in (for_pixel, across, down)):
        return 0  # damaged: Pillow refuses it
    return -(-int(across) * int(down) * max(8, int(for_pixel)) // 8)


class Room:
    """Lets threads decode as long as what they need fits together; one alone may take all of it.

    Args:
        size: in bytes.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._taken = 0
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, count: int) -> Iterator[None]:
        """Wait until there is room for so many bytes, and hold it."""
        count = min(count, self.size)
        with self._changed:
            self._changed.wait_for(lambda: self._taken + count <= self.size)
            self._taken += count
        try:
            yield
        finally:
            with self._changed:
                self._taken -= count
                self._changed.notify_all()


ROOM = Room(MEMORY)
