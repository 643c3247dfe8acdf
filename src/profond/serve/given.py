"""What a picture may be given as from Python: a path, a Pillow image, an array, a tensor, bytes or an open file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from profond.core.errors import DataError, ImageError
from profond.data.places import Held, Member

Picture = Image.Image | NDArray[Any] | Tensor | bytes | bytearray | memoryview | Path | str | Any
"""``Any`` stands for a file that is open for reading bytes."""

_FORMS = "give an array as (height, width), (height, width, 3) or (height, width, 4), a tensor as (3, height, width)"


def several(images: Any) -> Iterable[Any]:
    """The pictures one by one, where one alone or an array of many was given. Raises: DataError for neither."""
    if isinstance(images, np.ndarray | Tensor):
        return [images] if images.ndim < 4 else list(images)
    if isinstance(images, str | Path | Member | Image.Image | bytes | bytearray | memoryview) or _is_file(images):
        return [images]
    if isinstance(images, Mapping) or not isinstance(images, Iterable):
        raise DataError(f"the images are of the type {type(images).__name__}", "give one picture, or a list of them")
    return images


def name_of(image: Any, index: int) -> str:
    """The path where there is one, else ``image 0``."""
    if isinstance(image, str | Path | Member):
        return str(image)
    name = getattr(image, "name", None) if _is_file(image) else None
    return name if isinstance(name, str) else f"image {index}"


def as_picture(given: Any, source: str) -> Image.Image | Path | Member | Held:
    """One picture as a Pillow image, or as the place that it is to be decoded from. Raises: DataError."""
    if isinstance(given, Image.Image | Path | Member):
        return given
    if isinstance(given, str):
        return Path(given)
    if isinstance(given, np.ndarray | Tensor):
        return _from_numbers(given, source)
    if _is_file(given):
        given = given.read()
        if isinstance(given, str):
            raise DataError(f"{source} is a file that was opened as text", "open it for bytes: open(path, 'rb')")
    if isinstance(given, bytes | bytearray | memoryview):
        return Held(bytes(given), source)
    raise DataError(
        f"{source} is of the type {type(given).__name__}, not a picture",
        "give a path, a Pillow image, an array, a tensor, bytes or a file open for bytes",
    )


def _is_file(given: Any) -> bool:
    return callable(getattr(given, "read", None)) and not isinstance(given, Image.Image | Member | Path)


def _from_numbers(given: NDArray[Any] | Tensor, source: str) -> Image.Image:
    """Rows, columns and colours of any number type to 8 bits."""
    colours_first = isinstance(given, Tensor)
    if isinstance(given, Tensor):
        given = given.detach().cpu()
        given = (given.float() if given.dtype in (torch.bfloat16, torch.float16) else given).numpy()
    shape = "×".join(map(str, given.shape))
    if given.ndim not in (2, 3) or given.size == 0:
        raise DataError(f"{source} is an array of {shape or 'one number'}, not a picture", _FORMS)
    if given.ndim == 3:
        axis = next((axis for axis in ((0, 2) if colours_first else (2, 0)) if given.shape[axis] in (1, 3, 4)), None)
        if axis is None:
            raise DataError(f"{source} is an array of {shape}: no axis of 1, 3 or 4 colours", _FORMS)
        given = np.moveaxis(given, axis, 2)
    pixels = _eight_bits(given, source)
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels))


def _eight_bits(values: NDArray[Any], source: str) -> NDArray[np.uint8]:
    """Whole numbers are 0 to 255, ``uint16`` 0 to 65535; others 0 to 1, or 0 to 255 where one is above 1.

    Raises: ImageError for numbers outside.
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype.kind not in "iuf":
        raise ImageError(f"{source} is an array of {values.dtype}, not of numbers", _FORMS)
    least, most = float(values.min()), float(values.max())
    wide = values.dtype == np.uint16
    if not (least >= 0 and most <= (65535 if wide else 255)):  # not a number is neither
        raise ImageError(
            f"{source} has numbers from {least:.4g} to {most:.4g}",
            "give the pixels themselves, 0 to 255 or 0 to 1: scaling and normalising is done here",
        )
    top = 65535 if wide else 1 if values.dtype.kind == "f" and most <= 1 else 255
    scaled: NDArray[np.uint8] = np.rint(values.astype(np.float64) * (255 / top)).astype(np.uint8)
    return scaled
