"""Rows to regular series: the one calendar that all stamps stand in, and each series laid out on it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import DataError
from profond.data.timetable.calendar import NOWHERE, Calendar, find_break, find_calendar
from profond.data.timetable.cells import Cells
from profond.data.timetable.frequency import asked_calendar
from profond.data.timetable.roles import Roles
from profond.data.timetable.rows import Rows
from profond.data.timetable.stamp_form import Seconds, distinct
from profond.data.timetable.table import Series

MANY_MISSING = 0.2
"""Share of a calendar's stamps that may be missing before a change of the calendar is looked for."""
SHOWN = 3


def find_places(cells: Cells, roles: Roles, rows: Rows, frequency: str | None) -> tuple[Calendar, Seconds]:
    """The one calendar of all series, and each row's number in it. Raises: DataError where there is none."""
    keys, stamps = rows.keys, rows.stamps
    known = distinct(stamps)
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


def regular_series(cells: Cells, roles: Roles, found_rows: Rows, places: Seconds) -> tuple[tuple[Series, ...], int]:
    """Each series on the calendar without gaps, and how many values are missing in all."""
    keys, columns, names = found_rows.keys, found_rows.columns, found_rows.names
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
    if roles.static:
        found = _with_static(cells, roles, found, names, found_rows)
    if not found:
        raise DataError(f"{cells.path.name} holds no value at all", "name the column with --target")
    return tuple(found), missing


def _with_static(
    cells: Cells, roles: Roles, series: Sequence[Series], names: Sequence[tuple[str, ...]], rows: Rows
) -> list[Series]:
    """Each series with what never changes in it. Raises: DataError for a column that does change."""
    values: dict[tuple[str, ...], list[float]] = {one.ids: [] for one in series}
    for column in roles.static:
        texts = cells.columns[column]
        of: dict[tuple[str, ...], tuple[str, int]] = {}
        for key, line in zip(rows.keys.tolist(), rows.lines.tolist(), strict=True):
            text, name = texts[line], names[key]
            first, at = of.setdefault(name, (text, line))
            if text != first:
                one, other = sorted((at, line))
                raise DataError(
                    f"{cells.path.name}: {cells.names[column]!r} is to be the same in all of a series, and is"
                    f" {texts[one]!r} on line {cells.lines[one]} and {texts[other]!r} on line {cells.lines[other]}",
                    "call it --past or --future, or leave it out",
                )
        numbers = roles.numbers.get(column)
        words = sorted({text for text, _ in of.values()})
        for name, own in values.items():
            text, line = of[name]
            if numbers is not None:
                value = float(numbers.values[line])
                own.append(value if np.isfinite(value) else 0.0)
            else:
                own.extend(float(text == word) for word in words)
    return [replace(one, static=tuple(values[one.ids])) for one in series]
