"""Numbers to be estimated: which columns hold them, how their cells are read, and what is odd about them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import DataError, nearest
from profond.core.spec import Quantity, numbers_text
from profond.data.issue import Issue, Severity

TARGET = "target"
"""A column of this name holds values where its cells have decimals; whole numbers could be classes."""
MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "?", "-"})
"""What an empty cell looks like, in small letters."""
NAMING = "call a number's column value, with its unit in brackets: value (kg); or say --set data.target=COLUMN"

_CALLED = re.compile(r"(values?|valeurs?)([\s_:.-]+(?P<name>.+))?", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?", re.IGNORECASE)
_INFINITE = re.compile(r"[+-]?(inf|infinity|∞)", re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
_GROUPS = re.compile(r"(?<=\d)[ \u00a0\u202f](?=\d{3}(\D|$))")
_SHOWN = 3
FAR = 8.0
"""How many times the middle half's width a number may lie beyond it before it is told as an outlier."""
ALIKE = 0.5
"""Share of equal numbers from which they are told."""


@dataclass(frozen=True)
class Column:
    """A column of numbers as it is written.

    Args:
        name: as it stands in the header.
        cells: a text for each sample.
    """

    name: str
    cells: Sequence[str]


def quantity_of(column: str) -> Quantity | None:
    """What a column of this name holds, where the name says that it is a value; else None.

    ``value (kg)`` is a value in kg, ``value weight (kg)`` a weight in kg.
    """
    parsed = Quantity.parse(column)
    called = _CALLED.fullmatch(parsed.name)
    if called is None:
        return None
    return Quantity(called["name"] or parsed.name, parsed.unit)


def column_of(quantity: Quantity) -> str:
    """A name of a column that is read back as this quantity."""
    plain = str(quantity)
    return plain if quantity_of(plain) == quantity else f"value {plain}"


def asked_columns(path: Path, names: Sequence[str], asked: str) -> list[int]:
    """The places of the columns that were asked for, by name with or without unit; several parted by commas.

    Raises: DataError when there is none of that name.
    """
    plain = {_plain(name): at for at, name in reversed(list(enumerate(names)))}
    short = {_plain(Quantity.parse(name).name): at for at, name in reversed(list(enumerate(names)))}
    parts = [asked] if _plain(asked) in {**short, **plain} else asked.split(",")
    found = []
    for part in parts:
        at = plain.get(_plain(part), short.get(_plain(part)))
        if at is None:
            known = ", ".join(name for name in names[:12] if name) or "no names"
            raise DataError(
                f"{path} has no column {part.strip()!r} to estimate; it has {known}",
                nearest(_plain(part), short) or "target= takes a column's name, or several with commas between them",
            )
        found.append(at)
    return found


def quantities_of(path: Path, columns: Sequence[str]) -> tuple[Quantity, ...]:
    """What columns that were chosen are about. Raises: DataError when two have one name."""
    found = tuple(quantity_of(name) or Quantity.parse(name) for name in columns)
    if twice := [one.name for one, count in Counter(found).items() if count > 1]:
        raise DataError(f"{path} has the value {twice[0]!r} twice", "rename or delete one of the two")
    return found


def read_values(
    path: Path, columns: Sequence[Column], lines: Sequence[int], decimal_comma: bool
) -> list[tuple[float, ...]]:
    """The numbers of each sample, one for each column.

    Args:
        path: for messages.
        lines: of each sample in the file.
        decimal_comma: a comma can only be a decimal comma, for cells are parted by something else.

    Raises: DataError with the line of a cell that is empty, infinite, no number, or can be read in two ways; and where
        float32 cannot tell the numbers apart.
    """
    parsed = []
    for column in columns:
        cells = [_GROUPS.sub("", cell.strip()) for cell in column.cells]
        _refuse(path, column.name, cells, lines)
        _refuse_two_ways(path, column.name, cells, lines, decimal_comma)
        numbers = np.array([float(cell.replace(",", ".")) for cell in cells])
        with np.errstate(over="ignore"):
            kept = numbers.astype(np.float32)
        if not np.isfinite(kept).all():
            at = int(np.flatnonzero(~np.isfinite(kept))[0])
            raise DataError(
                f"{path}, line {lines[at]}: {column.name} is {cells[at][:40]}, which is too large",
                "write it in a larger unit",
            )
        lost, spread = np.abs(numbers - kept).max(), numbers.std()
        if lost > 1e-3 * spread > 0:
            raise DataError(
                f"{path}: the numbers of {column.name} are too close to each other for their size: from"
                f" {numbers.min():.10g} to {numbers.max():.10g}, and seven digits are kept",
                f"subtract {numbers.min():.10g} from all of them",
            )
        parsed.append(kept.astype(np.float64).tolist())
    return list(zip(*parsed, strict=True))


def _refuse(path: Path, name: str, cells: Sequence[str], lines: Sequence[int]) -> None:
    """Raises: DataError naming the first cell that holds no number, and how many there are."""
    wrong = [at for at, cell in enumerate(cells) if not _NUMBER.fullmatch(cell)]
    if not wrong:
        return
    cell = cells[wrong[0]]
    what = "empty" if cell.lower() in MISSING else "infinite" if _INFINITE.fullmatch(cell) else ""
    rest = f"; {len(wrong)} of {len(cells)} rows have no number there" if len(wrong) > 1 else ""
    if what:
        raise DataError(
            f"{path}, line {lines[wrong[0]]}: {name} is {what}{rest}",
            "a sample without its number cannot be learned from: fill it in, or delete the line",
        )
    raise DataError(
        f"{path}, line {lines[wrong[0]]}: {name} is {cell[:40]!r}, which is not a number{rest}",
        "write the number alone, its unit in the header: value (kg); for classes call the column label",
    )


def _refuse_two_ways(path: Path, name: str, cells: Sequence[str], lines: Sequence[int], decimal_comma: bool) -> None:
    """Raises: DataError for 1,234, which may be a thousand or one and a bit, and for commas beside points."""
    with_comma = [at for at, cell in enumerate(cells) if "," in cell]
    if not with_comma:
        return
    points = [at for at, cell in enumerate(cells) if "." in cell]
    if points:
        raise DataError(
            f"{path}: {name} has decimal commas and points: {cells[with_comma[0]]} in line {lines[with_comma[0]]},"
            f" {cells[points[0]]} in line {lines[points[0]]}",
            "write one of the two everywhere",
        )
    if not decimal_comma and all(_THOUSANDS.fullmatch(cells[at]) for at in with_comma):
        at = with_comma[0]
        raise DataError(
            f"{path}, line {lines[at]}: {name} is {cells[at]}, which can be read in two ways",
            f"write {cells[at].replace(',', '')} or {cells[at].replace(',', '.', 1)}",
        )


def could_be_classes(cells: Sequence[str]) -> bool:
    """Whether cells are words, or whole numbers alone."""
    return not all(_NUMBER.fullmatch(cell.strip()) for cell in cells) or not any(
        re.search(r"[.,]\d*[1-9]", cell) for cell in cells
    )


def remarks(quantities: Sequence[Quantity], values: Mapping[str, Sequence[Sequence[float]]], noun: str) -> list[Issue]:
    """What is worth knowing about the numbers of each split.

    Args:
        values: split (or ``""``) to the numbers of each of its samples.
        noun: of several samples.
    """
    found: list[Issue] = []
    for number, quantity in enumerate(quantities):
        of_split = {split: np.array([row[number] for row in rows]) for split, rows in values.items() if len(rows)}
        everything = np.concatenate(list(of_split.values()))
        unit = f" {quantity.unit}" if quantity.unit else ""
        low, high, middle = (
            numbers_text([float(one)]) for one in (everything.min(), everything.max(), np.median(everything))
        )
        text = f"{quantity.name}: {low} to {high}{unit}, median {middle}{unit}"
        found.append(Issue("range", "note", f"{text}, {len(np.unique(everything)):,} different numbers"))
        learned = of_split.get("train", of_split.get(""))
        if learned is None:
            continue
        if len(np.unique(learned)) == 1:
            text = f"{quantity.name} is {numbers_text([float(learned[0])])} for all {len(learned)} {noun} to learn from"
            found.append(Issue("constant_value", "error", f"{text}: there is nothing to estimate"))
            continue
        most, count = Counter(everything.tolist()).most_common(1)[0]
        if count > ALIKE * len(everything):
            text = f"{quantity.name} is {numbers_text([most])} for {count} of {len(everything)} {noun}"
            found.append(Issue("equal_values", "warning", f"{text}: does this number stand for something missing?"))
        found += [Issue("outliers", "warning", text) for text in _outliers(quantity, everything, noun)]
        for split, numbers in of_split.items():
            outside = (numbers < learned.min()) | (numbers > learned.max())
            if split in ("valid", "test") and outside.any():
                span = f"{numbers_text([learned.min()])} to {numbers_text([learned.max()])}"
                severity: Severity = "warning" if outside.mean() > 0.05 else "note"
                text = f"{int(outside.sum())} of {len(numbers)} {noun} in {split} have a {quantity.name} beyond those"
                found.append(Issue("beyond_train", severity, f"{text} of train ({span}{unit}), which was never seen"))
    return found


def _outliers(quantity: Quantity, numbers: NDArray[Any], noun: str) -> list[str]:
    low, high = np.quantile(numbers, (0.25, 0.75))
    far = (numbers < low - FAR * (high - low)) | (numbers > high + FAR * (high - low))
    if high == low or not far.any():
        return []
    different = sorted(set(numbers[far].tolist()))
    shown = ", ".join(numbers_text([number]) for number in different[:_SHOWN])
    return [
        f"{quantity.name} lies far from the others for {int(far.sum())} of {len(numbers)} {noun}: {shown}"
        f"{' …' if len(different) > _SHOWN else ''}; half of them lie between {numbers_text([low])} and"
        f" {numbers_text([high])}"
    ]


def _plain(name: str) -> str:
    return re.sub(r"\s+", " ", name.strip().casefold())
