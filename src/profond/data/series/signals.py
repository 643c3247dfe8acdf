"""The series in a table that was taken apart into cells: one row each (wide), or one row a step of time (long)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import DataError
from profond.data.series.preparation import filled
from profond.data.series.read import Missing
from profond.data.series.text import Text

WIDE = "wide: a row for each series, its label and its values in order"
LONG = "long: a row for each step, with columns for the series' id, the time, the values and the label"


@dataclass
class Columns:
    """Which column is what, by its place from 0."""

    label: int | None
    id: int | None
    time: int | None
    split: int | None
    group: int | None
    values: list[int]
    targets: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Signals:
    """The series of a table, without what is to be learned of them.

    Args:
        ids: one name for each.
        values: float32 (channels, time), each as long as it is.
        rows: of each, its rows in the text, in the order in which they stand there.
    """

    ids: list[str]
    values: list[NDArray[np.float32]]
    rows: list[list[int]]


def wide_signals(text: Text, columns: Columns, missing: Missing) -> Signals:
    """Raises: DataError naming the line."""
    with np.errstate(over="ignore"):  # what is too large is told with its line
        values = text.numbers(columns.values).astype(np.float32)
    ids = [str(number) for number in range(1, len(text.rows) + 1)]
    if columns.id is not None:
        series_ids = [cell_of(row, columns.id) for row in text.rows]
        if len(set(series_ids)) < len(series_ids) or "" in series_ids:
            twice = Counter(series_ids).most_common(1)[0][0]
            raise DataError(
                f"{text.path}: the id {twice!r} stands in several rows", "layout=long, or give each its own"
            )
        ids = series_ids
    signals = []
    for row, line in zip(values, text.lines, strict=True):
        there = np.flatnonzero(~np.isnan(row))
        if not len(there):
            raise DataError(f"{text.path}, line {line}: the series has no values", "delete the line")
        signals.append(_checked(row[None, : there[-1] + 1].copy(), text, [line], missing))
    return Signals(ids, signals, [[number] for number in range(len(ids))])


def long_signals(text: Text, columns: Columns, missing: Missing) -> Signals:
    """Raises: DataError naming the line."""
    members: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(text.rows):
        key = text.path.stem if columns.id is None else cell_of(row, columns.id)
        if not key:
            raise DataError(
                f"{text.path}, line {text.lines[number]}: the id is empty", "fill it in, or delete the line"
            )
        members[key].append(number)
    with np.errstate(over="ignore"):
        values = text.numbers(columns.values).astype(np.float32)
    order = None
    if columns.time is not None and is_numeric(text, columns.time):
        order = text.numbers([columns.time])[:, 0]
    signals = []
    for key, rows in members.items():
        if order is not None:
            times = order[rows]
            if len(np.unique(times)) < len(times):
                raise DataError(
                    f"{text.path}: the series {key!r} has a time twice (lines {text.lines[rows[0]]} and on)",
                    "keep one of them; or time_column=none, if the rows are in order",
                )
            rows = [rows[at] for at in np.argsort(times, kind="stable")]
        lines = [text.lines[row] for row in rows]
        signals.append(_checked(np.ascontiguousarray(values[rows].T), text, lines, missing))
    return Signals(list(members), signals, list(members.values()))


def is_numeric(text: Text, at: int) -> bool:
    """Whether most of a column is numbers: a word among them is a mistake, which is told by its line."""
    cells = [cell_of(row, at) for row in text.rows]
    words = sum(not text.is_number(cell) for cell in cells)
    return words <= len(cells) // 2 and any(cells)


def cell_of(row: list[str], at: int) -> str:
    return row[at] if at < len(row) else ""


def _checked(signal: NDArray[np.float32], text: Text, lines: Sequence[int], missing: Missing) -> NDArray[np.float32]:
    """Raises: DataError for a missing or infinite value that is to be refused."""
    if np.isfinite(signal).all():
        return signal
    wrong = np.isinf(signal) if missing == "interpolate" else ~np.isfinite(signal)
    if wrong.any():
        step = int(np.argwhere(wrong)[0][1])
        what = "a missing value" if np.isnan(signal[wrong][0]) else "infinity, or a number too large"
        line = lines[step] if len(lines) > 1 else lines[0]
        raise DataError(
            f"{text.path}, line {line}: {what}, step {step + 1} of its series",
            "repair it; missing=interpolate fills gaps from the values beside them",
        )
    filled(signal, str(text.path))
    return signal
