"""One file to numbers as they lie in it: CSV, TSV, TXT, NPY, WAV. What they mean is decided elsewhere."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import DataError
from profond.data.series import text
from profond.data.series.text import Decimal, read_text
from profond.data.tree import Files

SUFFIXES = (".csv", ".tsv", ".txt", ".npy", ".wav")
SERIES = Files(
    "series", SUFFIXES, "put the files of each class in a sub-folder of its own: series/walk/1.csv, series/run/2.csv"
)
MAX_VALUES = 2**28
"""Most numbers in one file: a gigabyte as they are kept."""

Missing = Literal["refuse", "interpolate"]
Result = TypeVar("Result")
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_SOUNDS = {
    (_PCM, 8): "u1",
    (_PCM, 16): "<i2",
    (_PCM, 24): "",
    (_PCM, 32): "<i4",
    (_FLOAT, 32): "<f4",
    (_FLOAT, 64): "<f8",
}
_DAY = r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}"
_CLOCK = r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?(Z|[+-]\d{2}:?\d{2})?"
_DATE = re.compile(rf"{_DAY}([T ]+{_CLOCK})?|{_CLOCK}")


@dataclass(frozen=True)
class Recording:
    """A file's numbers.

    Args:
        path: of the file.
        values: float32 (rows, columns), as they lie; of a sound, rows are time.
        names: of the columns; empty where the file does not say them.
        rising: for each column of a text, whether it could be the time: it rises in every row, or holds dates.
        even: likewise, whether it rises in equal steps.
        rate: samples in a second, where the file says it.
        lines: of a text, the number of each row's line.
        notes: how it was read, where that is not the usual way.
    """

    path: Path
    values: NDArray[np.float32]
    names: tuple[str, ...] = ()
    rising: tuple[bool, ...] = ()
    even: tuple[bool, ...] = ()
    rate: int | None = None
    lines: Sequence[int] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_sound(self) -> bool:
        return self.rate is not None


def read_recording(path: Path, decimal: Decimal = "auto", missing: Missing = "refuse") -> Recording:
    """Read a file of one series.

    Args:
        path: its ending says what it is.
        decimal: for text: ``"."``, ``","``, or as it is recognised.
        missing: ``"refuse"`` empty cells and NaN, or leave them as NaN for what comes after.

    Raises: DataError naming the file, what was found, and what to do.
    """
    suffix = path.suffix.lower()
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise DataError(f"{path} is not a file", "give a .csv, .tsv, .txt, .npy or .wav file")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", "check the path") from None
    if size == 0:
        raise DataError(f"{path} is empty (0 bytes)", "delete it, or restore it")
    if suffix in text.SUFFIXES:
        found = _read_text(path, decimal)
    elif suffix == ".npy":
        found = Recording(path, _with_file(path, lambda file: _read_array(path, file, size)))
    elif suffix == ".wav":
        values, rate = _with_file(path, lambda file: _read_sound(path, file, size))
        found = Recording(path, values, rate=rate)
    else:
        raise DataError(f"{path} is no series by its name", f"a series' file ends in {', '.join(SUFFIXES)}")
    if not found.values.size:
        raise DataError(f"{path} holds no numbers: {_by(found.values.shape)}", "delete it, or restore it")
    _check_finite(found, missing)
    return found


def _check_finite(found: Recording, missing: Missing) -> None:
    wrong = np.isinf(found.values) if missing == "interpolate" else ~np.isfinite(found.values)
    if not wrong.any():
        return
    row, column = map(int, np.argwhere(wrong)[0])
    what = "a missing value" if np.isnan(found.values[row, column]) else "infinity, or a number too large for float32"
    name = found.names[column] if column < len(found.names) and found.names[column] else str(column + 1)
    where = f"line {found.lines[row]}" if found.lines else f"row {row + 1}"
    raise DataError(
        f"{found.path}, {where}, column {name}: {what}; there are {int(wrong.sum()):,} such in the file",
        "repair it; missing=interpolate fills gaps from the values beside them",
    )


def _read_text(path: Path, decimal: Decimal) -> Recording:
    parts = read_text(path, decimal)
    width = len(parts.names) or len(parts.rows[0])
    for row, line in zip(parts.rows, parts.lines, strict=True):
        if len(row) != width:
            raise DataError(
                f"{path}, line {line}: {len(row)} cells, but there are {width} columns",
                "every line of a series has a cell for each channel",
            )
    if width * len(parts.rows) > MAX_VALUES:
        raise _too_large(path, (len(parts.rows), width))
    dates = [all(_DATE.fullmatch(row[column]) for row in parts.rows) for column in range(width)]
    numeric = [column for column in range(width) if not dates[column]]
    values = np.empty((len(parts.rows), width))
    values[:, numeric] = parts.numbers(numeric)
    for column in range(width):
        if dates[column]:
            values[:, column] = np.arange(len(parts.rows))
    for column in numeric:
        gaps = np.flatnonzero(np.isnan(values[:, column]))
        if len(gaps) == len(values):
            raise DataError(f"{path}, column {parts.called(column)} is empty", "delete the column, or fill it in")
    rising, even = _rising(values)
    with np.errstate(over="ignore"):
        small = values.astype(np.float32)
    return Recording(
        path,
        small,
        parts.names,
        tuple(rises or date for rises, date in zip(rising, dates, strict=True)),
        tuple(rises or date for rises, date in zip(even, dates, strict=True)),
        lines=parts.lines,
        notes=parts.notes,
    )


def _rising(values: NDArray[np.float64]) -> tuple[list[bool], list[bool]]:
    """For each column, whether it rises in every row, and whether in equal steps (of three rows or more)."""
    if len(values) < 2:
        return [False] * values.shape[1], [False] * values.shape[1]
    with np.errstate(invalid="ignore"):  # infinity, which is refused when all is known
        steps = np.diff(values, axis=0)
        spread = np.ptp(steps, axis=0)
    rising: NDArray[np.bool_] = np.all(steps > 0, axis=0)
    # NOTE times are printed with few digits, so equal steps differ by what rounding leaves of them.
    even = rising & (spread <= 0.01 * np.abs(steps).max(axis=0)) & (len(values) > 2)
    return [bool(one) for one in rising], [bool(one) for one in even]


def _read_array(path: Path, file: BinaryIO, size: int) -> NDArray[np.float32]:
    """A .npy of one or two axes. Nothing is allocated before the header is known to be true."""
    try:
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = header(file)
    except Exception as error:  # the header is Python's text of a dictionary, and its reader raises anything
        raise DataError(f"{path} is not a .npy file: {_line(error)}", "save it with numpy.save") from None
    if dtype.hasobject:
        raise DataError(f"{path} holds Python objects, which are never unpickled", "save numbers: array.astype('f4')")
    if dtype.kind not in "biuf":
        raise DataError(f"{path} holds {dtype}, not real numbers", "save it as float32")
    if len(shape) not in (1, 2):
        raise DataError(
            f"{path} is an array of {len(shape)} axes: {_by(shape)}",
            "one file holds one series: (time,), (time, channels) or (channels, time)",
        )
    count = 1
    for side in shape:  # Python's integers do not overflow
        count *= side
    if min(shape) < 0:
        raise DataError(f"{path} is no .npy file: its header says {_by(shape)}", "save it with numpy.save")
    if count > MAX_VALUES:
        raise _too_large(path, shape)
    here = size - file.tell()
    if here < count * dtype.itemsize:
        raise DataError(
            f"{path} is cut off: its header promises {count * dtype.itemsize:,} bytes of numbers, it has {here:,}",
            "copy it again",
        )
    file.seek(0)
    array = np.load(file, allow_pickle=False)
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(array, dtype=np.float32)
    return values.reshape(-1, 1) if values.ndim == 1 else values


def _read_sound(path: Path, file: BinaryIO, size: int) -> tuple[NDArray[np.float32], int]:
    """A .wav: PCM of 8, 16, 24 and 32 bits in [-1, 1), or floating point as it is; (frames, channels) and the rate.

    NOTE not the standard library's `wave`, which knows neither floating point nor (before Python 3.12) the extensible
    header that 24 bits usually come with.

    Source: Microsoft and IBM, "Multimedia Programming Interface and Data Specifications", 1991, and RFC 2361.
    """
    start = file.read(12)
    if len(start) < 12 or start[:4] != b"RIFF" or start[8:] != b"WAVE":
        raise DataError(f"{path} is not a WAV file: it begins with {start[:4]!r}", "convert it to WAV")
    form: tuple[int, int, int, int] | None = None
    while True:
        head = file.read(8)
        if len(head) < 8:
            raise DataError(f"{path} is cut off: it has no sound", "copy it again")
        name, length = head[:4], struct.unpack("<I", head[4:])[0]
        if name == b"fmt ":
            body = file.read(min(length, 64))
            if len(body) < 16:
                raise DataError(f"{path} is damaged: its format has {len(body)} bytes", "restore it")
            kind, channels, rate = struct.unpack("<HHI", body[:8])
            bits = struct.unpack("<H", body[14:16])[0]
            if kind == _EXTENSIBLE and len(body) >= 26:
                kind = struct.unpack("<H", body[24:26])[0]
            form = kind, channels, rate, bits
            file.seek(length - len(body) + length % 2, 1)
        elif name == b"data":
            break
        else:
            file.seek(length + length % 2, 1)
    if form is None:
        raise DataError(f"{path} is damaged: its sound comes before its format", "restore it")
    kind, channels, rate, bits = form
    if (kind, bits) not in _SOUNDS:
        raise DataError(
            f"{path} is a WAV of kind {kind} with {bits} bits", "convert it to PCM of 8, 16, 24 or 32 bits, or to float"
        )
    if channels == 0 or rate == 0:
        raise DataError(f"{path} is damaged: {channels} channels at {rate} Hz", "restore it")
    here = size - file.tell()
    if length > here:
        raise DataError(f"{path} is cut off: {here:,} of {length:,} bytes of sound", "copy it again")
    frame = channels * bits // 8
    if length % frame:
        raise DataError(f"{path} is damaged: {length:,} bytes are no whole number of frames of {frame}", "restore it")
    if length // (bits // 8) > MAX_VALUES:
        raise _too_large(path, (length // frame, channels))
    data = file.read(length)
    if bits == 24:
        parts = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.int32)
        # The three bytes go to the top of 32 bits, so that the sign comes with them.
        numbers = (parts[:, 0] << 8 | parts[:, 1] << 16 | parts[:, 2] << 24).astype(np.float64) / 2**31
    else:
        raw = np.frombuffer(data, _SOUNDS[kind, bits])
        if kind == _FLOAT:
            numbers = raw
        elif bits == 8:
            numbers = (raw.astype(np.float64) - 128) / 128
        else:
            numbers = raw.astype(np.float64) / 2 ** (bits - 1)
    with np.errstate(over="ignore"):
        return numbers.astype(np.float32).reshape(-1, channels), rate


def _with_file(path: Path, use: Callable[[BinaryIO], Result]) -> Result:
    try:
        with path.open("rb") as file:
            return use(file)
    except PermissionError:
        raise DataError(f"{path} may not be read", "change its permissions: chmod u+r") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", "check the file") from None


def _too_large(path: Path, shape: tuple[int, ...]) -> DataError:
    return DataError(
        f"{path} holds {_by(shape)} numbers, more than the {MAX_VALUES:,} of one series", "cut it into several files"
    )


def _line(error: Exception) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__


def _by(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
