"""A table with a time column to regular series, with every assumption said: one door, `read_table`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from profond.core.errors import DataError
from profond.data.timetable.asked import Asked
from profond.data.timetable.calendar import Calendar, DaysOfTheWeek
from profond.data.timetable.cells import Cells, read_cells
from profond.data.timetable.numbers import LARGEST, NUMBER
from profond.data.timetable.regular import SHOWN, find_places, regular_series
from profond.data.timetable.roles import Roles, find_roles
from profond.data.timetable.rows import read_rows
from profond.data.timetable.said import Said, Step
from profond.data.timetable.stamp_form import MISSING
from profond.data.timetable.summer_time import from_utc
from profond.data.timetable.table import Series, TimeTable

_SUM = re.compile(
    r"\W*(grand |sous-?|sub-?)?(total|totaux|sum|somme|average|mean|moyenne|moy\b|avg|median|médiane|mediane|"
    r"min\b|max\b|minimum|maximum|count|nombre|source)",
    re.IGNORECASE,
)
MOST_SUMS = 6


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
    if (sums := _sums_below(cells, roles)) and sums < len(cells):
        cells = _without_last(cells, sums)
        roles = find_roles(cells, asked)
    _check_cells(cells, roles)
    notes = list(cells.notes)
    rows, zone = read_rows(cells, roles, asked.zone, notes)
    if not roles.static:  # the file's bytes are let go: of a large table they are as much as its numbers
        cells = replace(cells, columns=(), lines=())
    calendar, places = find_places(cells, roles, rows, frequency)
    series, missing = regular_series(cells, roles, rows, places)
    cells, roles = replace(cells, columns=(), lines=()), roles.without_values()
    if missing:
        total = sum(len(one.values) for one in series)
        notes.append(Said("missing", missing=missing, total=total))
    if isinstance(calendar, DaysOfTheWeek):
        notes.append(Said("days_off", step=Step(calendar.every)))
    assumed = _assumed(cells, roles, calendar, zone, series)
    return TimeTable(cells, roles, calendar, zone, series, assumed, tuple(notes))


def _sums_below(cells: Cells, roles: Roles) -> int:
    """How many rows at the end are no values but their total or mean, or where they come from: told by the first word
    where a date would stand."""
    if roles.layout == "across":
        return 0
    wrong = set(roles.time.stamps.wrong)
    count = 0
    while len(cells) - 1 - count in wrong and count < MOST_SUMS:
        row = len(cells) - 1 - count
        if not any(_SUM.match(cells.columns[i][row]) for i in roles.time.columns):
            break
        count += 1
    return count


def _without_last(cells: Cells, count: int) -> Cells:
    words = ", ".join(next(cell for column in cells.columns if (cell := column[-n])) for n in range(count, 0, -1))
    columns = tuple(column[:-count] for column in cells.columns)
    notes = (*cells.notes, Said("sums", count=count, words=words))
    return replace(cells, columns=columns, lines=cells.lines[:-count], notes=notes)


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
            where = f"{cells.path.name}, line {cells.lines[i]}: {word!r} in column {cells.names[column]!r}"
            if NUMBER.fullmatch(word):
                raise DataError(f"{where} is beyond {LARGEST:g}{more}", "write the column in a larger unit")
            raise DataError(
                f"{where} is not a number{more}",
                f"correct it; or, if it stands for a missing value: --missing {word!r}",
            )


def _assumed(
    cells: Cells, roles: Roles, calendar: Calendar, zone: str | None, series: Sequence[Series]
) -> tuple[str, ...]:
    """What was taken for granted, each with its option."""
    said = roles.time.stamps.form.said
    across = roles.layout == "across"
    time = Said("columns.names") if across else " ".join(repr(cells.names[i]) for i in roles.time.columns)
    first = min(one.start for one in series)
    last = max(one.end for one in series) - 1
    ends = calendar.at(np.array([first, last]))
    walls = ends if zone is None else from_utc(ends, zone)
    offsets = [None, None] if zone is None else (walls - ends).tolist()
    first_stamp, last_stamp = (
        " ".join(roles.time.write(int(wall), ahead)) for wall, ahead in zip(walls, offsets, strict=True)
    )
    how, step = Said("how", said=said) if said else "", Step(calendar.every)
    lines = [Said("time", time=time, how=how, step=step, first=first_stamp, last=last_stamp)]
    words = roles.numbers[roles.targets[0]].form.words()
    number = Said("after", said=words) if words else ""
    if roles.layout == "long":
        lines.append(Said("value", name=repr(cells.names[roles.targets[0]]), number=number))
    else:
        names = [one.name for one in series]
        shown = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
        lines.append(Said(roles.layout, count=len(series), names=shown, number=number))
    if roles.ids and roles.layout == "long":
        lines.append(Said("ids", count=len(series), names=", ".join(repr(cells.names[i]) for i in roles.ids)))
    for key, columns in (
        ("future", roles.future),
        ("past", roles.past),
        ("static", roles.static),
        ("left", roles.left),
    ):
        if columns:
            lines.append(Said(key, names=", ".join(cells.names[i] for i in columns)))
    return tuple(lines)
