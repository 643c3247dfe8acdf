"""A CSV manifest: ``path,label`` and, if wished, ``split`` and ``group``."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from profond.core.errors import DataError
from profond.core.files import write_text
from profond.data.dataset import Dataset
from profond.data.listing import SPLIT_NAMES, Listing, Sample, class_order
from profond.data.pictures import build
from profond.data.unreadable import Unreadable, without_unreadable

_COLUMNS = "the first line names the columns: path,label and, if wished, split and group"


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
    rows = _rows(path)
    samples = []
    absent = []
    lines: dict[Path, int] = {}
    for line, row in rows:
        for column in ("path", "label"):
            if not row.get(column):
                raise DataError(f"{path}, line {line}: {column} is empty", "fill it in, or delete the line")
        given = row.get("split", "")
        if given and given.lower() not in SPLIT_NAMES:
            raise DataError(f"{path}, line {line}: split is {given!r}", "use train, valid or test")
        file = path.parent / row["path"].replace("\\", "/")
        if file in lines:
            raise DataError(
                f"{path}, line {line}: {row['path']} stands already in line {lines[file]}", "keep one of them"
            )
        lines[file] = line
        try:
            if not file.is_file():
                absent.append(row["path"])
        except (OSError, ValueError):  # a loop of links, a name too long, a zero byte
            absent.append(row["path"])
        samples.append(Sample(file, row["label"], SPLIT_NAMES.get(given.lower(), ""), row.get("group", "")))
    if absent:
        shown = ", ".join(absent[:3]) + (" …" if len(absent) > 3 else "")
        raise DataError(
            f"{path}: {len(absent)} of {len(samples)} files do not exist: {shown}",
            f"paths are relative to the manifest's folder, {path.parent}",
        )
    without = [sample for sample in samples if not sample.split]
    if without and len(without) < len(samples):
        raise DataError(
            f"{path}: {len(without)} of {len(samples)} rows have no split, the others have one",
            "give every row a split, or none",
        )
    classes = class_order([sample.label for sample in samples])
    return Listing(str(path), path.parent, tuple(samples), classes)


def write_manifest(path: Path, samples: Sequence[Sample]) -> None:
    """Store samples with their splits; appears whole or not at all. Raises: StorageError."""
    grouped = any(sample.group for sample in samples)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "label", "split", *(["group"] if grouped else [])])
    folder = path.resolve().parent
    for sample in samples:
        assert isinstance(sample.path, Path)  # a member of an archive has no path of its own
        # Relative where that needs no way up, so that folder and manifest can be moved together.
        file = sample.path.absolute()
        resolved = file.parent.resolve() / file.name
        shown = resolved.relative_to(folder) if resolved.is_relative_to(folder) else resolved
        writer.writerow([shown.as_posix(), sample.label, sample.split, *([sample.group] if grouped else [])])
    write_text(path, text.getvalue())


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """(line number, column to text) for every row."""
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(
            f"{path} is not UTF-8: byte 0x{data[error.start]:02x} in line {line}",
            "save it as UTF-8; in a spreadsheet: CSV UTF-8",
        ) from None
    except PermissionError:
        raise DataError(f"{path} may not be read", "change its permissions: chmod u+r") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", "check the path") from None
    if not text.strip():
        raise DataError(f"{path} is empty", _COLUMNS)
    first = text.lstrip().splitlines()[0]
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
                if lacking := [name for name in ("path", "label") if name not in header]:
                    found = ", ".join(header)
                    raise DataError(f"{path} has no column {' and no column '.join(lacking)}; it has {found}", _COLUMNS)
                continue
            if len(cells) > len(header):
                raise DataError(
                    f"{path}, line {reader.line_num}: {len(cells)} cells for {len(header)} columns",
                    "put quotes around a path or label that holds the separator",
                )
            padded = [cell.strip() for cell in cells] + [""] * (len(header) - len(cells))
            rows.append((reader.line_num, dict(zip(header, padded, strict=True))))
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}", "is it a CSV file?") from None
    if not rows:
        raise DataError(f"{path} has a header but no rows", "add a line for each image")
    return rows
