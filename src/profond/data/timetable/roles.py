"""Which column of a table is what: the time, the series' names, the value to be forecast, and what is known beside."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from profond.core.errors import DataError
from profond.data.timetable.asked import Asked, first_cell, plain
from profond.data.timetable.cells import Cells
from profond.data.timetable.numbers import Numbers, read_numbers
from profond.data.timetable.stamp_form import MISSING, Seconds, distinct
from profond.data.timetable.stamps import SAMPLE, read_stamps
from profond.data.timetable.time_column import Time, find_time, moves

_TARGET = re.compile(
    r"(y|target|cible|value|valeur|sales?|ventes?|demand|demande|load|charge|consumption|consommation|conso|revenue|"
    r"chiffre|ca|count|nombre|quantity|quantite|sold|vendue?s?|units?|unites?|visits?|visites?|orders?|commandes?|price|prix)"
)
_ID = re.compile(
    r"(unique_?id|id|series|serie|store|magasin|shop|product|produit|item|article|sku|region|site|meter|compteur)"
)


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
        numbers: the columns that were read as numbers; their form alone once the table was read.
        static: columns that never change within a series.
    """

    layout: str
    time: Time
    targets: tuple[int, ...]
    ids: tuple[int, ...]
    past: tuple[int, ...]
    future: tuple[int, ...]
    left: tuple[int, ...]
    numbers: dict[int, Numbers]
    static: tuple[int, ...] = ()

    def without_values(self) -> Roles:
        """The same, without numbers that stand in the series too."""
        return replace(self, numbers={i: replace(one, values=np.empty(0)) for i, one in self.numbers.items()})


def find_roles(cells: Cells, asked: Asked) -> Roles:
    """Raises: DataError where there is no time, or nothing to forecast, or a column that was named is not there."""
    across = _across(cells, asked)
    if across is not None:
        return across
    time = find_time(cells, asked)
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
    static = tuple(cells.number(name) for name in asked.static)
    _check_asked(cells, asked)
    named = [*static, *(cells.number(name) for name in (*asked.past, *asked.future))]
    targets: tuple[int, ...]
    candidates = [i for i in numbers if i not in ids and i not in named and not _is_a_counter(cells, numbers[i], i)]
    named_targets = (asked.target,) if isinstance(asked.target, str) else asked.target or ()
    if named_targets:
        targets = tuple(cells.number(name) for name in named_targets)
        for target in targets:
            if target not in numbers:
                raise DataError(
                    f"column {cells.names[target]!r} does not hold numbers: {first_cell(cells, target)!r}",
                    "name another with --target",
                )
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
        called.sort(key=lambda i: _stem(cells.names[i]) in ("price", "prix"))  # beside what is sold, it is the reason
        targets = ((called or likely)[0 if called else -1],)
    if len(targets) > 1:
        left = tuple(i for i in others if i not in targets)
        return Roles("wide", time, targets, (), (), (), left, numbers)
    if not ids:
        ids = _ids(cells, time, targets[0], numbers, asked)
    future = tuple(cells.number(name) for name in asked.future)
    past = tuple(cells.number(name) for name in asked.past)
    rest = [i for i in numbers if i not in (*ids, *targets, *future, *past, *static)]
    ahead = _rows_ahead(time.stamps.seconds, numbers[targets[0]].values)
    known = [i for i in rest if np.isfinite(numbers[i].values[ahead]).any()]
    future = (*future, *known)
    past = (*past, *(i for i in rest if i not in known and not _is_a_counter(cells, numbers[i], i)))
    left = tuple(i for i in others if i not in (*ids, *targets, *future, *past, *static))
    return Roles("long", time, targets, ids, past, future, left, numbers, static)


def _check_asked(cells: Cells, asked: Asked) -> None:
    """Raises: DataError for a column that was named as two things."""
    targets = (asked.target,) if isinstance(asked.target, str) else asked.target or ()
    names = {"time": (asked.time,) if asked.time else (), "target": targets, "id": asked.ids}
    names |= {"past": asked.past, "future": asked.future, "static": asked.static}
    as_what: dict[int, str] = {}
    for option, columns in names.items():
        for column in map(cells.number, columns):
            if (before := as_what.setdefault(column, option)) != option:
                raise DataError(
                    f"column {cells.names[column]!r} is named as --{before} and as --{option}", "name it once"
                )


def _stem(name: str) -> str:
    """The first word of a name, or its last where the first says nothing: ``load_mw``, ``spare_parts_sold``."""
    words = plain(name).split("_")
    return next((word for word in words if _TARGET.fullmatch(word)), words[0])


def _ids(cells: Cells, time: Time, target: int, numbers: dict[int, Numbers], asked: Asked) -> tuple[int, ...]:
    """The columns that name a series: those called so, else as few as make each date stand once in each series."""
    taken = {target, *time.columns, *(cells.number(name) for name in (*asked.past, *asked.future, *asked.static))}
    texts = [
        i for i in range(len(cells.names)) if i not in taken and i not in numbers and len(set(cells.columns[i])) > 0
    ]
    texts = [i for i in texts if not _is_a_clock(cells, i)]
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


def _is_a_clock(cells: Cells, column: int) -> bool:
    """Whether a column of words holds moments, such as the same time in UTC: these name no series."""
    stamps = read_stamps(cells.columns[column][:SAMPLE])
    return stamps is not None and moves(stamps.seconds)


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


def _across(cells: Cells, asked: Asked) -> Roles | None:
    """The roles of a table whose columns are dates and whose rows are series; None for any other."""
    if asked.time is not None or not cells.header or len(cells.names) < 4:
        return None
    for first in range(min(6, len(cells.names) - 2)):
        names = cells.names[first:]
        if not all(any(letter.isdigit() for letter in name) for name in names):
            continue
        stamps = read_stamps(names, dayfirst=asked.dayfirst)
        if stamps is None or stamps.wrong or not moves(stamps.seconds):
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
