"""A table with a time column to regular series, with every assumption said: one door, `read_table`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import DataError
from profond.data.timetable.calendar import NOWHERE, Calendar, DaysOfTheWeek, find_break, find_calendar
from profond.data.timetable.cells import Cells, read_cells
from profond.data.timetable.frequency import asked_calendar
from profond.data.timetable.roles import Asked, Roles, find_roles
from profond.data.timetable.stamps import MISSING, Seconds
from profond.data.timetable.summer_time import find_zone, from_utc, to_utc, zone_named

MANY_MISSING = 0.2
"""Share of a calendar's stamps that may be missing before a change of the calendar is looked for."""
SHOWN = 3


@dataclass(frozen=True)
class Series:
    """One regular series.

    Args:
        ids: what its columns of names hold; the column's own name in a wide table.
        start: the first value's number in the calendar.
        values: float64 (t,), NaN where a value is missing; the last one is there.
        past: (t, k) what is known up to now, NaN where missing.
        future: (t + h, k) what is known in advance, as far as the table goes.
    """

    ids: tuple[str, ...]
    start: int
    values: NDArray[np.float64]
    past: NDArray[np.float64]
    future: NDArray[np.float64]

    @property
    def end(self) -> int:
        """The number of the first stamp after the last value."""
        return self.start + len(self.values)

    @property
    def name(self) -> str:
        return " / ".join(self.ids) if self.ids else "the series"


@dataclass(frozen=True)
class TimeTable:
    """A table that was read.

    Args:
        cells: as texts.
        roles: which column is what.
        calendar: of all series.
        zone: of the clock, where its changes are in the table; the calendar then counts UTC.
        series: in the order in which they first appear.
        assumed: one line for each thing that was taken for granted, with the option that says otherwise.
        notes: what was mended: sorted, doubled rows dropped, missing ones counted.
        warnings: what is probably not meant.
    """

    cells: Cells
    roles: Roles
    calendar: Calendar
    zone: str | None
    series: tuple[Series, ...]
    assumed: tuple[str, ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def past_names(self) -> tuple[str, ...]:
        return tuple(self.cells.names[i] for i in self.roles.past)

    @property
    def future_names(self) -> tuple[str, ...]:
        return tuple(self.cells.names[i] for i in self.roles.future)

    def wall_clock(self, places: Seconds) -> Seconds:
        """Stamps of the calendar as the table's own clock shows them."""
        seconds = self.calendar.at(places)
        return seconds if self.zone is None else from_utc(seconds, self.zone)

    def stamp(self, place: int) -> str:
        """One stamp of the calendar as the table writes it."""
        return " ".join(self.roles.time.write(int(self.wall_clock(np.array([place]))[0])))


def read_table(path: Path | str, asked: Asked | None = None, frequency: str | None = None) -> TimeTable:
    """Read a table of one or many series.

    Args:
        asked: what a person said about its columns and formats.
        frequency: the step between two stamps, such as ``hour``, ``15 min``, ``month end``; seen, when left out.

    Raises: DataError, naming lines and words, for what cannot be read as regular series; ConfigError for an option that
        does not fit.
    """
    asked = asked or Asked()
    cells = read_cells(path)
    roles = find_roles(cells, asked)
    _check_cells(cells, roles)
    keys, stamps, columns = _flat(cells, roles)
    notes = list(cells.notes)
    zone, stamps = _clock(keys, stamps, roles, asked, notes)
    order = np.lexsort((np.arange(len(stamps)), stamps, keys))
    if (np.diff(np.where(np.diff(keys, prepend=keys[0]) == 0, stamps, 0)) < 0).any() and _unsorted(keys, stamps):
        notes.append("rows were not in the order of time: sorted")
    keys, stamps = keys[order], stamps[order]
    columns = {name: column[order] for name, column in columns.items()}
    keys, stamps, columns = _without_doubles(cells, roles, keys, stamps, columns, order, notes)
    calendar, places = _calendar(cells, roles, keys, stamps, frequency, zone)
    series, missing = _series(cells, roles, keys, places, columns)
    warnings: list[str] = []
    if missing:
        total = sum(len(one.values) for one in series)
        notes.append(f"{missing:,} of {total:,} stamps of the calendar have no row or no value: missing")
    if isinstance(calendar, DaysOfTheWeek):
        notes.append(f"one value every {calendar.every}: other days are no gaps")
    return TimeTable(
        cells,
        roles,
        calendar,
        zone,
        series,
        _assumed(cells, roles, calendar, zone, series),
        tuple(notes),
        tuple(warnings),
    )


def _check_cells(cells: Cells, roles: Roles) -> None:
    """Raises: DataError naming line and word for a cell that is neither empty nor what its column holds."""
    if roles.layout != "across":
        for i in roles.time.stamps.wrong[:1]:
            column = roles.time.columns[0]
            like = roles.time.stamps.form.write(int(roles.time.stamps.seconds[roles.time.stamps.seconds != MISSING][0]))
            raise DataError(
                f"{cells.path.name}, line {cells.lines[i]}: {cells.columns[column][i]!r} in column"
                f" {cells.names[column]!r} is no date like {like}",
                "correct the line, or remove it",
            )
    for column in (*roles.targets, *roles.past, *roles.future):
        wrong = roles.numbers[column].wrong
        if wrong:
            i = wrong[0]
            more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
            word = cells.columns[column][i]
            raise DataError(
                f"{cells.path.name}, line {cells.lines[i]}: {word!r} in column {cells.names[column]!r} is not a"
                f" number{more}",
                f"correct it; or, if it stands for a missing value: --missing {word!r}",
            )


def _flat(cells: Cells, roles: Roles) -> tuple[NDArray[np.int64], Seconds, dict[int, NDArray[np.float64]]]:
    """Each value's series (by number), its stamp, and the columns of numbers; wide tables laid out below each other."""
    rows = len(cells)
    if roles.layout == "across":
        keys = np.repeat(np.arange(rows), len(roles.targets))
        values = np.stack([roles.numbers[i].values for i in roles.targets], 1).ravel()
        return keys, np.tile(roles.time.stamps.seconds, rows), {roles.targets[0]: values}
    stamps = roles.time.stamps.seconds
    if roles.time.stamps.offsets is not None:
        stamps = np.where(stamps == MISSING, MISSING, stamps - roles.time.stamps.offsets)
    if roles.layout == "wide":
        keys = np.repeat(np.arange(len(roles.targets)), rows)
        values = np.concatenate([roles.numbers[i].values for i in roles.targets])
        return keys, np.tile(stamps, len(roles.targets)), {roles.targets[0]: values}
    numbers: dict[tuple[str, ...], int] = {}
    names = zip(*(cells.columns[i] for i in roles.ids), strict=True) if roles.ids else [()] * rows
    keys = np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)
    chosen = (*roles.targets, *roles.past, *roles.future)
    return keys, stamps, {i: roles.numbers[i].values for i in chosen}


def _unsorted(keys: NDArray[np.int64], stamps: Seconds) -> bool:
    return any(bool((np.diff(stamps[keys == key]) < 0).any()) for key in np.unique(keys)[:200])


def _clock(
    keys: NDArray[np.int64], stamps: Seconds, roles: Roles, asked: Asked, notes: list[str]
) -> tuple[str | None, Seconds]:
    """Stamps on a clock that only goes forward, and the zone of the table's own where it is another."""
    offsets = roles.time.stamps.offsets
    if asked.zone is not None:
        zone_named(asked.zone)
        if offsets is not None:
            return asked.zone, stamps
        return asked.zone, _by_series(keys, stamps, asked.zone)
    if offsets is not None:
        known = np.unique(offsets[offsets != MISSING])
        if len(known) > 1:
            zone = next((z for z in _zones() if (from_utc(stamps, z) == stamps + offsets).all()), None)
            notes.append(f"offsets change with summer time: hours are counted in UTC, written as in {zone or 'UTC'}")
            return zone or "UTC", stamps
        return None, stamps + offsets
    first = stamps[(keys == keys[0]) & (stamps != MISSING)]
    forwards = first if len(first) < 2 or first[0] <= first[-1] else first[::-1]
    steps = np.diff(forwards)
    usual = int(np.median(steps)) if len(steps) else 0
    zone = find_zone(forwards, usual) if 0 < usual <= 3600 else None
    if zone is None:
        return None, stamps
    notes.append(
        f"the clock changes to and from summer time as in {zone}: the hour that is absent in spring is no gap, the one"
        " that stands there twice in autumn is no duplicate (--zone says another)"
    )
    return zone, _by_series(keys, stamps, zone)


def _zones() -> Sequence[str]:
    from profond.data.timetable.summer_time import LIKELY

    return LIKELY


def _by_series(keys: NDArray[np.int64], stamps: Seconds, zone: str) -> Seconds:
    """Each series to UTC on its own, whichever way its rows are sorted."""
    result = stamps.copy()
    for key in np.unique(keys):
        rows = np.flatnonzero(keys == key)
        falling = len(rows) > 1 and stamps[rows[0]] > stamps[rows[-1]]
        rows = rows[::-1] if falling else rows
        result[rows] = to_utc(stamps[rows], zone)
    return result


def _without_doubles(
    cells: Cells,
    roles: Roles,
    keys: NDArray[np.int64],
    stamps: Seconds,
    columns: dict[int, NDArray[np.float64]],
    order: NDArray[np.int64],
    notes: list[str],
) -> tuple[NDArray[np.int64], Seconds, dict[int, NDArray[np.float64]]]:
    """Rows that say the same twice are dropped. Raises: DataError for two that do not."""
    good = stamps != MISSING
    keys, stamps, order = keys[good], stamps[good], order[good]
    columns = {name: column[good] for name, column in columns.items()}
    again = np.zeros(len(keys), dtype=bool)
    again[1:] = (np.diff(keys) == 0) & (np.diff(stamps) == 0)
    if not again.any():
        return keys, stamps, columns
    for column in columns.values():
        before, after = column[:-1][again[1:]], column[again]
        differ = ~((before == after) | (np.isnan(before) & np.isnan(after)))
        if differ.any():
            second = int(np.flatnonzero(again)[differ][0])
            rows = [int(order[i] % len(cells)) for i in (second - 1, second)]
            lines = " and ".join(str(cells.lines[row]) for row in sorted(rows))
            written = " ".join(cells.columns[i][rows[0]] for i in roles.time.columns)
            many = int(differ.sum())
            raise DataError(
                f"{cells.path.name} has {many:,} dates with two different values, the first {written} (lines {lines})",
                "name the columns that tell the series apart: --id COLUMN; or remove the rows",
            )
    count = int(again.sum())
    notes.append(f"{count:,} repeated rows (duplicates, the same in every column that is used) were dropped")
    kept = ~again
    return keys[kept], stamps[kept], {name: column[kept] for name, column in columns.items()}


def _calendar(
    cells: Cells, roles: Roles, keys: NDArray[np.int64], stamps: Seconds, frequency: str | None, zone: str | None
) -> tuple[Calendar, Seconds]:
    """The one calendar of all series, and each row's number in it. Raises: DataError where there is none."""
    known = np.unique(stamps)
    write = roles.time.stamps.form.write
    if frequency is not None:
        calendar: Calendar | None = asked_calendar(frequency, known)
    elif len(known) < 3:
        raise DataError(
            f"{cells.path.name} has {len(known)} date{'s' if len(known) != 1 else ''}: that is no series",
            "give at least three rows, or say the step: --frequency day",
        )
    else:
        calendar = find_calendar(known)
        places = None if calendar is None else calendar.places(known)
        if places is not None and 1 - len(known) / (int(places[-1]) - int(places[0]) + 1) > MANY_MISSING:
            calendar = calendar if find_break(known) is None else None
    if calendar is None:
        broken = find_break(known)
        if broken is not None:
            raise DataError(
                f"the frequency changes: one value every {broken.before.every} before, every {broken.after.every} from"
                f" {write(broken.at)} on",
                "keep one part of the table; the newer one is usually what is meant",
            )
        calendar = _of_most(keys, stamps)
    if calendar is None:
        raise DataError(
            f"the dates of {cells.path.name} are not regular: {', '.join(write(int(one)) for one in known[:4])}, …",
            "say the step: --frequency hour, day, week, month … ; what lies between is then refused by its line",
        )
    places = calendar.places(stamps)
    outside = np.flatnonzero(places == NOWHERE)
    if len(outside):
        shown = ", ".join(write(int(one)) for one in stamps[outside[:SHOWN]])
        raise DataError(
            f"{len(outside):,} dates do not stand in a calendar of one value every {calendar.every}: {shown}",
            "correct or remove these rows, or say another --frequency",
        )
    return calendar, places


def _of_most(keys: NDArray[np.int64], stamps: Seconds) -> Calendar | None:
    """The calendar that the longest series has, if all stamps stand in it."""
    names, counts = np.unique(keys, return_counts=True)
    if len(names) < 2:
        return None
    found = find_calendar(np.unique(stamps[keys == names[counts.argmax()]]))
    return found if found is not None and (found.places(stamps) != NOWHERE).all() else None


def _series(
    cells: Cells,
    roles: Roles,
    keys: NDArray[np.int64],
    places: Seconds,
    columns: dict[int, NDArray[np.float64]],
) -> tuple[tuple[Series, ...], int]:
    """Each series on the calendar without gaps, and how many values are missing in all."""
    names: list[tuple[str, ...]]
    if roles.layout == "wide":
        names = [(cells.names[i],) for i in roles.targets]
    elif roles.layout == "across":
        names = [tuple(cells.columns[i][row] for i in roles.ids) or (f"row {row + 1}",) for row in range(len(cells))]
    else:
        rows = zip(*(cells.columns[i] for i in roles.ids), strict=True) if roles.ids else [()]
        names = list(dict.fromkeys(rows))
    target = columns[roles.targets[0]]
    edges = np.flatnonzero(np.diff(keys, prepend=-1, append=-1))
    found, missing = [], 0
    for first, end in itertools.pairwise(edges):
        rows_ = slice(int(first), int(end))
        name = names[int(keys[first])]
        filled = np.flatnonzero(np.isfinite(target[rows_]))
        if not len(filled):
            if roles.layout == "long" and len(edges) == 2:
                raise DataError(
                    f"column {cells.names[roles.targets[0]]!r} holds no value at all", "name another with --target"
                )
            continue
        here = places[rows_] - places[rows_][filled[0]]
        last = int(here[filled[-1]])
        values = np.full(last + 1, np.nan)
        inside = (here >= 0) & (here <= last)
        values[here[inside]] = target[rows_][inside]
        ahead = max(int(here[-1]), last)

        def laid(
            chosen: tuple[int, ...], length: int, here: Seconds = here, rows_: slice = rows_
        ) -> NDArray[np.float64]:
            made = np.full((length, len(chosen)), np.nan)
            inside = (here >= 0) & (here < length)
            for place, column in enumerate(chosen):
                made[here[inside], place] = columns[column][rows_][inside]
            return made

        missing += int(np.isnan(values).sum())
        start = int(places[rows_][filled[0]])
        found.append(Series(name, start, values, laid(roles.past, last + 1), laid(roles.future, ahead + 1)))
    if not found:
        raise DataError(f"{cells.path.name} holds no value at all", "name the column with --target")
    return tuple(found), missing


def _assumed(
    cells: Cells, roles: Roles, calendar: Calendar, zone: str | None, series: Sequence[Series]
) -> tuple[str, ...]:
    """What was taken for granted, each with its option."""
    said = roles.time.stamps.form.said
    how = f" ({said})" if said else ""
    across = roles.layout == "across"
    time = "the columns' names" if across else " ".join(repr(cells.names[i]) for i in roles.time.columns)
    first = min(one.start for one in series)
    last = max(one.end for one in series) - 1
    ends = calendar.at(np.array([first, last]))
    ends = ends if zone is None else from_utc(ends, zone)
    first_stamp, last_stamp = (" ".join(roles.time.write(int(end))) for end in ends)
    lines = [
        f"time: {time}{how}, one value every {calendar.every}, {first_stamp} to {last_stamp}"
        " (--time, --frequency, --dayfirst)"
    ]
    number = roles.numbers[roles.targets[0]].form.words()
    number = f", {number}" if number else ""
    if roles.layout == "long":
        lines.append(f"value: {cells.names[roles.targets[0]]!r}{number} (--target, --decimal)")
    else:
        names = [one.name for one in series]
        shown = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
        lines.append(f"{len(series)} series, one a {'row' if across else 'column'}: {shown}{number} (--target)")
    if roles.ids and roles.layout == "long":
        lines.append(f"{len(series)} series, by {', '.join(repr(cells.names[i]) for i in roles.ids)} (--id)")
    if roles.future:
        lines.append("known in advance: " + ", ".join(cells.names[i] for i in roles.future) + " (--future)")
    if roles.past:
        lines.append("known up to now: " + ", ".join(cells.names[i] for i in roles.past) + " (--past)")
    if roles.left:
        lines.append("not used: " + ", ".join(cells.names[i] for i in roles.left))
    return tuple(lines)
