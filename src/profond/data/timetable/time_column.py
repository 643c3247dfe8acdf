"""Where a table's time stands: in one column, in one for the date and one for the clock, or in one for each part."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from profond.core.errors import DataError
from profond.data.timetable.asked import Asked, first_cell, plain
from profond.data.timetable.cells import Cells
from profond.data.timetable.month_names import month_number
from profond.data.timetable.said import Said
from profond.data.timetable.stamp_form import MISSING, Seconds, Stamps
from profond.data.timetable.stamps import SAMPLE, read_stamps

_TIME = re.compile(
    r"(ds|date|day|jour|time|temps|timestamp|datetime|horodatage|heure|hour|mois|month|week|semaine|quarter|trimestre|"
    r"year|annee|an|period|periode|instant|when|quand)"
)
_CLOCK = re.compile(r"\d{1,2}:\d\d(:\d\d)?")
_FIELDS = {
    "Y": ("year", "annee", "an", "yyyy"),
    "m": ("month", "mois", "mm"),
    "d": ("day", "jour", "dd", "day_of_month"),
    "H": ("hour", "heure", "hh", "hr"),
    "M": ("minute", "min"),
}


@dataclass(frozen=True)
class Time:
    """The time of each row.

    Args:
        columns: one, or those of year, month, day and hour, or one of the date and one of the clock.
        stamps: of each row.
        clock_apart: the date and the clock stand in two columns.
        parts_apart: year, month, day and so on stand in one column each.
    """

    columns: tuple[int, ...]
    stamps: Stamps
    clock_apart: bool = False
    parts_apart: bool = False

    def write(self, seconds: int) -> list[str]:
        """One text for each of the columns."""
        form = self.stamps.form
        if self.clock_apart:
            return form.write(seconds).rsplit(" ", 1)
        if self.parts_apart:
            return [replace(form, parts=(part,)).write(seconds) for part in form.parts]
        return [form.write(seconds)]


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
    if {"Y", "m"} <= parts.keys() or ("Y" in parts and len(parts) == 1):
        return _in_parts(cells, parts)
    shown_names = ", ".join(f"{name} ({first_cell(cells, i)})" for i, name in enumerate(cells.names[:8]))
    raise DataError(
        f"{cells.path.name} has no column of dates: {shown_names}",
        "name it with --time; dates such as 2024-01-31, 31/01/2024 14:00, janv. 2024, 2024-W05, 2024Q1 are read",
    )


def _with_clock(cells: Cells, column: int, asked: Asked) -> Time | None:
    """The time where a date's clock stands in a column of its own; None where there is no such column."""
    clock = next((i for i in range(len(cells.names)) if i != column and _CLOCK.fullmatch(first_cell(cells, i))), None)
    if clock is None:
        return None
    day = read_stamps(cells.columns[column][:SAMPLE], dayfirst=asked.dayfirst)
    if day is None or day.form.finest != "d":
        return None
    joined = list(map("{} {}".format, cells.columns[column], cells.columns[clock]))
    both = read_stamps(joined, dayfirst=asked.dayfirst)
    return None if both is None or not moves(both.seconds) else Time((column, clock), both, clock_apart=True)


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
    fields = [field for field in "YmdHM" if field in parts]
    columns = [cells.columns[parts[field]] for field in fields]
    pattern = "".join({"Y": "{}", "m": "-{}", "d": "-{}", "H": " {}", "M": ":{}"}[field] for field in fields)
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
