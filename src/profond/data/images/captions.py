"""Images with captions: a folder that holds ``captions.csv``, or such a table by itself.

Columns: ``path`` (relative to the table's folder) and ``caption``; ``split`` and ``group`` if wished. An image may have
several captions, a row for each; all of them stand in one split.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from profond.core.errors import DataError
from profond.core.tokens import Tokens
from profond.data.dataset import Dataset
from profond.data.images.build import build
from profond.data.images.unreadable import Unreadable, without_unreadable
from profond.data.listing import Listing, Sample
from profond.data.manifest import LIKE_PATH, existing
from profond.data.split_column import not_a_split, questions, split_words
from profond.data.text_encoding import decode_text

NAME = "captions.csv"
LONGEST = 2000
"""Characters of a caption; all others are filled up to the longest one."""
_COLUMNS = "the first line names the columns: path,caption and, if wished, split and group"


def open_captions(
    path: Path,
    size: int | tuple[int, int] | None = None,
    channels: Literal[1, 3] | None = None,
    resize: Literal["crop", "stretch", "pad"] = "pad",
    vocabulary: int | None = None,
    valid_fraction: float = 0.1,
    test_fraction: float = 0.1,
    split_seed: int = 0,
    memory_mib: int = 512,
    preprocessing: dict[str, Any] | None = None,
    unreadable: Unreadable = "refuse",
    writing: dict[str, Any] | None = None,
) -> Dataset:
    """Open images with captions.

    Args: as in ``open_folder``, but that all of a picture is kept, for a caption may speak of its edge; the fractions
        count when there is no split column.
        vocabulary: words at most that are learned, the most frequent ones of train; None: all of them.
        writing: the words that a trained network writes, instead of those of train.

    Raises: DataError, ImageError.
    """
    listing = without_unreadable(list_captions(path), unreadable)
    listing = listing.with_splits(valid_fraction, test_fraction, split_seed)
    if writing is None:
        words = Tokens.learn((one.label for one in listing.samples if one.split == "train"), size=vocabulary)
    else:
        words = Tokens.from_json(writing)
    return build(replace(listing, text=words), size, channels, resize, memory_mib, preprocessing)


def list_captions(path: Path) -> Listing:
    """Read the table: UTF-8, or Windows-1252; with commas, semicolons or tabs.

    Args:
        path: of the folder, or of the table.

    Raises: DataError that names the line.
    """
    table = Path(path) / NAME if Path(path).is_dir() else Path(path)
    rows, columns, delimiter_notes = _rows(table)
    splits, told = split_words(row.get("split", "") for _, row in rows)
    samples = []
    for line, row in rows:
        where = f"{table}, line {line}"
        if not row["path"].strip():
            raise DataError(f"{where}: path is empty", "fill it in, or delete the line")
        caption = " ".join(row["caption"].split())
        if not caption:
            raise DataError(f"{where}: the caption of {row['path'].strip()} is empty", "write it, or delete the line")
        if len(caption) > LONGEST:
            raise DataError(
                f"{where}: the caption of {row['path'].strip()} has {len(caption):,} characters",
                f"{LONGEST:,} at most are learned; shorten it, or close a quote that is open",
            )
        split = row.get("split", "").strip().lower()
        if split and split not in splits:
            raise not_a_split(where, row["split"].strip())
        file = existing(table.parent, row["path"])
        if file is None:
            raise DataError(
                f"{where}: there is no image {row['path'].strip()}",
                f"paths are relative to the table's folder, {table.parent}",
            )
        samples.append(Sample(file, caption, splits.get(split, ""), row.get("group", "").strip()))
    if len({bool(sample.split) for sample in samples}) > 1:
        without = sum(not sample.split for sample in samples)
        raise DataError(
            f"{table}: {without} of {len(samples)} rows have no split, the others have one",
            "give every row a split, or none",
        )
    several = Counter(sample.path for sample in samples)
    if len(several) < len(samples):
        samples = [replace(sample, group=sample.group or str(sample.path)) for sample in samples]
        told = [*told, f"{len(samples)} captions of {len(several)} images: those of one image are kept in one split"]
    unused = {name: [row[name] for _, row in rows] for name in columns if name not in _USED}
    asked = tuple(questions(columns, unused))
    text = Tokens.learn(sample.label for sample in samples)
    notes = (*delimiter_notes, *told)
    return Listing(str(path), table.parent, tuple(samples), (), notes, asked, text=text)


_USED = ("path", "caption", "split", "group")


def has_captions(table: Path) -> bool:
    """Whether a table's first line names a column ``caption`` and one of images; not where it cannot be read."""
    try:
        with table.open("rb") as file:
            first = file.readline(10_000)
    except OSError:
        return False
    header = first.decode("utf-8-sig", "replace").strip().lower()
    names = [cell.strip(' "') for cell in header.split(max(",;\t", key=header.count))]
    return "caption" in names and any(name == "path" or LIKE_PATH.fullmatch(name) for name in names)


def _rows(table: Path) -> tuple[list[tuple[int, dict[str, str]]], list[str], list[str]]:
    """(line, column to text) of every row; the columns, in small letters; and what was decided."""
    try:
        data = table.read_bytes()
    except OSError as error:
        raise DataError(f"{table} cannot be read: {error.strerror}", "check the path, and its permissions") from None
    text, _ = decode_text(data, table, "save it as CSV in UTF-8")
    if not text.strip():
        raise DataError(f"{table} is empty", _COLUMNS)
    first = text.lstrip().splitlines()[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True)
    header: list[str] = []
    notes: list[str] = []
    rows = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header, notes = _header(table, [cell.strip().lower() for cell in cells])
                continue
            if len(cells) > len(header):
                raise DataError(
                    f"{table}, line {reader.line_num}: {len(cells)} cells for {len(header)} columns",
                    "put quotes around a caption that holds the separator",
                )
            padded = cells + [""] * (len(header) - len(cells))
            rows.append((reader.line_num, dict(zip(header, padded, strict=True))))
    except csv.Error as error:
        raise DataError(f"{table}, line {reader.line_num}: {error}", "is it a CSV file?") from None
    if not rows:
        raise DataError(f"{table} has a header but no rows", "add a line for each caption")
    return rows, [name for name in header if name], notes


def _header(table: Path, given: list[str]) -> tuple[list[str], list[str]]:
    """The columns, with the one that holds paths called so; and a note where it was called otherwise."""
    notes = []
    header = list(given)
    if "path" not in header and (like := [name for name in header if LIKE_PATH.fullmatch(name)]):
        header[header.index(like[0])] = "path"
        notes.append(f"column {like[0]} is taken as path")
    if lacking := [name for name in ("path", "caption") if name not in header]:
        raise DataError(f"{table} has no column {' and no column '.join(lacking)}; it has {', '.join(given)}", _COLUMNS)
    if twice := [name for name in _USED if header.count(name) > 1]:
        raise DataError(f"{table} has the column {twice[0]} twice", "rename or delete one of the two")
    return header, notes
