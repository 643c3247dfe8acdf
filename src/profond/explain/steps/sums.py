"""Numbers that are written so that what is shown adds up: a reader who checks a sum with a pencil finds it right."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from profond.explain.draw.numbers import Array, read_number, write_number

_MORE = 3  # numbers of decimals that are tried before a term is rounded the other way
_MOST = 15  # digits that a double holds
_NOISE = 1e-12  # of the largest term: what floating-point addition leaves of a zero


@dataclass(frozen=True)
class Written:
    """A sum as it is written.

    Args:
        terms: which, added as they are written, give ``total`` exactly.
        total: the whole.
        unit: one in the last decimal; a term's zeros at the end are left away where it is exact without them.
    """

    terms: tuple[str, ...]
    total: str
    unit: Decimal

    def part(self, start: int, stop: int) -> str:
        """Some of the terms added."""
        exact = sum((read_number(term) for term in self.terms[start:stop]), Decimal(0))
        return _plain(exact, self.unit, keep_zeros=False)


def added(
    terms: Iterable[float], total: float, least: int = 4, *, part: int = 0, unit: Decimal | None = None
) -> Written:
    """Write terms and their sum with as many decimals, so that the terms add up to the sum as they stand there.

    Where every number is exact with few decimals, these are taken. Otherwise the sum has at least ``least`` digits, and
    up to two decimals more are tried until all numbers may be rounded as usual; at last, those terms whose remainders
    are largest are rounded up (the method of largest remainders), so that none is off by more than one in its last
    digit.

    Args:
        terms: at least one; their true sum is ``total`` but for the rounding of floats.
        least: digits of the sum, which cancellation may have made much smaller than its terms.
        part: the sum of the first so many terms is shown too (`Written.part`) and is rounded as usual if possible.
        unit: one in the last decimal, where it is given by another sum on the page.
    """
    values = [float(term) for term in terms]
    whole = float(total)
    scale = max([abs(value) for value in values] + [abs(whole)])
    values = [0.0 if abs(value) < _NOISE * scale else value for value in values]
    whole = 0.0 if abs(whole) < _NOISE * scale else whole
    if scale == 0:
        return Written(("0",) * len(values), "0", Decimal(1))
    if unit is not None:
        return _forced(values, whole, -int(unit.as_tuple().exponent), scale)
    top = math.floor(math.log10(scale))
    bottom = math.floor(math.log10(abs(whole))) if whole else top
    first = min(max(least - 1 - bottom, 1, least - 1 - top), _MOST - 3 - top)
    for decimals in range(min(0, first), first + 1):
        if all(_is_exact(value, decimals, scale) for value in (*values, whole)):
            return _rounded(values, whole, decimals, scale)
    partial = sum(values[:part])
    for decimals in range(first, first + _MORE):
        units = [_units(value, decimals) for value in values]
        right = sum(units) == _units(whole, decimals)
        if right and (not part or sum(units[:part]) == _units(partial, decimals)):
            return _rounded(values, whole, decimals, scale)
    return _forced(values, whole, first + 1, scale)


def digits_for(check: Callable[[int, Decimal], bool], least: int = 4) -> int:
    """As few significant digits as make a calculation come out as it is shown.

    Args:
        check: given digits and a tolerance in the last place of the result, whether it does. Half a unit is what
            rounding explains; where a term was rounded the other way for the sum's sake, a whole one.
    """
    for tolerance in (Decimal("0.5"), Decimal(1)):
        for digits in range(least, _MOST + 1):
            if check(digits, tolerance):
                return digits
    return _MOST


def factors(
    left: Sequence[Array] | Array, right: Sequence[Array] | Array, results: Sequence[str], unit: Decimal
) -> int:
    """Digits with which the numbers multiplied must be written so that each line of products gives its result.

    Args:
        left, right: for each result the numbers that are multiplied in pairs and added.
        results: as they are written.
        unit: one in their last decimal.
    """

    def check(digits: int, tolerance: Decimal) -> bool:
        return all(
            abs(
                sum(
                    read_number(write_number(a, digits)) * read_number(write_number(b, digits))
                    for a, b in zip(np.ravel(one), np.ravel(other), strict=True)
                )
                - read_number(result)
            )
            <= tolerance * unit
            for one, other, result in zip(left, right, results, strict=True)
        )

    return digits_for(check)


def signed(text: str) -> str:
    """In brackets where it begins with a minus, to stand behind a plus."""
    return f"({text})" if text.startswith("−") else text


def _units(value: float, decimals: int) -> int:
    return int(Decimal(value).scaleb(decimals).to_integral_value())


def _is_exact(value: float, decimals: int, scale: float) -> bool:
    return abs(float(Decimal(_units(value, decimals)).scaleb(-decimals)) - value) <= _NOISE * scale


def _rounded(values: Sequence[float], whole: float, decimals: int, scale: float) -> Written:
    return _write(
        [_units(value, decimals) for value in values], _units(whole, decimals), values, whole, decimals, scale
    )


def _forced(values: Sequence[float], whole: float, decimals: int, scale: float) -> Written:
    """The method of largest remainders; numbers that are exact keep their value."""
    total = _units(whole, decimals)
    near = [_units(value, decimals) for value in values]
    exact = [_is_exact(value, decimals, scale) for value in values]
    floors = [
        one if same else math.floor(Decimal(value).scaleb(decimals))
        for value, one, same in zip(values, near, exact, strict=True)
    ]
    remainders = [
        -1.0 if same else float(Decimal(value).scaleb(decimals) - floor)
        for value, floor, same in zip(values, floors, exact, strict=True)
    ]
    missing = total - sum(floors)
    for index in sorted(range(len(values)), key=lambda i: -remainders[i])[: max(0, missing)]:
        floors[index] += 1
    return _write(floors, total, values, whole, decimals, scale)


def _write(
    units: Sequence[int], total: int, values: Sequence[float], whole: float, decimals: int, scale: float
) -> Written:
    unit = Decimal(1).scaleb(-decimals)
    terms = tuple(
        _plain(one * unit, unit, keep_zeros=not _is_exact(value, decimals, scale))
        for one, value in zip(units, values, strict=True)
    )
    return Written(terms, _plain(total * unit, unit, keep_zeros=not _is_exact(whole, decimals, scale)), unit)


def _plain(value: Decimal, unit: Decimal, *, keep_zeros: bool) -> str:
    """With all decimals of the unit, or without zeros at the end; a power of ten where it would be long."""
    written = value if keep_zeros else value.normalize()
    written = abs(written) if written == 0 else written
    if written != 0 and not -7 <= written.adjusted() < 12:
        return f"{written:E}".replace("E+", "e+").replace("E-", "e−").replace("-", "−")
    return f"{written:f}".replace("-", "−")
