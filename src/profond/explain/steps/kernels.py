"""Kernels with a name, and small tables of numbers that people type or keep in a CSV file."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from profond.core.errors import DataError, UnknownName
from profond.explain.draw.numbers import Array
from profond.explain.steps.sliding import as_plane


@dataclass(frozen=True)
class Kernel:
    """A small table of weights.

    Args:
        name: what people call it; ``"your kernel"`` when it was typed in.
        values: ``kh kw``.
        words: what it does, in a few words.
    """

    name: str
    values: Array
    words: str = ""

    @property
    def signed(self) -> bool:
        """True when the weights cancel out: the result is a difference, around zero, and not a brightness."""
        return cancels(self.values)


def cancels(values: Array) -> bool:
    """Whether weights sum to nothing, so that a flat picture gives zero."""
    return bool(abs(float(values.sum())) < 1e-9 * float(np.abs(values).sum()))


def _kernel(name: str, words: str, values: list[list[float]], divisor: float = 1.0) -> Kernel:
    return Kernel(name, np.array(values, dtype=np.float64) / divisor, words)


KERNELS: dict[str, Kernel] = {
    kernel.name: kernel
    for kernel in (
        _kernel("identity", "leaves the picture as it is", [[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
        _kernel("blur", "the mean of nine neighbours", [[1, 1, 1]] * 3, 9),
        _kernel("gaussian", "a softer mean, near pixels count more", [[1, 2, 1], [2, 4, 2], [1, 2, 1]], 16),
        _kernel(
            "gaussian5",
            "the same over 5 × 5 pixels",
            [[1, 4, 6, 4, 1], [4, 16, 24, 16, 4], [6, 24, 36, 24, 6], [4, 16, 24, 16, 4], [1, 4, 6, 4, 1]],
            256,
        ),
        _kernel("sharpen", "adds what differs from the four neighbours", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
        _kernel("edge", "what differs from all eight neighbours", [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
        _kernel("laplacian", "what differs from the four neighbours", [[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
        _kernel("sobel_x", "changes from left to right: upright edges", [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
        _kernel("sobel_y", "changes from top to bottom: level edges", [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),
        _kernel("emboss", "light falling from one corner", [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]),
    )
}


def choose_kernel(text: str) -> Kernel:
    """A kernel by name, typed as ``"[[0,1],[1,0]]"``, or from a ``.csv`` file.

    Raises: UnknownName with the nearest name; DataError when the table cannot be read.
    """
    if text in KERNELS:
        return KERNELS[text]
    if _is_table(text):
        return Kernel("your kernel", read_matrix(text, "the kernel"))
    raise UnknownName("kernel", text, KERNELS)


def read_matrix(text: str, what: str = "the matrix") -> Array:
    """Numbers in rows, typed as ``"[[1, 2], [3, 4]]"`` or kept in a ``.csv`` file, as ``h w``.

    Raises: DataError naming the row that is wrong.
    """
    if text.lower().endswith(".csv"):
        return _rectangle(_read_csv(Path(text)), what)
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):  # NOTE a whole number of 5,000 digits is a ValueError
        raise DataError(f"{what} cannot be read: {_short(text)}", "write it as [[1, 2], [3, 4]]") from None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise DataError(f"{what} is not a list of rows: {_short(text)}", "write it as [[1, 2], [3, 4]]")
    return _rectangle(rows, what)


def _rectangle(rows: list[list[object]], what: str) -> Array:
    if not rows or not all(rows):
        raise DataError(f"{what} is empty, or has an empty row", "give at least one number, such as [[1]]")
    for index, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise DataError(
                f"{what} is not a rectangle: row 1 has {len(rows[0])} numbers, row {index} has {len(row)}",
                "give every row as many numbers",
            )
        for column, value in enumerate(row, start=1):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise DataError(f"{what}, row {index}, column {column}: {_short(repr(value))} is not a number")
    try:
        return as_plane(rows, what)  # type: ignore[arg-type]
    except OverflowError:
        raise DataError(f"{what} holds a number too large to calculate with") from None


def _read_csv(path: Path) -> list[list[object]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"there is no file {path}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not a text file", "save it as CSV in UTF-8") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    # NOTE a semicolon separates where the comma is the decimal sign (French spreadsheets).
    delimiter = next((sign for sign in ";\t," if sign in text), None)
    lines = [line for line in text.splitlines() if line.strip()]
    rows = csv.reader(lines, delimiter=delimiter) if delimiter else (line.split() for line in lines)
    return [[_cell(cell, delimiter) for cell in row] for row in rows]


def _cell(cell: str, delimiter: str | None) -> object:
    cell = cell.strip()
    try:
        return float(cell.replace(",", ".") if delimiter == ";" else cell)
    except ValueError:
        return cell


def _is_table(text: str) -> bool:
    return text.lstrip().startswith("[") or text.lower().endswith(".csv")


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"
