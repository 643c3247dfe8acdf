"""A column of numbers as people write them: decimal and thousands marks, units; decided once, and written back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profond.data.timetable.cells import EMPTY
from profond.data.timetable.column import Column
from profond.data.timetable.said import Said

LARGEST = 1e100
"""Beyond, sums of squares would be infinite."""
_LOOKED_AT = 20_000
"""Cells from which it is seen how many decimals a plain column has."""
_SPACES = "\u00a0\u202f\u2009 "
NUMBER = re.compile(rf"[-+]?[.,]?\d(?:[\d.,'{_SPACES}]*\d)?(?:[eE][-+]?\d+)?")
_SIGN_FIRST = re.compile(r"([-+])\s*([^-+\d.,]+)(?=[.,]?\d)")
_BRACKETS = re.compile(r"\([^()]*\d[^()]*\)")
_NOTHING = {way: "nan" for word in EMPTY for way in (word, word.upper(), word.title())} | {"NaN": "nan"}
_MINUS, _APOSTROPHE = "\u2212", "\u2019"
_TYPED = str.maketrans({_MINUS: "-", _APOSTROPHE: "'"})


@dataclass(frozen=True)
class NumberForm:
    """How a column writes its numbers.

    Args:
        decimal: ``"."`` or ``","``.
        thousands: what stands between groups of three digits; empty for nothing.
        before, after: what stands around each number, such as ``"€ "`` or ``" %"``.
        digits: decimals that the column writes at most.
        brackets: numbers below zero stand in brackets, as accountants write them.
        minus: the sign before numbers below zero.
        sign_first: it stands before the unit too: ``-$5``.
    """

    decimal: str = "."
    thousands: str = ""
    before: str = ""
    after: str = ""
    digits: int = 0
    brackets: bool = False
    minus: str = "-"
    sign_first: bool = False

    def write(self, value: float, extra: int = 0) -> str:
        """A number as the column would have it; nothing for one that is missing.

        Args:
            extra: decimals more than the column has, for what is finer than it.
        """
        if not np.isfinite(value):
            return ""
        text = f"{value:,.{self.digits + extra}f}"
        if float(text.replace(",", "")) == 0:
            text = text.lstrip("-")
        whole, _, part = text.partition(".")
        whole = whole.replace(",", self.thousands).replace("-", self.minus)
        if self.brackets and whole.startswith(self.minus):
            return f"({self.before}{whole[1:]}{self.decimal + part if part else ''}{self.after})"
        if self.sign_first and whole.startswith(self.minus):
            return self.minus + self.before + whole[1:] + (self.decimal + part if part else "") + self.after
        return self.before + whole + (self.decimal + part if part else "") + self.after

    def words(self) -> tuple[Said, ...]:
        """What was assumed, for people; nothing where numbers are written plainly."""
        said = []
        if self.decimal == ",":
            said.append(Said("decimal.comma"))
        if self.thousands:
            marks = {".": "points", ",": "commas", "'": "apostrophes", _APOSTROPHE: "apostrophes"}
            said.append(Said(f"thousands.{marks.get(self.thousands, 'spaces')}"))
        if self.before.strip() or self.after.strip():
            said.append(Said("unit", unit=(self.before + self.after).strip()))
        return tuple(said)


@dataclass(frozen=True)
class Numbers:
    """A column that was read.

    Args:
        values: float64, NaN where nothing stands.
        form: how they are written.
        wrong: positions of cells that hold something else, an infinity, or a number beyond `LARGEST`; NaN in
            ``values``.
    """

    values: NDArray[np.float64]
    form: NumberForm
    wrong: tuple[int, ...] = ()


def read_numbers(cells: Sequence[str], decimal: str | None = None, *, comma_likely: bool = False) -> Numbers | None:
    """A column as numbers, or None where less than half of what stands in it is a number.

    Args:
        decimal: the decimal mark, where it is known.
        comma_likely: whether a comma that could be either is a decimal mark, as in files parted by semicolons.
    """
    plain = _plainly(cells, decimal)
    if plain is not None:
        return plain
    distinct = list(dict.fromkeys(cells))
    texts = {cell: cell.translate(_TYPED) for cell in distinct}
    brackets = {cell: f"-{text[1:-1].strip()}" for cell, text in texts.items() if _BRACKETS.fullmatch(text)}
    brackets = {cell: text for cell, text in brackets.items() if _alone(text) is not None}
    if 10 * len(brackets) < 9 * len(distinct):  # a column that has all its numbers in brackets means no minus by them
        texts |= brackets
    moved = {cell: _SIGN_FIRST.sub(r"\2\1", text, count=1) for cell, text in texts.items() if _SIGN_FIRST.match(text)}
    texts |= moved
    filled = [cell for cell in distinct if cell.lower() not in EMPTY]
    found = {cell: match for cell in filled if (match := _alone(texts[cell])) is not None}
    if not found or 2 * len(found) < len(filled):
        return None
    around = Counter((text[: m.start()], text[m.end() :]) for cell, m in found.items() for text in [texts[cell]])
    (before, after), _ = around.most_common(1)[0]
    cores = {cell: match.group() for cell, match in found.items() if _same_unit(texts[cell], match, before, after)}
    mark, thousands = _marks(list(cores.values()), decimal, comma_likely)
    values: dict[str, float] = dict.fromkeys((cell for cell in distinct if cell.lower() in EMPTY), np.nan)
    digits = 0
    for cell, core in cores.items():
        number, written = _value(core, mark, thousands)
        if number is not None and abs(number) <= LARGEST:
            values[cell] = number
            digits = max(digits, written)
    wrong = tuple(i for i, cell in enumerate(cells) if cell not in values)
    signs = any(cell in brackets and texts[cell] == moved.get(cell, brackets[cell]) for cell in texts)
    array = np.array([values.get(cell, np.nan) for cell in cells])
    if thousands == "'" and any(_APOSTROPHE in cell for cell in cores):
        thousands = _APOSTROPHE
    minus = _MINUS if any(_MINUS in cell for cell in cores) else "-"
    return Numbers(array, NumberForm(mark, thousands, before, after, digits, signs, minus, bool(moved)), wrong)


def _plainly(cells: Sequence[str], decimal: str | None) -> Numbers | None:
    """The usual case, fast: points or nothing as decimal mark, and nothing else but empty cells."""
    if decimal not in (None, "."):
        return None
    # NOTE without a line of Python for each cell: as fast as Python reads numbers, and texts become no array first.
    try:
        if isinstance(cells, Column):
            values = cells.numbers(_NOTHING)
        else:
            values = np.fromiter(map(float, map(_NOTHING.get, cells, cells)), dtype=np.float64, count=len(cells))
    except ValueError:
        return None
    if (np.abs(values) > LARGEST).any() or not np.isfinite(values).any():
        return None
    some = cells[:: max(1, len(cells) // _LOOKED_AT)]
    if any("e" in cell or "E" in cell for cell in some):  # 1.5e-07 shows no decimals: four digits of the largest
        largest = float(np.nanmax(np.abs(values)))
        return Numbers(values, NumberForm(digits=int(np.clip(4 - np.log10(largest or 1.0), 0, 12))))
    digits = max((len(cell.partition(".")[2]) for cell in some), default=0)
    return Numbers(values, NumberForm(digits=min(digits, 12)))


def _alone(text: str) -> re.Match[str] | None:
    """The number in a cell, where it has just one, with a unit before or after it and no other digit."""
    match = NUMBER.search(text)
    if match is None or any(letter.isdigit() for letter in text[: match.start()] + text[match.end() :]):
        return None
    if text[: match.start()][-1:].isalpha():
        return None  # S00 is a name
    rest = (text[: match.start()] + text[match.end() :]).strip()
    return match if len(rest) <= 12 else None


def _same_unit(text: str, match: re.Match[str], before: str, after: str) -> bool:
    rest = text[: match.start()].strip(_SPACES), text[match.end() :].strip(_SPACES)
    return rest in ((before.strip(_SPACES), after.strip(_SPACES)), ("", ""))


def _marks(cores: Sequence[str], decimal: str | None, comma_likely: bool) -> tuple[str, str]:
    """Decimal mark and thousands mark that all, or most, of the numbers agree with."""
    possible = []
    for mark, thousands in (
        (".", ""),
        (",", ""),
        (".", ","),
        (",", "."),
        *((one, space) for one in ".," for space in _SPACES),
        (".", "'"),
        (",", "'"),
    ):
        if decimal not in (None, mark):
            continue
        fits = sum(_value(core, mark, thousands)[0] is not None for core in cores)
        possible.append((fits, mark, thousands))
    best = max(fits for fits, _, _ in possible)
    good = [(mark, thousands) for fits, mark, thousands in possible if fits == best]
    # What fits both ways is 1,234: with semicolons between cells, or where no number below 1,000 has it, see above.
    if (",", "") in good and (".", ",") in good and not comma_likely and decimal is None:
        good.remove((",", ""))
    if (".", "") in good and (",", ".") in good and comma_likely:
        good.remove((".", ""))
    return good[0]


def _value(core: str, mark: str, thousands: str) -> tuple[float | None, int]:
    """The number, and how many decimals it is written with; None where it is not written so."""
    mantissa, _, exponent = core.replace("E", "e").partition("e")
    whole, _, part = mantissa.partition(mark)
    sign = whole[:1] if whole[:1] in "+-" else ""
    groups = whole[len(sign) :].strip().split(thousands) if thousands else [whole[len(sign) :].strip()]
    if len(groups) > 1 and not (1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])):
        return None, 0
    digits = "".join(groups)
    if not ((digits + part).isdigit() and (part.isdigit() or not part)):
        return None, 0
    number = float(f"{sign}{digits or '0'}.{part or '0'}" + (f"e{exponent}" if exponent else ""))
    return number, len(part)
