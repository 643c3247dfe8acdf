"""Any image file to 8-bit grey or colour, upright; what cannot be read is refused by name."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from profond.core.errors import ImageError
from profond.data.foreign import way_out
from profond.data.places import Held, Member, Place

if TYPE_CHECKING:
    from torch import Tensor

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm", ".pnm", ".jfif")
MAX_PIXELS = 178_956_970
"""Largest image that is decoded: twice Pillow's own warning limit, half a gigabyte in colour."""

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
_SUFFIX_OF = {"JPEG": {".jpg", ".jpeg", ".jfif"}, "MPO": {".jpg", ".jpeg"}, "TIFF": {".tif", ".tiff"}}
_SUFFIX_OF |= {"PPM": {".pgm", ".ppm", ".pnm", ".pbm"}}


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


def open_image(place: Place | Held | str, shrink: Callable[[int, int], int] | None = None) -> Opened:
    """Decode a whole image file.

    Args:
        place: a file, a file inside a tar archive, or one in memory.
        shrink: given width and height of the upright picture, by how much it may be decoded smaller: JPEG can be
            halved up to three times while it is decoded, which saves most of the work.

    Raises: ImageError when it is empty, truncated, not an image, too large, or may not be read.
    """
    place = Path(place) if isinstance(place, str) else place
    bytes_read = 0
    shrunk = 1
    try:
        file: Path | io.BytesIO
        if isinstance(place, Member | Held):
            file, bytes_read = io.BytesIO(place.read()), place.size
        else:
            file, bytes_read = place, place.stat().st_size
        if bytes_read == 0:
            raise ImageError(f"{place} is empty (0 bytes)", "delete it, or restore it")
        with _QUIET, Image.open(file) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise _too_large(place, f"{width} × {height} pixels")
            kind = image.format or "unknown"
            turned = image.getexif().get(ExifTags.Base.Orientation, 1) if kind == "JPEG" else None
            if isinstance(turned, int) and turned >= 5:  # lying on its side
                width, height = height, width
            if shrink is not None and kind == "JPEG" and (shrunk := shrink(width, height)) > 1:
                image.draft(None, (image.width // shrunk, image.height // shrunk))
            image.load()
            upright = image if turned == 1 else ImageOps.exif_transpose(image)
            if kind != "JPEG":
                width, height = upright.size
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(place, str(error).split(" exceeds")[0].replace("Image size ", "")) from None
    except UnidentifiedImageError:
        if known := way_out(place.suffix):
            raise ImageError(f"{place} cannot be read: {known[0]}", known[1]) from None
        raise ImageError(f"{place} is not an image ({bytes_read} bytes)", "delete it, or move it away") from None
    except PermissionError:
        raise ImageError(f"{place} may not be read", "change its permissions: chmod u+r") from None
    except FileNotFoundError:
        raise ImageError(f"{place} does not exist", "check the path") from None
    except IsADirectoryError:
        raise ImageError(f"{place} is a folder, not an image", "name a file in it") from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, OverflowError) as error:
        # Pillow's decoders raise any of these for damaged content.
        raise ImageError(
            f"{place} is damaged: {str(error) or type(error).__name__}", "delete it, or restore it"
        ) from None
    mislabelled = place.suffix.lower() in SUFFIXES and place.suffix.lower() not in _expected(kind)
    return Opened(upright, kind, conversions(upright), mislabelled, (width, height), shrunk)


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


def eight_bit(image: Image.Image, mode: Literal["L", "RGB"]) -> Image.Image:
    """Any Pillow mode to 8-bit grey or colour; transparency is laid on white."""
    if image.mode == mode and not image.has_transparency_data:
        return image
    if image.mode.startswith("I") or image.mode == "F":
        return _deep(image).convert(mode)
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
    if image.mode in ("P", "PA"):
        pixels = np.asarray(image.convert("RGB"))
        return bool((pixels[..., :1] == pixels).all())
    return False


def resize(
    image: Image.Image, size: tuple[int, int], how: str, interpolation: str, *, crop: float = 1.0
) -> Image.Image:
    """To height × width: ``crop`` the middle, ``stretch``, or ``pad`` with black.

    Args:
        crop: of the middle, the share of its sides that is kept.
    """
    height, width = size
    if image.size == (width, height) and (crop == 1.0 or how != "crop"):
        return image
    chosen = _FILTERS[interpolation]
    if how == "stretch":
        return image.resize((width, height), chosen)
    if how == "pad":
        return ImageOps.pad(image, (width, height), chosen, color="black" if image.mode == "RGB" else 0)
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


def _deep(image: Image.Image) -> Image.Image:
    """More than 8 bits a pixel to 8: integers are 16-bit, 0 to 65535; floating point is 0 to 1 where it fits."""
    values = np.asarray(image).astype(np.float64)
    if image.mode == "F":
        finite = np.nan_to_num(values)
        top = 1.0 if finite.max(initial=0.0) <= 1.0 else (255.0 if finite.max() <= 255.0 else 65535.0)
        values = finite / top
    else:
        values = values / 65535.0
    return Image.fromarray(np.clip(np.rint(values * 255.0), 0, 255).astype(np.uint8))


def _expected(kind: str) -> set[str]:
    return _SUFFIX_OF.get(kind, {f".{kind.lower()}"})


def _too_large(place: Place | Held, size: str) -> ImageError:
    return ImageError(f"{place} is too large to decode: {size}, the limit is {MAX_PIXELS} pixels", "make it smaller")
