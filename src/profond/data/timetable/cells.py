"""A text file to columns of cells, nothing converted: encoding, delimiter, header."""

from __future__ import annotations

import csv
import gc
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from profond.core.errors import DataError, nearest
from profond.data.text_encoding import decode_text
from profond.data.timetable.column import Column, columns_of
from profond.data.timetable.said import Said

DELIMITERS = (";", "\t", ",", "|")
LONGEST_LINE = 2**20
"""Characters in a line; beyond, it is no table."""
EMPTY = frozenset({"", "nan", "na", "n/a", "#n/a", "null", "none", "nil", "?", "-", "--", "nd", "n.d.", "."})
"""What an empty cell looks like, in small letters."""
LARGEST = 4 * 2**30
_LOOKED_AT = 200
SHOWN = 30

_OTHERS = {
    b"PK\x03\x04": "a spreadsheet (.xlsx) or another archive: save it as CSV in the spreadsheet",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet (.xls): save it as CSV in the spreadsheet",
    b"PAR1": "a Parquet file: write it as CSV",
    b"\x1f\x8b": "compressed: unpack it (gunzip)",
    b"%PDF": "a PDF: export the table as CSV",
}


@dataclass(frozen=True)
class Cells:
    """A table of texts.

    Args:
        path: of the file.
        names: of the columns; ``column 1`` and so on where the file has no header.
        columns: as many texts each as there are rows, blanks around them removed; none once the table was read.
        lines: number of each row's line in the file, from 1; likewise.
        delimiter: between cells.
        encoding: as Python calls it; ``utf-8-sig`` has a byte-order mark.
        newline: ``"\\n"`` or ``"\\r\\n"``.
        header: whether the first row names the columns.
        notes: how it was read, where that is not the usual way.
    """

    path: Path
    names: tuple[str, ...]
    columns: tuple[Sequence[str], ...]
    lines: Sequence[int]
    delimiter: str
    encoding: str
    newline: str
    header: bool
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def number(self, name: str) -> int:
        """Which column is called so, or is the n-th from 1. Raises: DataError with the names there are."""
        if name in self.names:
            return self.names.index(name)
        alike = [i for i, known in enumerate(self.names) if known.casefold() == name.casefold()]
        if len(alike) == 1:
            return alike[0]
        if name.isdigit() and 1 <= int(name) <= len(self.names):
            return int(name) - 1
        near, known = nearest(name, self.names), ", ".join(self.names[:SHOWN])
        more = ", …" if len(self.names) > SHOWN else ""
        raise DataError(f"{self.path.name} has no column {name!r}", near or f"its columns are {known}{more}")


def read_cells(path: Path | str) -> Cells:
    """Take a table apart. Raises: DataError, naming file and line, for what is no table of text."""
    path = Path(path)
    text, encoding = decoded(path)
    newline = "\r\n" if "\r\n" in text[:10_000] else "\n"
    notes: list[str] = [Said("windows_1252")] if encoding == "cp1252" else []
    plain = _plain(text)
    head, commented = "", 0
    columns: tuple[Sequence[str], ...]
    numbers: Sequence[int]
    if plain is not None:
        (columns, delimiter), text = plain, ""
        numbers = range(1, len(columns[0]) + 1)
    else:
        text, head, commented = _without_comments(path, text)
        delimiter = _delimiter([line for line in text.splitlines()[:_LOOKED_AT] if line.strip()])
        columns, numbers = _parted(path, text, delimiter)
        above = _above(columns)
        if above:
            notes.append(Said("above", count=above))
            columns, numbers = tuple(column[above:] for column in columns), numbers[above:]
    numbers = numbers if not commented else [number + commented for number in numbers]
    names, header = _names([column[0].strip() for column in columns])
    if header:
        columns, numbers = tuple(column[1:] for column in columns), numbers[1:]
        if len(columns[0]) > 1 and _is_header_too(columns):
            notes.append(Said("second_header", words=", ".join(c for column in columns if (c := column[0].strip()))))
            columns, numbers = tuple(column[1:] for column in columns), numbers[1:]
    elif commented and len(above_names := next(csv.reader([head], delimiter=delimiter), [])) == len(columns):
        names = _names([name.strip() for name in above_names])[0]  # the header is a comment too: "# date,value"
    if commented:
        notes.append(Said("comments", count=commented))
    if not columns[0]:
        raise DataError(f"{path} has a header and no rows below it", "give it with its rows")
    if plain is None and _blanks(text, delimiter):
        columns = tuple([cell.strip() for cell in column] for column in columns)
    return Cells(path, names, columns, numbers, delimiter, encoding, newline, header, tuple(notes))


def _without_comments(path: Path, text: str) -> tuple[str, str, int]:
    """The text below the comments at the top, the last of these, and how many they are.

    Raises: DataError for a file that holds nothing, or a line that is too long for a table.
    """
    lines = text.splitlines()
    longest = max(map(len, lines), default=0)
    if longest > LONGEST_LINE:
        number = next(i for i, line in enumerate(lines, 1) if len(line) > LONGEST_LINE)
        raise DataError(f"{path}, line {number} has {longest:,} characters", "is it a table? Its rows end with lines")
    commented, head = _commented(lines), ""
    if commented:
        text = "".join(text.splitlines(keepends=True)[commented:])
        head, lines = lines[commented - 1].lstrip("#;/% "), lines[commented:]
    if not any(line.strip() for line in lines):
        raise DataError(f"{path} is empty", "give a table with a column of dates and one of numbers")
    return text, head, commented


def _plain(text: str) -> tuple[tuple[Column, ...], str] | None:
    """Columns of a table without quotes, comments or gaps, all of whose lines have as many cells: most large ones; and
    what stands between its cells. None for any other table.
    """
    # Of these some end a line for Python alone, others are blanks of more than one byte.
    if text.startswith(("#", "//")) or any(odd in text for odd in '"\v\f\x1c\x1d\x1e\x85\u2028\u2029\u00a0\u202f'):
        return None
    if "\r" in text:
        text = text.replace("\r\n", "\n")
        if "\r" in text:
            return None
    first = text[:LONGEST_LINE].split("\n")
    first = first[: min(_LOOKED_AT, len(first) - (len(text) > LONGEST_LINE))]  # the last one may be cut
    if not any(line.strip() for line in first):
        return None
    delimiter = _delimiter([line for line in first if line.strip()])
    blanks = _blanks(text, delimiter)
    data = (text if text.endswith("\n") else f"{text}\n").encode()
    del text
    columns = columns_of(data, delimiter)
    if columns is None or int(np.diff(columns[-1].ends).max(initial=0)) > LONGEST_LINE:
        return None
    if blanks:
        columns = tuple(column.stripped() for column in columns)
    return (columns, delimiter) if columns[-1].filled.any() else None


def _parted(path: Path, text: str, delimiter: str) -> tuple[tuple[list[str], ...], Sequence[int]]:
    """Columns of any table, and the line of each row. Raises: DataError for a row with too many cells."""
    csv.field_size_limit(LONGEST_LINE)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    collecting = gc.isenabled()
    gc.disable()  # NOTE millions of lists that are all kept: looking for garbage among them takes longer than reading
    try:
        rows = list(reader)
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}", "a quote may be open") from None
    finally:
        if collecting:
            gc.enable()
    numbers: Sequence[int] = range(1, len(rows) + 1)
    if reader.line_num != len(rows) or [] in rows:
        numbers = _lines_of(text, delimiter)
        filled = [i for i, row in enumerate(rows) if any(cell.strip() for cell in row)]
        rows, numbers = [rows[i] for i in filled], [numbers[i] for i in filled]
    width = Counter(map(len, rows[:_LOOKED_AT])).most_common(1)[0][0]
    while width > 1 and all(len(row) >= width and not row[width - 1].strip() for row in rows):
        width -= 1  # some programs end every line with a delimiter
    for row, number in zip(rows, numbers, strict=True):
        if len(row) < width:
            row.extend([""] * (width - len(row)))
        elif any(cell.strip() for cell in row[width:]):
            raise DataError(
                f"{path}, line {number} has {len(row)} cells, the others have {width}",
                "put quotes around a text that holds the delimiter",
            )
    return tuple(map(list, zip(*(row[:width] for row in rows), strict=True))), numbers


def _above(columns: Sequence[Sequence[str]]) -> int:
    """How many rows stand above the header: titles, of which the first cell alone is filled."""
    filled = [sum(bool(column[row].strip()) for column in columns) for row in range(min(20, len(columns[0])))]
    return next((row for row, cells in enumerate(filled) if cells > 1), 0)


def _commented(lines: Sequence[str]) -> int:
    """How many lines of comments stand at the top."""
    count = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith(("#", "//"))), 0)
    return count if any(line.strip() for line in lines[:count]) else 0


def _is_header_too(columns: Sequence[Sequence[str]]) -> bool:
    """Whether the row below the header holds units or words, and the one below it values."""
    first, second = ([column[row].strip() for column in columns] for row in (0, 1))
    filled = [cell for cell in first if cell]
    if not filled or any(any(letter.isdigit() for letter in cell) for cell in filled):
        return False
    known = [cell.lower() not in EMPTY for cell in filled]
    return all(known) and sum(any(letter.isdigit() for letter in cell) for cell in second) >= 2


def _blanks(text: str, delimiter: str) -> bool:
    """Whether there may be blanks at the ends of cells."""
    ends = (f" {delimiter}", f"{delimiter} ", " \n", "\n ", " \r", '"', "\t", "\u00a0", "\u202f")
    return text[:1] == " " or text[-1:] == " " or any(one in text for one in ends if one != delimiter)


def _lines_of(text: str, delimiter: str) -> list[int]:
    """The line on which each row ends, where rows and lines are not the same."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return [reader.line_num for _ in reader]


def decoded(path: Path) -> tuple[str, str]:
    """A file's text and its encoding: UTF-8, UTF-16 with its mark, else Windows-1252. Raises: DataError."""
    try:
        if path.is_dir():
            raise DataError(f"{path} is a folder", "give one table: a .csv file")
        size = path.stat().st_size
        if size > LARGEST:
            raise DataError(f"{path} has {size / 2**30:.1f} GiB", f"at most {LARGEST // 2**30} GiB are read: cut it")
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", "check the path") from None
    for sign, what in _OTHERS.items():
        if data.startswith(sign):
            raise DataError(f"{path} is not text", f"it is {what}")
    return decode_text(data, path, "give a .csv file")


def _delimiter(lines: Sequence[str]) -> str:
    """What parts the lines into equally many cells, two at least; of several, the one that comes first here.

    A comma also stands in numbers and a bar in names: the ones that people mean to part cells with come before them.
    """
    widths = {one: [len(cells) for cells in csv.reader(lines, delimiter=one)] for one in DELIMITERS}
    for one, counts in widths.items():
        if len(set(counts)) == 1 and counts[0] > 1:
            return one
    return max(DELIMITERS, key=lambda one: (Counter(widths[one]).most_common(1)[0][0] > 1, -len(set(widths[one]))))


def _names(first: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    """The columns' names, and whether they stand in the first row: then its first cell is no number and no date.

    Dates across the top are a header too: then the first cells are words.
    """
    header = bool(first[0]) and not _like_a_number(first[0]) and not _like_a_date(first[0])
    if not header and not first[0]:  # an index without a name, as data frames write it
        header = any(first) and not any(_like_a_number(cell) for cell in first)
    if not header:
        return tuple(f"column {number}" for number in range(1, len(first) + 1)), False
    names: list[str] = []
    for number, cell in enumerate(first, 1):
        name = cell or f"column {number}"
        while name in names:
            name += "'"
        names.append(name)
    return tuple(names), True


def _like_a_number(cell: str) -> bool:
    return cell.lstrip("+-").replace(",", "").replace(".", "").replace(" ", "").isdigit()


def _like_a_date(cell: str) -> bool:
    digits = sum(letter.isdigit() for letter in cell)
    return digits >= 4 and digits * 2 >= len(cell)
