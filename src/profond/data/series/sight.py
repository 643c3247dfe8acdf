"""Whether a folder or a text file holds series or images, seen from names and first lines alone."""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path
from typing import Literal

from profond.core.errors import DataError
from profond.data import images
from profond.data.series import read, text
from profond.data.series.table import ID, LABEL

_KNOWN = {*images.SUFFIXES, *read.SUFFIXES}
_LINES = 200  # of a text, by which it is told what it is


def holds_series(path: Path) -> bool:
    """Whether a folder's files are series.

    Beside images, texts are remarks on them (annotations, lists) and arrays are left over, unless there are many.

    Raises: DataError for a folder that holds both kinds.
    """
    found = _endings(path)
    pictures = sum(found[suffix] for suffix in images.SUFFIXES)
    texts = sum(found[suffix] for suffix in text.SUFFIXES)
    others = sum(found[suffix] for suffix in read.SUFFIXES if suffix not in text.SUFFIXES)
    if not pictures:
        return texts + others > 0
    if texts > pictures or others > pictures / 10:
        shown = ", ".join(f"{found[suffix]} {suffix}" for suffix in sorted(found) if suffix in _KNOWN)
        raise DataError(
            f"{path} holds images and series together: {shown}",
            "put one of them elsewhere, or list the files of one kind in a manifest: path,label",
        )
    return False


def series_suffixes(path: Path) -> tuple[str, ...]:
    """What files of series end in here: .txt only where such files hold numbers, for many are remarks."""
    return read.SUFFIXES if _endings(path)[".txt"] else tuple(one for one in read.SUFFIXES if one != ".txt")


def _endings(path: Path) -> Counter[str]:
    """How many files of each ending lie below a folder; .txt is counted only where the first holds numbers."""
    found: Counter[str] = Counter()
    words: bool | None = None
    for folder, below, files in os.walk(path):
        below[:] = sorted(name for name in below if not name.startswith("."))
        inside = Path(folder) != path
        for file in sorted(files):
            suffix = os.path.splitext(file)[1].lower()
            if file.startswith(".") or (not inside and suffix in text.SUFFIXES):  # lists and remarks lie above
                continue
            if suffix == ".txt":
                words = _holds_words(Path(folder, file)) if words is None else words
                if words:
                    continue
            found[suffix] += 1
    return found


def _holds_words(path: Path) -> bool:
    """Whether a text holds no row of numbers at all; an empty one may be a damaged series."""
    rows = _first_rows(path)
    return bool(rows) and not any(all(_is_number(cell) for cell in row) for row in rows)


def what_is(path: Path) -> Literal["images", "series", "table"]:
    """Whether a text file is a list of images or of series (path,label), or itself a table of series."""
    rows = _first_rows(path)
    if not rows:
        return "images"  # its own door says what is wrong with it
    header = [cell.lower() for cell in rows[0]]
    if "path" in header:
        at = header.index("path")
        named = Counter(os.path.splitext(row[at])[1].lower() for row in rows[1:] if at < len(row))
        if sum(named[suffix] for suffix in read.SUFFIXES) > sum(named[suffix] for suffix in images.SUFFIXES):
            return "series"
        return "images"
    last = rows[-1]
    numbers = sum(_is_number(cell) for cell in last)
    files = any(os.path.splitext(cell)[1].lower() in _KNOWN for cell in last)
    names = {cell.replace(" ", "_") for cell in header}
    long = bool(names & ID) and bool(names & LABEL) and numbers >= 1
    return "table" if (numbers >= 2 or long) and not files else "images"


def _first_rows(path: Path) -> list[list[str]]:
    try:
        with path.open("rb") as file:
            start = file.read(2**20)
    except OSError:
        return []
    lines = start.decode("utf-8-sig", "replace").splitlines()
    lines = [line for line in lines if line.strip() and not line.startswith("#")]
    if len(start) == 2**20 and len(lines) > 1:
        lines.pop()  # cut off
    if not lines:
        return []
    delimiter = max(";\t,", key=lines[-1].count)
    if not lines[-1].count(delimiter):
        return [line.split() for line in lines[:_LINES]]
    try:
        return [[cell.strip() for cell in row] for row in csv.reader(lines[:_LINES], delimiter=delimiter)]
    except csv.Error:
        return []


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True
