"""Which column of a table is what: the time, the series' names, the value to be forecast, and what is known beside."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from profond.core.errors import DataError
from profond.data.timetable.cells import Cells
from profond.data.timetable.month_names import month_number
from profond.data.timetable.numbers import Numbers, read_numbers
from profond.data.timetable.said import Said
from profond.data.timetable.stamp_form import MISSING, Seconds, Stamps, distinct
from profond.data.timetable.stamps import SAMPLE, read_stamps

_TIME = re.compile(
    r"(ds|date|day|jour|time|temps|timestamp|datetime|horodatage|heure|hour|mois|month|week|semaine|quarter|trimestre|"
    r"year|annee|an|period|periode|instant|when|quand)"
)
_TARGET = re.compile(
    r"(y|target|cible|value|valeur|sales?|ventes?|demand|demande|load|charge|consumption|consommation|conso|revenue|"
    r"chiffre|ca|count|nombre|quantity|quantite|units?|unites?|visits?|visites?|orders?|commandes?|price|prix)"
)
_ID = re.compile(
    r"(unique_?id|id|series|serie|store|magasin|shop|product|produit|item|article|sku|region|site|meter|compteur)"
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
class Asked:
    """What a person said about a table; None and nothing leave it to be seen.

    Args:
        time, target: columns, by name or by number from 1.
        ids: columns that together name a series.
        past, future: columns known up to now, and known in advance.
        decimal: ``"."`` or ``","``.
        dayfirst: whether the day stands before the month.
        zone: of the clock, such as ``Europe/Paris``.
        missing: words that stand for nothing, such as ``rupture``.
    """

    time: str | None = None
    target: str | None = None
    ids: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    decimal: str | None = None
    dayfirst: bool | None = None
    zone: str | None = None
    missing: tuple[str, ...] = ()


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


@dataclass(frozen=True)
class Roles:
    """Columns by what they are.

    Args:
        layout: ``"long"``: one value a row; ``"wide"``: one column a series; ``"across"``: one column a date.
        time: of each row; of ``"across"``, of each column in ``targets``.
        targets: one column, or those of the series, or those of the dates.
        ids: columns that name a series.
        past, future: other columns of numbers.
        left: columns of which nothing is used.
        numbers: the columns that were read as numbers.
    """

    layout: str
    time: Time
    targets: tuple[int, ...]
    ids: tuple[int, ...]
    past: tuple[int, ...]
    future: tuple[int, ...]
    left: tuple[int, ...]
    numbers: dict[int, Numbers]


def find_roles(cells: Cells, asked: Asked) -> Roles:
    """Raises: DataError where there is no time, or nothing to forecast, or a column that was named is not there."""
    across = _across(cells, asked)
    if across is not None:
        return across
    time = _time(cells, asked)
    others = [i for i in range(len(cells.names)) if i not in time.columns]
    comma_likely = cells.delimiter == ";"
    absent = set(asked.missing)
    numbers: dict[int, Numbers] = {}
    for i in others:
        column = cells.columns[i]
        if absent:
            column = ["" if cell in absent else cell for cell in column]
        if (read := read_numbers(column, asked.decimal, comma_likely=comma_likely)) is not None:
            numbers[i] = read
    ids = tuple(cells.number(name) for name in asked.ids)
    named = [cells.number(name) for name in (*asked.past, *asked.future)]
    candidates = [i for i in numbers if i not in ids and i not in named and not _is_a_counter(cells, numbers[i], i)]
    if asked.target is not None:
        target = cells.number(asked.target)
        if target not in numbers:
            raise DataError(
                f"column {cells.names[target]!r} does not hold numbers: {_first(cells, target)!r}",
                "name another with --target",
            )
        targets: tuple[int, ...] = (target,)
    elif not candidates:
        shown = ", ".join(cells.names[i] for i in others) or "none"
        raise DataError(
            f"{cells.path.name} has no column of numbers beside the time; others: {shown}", "check the table"
        )
    elif not ids and _are_series(cells, candidates, numbers, time):
        targets = tuple(candidates)
    else:
        likely = [i for i in candidates if not _ID.fullmatch(plain(cells.names[i]))] or candidates
        called = [i for i in likely if _TARGET.fullmatch(_stem(cells.names[i]))]
        targets = ((called or likely)[0 if called else -1],)
    if len(targets) > 1:
        left = tuple(i for i in others if i not in targets)
        return Roles("wide", time, targets, (), (), (), left, numbers)
    if not ids:
        ids = _ids(cells, time, targets[0], numbers, asked)
    future = tuple(cells.number(name) for name in asked.future)
    past = tuple(cells.number(name) for name in asked.past)
    rest = [i for i in numbers if i not in (*ids, *targets, *future, *past)]
    ahead = _rows_ahead(time.stamps.seconds, numbers[targets[0]].values)
    known = [i for i in rest if ahead.any() and np.isfinite(numbers[i].values[ahead]).all()]
    future = (*future, *known)
    past = (*past, *(i for i in rest if i not in known and not _is_a_counter(cells, numbers[i], i)))
    left = tuple(i for i in others if i not in (*ids, *targets, *future, *past))
    return Roles("long", time, targets, ids, past, future, left, numbers)


def plain(name: str) -> str:
    """Small letters without accents, and without a unit in brackets."""
    apart = unicodedata.normalize("NFD", re.sub(r"\s*[(\[].*?[)\]]", "", name).casefold().strip())
    return re.sub(r"[\s.-]+", "_", "".join(letter for letter in apart if not unicodedata.combining(letter)))


def _stem(name: str) -> str:
    """The first word of a name, or its last where the first says nothing: ``load_mw``, ``spare_parts_sold``."""
    words = plain(name).split("_")
    return next((word for word in words if _TARGET.fullmatch(word)), words[0])


def _first(cells: Cells, column: int) -> str:
    return next((cell for cell in cells.columns[column] if cell), "")


# -- the time ----------------------------------------------------------------------------------------------------------


def _time(cells: Cells, asked: Asked) -> Time:
    if asked.time is not None:
        column = cells.number(asked.time)
        if (both := _with_clock(cells, column, asked)) is not None:
            return both
        stamps = read_stamps(cells.columns[column], dayfirst=asked.dayfirst)
        if stamps is None:
            raise DataError(
                f"column {cells.names[column]!r} does not hold dates: {_first(cells, column)!r}",
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
        if stamps is not None and _moves(stamps.seconds):
            return Time((i,), stamps)
    if {"Y", "m"} <= parts.keys() or ("Y" in parts and len(parts) == 1):
        return _in_parts(cells, parts)
    shown_names = ", ".join(f"{name} ({_first(cells, i)})" for i, name in enumerate(cells.names[:8]))
    raise DataError(
        f"{cells.path.name} has no column of dates: {shown_names}",
        "name it with --time; dates such as 2024-01-31, 31/01/2024 14:00, janv. 2024, 2024-W05, 2024Q1 are read",
    )


def _with_clock(cells: Cells, column: int, asked: Asked) -> Time | None:
    """The time where a date's clock stands in a column of its own; None where there is no such column."""
    clock = next((i for i in range(len(cells.names)) if i != column and _CLOCK.fullmatch(_first(cells, i))), None)
    if clock is None:
        return None
    day = read_stamps(cells.columns[column][:SAMPLE], dayfirst=asked.dayfirst)
    if day is None or day.form.finest != "d":
        return None
    joined = list(map("{} {}".format, cells.columns[column], cells.columns[clock]))
    both = read_stamps(joined, dayfirst=asked.dayfirst)
    return None if both is None or not _moves(both.seconds) else Time((column, clock), both, clock_apart=True)


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
    if "Y" not in found or len(_first(cells, found["Y"])) != 4:
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


def _moves(seconds: Seconds) -> bool:
    known = seconds[seconds != MISSING]
    return len(known) < 2 or bool((known != known[0]).any())


# -- series and their names --------------------------------------------------------------------------------------------


def _ids(cells: Cells, time: Time, target: int, numbers: dict[int, Numbers], asked: Asked) -> tuple[int, ...]:
    """The columns that name a series: those called so, else as few as make each date stand once in each series."""
    taken = {target, *time.columns, *(cells.number(name) for name in (*asked.past, *asked.future))}
    texts = [
        i for i in range(len(cells.names)) if i not in taken and i not in numbers and len(set(cells.columns[i])) > 0
    ]
    named = [
        i for i in range(len(cells.names)) if i not in taken and plain(cells.names[i]) in ("unique_id", "uniqueid")
    ]
    if named:
        return tuple(named)
    stamps = time.stamps.seconds
    if len(distinct(stamps)) == int((stamps != MISSING).sum()):
        return ()
    likely = [*texts, *(i for i in numbers if i not in taken and _ID.search(plain(cells.names[i])))]
    chosen: list[int] = []
    best = _doubled(cells, stamps, chosen, [*likely, target])
    for i in likely:
        if not best:
            break
        left = _doubled(cells, stamps, [*chosen, i], [*likely, target])
        if left < best:
            chosen, best = [*chosen, i], left
    return tuple(sorted(chosen))


def _doubled(cells: Cells, stamps: Seconds, columns: Sequence[int], seen: Sequence[int]) -> int:
    """Rows whose date stands in their series already, with something else in what is seen."""
    keys = list(zip(stamps.tolist(), *(cells.columns[i] for i in columns), strict=True))
    whole = zip(keys, *(cells.columns[i] for i in seen), strict=True)
    return len(set(whole)) - len(set(keys))


def _are_series(cells: Cells, candidates: Sequence[int], numbers: dict[int, Numbers], time: Time) -> bool:
    """Whether several columns of numbers are one series each: called alike, and of one size, or all of one name."""
    if len(candidates) < 2 or len(distinct(time.stamps.seconds)) < int((time.stamps.seconds != MISSING).sum()):
        return False
    names = [plain(cells.names[i]) for i in candidates]
    if any(_TARGET.fullmatch(_stem(name)) for name in names) and len({_stem(name) for name in names}) > 1:
        return False
    common, ending = _beginning(names), _beginning([name[::-1] for name in names])
    alike = len(common.rstrip("_0123456789")) >= 2 or len(ending.rstrip("_0123456789")) >= 3
    numbered = all(re.fullmatch(r"[a-z]{0,3}_?\d+", name) for name in names)
    if alike or numbered:
        return True
    ahead = _rows_ahead(time.stamps.seconds, numbers[candidates[-1]].values)
    if ahead.any() and any(np.isfinite(numbers[i].values[ahead]).any() for i in candidates):
        return False
    return not cells.header


def _beginning(names: Sequence[str]) -> str:
    """The letters with which all names begin."""
    same = [len(set(letters)) == 1 for letters in zip(*names, strict=False)]
    return names[0][: same.index(False) if False in same else len(same)]


def _rows_ahead(seconds: Seconds, values: np.ndarray) -> np.ndarray:
    """Rows after the last one that has a value."""
    filled = np.isfinite(values) & (seconds != MISSING)
    return seconds > seconds[filled].max() if filled.any() else np.zeros(len(values), dtype=bool)


def _is_a_counter(cells: Cells, column: Numbers, number: int) -> bool:
    """Whether a column only counts the rows: an index that somebody saved."""
    steps = np.diff(column.values)
    called = plain(cells.names[number]) in (
        "",
        "no",
        "n",
        "index",
        "row",
        "ligne",
        "unnamed:_0",
        f"column_{number + 1}",
    )
    return len(steps) > 2 and bool((steps == 1).all()) and called


# -- dates across the top ----------------------------------------------------------------------------------------------


def _across(cells: Cells, asked: Asked) -> Roles | None:
    """The roles of a table whose columns are dates and whose rows are series; None for any other."""
    if asked.time is not None or not cells.header or len(cells.names) < 4:
        return None
    for first in range(min(6, len(cells.names) - 2)):
        names = cells.names[first:]
        if not all(any(letter.isdigit() for letter in name) for name in names):
            continue
        stamps = read_stamps(names, dayfirst=asked.dayfirst)
        if stamps is None or stamps.wrong or not _moves(stamps.seconds):
            continue
        targets = tuple(range(first, len(cells.names)))
        comma_likely = cells.delimiter == ";"
        numbers = {i: read_numbers(cells.columns[i], asked.decimal, comma_likely=comma_likely) for i in targets}
        if any(one is None for i, one in numbers.items() if any(cells.columns[i])):
            continue
        empty = Numbers(np.full(len(cells), np.nan), next(one for one in numbers.values() if one is not None).form)
        read = {i: one or empty for i, one in numbers.items()}
        return Roles("across", Time(targets, stamps), targets, tuple(range(first)), (), (), (), read)
    return None
