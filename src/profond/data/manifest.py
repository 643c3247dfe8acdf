"""A CSV manifest: ``path,label`` and, if wished, ``split`` and ``group``."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from profond.core.errors import DataError
from profond.core.files import write_text
from profond.core.names import as_text, is_text
from profond.data.dataset import Dataset
from profond.data.images.build import build
from profond.data.images.unreadable import Unreadable, without_unreadable
from profond.data.labels import doubts
from profond.data.listing import Listing, Sample, class_order
from profond.data.split_column import not_a_split, questions, split_words

_COLUMNS = "the first line names the columns: path,label and, if wished, split and group"


_COLUMNS_USED = ("path", "label", "split", "group")
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
) -> Dataset:
    """Open the images that a manifest lists; its paths are relative to its own folder.

    Args: as in ``open_folder``; the fractions count when there is no split column.

    Raises: DataError, ImageError.
    """
    listing = without_unreadable(list_manifest(path), unreadable)
    listing = listing.placed(valid_fraction, test_fraction, split_seed)
    return build(listing, size, channels, resize, memory_mib, preprocessing)


def list_manifest(path: Path) -> Listing:
    """Read a manifest: UTF-8, with commas, semicolons or tabs. Raises: DataError naming the line."""
    path = Path(path)
    rows, columns = _rows(path)
    splits, told = split_words(row.get("split", "") for _, row in rows)
    samples = []
    absent = []
    lines: dict[Path, int] = {}
    for line, row in rows:
        for column in ("path", "label"):
            if not row.get(column, "").strip():
                raise DataError(f"{path}, line {line}: {column} is empty", "fill it in, or delete the line")
        given = row.get("split", "").strip()
        if given and given.lower() not in splits:
            raise not_a_split(f"{path}, line {line}", given)
        file = _file(path.parent, row["path"])
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
        label, group = row["label"].strip(), row.get("group", "").strip()
        samples.append(Sample(file, label, splits.get(given.lower(), ""), group))
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
    labels = [sample.label for sample in samples]
    notes, warnings = _not_used(columns, rows)
    return Listing(
        str(path), path.parent, tuple(samples), class_order(labels), (*told, *notes), (*warnings, *doubts(labels))
    )


def write_manifest(path: Path, samples: Sequence[Sample]) -> None:
    """Store samples with their splits; appears whole or not at all. Raises: StorageError."""
    grouped = any(sample.group for sample in samples)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "label", "split", *(["group"] if grouped else [])])
    folder = path.resolve().parent
    for sample in samples:  # NOTE bytes that are no text are written as they are, for the file is called so
        assert isinstance(sample.path, Path)  # a member of an archive has no path of its own
        # Relative where that needs no way up, so that folder and manifest can be moved together.
        file = sample.path.absolute()
        resolved = file.parent.resolve() / file.name
        shown = resolved.relative_to(folder) if resolved.is_relative_to(folder) else resolved
        writer.writerow([shown.as_posix(), sample.label, sample.split, *([as_text(sample.group)] if grouped else [])])
    write_text(path, text.getvalue())


def _file(folder: Path, text: str) -> Path | None:
    """The file that a cell names: as it is written first, then without spaces around it or with slashes turned."""
    for name in dict.fromkeys((text, text.strip(), text.strip().replace("\\", "/"))):
        if os.path.isfile(file := folder / name):
            return file
    return None


def _not_used(columns: Sequence[str], rows: Sequence[tuple[int, dict[str, str]]]) -> tuple[list[str], list[str]]:
    """A note or a warning about columns that play no part: a warning where one is probably meant as split or group."""
    unused = [name for name in columns if name not in _COLUMNS_USED and any(row[name].strip() for _, row in rows)]
    if not unused:
        return [], []
    text = f"columns that are not used: {', '.join(unused)}"
    asked = questions(columns, {name: [row[name] for _, row in rows] for name in unused})
    if not asked:
        return [text], []
    return [], [f"{text}; {'; '.join(asked)}"]


def _rows(path: Path) -> tuple[list[tuple[int, dict[str, str]]], list[str]]:
    """(line number, column to text) for every row, cells as they are written; and the columns."""
    try:
        text = path.read_bytes().decode("utf-8-sig", "surrogateescape")
    except PermissionError:
        raise DataError(f"{path} may not be read", "change its permissions: chmod u+r") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", "check the path") from None
    if not text.strip():
        raise DataError(f"{path} is empty", _COLUMNS)
    first = text.lstrip().splitlines()[0]
    if text.startswith(("\udcff\udcfe", "\udcfe\udcff")) or not is_text(first):
        raise _not_text(path, 1, {"": first})
    above = 0
    if said := SEPARATOR.match(text):  # the first line of a spreadsheet that says how it is written
        delimiter, text, above = said["separator"], text[said.end() :], 1
    else:
        delimiter = max(",;\t", key=first.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        header: list[str] | None = None
        rows = []
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = [cell.strip().lower() for cell in cells]
                _check_header(path, header)
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
    return rows, [name for name in header if name]


def _check_header(path: Path, header: Sequence[str]) -> None:
    """Raises: DataError for a column that lacks, or stands twice."""
    if lacking := [name for name in ("path", "label") if name not in header]:
        meant = {"path": LIKE_PATH, "label": _LIKE_LABEL}
        renamed = [f"{near} to {name}" for name in lacking if (near := next(filter(meant[name].fullmatch, header), ""))]
        raise DataError(
            f"{path} has no column {' and no column '.join(lacking)}; it has {', '.join(header)}",
            f"rename {' and '.join(renamed)}; {_COLUMNS}" if renamed else _COLUMNS,
        )
    if twice := [name for name in dict.fromkeys(header) if name in _COLUMNS_USED and header.count(name) > 1]:
        raise DataError(f"{path} has the column {twice[0]} twice", "rename or delete one of the two")


def _not_text(path: Path, line: int, row: dict[str, str]) -> DataError:
    odd = next(letter for text in row.values() for letter in text if not is_text(letter))
    return DataError(
        f"{path} is not UTF-8: byte 0x{ord(odd) - 0xDC00:02x} in line {line}",
        "save it as UTF-8; in a spreadsheet: CSV UTF-8",
    )
