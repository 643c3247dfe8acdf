"""Rows of numbers in a text file: whatever parts them, point or decimal comma, with a header or without."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import DataError
from profond.data.text_encoding import bytes_of, decode_text

SUFFIXES = (".csv", ".tsv", ".txt")
MAX_BYTES = 2**30
"""Largest text that is read: its numbers need as much memory again."""

Decimal = Literal["auto", ".", ","]
MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "?", "-"})
"""What an empty cell looks like, in small letters."""

_DELIMITERS = (";", "\t", ",", " ")
_LOOKED_AT = 50  # lines from which the delimiter is seen
_WITH_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)
_WITH_POINT = re.compile(r"[+-]?\d*\.\d+(e[+-]?\d+)?", re.IGNORECASE)


@dataclass(frozen=True)
class Text:
    """A text file taken apart into cells.

    Args:
        path: of the file.
        names: the header; empty where there is none.
        rows: cells, blanks around them removed; rows may differ in length.
        lines: number of each row's line in the file, from 1.
        decimal: what parts the whole from the fraction.
        notes: how it was read, where that is not the usual way.
    """

    path: Path
    names: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]
    decimal: str
    notes: tuple[str, ...] = ()

    def is_number(self, cell: str) -> bool:
        """Whether a cell holds a number, or is empty where one belongs."""
        return cell.lower() in MISSING or self.number(cell) is not None

    def number(self, cell: str) -> float | None:
        """The number in a cell, not a number where it is empty; None for a word."""
        if cell.lower() in MISSING:
            return float("nan")
        try:
            return float(cell.replace(",", ".") if self.decimal == "," else cell)
        except ValueError:
            return None

    def numbers(self, columns: Sequence[int]) -> NDArray[np.float64]:
        """Columns as numbers (rows, columns), NaN where a cell is empty. Raises: DataError naming line and cell."""
        cells = [[row[column] if column < len(row) else "" for column in columns] for row in self.rows]
        try:
            array = np.array(cells, dtype=np.str_)
            if self.decimal == ",":
                array = np.char.replace(array, ",", ".")
            return array.astype(np.float64).reshape(len(cells), len(columns))
        except ValueError:  # something is empty, or a word
            pass
        found = np.empty((len(cells), len(columns)))
        for i, row in enumerate(cells):
            for j, cell in enumerate(row):
                number = self.number(cell)
                if number is None:
                    raise DataError(
                        f"{self.path}, line {self.lines[i]}, column {self.called(columns[j])}: {cell[:40]!r} is not a"
                        " number",
                        "a series holds numbers only (texts are not learned from yet); decimal=, takes decimal commas",
                    )
                found[i, j] = number
        return found

    def called(self, column: int) -> str:
        """A column's name, or its number from 1."""
        name = self.names[column] if column < len(self.names) else ""
        return repr(name) if name else str(column + 1)


def read_text(path: Path, decimal: Decimal = "auto") -> Text:
    """Take a text file apart. Lines that begin with # are passed over.

    Semicolons, tabs, commas and blanks are tried in this order: what parts every line into equally many cells is the
    delimiter. A decimal comma is recognised where it is not the delimiter.

    Raises: DataError naming the file when it is empty, not text, too large or may not be read.
    """
    text, notes = _decoded(path)
    numbered = [(i, line) for i, line in enumerate(text.splitlines(), 1) if line.strip() and not line.startswith("#")]
    if not numbered:
        raise DataError(f"{path} is empty", "delete it, or restore it")
    delimiter = _delimiter([line for _, line in numbered[:_LOOKED_AT]], decimal)
    rows, lines = [], []
    if delimiter == " ":
        rows = [line.split() for _, line in numbered]
        lines = [i for i, _ in numbered]
    else:
        # NOTE a quoted cell may hold a line break, so the reader gets the whole text, blank lines included.
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            for cells in reader:
                stripped = [cell.strip() for cell in cells]
                if any(stripped) and not stripped[0].startswith("#"):
                    rows.append(stripped)
                    lines.append(reader.line_num)
        except csv.Error as error:
            raise DataError(f"{path}, line {reader.line_num}: {error}", "is it a text of numbers?") from None
    rows = _without_last_delimiter(rows)
    if decimal == "auto":
        cells = [cell for row in rows[:_LOOKED_AT] for cell in row]
        commas = delimiter != "," and any(map(_WITH_COMMA.fullmatch, cells))
        decimal = "," if commas and not any(map(_WITH_POINT.fullmatch, cells)) else "."
        if decimal == ",":
            notes.append("decimal commas were recognised")
    draft = Text(path, (), rows, lines, decimal, tuple(notes))
    if not _has_header(draft):
        return draft
    if len(rows) == 1:
        raise DataError(f"{path} has a header but no numbers below it", "delete it, or restore it")
    return Text(path, tuple(rows[0]), rows[1:], lines[1:], decimal, tuple(notes))


def _decoded(path: Path) -> tuple[str, list[str]]:
    data = bytes_of(path, MAX_BYTES, "cut it into several files, or store it as .npy")
    text, encoding = decode_text(data, path, "a .csv, .tsv or .txt holds rows of numbers")
    return text, ["not UTF-8, read as Windows-1252"] if encoding == "cp1252" else []


def _delimiter(lines: Sequence[str], decimal: Decimal) -> str:
    counts = {}
    for delimiter in _DELIMITERS:
        if delimiter == "," and decimal == ",":
            continue
        if delimiter == " ":
            widths = [len(line.split()) for line in lines]
        else:
            widths = [len(cells) for cells in csv.reader(lines, delimiter=delimiter)]
        if len(set(widths)) == 1 and widths[0] > 1:
            if delimiter == " " and any("," in line for line in lines):
                break  # blanks after commas, or inside words
            return delimiter
        counts[delimiter] = sum(width - 1 for width in widths)
    # Rows of different lengths: the one that parts most, blanks only where nothing else does.
    likely = max((one for one in counts if one != " "), key=lambda one: counts[one])
    return likely if counts[likely] or not counts.get(" ") else " "


def _without_last_delimiter(rows: list[list[str]]) -> list[list[str]]:
    """Some programs end every line with a delimiter."""
    widths = {len(row) for row in rows}
    if len(widths) == 1 and max(widths) > 1 and all(row[-1] == "" for row in rows):
        return [row[:-1] for row in rows]
    return rows


def _has_header(text: Text) -> bool:
    """Whether the first row names the columns: it has only words, or a word above a number."""
    first = text.rows[0]
    words = [not text.is_number(cell) for cell in first]
    if not any(words):
        return False
    if all(words) or len(text.rows) == 1:
        return all(words)
    second = text.rows[1]
    below = [column < len(second) and text.is_number(second[column]) for column in range(len(first))]
    return any(word and number for word, number in zip(words, below, strict=True))
