"""What may be given from Python: a path, an array or a tensor; and a picture as an image, bytes or an open file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from profond.core.errors import DataError, ImageError, ProfondError
from profond.core.tokens import PADDING, UNKNOWN
from profond.data.locations import FileInMemory, Member
from profond.data.preprocessing import Kind, Preprocessing
from profond.data.series import text, ts_file
from profond.data.series.prepared import prepared
from profond.data.series.rows import Row, rows_of
from profond.nn.sequence import padded
from profond.serve.text import Text

Picture = Image.Image | Row | NDArray[Any] | Tensor | bytes | bytearray | memoryview | Path | str | Any
"""What can be predicted; a ``Row`` is a series of a table. ``Any`` stands for a file that is open for reading bytes."""

_AXES: dict[Kind, int] = {"images": 3, "series": 2, "texts": 0, "videos": 4}
"""How many axes an array of one alone has at most."""
_SERIES = "give the path of a file, or an array as (channels, time)"
_FORMS = "give an array as (height, width), (height, width, 3) or (height, width, 4), a tensor as (3, height, width)"


def several(images: Any, kind: Kind = "images") -> Iterable[Any]:
    """The pictures or series one by one, where one alone, an array of many, or a `DataLoader` was given.

    Raises: DataError for neither.
    """
    axes = _AXES[kind]
    if isinstance(images, np.ndarray | Tensor):
        return [images] if images.ndim <= axes else list(images)
    alone = str | Path | Member | Row | Text | Image.Image | bytes | bytearray | memoryview
    if isinstance(images, alone) or _is_file(images):
        return [images]
    if isinstance(images, Mapping) or not isinstance(images, Iterable):
        raise DataError(
            f"the images are of the type {type(images).__name__}", "give one picture, a list of them, or a DataLoader"
        )
    return images if isinstance(images, Sequence) else _one_by_one(images, axes)


def _one_by_one(images: Iterable[Any], axes: int) -> Iterator[Any]:
    """What comes in batches, as a `DataLoader` gives them, in single ones; the targets beside them are left out."""
    for one in images:
        paired = isinstance(one, tuple | list) and len(one) == 2 and isinstance(one[0], np.ndarray | Tensor)
        first = one[0] if paired else one
        if isinstance(first, np.ndarray | Tensor) and first.ndim > axes:
            yield from first
        else:
            yield first


def name_of(image: Any, index: int, noun: str = "image") -> str:
    """The path where there is one, else ``image 0``."""
    if isinstance(image, str | Path | Member | Row | Text):
        return str(image)
    name = getattr(image, "name", None) if _is_file(image) else None
    return name if isinstance(name, str) else f"{noun} {index}"


def as_picture(given: Any, source: str) -> Image.Image | Path | Member | FileInMemory:
    """One picture as a Pillow image, or as the place that it is to be decoded from. Raises: DataError."""
    if isinstance(given, Row):
        raise DataError(f"{source} is a series, and the network takes images", "give it images")
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
        return FileInMemory(bytes(given), source)
    raise DataError(
        f"{source} is of the type {type(given).__name__}, not a picture",
        "give a path, a Pillow image, an array, a tensor, bytes or a file open for bytes",
    )


def with_rows(
    given: Iterable[Any], known: Preprocessing, refused: Callable[[str, ProfondError], None] | None
) -> Iterator[Any]:
    """What was given, and instead of a table its series, where the network was trained on a table.

    Args:
        refused: called with the path and the error of a table that cannot be used; without it the error is raised.
    """
    for one in given:
        suffix = Path(one).suffix.lower() if isinstance(one, Path | str) else ""
        of_table = known.series is not None and known.series.table in ("wide", "long")
        if known.series is None or not (suffix == ts_file.SUFFIX or (of_table and suffix in text.SUFFIXES)):
            yield one
            continue
        try:
            rows = rows_of(Path(one), known.series)
        except ProfondError as error:
            if refused is None:
                raise
            refused(str(one), error)
            continue
        if rows is None:
            yield one
        else:
            yield from rows


def as_series(given: Any, source: str, preprocessing: Preprocessing) -> tuple[Tensor, list[str]]:
    """One series as the raw sample (c, t), and what was converted; an array is taken as (channels, time).

    Raises: DataError.
    """
    known, notes = preprocessing.series, list[str]()
    assert known is not None
    if isinstance(given, Image.Image):
        raise DataError(f"{source} is an image, and the network was trained on series", _SERIES)
    if isinstance(given, str | Path):
        return prepared(Path(given), preprocessing, notes), notes
    if isinstance(given, Tensor):
        given = given.detach().cpu().float().numpy()
    values = given.values if isinstance(given, Row) else given
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "biuf":
        raise DataError(f"{source} is of the type {type(given).__name__}, not a series", _SERIES)
    if values.ndim not in (1, 2) or values.size == 0:
        raise DataError(f"{source} is an array of {'×'.join(map(str, values.shape))}, not a series", _SERIES)
    values = np.atleast_2d(values).astype(np.float32)
    if not np.isfinite(values).all():
        raise DataError(f"{source} has missing or infinite values", "fill them in")
    return torch.from_numpy(known.fitted(values, preprocessing.mean)), notes


def as_tokens(given: Any, source: str, preprocessing: Preprocessing) -> tuple[Tensor, list[str]]:
    """One text as the raw sample int64 (t), and what is worth knowing of it. Raises: DataError."""
    known = preprocessing.text
    assert known is not None
    given = given.text if isinstance(given, Text) else given
    if not isinstance(given, str):
        raise DataError(f"{source} is of the type {type(given).__name__}, not a text", "give a string")
    ids = known.encode(given)
    if not ids:
        what = f"{source} is a text without a word" if given.strip() else "the text is empty"
        raise DataError(what, "give it words")
    unknown = sum(one == UNKNOWN for one in ids)
    notes = ["not one of its words was seen in training"] if unknown == len(ids) else []
    return torch.tensor(ids, dtype=torch.int64), notes


def stacked(raws: Sequence[Tensor]) -> Tensor:
    """Raw samples in one tensor; behind the end of shorter sequences there are tokens 0, or NaN."""
    if len({raw.shape for raw in raws}) == 1:
        return torch.stack(list(raws))
    return padded(raws, torch.nan if raws[0].is_floating_point() else PADDING)


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
