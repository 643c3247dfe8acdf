"""A table of series with labels or numbers: one row a series (wide), or one row a step of time (long)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import DataError
from profond.core.files import write_text
from profond.core.spec import Quantity, numbers_text
from profond.data.fingerprint import of_signal
from profond.data.labels import doubts
from profond.data.listing import Listing, Sample, class_order
from profond.data.series.columns import (
    ID,
    is_constant,
    label_column,
    named_column,
    plain_name,
    repeats,
    rises,
    target_columns,
    whole_numbers,
)
from profond.data.series.preparation import looks_like_time
from profond.data.series.read import Missing
from profond.data.series.signals import LONG, WIDE, Columns, Signals, cell_of, is_numeric, long_signals, wide_signals
from profond.data.series.text import Decimal, Text, read_text
from profond.data.split_column import not_a_split, questions, split_words
from profond.data.values import Column, quantities_of, read_values

Layout = Literal["wide", "long", "ts"]
_FEW = 12
"""A column of at most so many different numbers may count folds or persons; a channel has more."""


@dataclass(frozen=True)
class Table:
    """A table that was read.

    Args:
        path: of the file.
        layout: ``"wide"``, ``"long"``, or ``"ts"`` where it was a ``.ts`` file.
        signals: float32 (channels, time), each as long as it is.
        ids: one name for each series.
        labels: its class; empty where the table has none; of numbers, their text.
        splits, groups: empty texts where the table has no such column.
        names: of the channels.
        label, id, time: the columns that were taken for these, by name or by number from 1.
        notes: what was decided.
        warnings: what was left out.
        values: the numbers to be estimated of each series, one for each quantity; else empty.
        quantities: what these are.
        targets: the columns that were taken for them, by name or by number from 1.
    """

    path: Path
    layout: Layout
    signals: list[NDArray[np.float32]]
    ids: list[str]
    labels: list[str]
    splits: list[str]
    groups: list[str]
    names: tuple[str, ...] = ()
    label: str | None = None
    id: str | None = None
    time: str | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    values: tuple[tuple[float, ...], ...] = ()
    quantities: tuple[Quantity, ...] = ()
    targets: tuple[str, ...] = ()

    def listing(self) -> Listing:
        """Its series as samples; their places are paths inside the table, as if it were a folder."""
        values = self.values or [()] * len(self.ids)
        rows = zip(self.ids, self.labels, self.splits, self.groups, values, strict=True)
        samples = tuple(
            Sample(self.path / id.replace("/", "_"), label, split, group, numbers)
            for id, label, split, group, numbers in rows
        )
        classes = () if self.quantities else class_order(self.labels)
        digests = tuple(of_signal(signal).exact for signal in self.signals)
        return Listing(
            str(self.path),
            self.path,
            samples,
            classes,
            self.notes,
            self.warnings,
            digests=digests,
            quantities=self.quantities,
        )


def read_table(
    path: Path,
    layout: Literal["auto", "wide", "long"] = "auto",
    label: str | None = None,
    id: str | None = None,
    time_column: str = "auto",
    decimal: Decimal = "auto",
    missing: Missing = "refuse",
    target: str | None = None,
) -> Table:
    """Read a table of series with labels, or with numbers to be estimated.

    Columns are recognised by their names (label or class, or value; id or series; time; split; group); in a table
    without header the first or the last column is the label where its values repeat. Columns of words that are none of
    these are left out, with a warning.

    Args:
        layout: as it is seen, or as it is said.
        label, id, time_column: a column's name, or its number from 1; time_column ``"none"`` for none.
        target: likewise, of the number to be estimated; several have commas between them.

    Raises: DataError naming line and cell, or what cannot be seen and how to say it.
    """
    text = read_text(path, decimal)
    notes, warnings = list(text.notes), []
    width = max(len(text.names), max(len(row) for row in text.rows))
    names = [plain_name(name) for name in text.names]
    columns = Columns(None, named_column(text, id, "id"), None, None, None, [])
    if id is None and layout != "wide":
        columns.id = next((at for at, name in enumerate(names) if name in ID), None)
    columns.label = named_column(text, label, "label")
    if label is None:
        columns.targets = target_columns(text, target)
        series_id = columns.id if columns.id is not None and repeats(text, columns.id) else None
        if target is None and series_id is not None:
            columns.targets = [at for at in columns.targets if is_constant(text, at, series_id)]
        if not columns.targets:
            columns.label = label_column(text, width, columns.id, notes)
    learned = (columns.label, *columns.targets)
    for at, name in enumerate(names):
        if name == "split" and at not in learned:
            columns.split = at
        elif name == "group" and at not in learned:
            columns.group = at
    time = None if time_column in ("auto", "none") else named_column(text, time_column, "time_column")
    if time_column == "auto":
        taken = (*learned, columns.id)
        time = next((at for at, name in enumerate(names) if at not in taken and name and looks_like_time(name)), None)
    if layout == "auto":
        is_long = columns.id is not None and repeats(text, columns.id)
        if not is_long and time is not None and not rises(text, time):
            raise DataError(
                f"{path} has a column {text.called(time)} for the time, but none that says which series a row is of",
                f"name it: --set data.id=NAME ({LONG}); or say that each row is a series: --set data.layout=wide",
            )
        layout = "long" if is_long else "wide"
    elif layout == "long" and columns.id is None:
        raise DataError(f"{path} has no column that says which series a row is of", "name it: --set data.id=NAME")
    columns.time = time if layout == "long" else None
    taken_now = {*learned, columns.id, columns.time, columns.split, columns.group}
    rest = [at for at in range(width) if at not in taken_now]
    words = [at for at in rest if not is_numeric(text, at)]
    columns.values = [at for at in rest if at not in words]
    warnings += _doubts(text, words, columns.values)
    least = 2 if layout == "wide" else 1
    if len(columns.values) < least:
        raise DataError(
            f"{path} is no table of series: besides {text.called(next(at for at in (*learned, 0) if at is not None))}"
            f" it has {len(columns.values)} columns of numbers",
            f"{WIDE}; {LONG}",
        )
    found = (wide_signals if layout == "wide" else long_signals)(text, columns, missing)
    if layout == "long":
        _long_labels_agree(text, columns, found)
    table = _table(text, layout, columns, found, notes)
    shown = "a row for each series" if layout == "wide" else f"a row for each step, series by column {table.id}"
    summary = f"{layout} table: {shown}, " + (
        f"numbers to be estimated in column {', '.join(table.targets)}"
        if table.targets
        else f"label in column {table.label}"
    )
    if table.time is not None:
        summary += f", in the order of column {table.time}"
    if not table.targets:
        warnings += doubts(table.labels)
    return replace(table, notes=(summary, *table.notes), warnings=tuple(warnings))


def _doubts(text: Text, words: Sequence[int], values: Sequence[int]) -> list[str]:
    """Warnings of columns that are left out, and of those that are taken as values but look like a split or group."""
    warnings = []
    names = [name.strip().lower() for name in text.names]
    cells = {text.called(at): [cell_of(row, at) for row in text.rows] for at in words}
    if words:
        asked = questions(names, cells)
        shown = ", ".join(text.called(at) for at in words[:5])
        warnings.append("; ".join([f"columns of words are left out: {shown}", *asked]))
    if names:
        numbers = {text.names[at]: [cell_of(row, at) for row in text.rows] for at in values if text.names[at]}
        few = {name: found for name, found in numbers.items() if len(set(found)) <= _FEW}
        warnings += [f"taken as a value of the series: {asked}" for asked in questions(names, few)]
    return warnings


def write_split_table(out: Path, source: Path, decimal: Decimal, table: Table, splits: Sequence[str]) -> None:
    """The table again, with a column ``split``. Raises: StorageError."""
    text = read_text(source, decimal)
    where = dict(zip(table.ids, splits, strict=True))
    width = max(len(text.names), max(len(row) for row in text.rows))
    learned = {str(table.label): "label", **dict.fromkeys(table.targets, "value")}
    names = list(text.names) or [learned.get(str(at + 1), f"value_{at + 1}") for at in range(width)]
    old = names.index("split") if "split" in names else None
    id = int(table.id) - 1 if table.id is not None and table.id not in names else None
    if table.id is not None and id is None:
        id = names.index(table.id)
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(["split", *(name for at, name in enumerate(names) if at != old)])
    for number, row in enumerate(text.rows, 1):
        padded = row + [""] * (width - len(row))
        if text.decimal == ",":
            padded = [cell.replace(",", ".") if text.number(cell) is not None else cell for cell in padded]
        key = str(number) if id is None else padded[id]
        writer.writerow([where[key], *(cell for at, cell in enumerate(padded) if at != old)])
    write_text(out, written.getvalue())


def _long_labels_agree(text: Text, columns: Columns, found: Signals) -> None:
    """Raises: DataError for a series with two labels, numbers, splits or groups."""
    for column in (columns.label, *columns.targets, columns.split, columns.group):
        if column is None:
            continue
        for key, rows in zip(found.ids, found.rows, strict=True):
            said = {cell_of(text.rows[row], column) for row in rows}
            if len(said) > 1:
                second = next(
                    row for row in rows if cell_of(text.rows[row], column) != cell_of(text.rows[rows[0]], column)
                )
                raise DataError(
                    f"{text.path}, line {text.lines[second]}: the series {key!r} has two values of"
                    f" {text.called(column)}: {', '.join(map(repr, sorted(said)[:3]))}",
                    "a series has one label or number, one split and one group",
                )


def _table(
    text: Text,
    layout: Layout,
    columns: Columns,
    found: Signals,
    notes: list[str],
) -> Table:
    firsts = [rows[0] for rows in found.rows]
    names = ("value",) if layout == "wide" else tuple(text.names[at] for at in columns.values) if text.names else ()

    def column(at: int | None) -> list[str]:
        return ["" if at is None else cell_of(text.rows[row], at) for row in firsts]

    labels = column(columns.label)
    if columns.label is not None:
        for row, label in zip(firsts, labels, strict=True):
            if not label:
                raise DataError(
                    f"{text.path}, line {text.lines[row]}: the label is empty", "fill it in, or delete the line"
                )
        labels = whole_numbers(text, labels)
    values: list[tuple[float, ...]] = []
    if columns.targets:
        cells = [Column(text.called(at).strip("'"), column(at)) for at in columns.targets]
        values = read_values(text.path, cells, [text.lines[row] for row in firsts], text.decimal == ",")
        labels = [numbers_text(row) for row in values]
    splits = column(columns.split)
    meaning, told = split_words(splits)
    for row, split in zip(firsts, splits, strict=True):
        if split and split.lower() not in meaning:
            raise not_a_split(f"{text.path}, line {text.lines[row]}", split)
    if columns.split is not None and "" in splits and any(splits):
        raise DataError(f"{text.path}: {splits.count('')} of {len(splits)} series have no split", "all of them or none")
    splits = [meaning.get(split.lower(), "") for split in splits]

    def called(at: int | None) -> str | None:
        if at is None:
            return None
        return text.names[at] if text.names and text.names[at] else str(at + 1)

    def named(at: int) -> str:
        return (
            text.names[at]
            if text.names and text.names[at]
            else "value"
            if len(columns.targets) == 1
            else f"value {at + 1}"
        )

    return Table(
        text.path,
        layout,
        found.values,
        found.ids,
        labels,
        splits,
        column(columns.group),
        names,
        called(columns.label),
        called(columns.id),
        called(columns.time),
        (*notes, *told),
        values=tuple(values),
        quantities=quantities_of(text.path, [named(at) for at in columns.targets]),
        targets=tuple(called(at) or "" for at in columns.targets),
    )
