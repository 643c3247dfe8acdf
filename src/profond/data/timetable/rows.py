"""The values of a table below each other, sorted by series and time, on a clock that only goes forward."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import DataError
from profond.data.timetable.cells import Cells
from profond.data.timetable.roles import Roles
from profond.data.timetable.said import Said
from profond.data.timetable.stamp_form import MISSING, Seconds
from profond.data.timetable.summer_time import LIKELY, find_zone, from_utc, to_utc, zone_named


@dataclass(frozen=True)
class Rows:
    """One row for each value.

    Args:
        keys: (n,) the number of its series.
        stamps: (n,) its time.
        columns: (n,) each: values of the target and of what is known beside it, by the column's number.
        lines: (n,) its row in the table.
        names: of the series, by their numbers.
    """

    keys: NDArray[np.int64]
    stamps: Seconds
    columns: dict[int, NDArray[np.float64]]
    lines: NDArray[np.integer[Any]]
    names: Sequence[tuple[str, ...]]

    def __getitem__(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> Rows:
        columns = {number: column[chosen] for number, column in self.columns.items()}
        return Rows(self.keys[chosen], self.stamps[chosen], columns, self.lines[chosen], self.names)

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def same(self) -> NDArray[np.bool_]:
        """(n - 1,) whether a row is of the same series as the one before."""
        same: NDArray[np.bool_] = self.keys[1:] == self.keys[:-1]
        return same

    def sorted(self) -> Rows:
        """By series, then time, then value: whatever the order of the rows was, this one is the same."""
        later = self.stamps[1:] > self.stamps[:-1]
        if ((self.keys[1:] > self.keys[:-1]) | (self.same & later)).all():
            return self
        return self[np.lexsort((*reversed(self.columns.values()), self.stamps, self.keys))]


def read_rows(cells: Cells, roles: Roles, asked_zone: str | None, notes: list[str]) -> tuple[Rows, str | None]:
    """The rows in order, and the zone of the table's clock where it has one.

    Args:
        notes: is told what was mended.

    Raises: DataError for two rows of one time that do not say the same.
    """
    rows = _flat(cells, roles)
    dated = rows.stamps != MISSING
    if not dated.all():
        notes.append(Said("undated", count=int((~dated).sum())))
        rows = rows[dated]
    ordered = rows.sorted()
    zone, stamps = _on_one_clock(ordered, roles, asked_zone, notes)
    if (rows.same & (np.diff(rows.stamps) < (0 if zone is None else -3600))).any():
        notes.append(Said("sorted"))
    moved = replace(ordered, stamps=stamps).sorted()
    return _without_doubles(cells, roles, moved, notes), zone


def _flat(cells: Cells, roles: Roles) -> Rows:
    """As they stand in the table; wide tables laid out below each other."""
    count, width, stamps = len(cells), len(roles.targets), _utc(roles)
    if roles.layout == "across":
        values = np.stack([roles.numbers[i].values for i in roles.targets], 1).ravel()
        keys = np.repeat(np.arange(count), width)
        ids = [tuple(cells.columns[i][row] for i in roles.ids) or (f"row {row + 1}",) for row in range(count)]
        return Rows(keys, np.tile(stamps, count), {roles.targets[0]: values}, keys, ids)
    if roles.layout == "wide":
        values = np.concatenate([roles.numbers[i].values for i in roles.targets])
        keys, lines = np.repeat(np.arange(width), count), np.tile(np.arange(count), width)
        names = [(cells.names[i],) for i in roles.targets]
        return Rows(keys, np.tile(stamps, width), {roles.targets[0]: values}, lines, names)
    keys = np.zeros(count, dtype=np.int64)
    known: dict[tuple[str, ...], int] = {} if roles.ids else {(): 0}
    if roles.ids:
        each = zip(*(cells.columns[i] for i in roles.ids), strict=True)
        keys = np.array([known.setdefault(name, len(known)) for name in each], dtype=np.int64)
    chosen = (*roles.targets, *roles.past, *roles.future)
    lines = np.arange(count, dtype=np.int32)
    return Rows(keys, stamps, {i: roles.numbers[i].values for i in chosen}, lines, list(known))


def _utc(roles: Roles) -> Seconds:
    """Of stamps that say how far they are ahead of UTC, the moment; others as they are."""
    stamps, offsets = roles.time.stamps.seconds, roles.time.stamps.offsets
    return stamps if offsets is None else np.where(stamps == MISSING, MISSING, stamps - offsets)


def _on_one_clock(rows: Rows, roles: Roles, asked_zone: str | None, notes: list[str]) -> tuple[str | None, Seconds]:
    """Stamps that only go forward, and the zone that the table's clock is of."""
    offsets, stamps = roles.time.stamps.offsets, rows.stamps
    if asked_zone is not None:
        zone_named(asked_zone)
        return asked_zone, stamps if offsets is not None else _by_series(rows, asked_zone)
    if offsets is not None:
        if roles.layout == "across":  # stamps are of columns, not of lines
            moments, first = np.unique(_utc(roles), return_index=True)
            ahead = offsets[first[np.searchsorted(moments, rows.stamps)]]
        else:
            ahead = offsets[rows.lines]
        if len(np.unique(ahead)) > 1:
            zone = next((z for z in LIKELY if (from_utc(stamps, z) == stamps + ahead).all()), None)
            notes.append(Said("offsets", zone=zone or "UTC"))
            return zone or "UTC", stamps
        return None, stamps + ahead
    longest = np.bincount(rows.keys).argmax()
    first = stamps if (rows.keys == longest).all() else stamps[rows.keys == longest]
    steps = np.diff(first)
    usual = int(np.median(steps)) if len(steps) else 0
    zone = find_zone(first, usual) if 0 < usual <= 3600 else None
    if zone is None:
        return None, stamps
    notes.append(Said("summer_time", zone=zone))
    return zone, _by_series(rows, zone)


def _by_series(rows: Rows, zone: str) -> Seconds:
    """Each series to UTC on its own.

    NOTE which of two rows of the hour that comes twice was first is decided by their values, not by their place in the
    table, so that a table whose rows are shuffled is read alike: the values go on as they do around that hour.
    """
    values = next(iter(rows.columns.values()))
    result = rows.stamps.copy()
    edges = np.flatnonzero(np.diff(rows.keys, prepend=-1, append=-1))
    for start, end in itertools.pairwise(edges):
        wall, own = rows.stamps[start:end], values[start:end]
        utc = to_utc(wall, zone)
        twice = np.flatnonzero((np.diff(wall) == 0) & (np.diff(utc) != 0))
        for run in np.split(twice, np.flatnonzero(np.diff(twice) > 2) + 1) if len(twice) else ():
            before, after = own[max(0, run[0] - 1)], own[min(len(own) - 1, run[-1] + 2)]
            if before > after:  # equal stamps are sorted by value, the least first
                utc[run], utc[run + 1] = utc[run + 1], utc[run]
        result[start:end] = utc
    return result


def _without_doubles(cells: Cells, roles: Roles, rows: Rows, notes: list[str]) -> Rows:
    """Rows that say the same twice are dropped. Raises: DataError for two that do not."""
    again = np.zeros(len(rows), dtype=bool)
    again[1:] = rows.same & (rows.stamps[1:] == rows.stamps[:-1])
    if not again.any():
        return rows
    for column in rows.columns.values():
        before, after = column[:-1][again[1:]], column[again]
        differ = ~((before == after) | (np.isnan(before) & np.isnan(after)))
        if differ.any():
            second = int(np.flatnonzero(again)[differ][0])
            both = sorted(int(rows.lines[i]) for i in (second - 1, second))
            lines = " and ".join(str(cells.lines[row]) for row in both)
            written = " ".join(cells.columns[i][both[0]] for i in roles.time.columns)
            raise DataError(
                f"{cells.path.name}: {written} has two different values (lines {lines});"
                f" such dates: {int(differ.sum()):,}",
                "name the columns that tell the series apart: --id COLUMN; or remove the rows",
            )
    notes.append(Said("doubles", count=int(again.sum())))
    return rows[~again]
