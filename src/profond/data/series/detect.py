"""Whether a folder or a text file holds series or images, seen from names and first lines alone."""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path
from typing import Literal

from profond.core.errors import DataError
from profond.data.images import decoding as images
from profond.data.images import foreign
from profond.data.manifest import LIKE_PATH, SEPARATOR
from profond.data.series import read, text
from profond.data.series.columns import ID, LABEL
from profond.data.series.read import SERIES
from profond.data.tree import Files, look_below

BOTH = Files("images and series", (*images.SUFFIXES, *read.SUFFIXES), SERIES.layout)
_LINES = 200  # of a text, by which it is told what it is
_LOOKED_AT = 5  # of these, at the end, in which numbers are looked for


def holds_series(path: Path) -> bool:
    """Whether a folder's files are series.

    Beside images, texts are remarks on them (annotations, lists) and arrays are left over, unless there are many.

    Raises: DataError for a folder that holds both kinds.
    """
    found = _endings(path)
    image_count = sum(found[suffix] for suffix in images.SUFFIXES)
    texts = sum(found[suffix] for suffix in text.SUFFIXES)
    others = sum(found[suffix] for suffix in read.SUFFIXES if suffix not in text.SUFFIXES)
    if not image_count:
        # Pictures that cannot be read here are told by the door of pictures.
        return texts + others > sum(foreign.unreadable_images(found).values())
    if texts > image_count or others > image_count / 10:
        shown = ", ".join(f"{found[suffix]} {suffix}" for suffix in sorted(found) if BOTH.among(f"a{suffix}"))
        raise DataError(
            f"{path} holds images and series together: {shown}",
            "put one of them elsewhere, or list the files of one kind in a manifest: path,label",
        )
    return False


def series_in(path: Path) -> Files:
    """The files that are series in a folder: .txt only where such files hold numbers, for many are remarks."""
    if _endings(path, with_top=True)[".txt"]:
        return SERIES
    return SERIES._replace(suffixes=tuple(one for one in SERIES.suffixes if one != ".txt"))


def _endings(path: Path, with_top: bool = False) -> Counter[str]:
    """How many files of each ending lie below a folder; .txt is counted only where the first holds numbers.

    Args:
        with_top: count the texts directly inside, too, which otherwise are lists and remarks.
    """
    below = look_below(path, BOTH)
    found = below.passed_over.copy()
    words: bool | None = None
    for file in below.files:
        suffix = file.suffix.lower()
        if suffix in text.SUFFIXES and file.parent == path and not with_top:
            continue
        if suffix == ".txt":
            words = _holds_words(file) if words is None else words
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
    names = [cell.replace(" ", "_") for cell in header] + [""] * len(last)
    if any(BOTH.among(cell) for cell in last) or any(
        LIKE_PATH.fullmatch(name) for name in names if name not in ID | {"name"}
    ):
        return "images"  # a list whose columns are called otherwise; its own door says how to rename them
    # Not the last row alone: a series may lack its values.
    values = max(
        sum(_is_number(cell) for name, cell in zip(names, row, strict=False) if name not in ID | LABEL)
        for row in [last, *rows[1:][-_LOOKED_AT:]]
    )
    long = bool(ID.intersection(names)) and bool(LABEL.intersection(names))
    return "table" if values >= (1 if long else 2) else "images"


def names_files(path: Path) -> bool:
    """Whether a text file is a list of images or of series: it has a column of paths."""
    if path.suffix.lower() not in (".csv", ".tsv", ".txt") or not path.is_file():
        return False
    rows = _first_rows(path)
    return bool(rows) and "path" in [cell.lower() for cell in rows[0]]


def _first_rows(path: Path) -> list[list[str]]:
    try:
        with path.open("rb") as file:
            start = file.read(2**20)
    except OSError:
        return []
    lines = start.decode("utf-8-sig", "replace").splitlines()
    if lines and SEPARATOR.match(f"{lines[0]}\n"):  # a spreadsheet's word on how it is written
        lines.pop(0)
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
