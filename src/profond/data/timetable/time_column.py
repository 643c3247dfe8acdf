"""Where a table's time stands: in one column, in one for the date and one for the clock, or in one for each part."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from profond.core.errors import DataError
from profond.data.timetable.asked import Asked, first_cell, plain
from profond.data.timetable.cells import Cells
from profond.data.timetable.column import factorised
from profond.data.timetable.month_names import month_number
from profond.data.timetable.said import Said
from profond.data.timetable.stamp_form import MISSING, Seconds, Stamps
from profond.data.timetable.stamps import SAMPLE, likeliest, read_stamps

_TIME = re.compile(
    r"(ds|date|day|jour|time|temps|timestamp|datetime|horodatage|heure|hour|mois|month|week|semaine|quarter|trimestre|"
    r"year|annee|an|period|periode|instant|when|quand)"
)
_CLOCK = re.compile(r"\d{1,2}:\d\d(:\d\d)?")
_FIELDS = {
    "Y": ("year", "annee", "an", "yyyy"),
    "m": ("month", "mois", "mm"),
    "Q": ("quarter", "trimestre", "qtr"),
    "W": ("week", "semaine", "iso_week"),
    "d": ("day", "jour", "dd", "day_of_month"),
    "H": ("hour", "heure", "hh", "hr", "he", "hour_ending"),
    "M": ("minute", "min"),
}


_A_DAY = "2000-01-31"


@dataclass(frozen=True)
class Time:
    """The time of each row.

    Args:
        columns: one, or those of year, month, day and hour, or one of the date and one of the clock.
        stamps: of each row.
        clock_apart: the date and the clock stand in two columns.
        parts_apart: year, month, day and so on stand in one column each.
        first_hour: where the clock's column only counts hours, the number of the first one: 0, or 1 as energy markets
            do; None otherwise.
    """

    columns: tuple[int, ...]
    stamps: Stamps
    clock_apart: bool = False
    parts_apart: bool = False
    first_hour: int | None = None

    def write(self, seconds: int, ahead: int | None = None) -> list[str]:
        """One text for each of the columns; of stamps with offsets that change, see `StampForm.write`."""
        form = self.stamps.form
        if self.clock_apart:
            day, clock = form.write(seconds).rsplit(" ", 1)
            if self.first_hour is None:
                return [day, clock]
            hour = clock.partition(":")[0]
            return [day, f"{int(hour) + self.first_hour:0{len(hour)}}"]
        if self.parts_apart:
            return [replace(form, parts=(part,)).write(seconds) for part in form.parts]
        return [form.write(seconds, ahead)]


def find_time(cells: Cells, asked: Asked) -> Time:
    if asked.time is not None:
        column = cells.number(asked.time)
        if (both := _with_clock(cells, column, asked)) is not None:
            return both
        stamps = read_stamps(cells.columns[column], dayfirst=asked.dayfirst)
        if stamps is None:
            raise DataError(
                f"column {cells.names[column]!r} does not hold dates: {first_cell(cells, column)!r}",
                "name another with --time, or write them as 2024-01-31",
            )
        return Time((column,), stamps)
    parts = _parts(cells)
    free = [i for i in range(len(cells.names)) if i not in parts.values()]
    called = [i for i in free if any(_TIME.fullmatch(word) for word in plain(cells.names[i]).split("_"))]
    for i in (*called, *(i for i in free if i not in called and _looks_like_dates(cells.columns[i]))):
        if (both := _with_clock(cells, i, asked)) is not None:
            return both
        stamps = read_stamps(cells.columns[i], dayfirst=asked.dayfirst)
        if stamps is not None and moves(stamps.seconds):
            return Time((i,), stamps)
    if (
        {"Y", "m"} <= parts.keys()
        or {"Y", "Q"} <= parts.keys()
        or {"Y", "W"} <= parts.keys()
        or ("Y" in parts and len(parts) == 1)
    ):
        return _in_parts(cells, parts)
    shown_names = ", ".join(f"{name} ({first_cell(cells, i)})" for i, name in enumerate(cells.names[:8]))
    raise DataError(
        f"{cells.path.name} has no column of dates: {shown_names}",
        "name it with --time; dates such as 2024-01-31, 31/01/2024 14:00, janv. 2024, 2024-W05, 2024Q1 are read",
    )


def _with_clock(cells: Cells, column: int, asked: Asked) -> Time | None:
    """The time where a date's clock stands in a column of its own; None where there is no such column."""
    others = [i for i in range(len(cells.names)) if i != column]
    clock = next((i for i in others if _CLOCK.fullmatch(first_cell(cells, i))), None)
    hours = next((i for i in others if plain(cells.names[i]) in _FIELDS["H"] and _counts_hours(cells, i)), None)
    if clock is None and hours is None:
        return None
    day = read_stamps(cells.columns[column][:SAMPLE], dayfirst=asked.dayfirst)
    if day is None or day.form.finest != "d" or day.form.counts:
        return None
    if clock is None:
        return _with_hours(cells, column, hours, asked)
    both = _joined(cells.columns[column], cells.columns[clock], asked.dayfirst)
    if both is None:
        joined = list(map("{} {}".format, cells.columns[column], cells.columns[clock]))
        both = read_stamps(joined, dayfirst=asked.dayfirst)
    return None if both is None or not moves(both.seconds) else Time((column, clock), both, clock_apart=True)


def _joined(dates: Sequence[str], clocks: Sequence[str], dayfirst: bool | None) -> Stamps | None:
    """Each date at its hour: every different date and every different hour is read once. None where one is neither."""
    (day_of, days), (clock_of, hours) = factorised(dates), factorised(clocks)
    read, clock = read_stamps(days, dayfirst=dayfirst), read_stamps([f"{_A_DAY} {hour}" for hour in hours])
    if read is None or clock is None or read.form.offset or clock.form.offset:
        return None
    if (clock.seconds == MISSING).any() or (read.seconds == MISSING).any() or clock.form.counts or clock.others:
        return None
    of_day = clock.seconds - np.datetime64(_A_DAY, "s").astype(np.int64)
    parts = clock.form.parts[5:]  # behind the five of the day
    ways = [
        Stamps(one.seconds[day_of] + of_day[clock_of], replace(one.form, parts=(*one.form.parts, *parts)))
        for one in (read, *read.others)
    ]
    return likeliest(ways, dayfirst)


def _counts_hours(cells: Cells, column: int) -> bool:
    """Whether a column holds the numbers of hours, from 0 or from 1."""
    distinct = set(cells.columns[column]) - {""}
    return len(distinct) > 2 and all(cell.isdigit() and int(cell) <= 24 for cell in distinct)


def _with_hours(cells: Cells, column: int, hours: int | None, asked: Asked) -> Time | None:
    """The time of a date and the number of an hour; 1 to 24 are the hours that begin at 0 to 23."""
    assert hours is not None
    distinct = {cell: int(cell) for cell in set(cells.columns[hours]) if cell}
    first = 1 if max(distinct.values()) == 24 else 0
    width = min(map(len, distinct))
    written = {cell: f"{number - first:0{width}}:00" for cell, number in distinct.items()} | {"": ""}
    joined = [
        f"{day} {written[hour]}".strip() for day, hour in zip(cells.columns[column], cells.columns[hours], strict=True)
    ]
    both = read_stamps(joined, dayfirst=asked.dayfirst)
    if both is None or not moves(both.seconds):
        return None
    return Time((column, hours), both, clock_apart=True, first_hour=first)


def _parts(cells: Cells) -> dict[str, int]:
    """Columns of a year, a month (its number or its name), a day, an hour, where there is a year of four digits."""
    found: dict[str, int] = {}
    for i, name in enumerate(cells.names):
        some = [cell for cell in cells.columns[i][:100] if cell]
        whole = bool(some) and all(map(str.isdigit, some))
        for field, words in _FIELDS.items():
            fits = whole or (field == "m" and bool(some) and all(map(month_number, some)))
            if plain(name) in words and field not in found and fits:
                found[field] = i
    if "Y" not in found or len(first_cell(cells, found["Y"])) != 4:
        return {}
    return found if len(found) > 1 else {}


def _in_parts(cells: Cells, parts: dict[str, int]) -> Time:
    """The time that stands in several columns. Raises: DataError where they make no dates."""
    coarse = "m" if "m" in parts else "Q" if "Q" in parts else "W"  # a month says more than its quarter
    fields = [field for field in "YQWmdHM" if field in parts and (field == coarse or field not in "QWm")]
    columns = [cells.columns[parts[field]] for field in fields]
    pattern = "".join(
        {"Y": "{}", "Q": "-Q{}", "W": "-W{}", "m": "-{}", "d": "-{}", "H": " {}", "M": ":{}"}[field] for field in fields
    )
    pattern += ":00" if fields[-1] == "H" else ""
    stamps = read_stamps(list(map(pattern.format, *columns)))
    names = ", ".join(repr(cells.names[parts[field]]) for field in fields)
    if stamps is None:
        first = pattern.format(*(column[0] for column in columns))
        raise DataError(f"the columns {names} of {cells.path.name} make no dates: {first}", "name one with --time")
    kept = tuple(part for part in stamps.form.parts if {"b": "m"}.get(part.field, part.field) in fields)
    form = replace(stamps.form, parts=kept, said=Said("parts", count=len(fields)))
    return Time(tuple(parts[field] for field in fields), replace(stamps, form=form, others=()), parts_apart=True)


def _looks_like_dates(column: Sequence[str]) -> bool:
    """Without a name that says so, a column of dates has marks between numbers, or names of months."""
    sample = next((cell for cell in column if cell), "")
    digits = sum(letter.isdigit() for letter in sample)
    numbers = len(re.findall(r"\d+", sample))
    return digits >= 3 and (numbers >= 2 or any(letter.isalpha() for letter in sample))


def moves(seconds: Seconds) -> bool:
    known = seconds[seconds != MISSING]
    return len(known) < 2 or bool((known != known[0]).any())
