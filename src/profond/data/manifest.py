"""A CSV manifest: ``path,label`` or ``path,value`` and, if wished, ``split`` and ``group``."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from profond.core.errors import DataError
from profond.core.files import write_text
from profond.core.names import as_text, is_text
from profond.core.spec import Quantity, numbers_text
from profond.data.dataset import Dataset
from profond.data.images.build import build
from profond.data.images.unreadable import Unreadable, without_unreadable
from profond.data.labels import doubts
from profond.data.listing import Listing, Sample, class_order
from profond.data.split_column import not_a_split, questions, split_words
from profond.data.text_encoding import bytes_of
from profond.data.values import (
    NAMING,
    TARGET,
    Column,
    asked_columns,
    column_of,
    could_be_classes,
    quantities_of,
    quantity_of,
    read_values,
)

_COLUMNS = (
    "the first line names the columns: path,label (a class) or path,value (a number) and, if wished, split and group"
)


_COLUMNS_USED = ("path", "label", "split", "group")
LIKE_TIME = re.compile(r"ds|date|jour|timestamp|datetime|horodatage|mois|month|semaine|week|quarter|trimestre")
SEPARATOR = re.compile(r'"?sep=(?P<separator>[^"\r\n])"?[^\S\r\n]*(\r\n|\r|\n)', re.IGNORECASE)
LIKE_PATH = re.compile(
    r"(file|image|img|picture|photo)s?([_ ]?(name|path|file|id))?|filename|filepath|paths|url|id|name"
)
_LIKE_LABEL = re.compile(
    r"labels|class(es)?([_ ]?(name|id|label))?|category|categories|target|tag|tags|y|species|breed"
)


def open_manifest(
    path: Path,
    size: int | tuple[int, int] | None = None,
    channels: Literal[1, 3] | None = None,
    resize: Literal["crop", "stretch", "pad"] = "crop",
    valid_fraction: float = 0.1,
    test_fraction: float = 0.1,
    split_seed: int = 0,
    memory_mib: int = 512,
    preprocessing: dict[str, Any] | None = None,
    unreadable: Unreadable = "refuse",
    target: str | None = None,
) -> Dataset:
    """Open the images that a manifest lists; its paths are relative to its own folder.

    Args: as in ``open_folder``; the fractions count when there is no split column.
        target: the column with the number to be estimated, or several with commas between them. None: a column
            ``label`` holds classes; where there is none, those that are called ``value`` hold numbers.

    Raises: DataError, ImageError.
    """
    listing = without_unreadable(list_manifest(path, target), unreadable)
    listing = listing.with_splits(valid_fraction, test_fraction, split_seed)
    return build(listing, size, channels, resize, memory_mib, preprocessing)


def list_manifest(path: Path, target: str | None = None) -> Listing:
    """Read a manifest: UTF-8, with commas, semicolons or tabs.

    Args:
        target: as in `open_manifest`.

    Raises: DataError naming the line.
    """
    path = Path(path)
    rows, columns, numbers, delimiter = _rows(path, target)
    unlabelled = not numbers and "label" not in columns
    splits, told = split_words(row.get("split", "") for _, row in rows)
    samples = []
    absent = []
    lines: dict[Path, int] = {}
    for line, row in rows:
        for column in ("path",) if numbers or unlabelled else ("path", "label"):
            if not row.get(column, "").strip():
                raise DataError(f"{path}, line {line}: {column} is empty", "fill it in, or delete the line")
        split = row.get("split", "").strip()
        if split and split.lower() not in splits:
            raise not_a_split(f"{path}, line {line}", split)
        file = existing(path.parent, row["path"])
        # A file's name may be bytes of any encoding; where there is no such file, the whole list is in another one.
        if not all(is_text(text) for name, text in row.items() if file is None or name != "path"):
            raise _not_text(path, line, row)
        if file is None:
            absent.append(row["path"].strip())
            continue
        if file in lines:
            raise DataError(
                f"{path}, line {line}: {row['path'].strip()} stands already in line {lines[file]}", "keep one of them"
            )
        lines[file] = line
        label, group = "" if numbers or unlabelled else row["label"].strip(), row.get("group", "").strip()
        samples.append(Sample(file, label, splits.get(split.lower(), ""), group))
    if absent:
        shown = ", ".join(absent[:3]) + (" …" if len(absent) > 3 else "")
        raise DataError(
            f"{path}: {len(absent)} of {len(rows)} files do not exist: {shown}",
            f"paths are relative to the manifest's folder, {path.parent}",
        )
    without = [sample for sample in samples if not sample.split]
    if without and len(without) < len(samples):
        raise DataError(
            f"{path}: {len(without)} of {len(samples)} rows have no split, the others have one",
            "give every row a split, or none",
        )
    notes, warnings = _not_used(columns, rows, numbers)
    if numbers:
        cells = [Column(numbers[name], [row[name] for _, row in rows]) for name in numbers]
        values = read_values(path, cells, [line for line, _ in rows], decimal_comma=delimiter != ",")
        samples = [
            replace(sample, label=numbers_text(row), values=row) for sample, row in zip(samples, values, strict=True)
        ]
        quantities = quantities_of(path, list(numbers.values()))
        return Listing(
            str(path), path.parent, tuple(samples), (), (*told, *notes), tuple(warnings), quantities=quantities
        )
    if unlabelled:
        told.append("no column label: for networks that make such pictures")
        return Listing(str(path), path.parent, tuple(samples), (), (*told, *notes), tuple(warnings), unlabelled=True)
    labels = [sample.label for sample in samples]
    return Listing(
        str(path), path.parent, tuple(samples), class_order(labels), (*told, *notes), (*warnings, *doubts(labels))
    )


def write_manifest(path: Path, samples: Sequence[Sample], quantities: Sequence[Quantity] = ()) -> None:
    """Store samples with their splits; appears whole or not at all.

    Args:
        quantities: what the samples' values are; none where they have classes, or nothing is known of them.

    Raises: StorageError.
    """
    grouped = any(sample.group for sample in samples)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    target = list(map(column_of, quantities)) or (["label"] if any(sample.label for sample in samples) else [])
    writer.writerow(["path", *target, "split", *(["group"] if grouped else [])])
    folder = path.resolve().parent
    for sample in samples:  # NOTE bytes that are no text are written as they are, for the file is called so
        assert isinstance(sample.path, Path)  # a member of an archive has no path of its own
        # Relative where that needs no way up, so that folder and manifest can be moved together.
        file = sample.path.absolute()
        resolved = file.parent.resolve() / file.name
        shown = resolved.relative_to(folder) if resolved.is_relative_to(folder) else resolved
        cells = [numbers_text([value]) for value in sample.values] or [sample.label][: len(target)]
        writer.writerow([shown.as_posix(), *cells, sample.split, *([as_text(sample.group)] if grouped else [])])
    write_text(path, text.getvalue())


def existing(folder: Path, text: str) -> Path | None:
    """The file that a cell names: as it is written first, then without spaces around it or with slashes turned."""
    for name in dict.fromkeys((text, text.strip(), text.strip().replace("\\", "/"))):
        if os.path.isfile(file := folder / name):
            return file
    return None


def _not_used(
    columns: Sequence[str], rows: Sequence[tuple[int, dict[str, str]]], numbers: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """A note or a warning about columns that play no part: a warning where one is probably meant as split or group."""
    used = {*numbers, *_COLUMNS_USED} - ({"label"} - {*numbers} if numbers else set())
    unused = [name for name in columns if name not in used and any(row[name].strip() for _, row in rows)]
    if not unused:
        return [], []
    text = f"columns that are not used: {', '.join(unused)}"
    asked = questions(columns, {name: [row[name] for _, row in rows] for name in unused})
    if not asked:
        return [text], []
    return [], [f"{text}; {'; '.join(asked)}"]


def _rows(path: Path, target: str | None) -> tuple[list[tuple[int, dict[str, str]]], list[str], dict[str, str], str]:
    """(line number, column to text) for every row, cells as they are written; the columns, in small letters; those
    with numbers to be estimated and what they are called in the file; and what parts the cells."""
    text = bytes_of(path).decode("utf-8-sig", "surrogateescape")
    if not text.strip():
        raise DataError(f"{path} is empty", _COLUMNS)
    first = text.lstrip().splitlines()[0]
    if text.startswith(("\udcff\udcfe", "\udcfe\udcff")) or not is_text(first):
        raise _not_text(path, 1, {"": first})
    above = 0
    if declared := SEPARATOR.match(text):  # the first line of a spreadsheet that says how it is written
        delimiter, text, above = declared["separator"], text[declared.end() :], 1
    else:
        delimiter = max(",;\t", key=first.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        header: list[str] | None = None
        numbers: dict[str, str] = {}
        rows = []
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = [cell.strip().lower() for cell in cells]
                numbers = _check_header(path, [cell.strip() for cell in cells], target)
                continue
            line = reader.line_num + above
            if len(cells) > len(header):
                raise DataError(
                    f"{path}, line {line}: {len(cells)} cells for {len(header)} columns",
                    "put quotes around a path or label that holds the separator",
                )
            padded = cells + [""] * (len(header) - len(cells))
            rows.append((line, dict(zip(header, padded, strict=True))))
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num + above}: {error}", "is it a CSV file?") from None
    if not rows or header is None:
        raise DataError(f"{path} has a header but no rows", "add a line for each image")
    if target is None and list(numbers) == [TARGET] and could_be_classes([row[TARGET] for _, row in rows]):
        raise DataError(
            f"{path} has no column label and no column value, but one called {numbers[TARGET]}",
            "rename it to label where it holds classes, to value where it holds numbers to be estimated",
        )
    return rows, [name for name in header if name], numbers, delimiter


def _check_header(path: Path, given: Sequence[str], target: str | None) -> dict[str, str]:
    """The columns with numbers to be estimated, in small letters and as they are called.

    Raises: DataError for a column that lacks, or stands twice.
    """
    header = [name.lower() for name in given]
    chosen = [] if target is None else asked_columns(path, given, target)
    if target is None and "label" not in header:
        chosen = [at for at, name in enumerate(given) if quantity_of(name)]
        chosen = chosen or [at for at, name in enumerate(header) if name == TARGET][:1]
    no_target = bool(chosen) or not set(header) - {*_COLUMNS_USED, ""}  # what is left out is not called otherwise
    lacking = [name for name in ("path", "label") if name not in header and not (name == "label" and no_target)]
    if lacking:
        if "path" not in header and (time := next(filter(LIKE_TIME.fullmatch, header), "")):
            raise DataError(
                f"{path} has no column path, but one of times, {time}: a table to be forecast",
                f"profond forecast {path} --horizon 12; files to be learned from are listed under path,label",
            )
        meant = {"path": LIKE_PATH, "label": _LIKE_LABEL}
        renamed = [f"{near} to {name}" for name in lacking if (near := next(filter(meant[name].fullmatch, header), ""))]
        raise DataError(
            f"{path} has no column {' and no column '.join(lacking)}; it has {', '.join(header)}",
            f"rename {' and '.join(renamed)}; {_COLUMNS}" if renamed else f"{_COLUMNS}; {NAMING}",
        )
    used = {*_COLUMNS_USED, *(header[at] for at in chosen)}
    if twice := [name for name in dict.fromkeys(header) if name in used and header.count(name) > 1]:
        raise DataError(f"{path} has the column {twice[0]} twice", "rename or delete one of the two")
    if taken := [header[at] for at in chosen if header[at] in ("path", "split", "group")]:
        raise DataError(f"{path}: the column {taken[0]} cannot be estimated", "name a column of numbers")
    return {header[at]: given[at] for at in chosen}


def _not_text(path: Path, line: int, row: dict[str, str]) -> DataError:
    odd = next(letter for text in row.values() for letter in text if not is_text(letter))
    return DataError(
        f"{path} is not UTF-8: byte 0x{ord(odd) - 0xDC00:02x} in line {line}",
        "save it as UTF-8; in a spreadsheet: CSV UTF-8",
    )
