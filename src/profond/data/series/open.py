"""The doors to series: a folder of files, a manifest of files, a table, and a folder of two tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from profond.core.errors import DataError
from profond.data.dataset import Dataset
from profond.data.images.folder import list_folder
from profond.data.images.unreadable import Unreadable, without_unreadable
from profond.data.listing import SPLIT_NAMES, Listing
from profond.data.locations import Location
from profond.data.manifest import list_manifest
from profond.data.series import text, ts
from profond.data.series.build import Settings, build_files, build_table
from profond.data.series.detect import series_in, what_is
from profond.data.series.preparation import Ends, Keep
from profond.data.series.read import SERIES, SUFFIXES, Missing, read_recording
from profond.data.series.table import Table, read_table
from profond.data.series.text import Decimal
from profond.data.tree import entries, is_folder


def open_series(
    path: Path,
    length: int | None = None,
    keep: Keep = "start",
    time: Literal["auto", "rows", "columns"] = "auto",
    time_column: str = "auto",
    decimal: Decimal = "auto",
    missing: Missing = "refuse",
    rate: int | None = None,
    valid_fraction: float = 0.1,
    test_fraction: float = 0.1,
    split_seed: int = 0,
    memory_mib: int = 1024,
    preprocessing: dict[str, Any] | None = None,
    unreadable: Unreadable = "refuse",
    target: str | None = None,
    ends: Ends = "mean",
) -> Dataset:
    """Open a folder of series, one file each, or a manifest that lists such files.

    Args:
        path: of the folder, laid out like one of images, or of the manifest.
        length: steps of time that every series is brought to. None: those of the longest in train, unless it is more
            than twice as long as 95 % of them: then what 95 % do not exceed.
        keep: which part of a longer series stays: ``"start"``, ``"middle"`` or ``"end"``. A shorter one is followed by
            the mean of its channel in train.
        time: which axis of a file is time. ``"auto"``: rows in .csv and .wav; in .npy the axis that differs from file
            to file, else the longer one.
        time_column: of a text, the column with the time, which is left out: a name, a number from 1, or ``"none"``.
        decimal: of a text, ``"."`` or ``","``.
        missing: ``"refuse"`` gaps (empty cells, NaN), or ``"interpolate"`` them.
        rate: of sounds, samples in a second; those of another are resampled. None: what most of them have.
        valid_fraction: share of each class for ``valid`` when there are no splits.
        test_fraction: likewise for ``test``.
        split_seed: another seed, another splitting.
        memory_mib: up to this size the series are kept in memory; above, they are read from their files each time.
        preprocessing: that of a trained network, instead of all that is decided and measured here.
        unreadable: ``"refuse"`` files that cannot be read, or ``"skip"`` them: they are told, and kept with the run;
            names of files are left out without looking.
        target: of a manifest, the column with the number to be estimated, as in `open_manifest`.
        ends: what follows a shorter series: its channel's ``"mean"``; or nothing (``"missing"``), which a network that
            takes any length gets: series then stay as long as they are, and are cut only where a ``length`` is given.

    Raises: DataError, ConfigError.
    """
    settings = Settings(length, keep, time, str(time_column), decimal, missing, rate, memory_mib, ends)

    def read(location: Location) -> None:
        assert isinstance(location, Path)
        read_recording(location, decimal, missing)

    listing = without_unreadable(list_series(path, target), unreadable, read, SERIES)
    listing = listing.with_splits(valid_fraction, test_fraction, split_seed)
    return build_files(listing, settings, preprocessing)


def list_series(path: Path, target: str | None = None) -> Listing:
    """The series of a folder or of a manifest. Raises: DataError."""
    path = Path(path)
    if path.is_dir():
        if target is not None:
            raise DataError(f"target is {target!r}, and {path} is a folder without columns", "give a table path,value")
        return list_folder(path, series_in(path))
    listing = list_manifest(path, target)
    not_series = [sample.path for sample in listing.samples if sample.path.suffix.lower() not in SUFFIXES]
    if not_series:
        raise DataError(
            f"{path} lists series and other files: {len(not_series)} of {len(listing.samples)} are no series"
            f" by their names ({not_series[0].name})",
            f"list one kind only; a series' file ends in {', '.join(SUFFIXES)}",
        )
    return listing


def open_table(
    path: Path,
    layout: Literal["auto", "wide", "long"] = "auto",
    label: str | int | None = None,
    id: str | int | None = None,
    length: int | None = None,
    keep: Keep = "start",
    time_column: str = "auto",
    decimal: Decimal = "auto",
    missing: Missing = "refuse",
    valid_fraction: float = 0.1,
    test_fraction: float = 0.1,
    split_seed: int = 0,
    memory_mib: int = 1024,
    preprocessing: dict[str, Any] | None = None,
    target: str | int | None = None,
    ends: Ends = "mean",
) -> Dataset:
    """Open a table of series with labels or numbers; or a folder of two: ``GunPoint_TRAIN.tsv``, ``GunPoint_TEST.tsv``.

    A ``.ts`` file is a table too; ``GunPoint_TRAIN.ts`` is opened with ``GunPoint_TEST.ts`` beside it.

    Args:
        path: of the table, or of the folder.
        layout: ``"wide"``: a row for each series, its label and its values in order; ``"long"``: a row for each step,
            with a column that says which series it is of.
        label: the column with the class: its name, or its number from 1. None: the one that is called so, or the first
            or last of a table without header, where its values repeat.
        id: of a long table, the column that says which series a row is of.
        time_column: of a long table, the column by which each series is ordered; ``"none"``: the rows are in order.
        target: the column with the number to be estimated, likewise; several have commas between them. None: where no
            column is called a label, the one that is called ``value``.
        length, keep, decimal, missing, valid_fraction, test_fraction, split_seed, memory_mib, preprocessing, ends: as
            in ``open_series``. A table is kept in memory.

    Raises: DataError, ConfigError.
    """
    settings = Settings(length, keep, "rows", str(time_column), decimal, missing, None, memory_mib, ends)
    if preprocessing is not None and label is None and target is None and layout == "auto":
        label, id, layout, decimal, missing, target = _as_trained(preprocessing)
    table = _read(path, layout, _text(label), _text(id), str(time_column), decimal, missing, _text(target))
    listing = replace(table.listing(), name=str(path))
    return build_table(table, listing.with_splits(valid_fraction, test_fraction, split_seed), settings, preprocessing)


def list_table(path: Path, target: str | None = None) -> Listing:
    """The series of a table. Raises: DataError."""
    return replace(load_table(path, {"target": target}).listing(), name=str(path))


def load_table(path: Path, options: Mapping[str, Any] | None = None) -> Table:
    """A table, or a folder of one for each split, read with some settings of `open_table`. Raises: DataError."""
    options = options or {}
    layout, label, id = options.get("layout", "auto"), options.get("label"), options.get("id")
    time_column, decimal = options.get("time_column", "auto"), options.get("decimal", "auto")
    missing, target = options.get("missing", "refuse"), options.get("target")
    return _read(Path(path), layout, _text(label), _text(id), str(time_column), decimal, missing, _text(target))


def split_tables(path: Path) -> dict[str, Path]:
    """The tables of a folder that has one for each split and no folders, by split; empty where it is not one.

    Their names end in train, valid or test, whatever their capitals.
    """
    found: dict[str, Path] = {}
    try:
        inside = entries(path)
        if any(map(is_folder, inside)):
            return {}
    except DataError:  # said when it is opened
        return {}
    pairs = [pair for entry in inside if (pair := _pair(Path(entry.path)))]
    if len(pairs) > 1:
        named = ", ".join(pair["train"].name for pair in pairs)
        raise DataError(f"{path} holds several data sets: {named}", f"name one: {pairs[0]['train']}")
    if pairs:
        return pairs[0]
    for file in (Path(entry.path) for entry in inside):
        if file.suffix.lower() not in text.SUFFIXES:
            continue
        last = file.stem.lower().replace("-", "_").split("_")[-1]
        if last in SPLIT_NAMES:
            split = SPLIT_NAMES[last]
            # UCR's archives have a .txt and a .tsv of the same: one of them is enough.
            if split not in found or found[split].suffix.lower() == ".txt":
                found[split] = file
    return found if "train" in found and len(found) > 1 and what_is(found["train"]) == "table" else {}


def _read(
    path: Path,
    layout: Literal["auto", "wide", "long"],
    label: str | None,
    id: str | None,
    time_column: str,
    decimal: Decimal,
    missing: Missing,
    target: str | None,
) -> Table:
    files = split_tables(path) if path.is_dir() else _pair(path)
    if not files and path.suffix.lower() == ts.SUFFIX:
        return ts.read_ts(path, missing)
    if not files:
        return read_table(path, layout, label, id, time_column, decimal, missing, target)
    tables = {
        split: ts.read_ts(file, missing)
        if file.suffix.lower() == ts.SUFFIX
        else read_table(file, layout, label, id, time_column, decimal, missing, target)
        for split, file in files.items()
    }
    first = tables["train"]
    for table in tables.values():
        mine, theirs = _laid_out(first), _laid_out(table)
        if mine != theirs:
            raise DataError(f"{first.path} and {table.path} are laid out differently: {mine} and {theirs}", "say how")
    parts = list(tables.items())
    return replace(
        first,
        path=path,
        signals=[signal for _, table in parts for signal in table.signals],
        ids=[f"{split}-{id}" for split, table in parts for id in table.ids],
        labels=[label for _, table in parts for label in table.labels],
        values=tuple(row for _, table in parts for row in table.values),
        splits=[split for split, table in parts for _ in table.ids],
        groups=[group for _, table in parts for group in table.groups],
        notes=tuple(dict.fromkeys(note for _, table in parts for note in table.notes)),
        warnings=tuple(dict.fromkeys(warning for _, table in parts for warning in table.warnings)),
    )


def _pair(path: Path) -> dict[str, Path]:
    return ts.pair_of(path) if path.suffix.lower() == ts.SUFFIX else {}


def _laid_out(table: Table) -> tuple[Any, ...]:
    return table.layout, table.label or table.targets, table.names


def _text(column: str | int | None) -> str | None:
    return None if column is None else str(column)


def _as_trained(preprocessing: dict[str, Any]) -> tuple[Any, Any, Any, Any, Any, Any]:
    series = preprocessing.get("series") or {}
    if series.get("table") == "ts":  # of which a table of another kind has nothing to know
        return None, None, "auto", series.get("decimal", "auto"), series.get("missing", "refuse"), None
    return (
        series.get("label"),
        series.get("id"),
        series.get("table") or "auto",
        series.get("decimal", "auto"),
        series.get("missing", "refuse"),
        ",".join(series.get("targets") or ()) or None,
    )
