"""Files of text: decoded, parted into cells, and the lines that they stand in."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from profond.core.errors import DataError
from profond.data.manifest import SEPARATOR
from profond.data.text_encoding import beginning, bytes_of, decode_text

SUFFIXES = (".csv", ".tsv", ".jsonl", ".txt")
_ADVICE = "a .csv, .tsv or .jsonl has a text in each row; save it as UTF-8"
_UNDEFINED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
"""Bytes that Windows-1252 has no letter for."""
_START = 2**18
"""Bytes of a file by which it is told what it is."""
csv.field_size_limit(2**27)


@dataclass(frozen=True)
class Cells:
    """A table as it is written.

    Args:
        names: of the columns; empty where no line names them.
        rows: as many cells as there are columns.
        lines: the last line of each row in the file, from 1.
        notes: what was decided.
    """

    names: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]
    notes: tuple[str, ...] = ()


def read_whole(path: Path, advice: str = _ADVICE) -> tuple[str, tuple[str, ...]]:
    """A file's text, and a note where it is not UTF-8.

    Raises: DataError for a file that cannot be read, is empty, or is no text, with the line and the byte.
    """
    data = bytes_of(path)
    text, encoding = decode_text(data, path, advice)
    if encoding == "cp1252" and (odd := _UNDEFINED.search(data)):
        line = data.count(b"\n", 0, odd.start()) + 1
        raise DataError(
            f"{path}, line {line}: byte 0x{odd[0][0]:02x} is neither UTF-8 nor Windows-1252", "save it as UTF-8"
        )
    if not text.strip():
        raise DataError(f"{path} is empty", advice)
    return text, ("not UTF-8, read as Windows-1252",) if encoding == "cp1252" else ()


def read_cells(path: Path) -> Cells:
    """A .csv, .tsv or .jsonl with a header. Raises: DataError naming the line."""
    return _cells(path, *read_whole(path))


def read_first_cells(path: Path) -> Cells:
    """The same of the beginning of a file alone, for a look. Raises: DataError."""
    text = beginning(path, _START)
    whole = text if path.stat().st_size <= _START else text[: text.rfind("\n")]
    if not whole.strip():
        raise DataError(f"{path} is empty", _ADVICE)
    return _cells(path, whole, (), strict=False)


def _cells(path: Path, text: str, notes: tuple[str, ...], strict: bool = True) -> Cells:
    if path.suffix.lower() == ".jsonl":
        return _objects(path, text, notes)
    above = 0
    if declared := SEPARATOR.match(text):
        delimiter, text, above = declared["separator"], text[declared.end() :], 1
    else:
        first = text.lstrip().splitlines()[0]
        delimiter = "\t" if path.suffix.lower() == ".tsv" and "\t" in first else max(",;\t", key=first.count)
    try:
        rows, lines = _parted(text, delimiter, csv.QUOTE_MINIMAL, strict)
    except csv.Error as error:
        if delimiter != "\t":
            raise DataError(f"{path}: {error}", "put quotes around a text that holds quotes or commas") from None
        rows, lines = _parted(text, delimiter, csv.QUOTE_NONE, strict)  # tabs need no quotes, and many files have none
    lines = [line + above for line in lines]
    width = len(rows[0])
    for row, line in zip(rows, lines, strict=True):
        if len(row) > width and not any(cell.strip() for cell in row[width:]):
            del row[width:]
        if strict and len(row) != width:
            raise DataError(
                f"{path}, line {line}: {len(row)} cells for {width} columns",
                "put quotes around a text that holds the separator, or a line break",
            )
    return Cells(tuple(cell.strip() for cell in rows[0]), rows[1:], lines[1:], notes)


def _parted(text: str, delimiter: str, quoting: int, strict: bool) -> tuple[list[list[str]], list[int]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict, quoting=quoting)  # type: ignore[arg-type]
    rows, lines = [], []
    for row in reader:
        if any(cell.strip() for cell in row):
            rows.append(row)
            lines.append(reader.line_num)
    return rows, lines


def _objects(path: Path, text: str, notes: Sequence[str]) -> Cells:
    """One JSON object a line; the columns are the keys of the first."""
    found, lines = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            one = json.loads(line)
        except (ValueError, RecursionError) as error:
            said = getattr(error, "msg", "it is nested too deep, or holds too long a number")
            raise DataError(f"{path}, line {number}: {said}", "each line is one JSON object") from None
        if not isinstance(one, dict):
            raise DataError(f"{path}, line {number}: a {type(one).__name__}, not an object", 'write {"text": …}')
        found.append(one)
        lines.append(number)
    names = tuple(found[0])
    if not names:
        raise DataError(f"{path}, line {lines[0]}: an object without a key", 'write {"text": …}')
    rows = [["" if one.get(name) is None else str(one[name]) for name in names] for one in found]
    return Cells(names, rows, lines, tuple(notes))
