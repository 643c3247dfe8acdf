"""Any image file to 8-bit grey or colour, upright; what cannot be read is refused by name."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from profond.core.errors import ImageError
from profond.data.images.foreign import advice_for
from profond.data.images.formats import FORMATS, MEMORY, ROOM, SUFFIXES, needed, suffixes_of
from profond.data.locations import FileInMemory, Location, Member

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "MAX_PIXELS",
    "SUFFIXES",
    "Opened",
    "Region",
    "conversions",
    "cut",
    "eight_bit",
    "is_grey",
    "is_picture",
    "open_image",
    "opening",
    "resize",
    "size_of",
    "strips",
    "to_tensor",
    "without_colour",
]

MAX_PIXELS = 178_956_970
"""Largest image that is decoded: twice Pillow's own warning limit, half a gigabyte in colour. Some kinds of picture
need so much memory while they are decoded that theirs is smaller: see ``profond.data.images.formats``."""
_STRIP = 1 << 22
"""Pixels that are converted at a time."""

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


class _Quiet:
    """Holds back Pillow's warnings: what they warn of is refused or converted here.

    NOTE Python's own ``catch_warnings`` must not be entered by several threads, which decode here: the last to leave
    would restore what another had set. The first to enter saves, and the last to leave restores.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._saved = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._saved = warnings.catch_warnings()
                self._saved.__enter__()
                warnings.simplefilter("ignore")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._saved.__exit__(None, None, None)


_QUIET = _Quiet()


Region = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels, the last two excluded."""


@dataclass(frozen=True)
class Opened:
    """One image as it was in its file.

    Args:
        image: decoded and upright; its mode is the file's.
        format: what the content says it is, such as ``"JPEG"``.
        notes: conversions that will be needed, such as ``"16-bit scaled to 8-bit"``.
        mislabelled: the file name promises another format.
        size: width and height of the upright picture as it is in its file.
        shrunk: 4 or 8 (or 2) when it was decoded that much smaller, else 1.
    """

    image: Image.Image
    format: str
    notes: tuple[str, ...] = ()
    mislabelled: bool = False
    size: tuple[int, int] = (0, 0)
    shrunk: int = 1

    def cropped(self, region: Region) -> Opened:
        """A part of a picture that was decoded in its own size."""
        left, top, right, bottom = region
        return replace(self, image=self.image.crop(region), size=(right - left, bottom - top))


def open_image(location: Location | FileInMemory | str, shrink: Callable[[int, int], int] | None = None) -> Opened:
    """Decode a whole image file.

    Args:
        location: a file, a file inside a tar archive, or one in memory.
        shrink: given width and height of the upright picture, by how much it may be decoded smaller: JPEG can be
            halved up to three times while it is decoded, which saves most of the work.

    Raises: ImageError when it is empty, truncated, not an image, too large, or may not be read.
    """
    with opening(location, shrink) as opened:
        return opened


@contextmanager
def opening(
    location: Location | FileInMemory | str, shrink: Callable[[int, int], int] | None = None
) -> Iterator[Opened]:
    """As ``open_image``; other threads decode meanwhile only what fits into memory beside this one.

    NOTE one at a time in a thread: two that are large, one in the other, would wait for themselves.
    """
    with ExitStack() as held:
        yield _opened(Path(location) if isinstance(location, str) else location, shrink, held)


def size_of(location: Location | FileInMemory) -> tuple[tuple[int, int], str]:
    """Width and height of the upright picture and the format of the file, from its start alone.

    Raises: ImageError as ``open_image``, but for what is damaged further on.
    """
    try:
        file = io.BytesIO(location.read()) if isinstance(location, Member | FileInMemory) else location
        with _QUIET, Image.open(file, formats=FORMATS) as image:
            width, height = image.size
            kind = image.format or "unknown"
            turned = image.getexif().get(ExifTags.Base.Orientation, 1) if kind != "TIFF" else 1  # Pillow turns those
        if isinstance(turned, int) and turned >= 5:
            width, height = height, width
        return (width, height), kind
    except Exception as error:
        failure = _explained(error, location)
    raise failure


def is_picture(data: bytes) -> bool:
    """Whether bytes begin as one of the formats that are read; they may still be too large, or damaged further on."""
    try:
        with _QUIET, Image.open(io.BytesIO(data), formats=FORMATS):
            return True
    except Image.DecompressionBombError:
        return True  # it is refused later, by name
    except Exception:  # Pillow's readers raise anything for what is not theirs
        return False


def _opened(location: Location | FileInMemory, shrink: Callable[[int, int], int] | None, held: ExitStack) -> Opened:
    # NOTE an error keeps the frames that it went through, and these what was decoded. Of a thousand damaged pictures
    # nothing may stay: ours is raised where there is no picture, and not while Pillow's is handled.
    try:
        return _decoded(location, shrink, held)
    except Exception as error:
        failure = _explained(error, location)
    raise failure


def _decoded(location: Location | FileInMemory, shrink: Callable[[int, int], int] | None, held: ExitStack) -> Opened:
    file: Path | io.BytesIO
    if isinstance(location, Member | FileInMemory):
        file, bytes_read = io.BytesIO(location.read()), location.size
    else:
        file, bytes_read = location, location.stat().st_size
    if bytes_read == 0:
        raise ImageError(f"{location} is empty (0 bytes)", "delete it, or restore it")
    shrunk = 1
    with _QUIET, Image.open(file, formats=FORMATS) as image:
        width, height = image.size
        kind = image.format or "unknown"
        if width * height > MAX_PIXELS:
            raise _too_large(location, f"{width} × {height} pixels", MAX_PIXELS)
        turned = image.getexif().get(ExifTags.Base.Orientation, 1) if kind == "JPEG" else None
        if isinstance(turned, int) and turned >= 5:  # lying on its side
            width, height = height, width
        memory = needed(image)
        if memory > MEMORY:
            size = f"{width} × {height} pixels of {kind} ({image.mode})"
            raise _too_large(location, size, MEMORY * width * height // memory)
        held.enter_context(ROOM.taken(memory))
        if shrink is not None and kind == "JPEG" and (shrunk := shrink(width, height)) > 1:
            image.draft(None, (image.width // shrunk, image.height // shrunk))
        image.load()
        if turned != 1:
            ImageOps.exif_transpose(image, in_place=True)
        if kind != "JPEG":
            width, height = image.size
    suffix = location.suffix.lower()
    mislabelled = suffix in SUFFIXES and suffix not in suffixes_of(kind)
    return Opened(image, kind, conversions(image), mislabelled, (width, height), shrunk)


def _explained(error: Exception, location: Location | FileInMemory) -> ImageError:
    """Why a picture cannot be had, in words."""
    match error:
        case ImageError():
            return ImageError(error.message, error.help)
        case Image.DecompressionBombError():
            return _too_large(
                location, str(error).split(" exceeds")[0].replace("Image size ", "").strip("()"), MAX_PIXELS
            )
        case UnidentifiedImageError():
            if advice := advice_for(location.suffix):
                return ImageError(f"{location} cannot be read: {advice[0]}", advice[1])
            size = location.size if isinstance(location, Member | FileInMemory) else location.stat().st_size
            return ImageError(f"{location} is not an image ({size} bytes)", "delete it, or move it away")
        case PermissionError():
            return ImageError(f"{location} may not be read", "change its permissions: chmod u+r")
        case FileNotFoundError():
            return ImageError(f"{location} does not exist", "check the path")
        case IsADirectoryError():
            return ImageError(f"{location} is a folder, not an image", "name a file in it")
        case MemoryError():
            return ImageError(f"{location} needs more memory than there is", "make it smaller")
    # Pillow's decoders raise anything for damaged content.
    return ImageError(f"{location} is damaged: {str(error) or type(error).__name__}", "delete it, or restore it")


def conversions(image: Image.Image) -> tuple[str, ...]:
    """What ``eight_bit`` will have to change, in words; nothing for ordinary grey and colour."""
    notes = []
    if image.mode.startswith("I"):
        notes.append("16-bit scaled to 8-bit")
    elif image.mode == "F":
        notes.append("floating point scaled to 8-bit")
    elif image.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        notes.append(f"{image.mode} converted to RGB")
    elif image.mode in ("P", "PA"):
        notes.append("palette converted")
    elif image.mode == "1":
        notes.append("black-and-white converted to grey")
    if image.has_transparency_data:
        notes.append("transparency laid on white")
    return tuple(notes)


def strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """A picture in strips of whole rows, from the top: the first row of each, and the strip.

    A picture that is not large is one strip: itself.
    """
    rows = max(1, _STRIP // max(1, image.width))
    if rows >= image.height:
        yield 0, image
        return
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def eight_bit(image: Image.Image, mode: Literal["L", "RGB"]) -> Image.Image:
    """Any Pillow mode to 8-bit grey or colour; transparency is laid on white."""
    if image.mode == mode and not image.has_transparency_data:
        return image
    top = _greatest(image) if image.mode == "F" else 65535.0
    if image.width * image.height <= _STRIP:
        return _plain(image, mode, top)
    whole = Image.new(mode, image.size)
    for row, strip in strips(image):
        whole.paste(_plain(strip, mode, top), (0, row))
    return whole


def _plain(image: Image.Image, mode: Literal["L", "RGB"], top: float) -> Image.Image:
    """``eight_bit`` of a picture, or of a strip of one whose greatest value is ``top``."""
    if image.mode.startswith("I") or image.mode == "F":
        return _deep(image, top).convert(mode)
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        white = Image.new("RGBA", colours.size, "white")
        return Image.alpha_composite(white, colours).convert("RGB").convert(mode)
    if mode == "L" and image.mode not in ("1", "RGB"):
        image = image.convert("RGB")  # a palette's or CMYK's grey is the grey of its colours
    return image.convert(mode)


def is_grey(image: Image.Image) -> bool:
    """Whether the file holds one channel of grey, or a palette or colours that are all grey."""
    if image.mode in ("L", "LA", "1", "F") or image.mode.startswith("I"):
        return True
    return image.mode in ("P", "PA") and without_colour(image)


def without_colour(image: Image.Image) -> bool:
    """Whether there is no colour in a picture, however it is stored."""
    if image.mode in ("L", "LA", "1", "F") or image.mode.startswith("I"):
        return True
    for _, strip in strips(image):
        pixels = np.asarray(strip.convert("RGB"))
        if not (pixels[..., :1] == pixels).all():
            return False
    return True


def resize(
    image: Image.Image,
    size: tuple[int, int],
    how: str,
    interpolation: str,
    *,
    crop: float = 1.0,
    background: tuple[int, ...] | None = None,
) -> Image.Image:
    """To height × width: ``crop`` the middle, ``stretch``, or ``pad``.

    Args:
        crop: of the middle, the share of its sides that is kept.
        background: what comes in by ``pad``, one value for each channel; None is black.
    """
    height, width = size
    if image.size == (width, height) and (crop == 1.0 or how != "crop"):
        return image
    chosen = _FILTERS[interpolation]
    if how == "stretch":
        return image.resize((width, height), chosen)
    if how == "pad":
        black = (0,) * len(image.getbands())
        colour = background or black
        return ImageOps.pad(image, (width, height), chosen, color=colour if len(colour) > 1 else colour[0])
    return ImageOps.fit(image, (width, height), chosen, bleed=(1 - crop) / 2)


def to_tensor(image: Image.Image) -> Tensor:
    """8-bit grey or colour to uint8 (c, h, w)."""
    import torch  # not above: `profond look` opens images without it

    pixels = torch.from_numpy(np.array(image, dtype=np.uint8))
    # NOTE a view, colours innermost as Pillow has them: whoever stacks many puts them in order, or leaves them so.
    return pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1)


def cut(image: Image.Image, box: tuple[int, int, int, int], size: tuple[int, int], interpolation: str) -> Tensor:
    """A part of an 8-bit picture (left, top, right, bottom), resized to height × width: uint8 (c, h, w).

    NOTE by PyTorch, which is three times as fast as Pillow; their values differ by one at most, but along the borders,
    where Pillow also sees what is beyond them.
    """
    import torch.nn.functional as F  # not above: as in to_tensor

    planes = to_tensor(image.crop(box))[None]
    if interpolation == "nearest":
        return F.interpolate(planes, size=size, mode=interpolation)[0]
    return F.interpolate(planes, size=size, mode=interpolation, antialias=True)[0]


def _greatest(image: Image.Image) -> float:
    """What is white in floating point: 1, 255 or 65535, by the greatest value."""
    found = 0.0
    for _, strip in strips(image):
        found = max(found, float(np.nan_to_num(np.asarray(strip).astype(np.float64)).max(initial=0.0)))
    return 1.0 if found <= 1.0 else (255.0 if found <= 255.0 else 65535.0)


def _deep(image: Image.Image, top: float) -> Image.Image:
    """More than 8 bits a pixel to 8: integers are 16-bit, 0 to 65535; floating point is 0 to 1 where it fits."""
    values = np.asarray(image).astype(np.float64)
    if image.mode == "F":
        values = np.nan_to_num(values)
    values = values / top
    return Image.fromarray(np.clip(np.rint(values * 255.0), 0, 255).astype(np.uint8))


def _too_large(location: Location | FileInMemory, size: str, most: int) -> ImageError:
    return ImageError(f"{location} is too large to decode: {size}, the limit is {most} pixels", "make it smaller")
