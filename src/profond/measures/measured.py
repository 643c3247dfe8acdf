"""A number that was measured: its interval, its unit, and which way is better, all said where it is made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

Better = Literal["higher", "lower"]

SHARE = "share"
"""The unit of a part of a whole, 0 to 1; people read it in per cent."""


@dataclass(frozen=True)
class Measured:
    """A number, and the 95 % interval around it where one is known.

    Args:
        value: the estimate.
        low: lower end of the interval, or None.
        high: upper end of the interval, or None.
        unit: `SHARE` for a part of a whole, ``"nats"``, a physical unit such as ``"°C"``, or nothing.
        better: which way is better; None where neither is.
        title: how people call it; the metric's name when left out.
    """

    value: float
    low: float | None = None
    high: float | None = None
    unit: str = ""
    better: Better | None = None
    title: str = ""

    def called(self, title: str, *, unit: str = "", better: Better | None = None) -> Measured:
        """The same number with its words."""
        return replace(self, title=title, unit=unit, better=better)

    def beats(self, other: float) -> bool:
        """Whether this value is better than another of the same metric; never where no way is better."""
        if self.better is None:
            return False
        return self.value > other if self.better == "higher" else self.value < other

    @property
    def written(self) -> str:
        """The value as people read it: ``99.31 %``, ``0.0421 nats``, ``12.30 °C``."""
        return self._with_unit(self._number(self.value))

    @property
    def ends(self) -> tuple[str, str] | None:
        """The ends of the interval, without their unit, with as many decimals as the value has."""
        if self.low is None or self.high is None:
            return None
        return self._number(self.low), self._number(self.high)

    @property
    def range(self) -> str:
        """The interval as a table shows it: ``99.13 to 99.45 %``; nothing where there is none."""
        return "" if self.ends is None else self._with_unit(" to ".join(self.ends))

    def __str__(self) -> str:
        return self.written if self.ends is None else f"{self.written}  [{', '.join(self.ends)}]"

    def _number(self, value: float) -> str:
        return f"{100 * value:.2f}" if self.unit == SHARE else f"{value:.{decimals(self.value)}f}"

    def _with_unit(self, text: str) -> str:
        unit = "%" if self.unit == SHARE else self.unit
        return f"{text} {unit}".rstrip()

    def to_json(self) -> dict[str, Any]:
        interval = {} if self.low is None or self.high is None else {"low": self.low, "high": self.high}
        words = {"unit": self.unit, "better": self.better, "title": self.title}
        return {"value": self.value, **interval, **{name: word for name, word in words.items() if word}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | float) -> Measured:
        """What `to_json` wrote, or a bare number."""
        if not isinstance(data, Mapping):
            return cls(float(data))
        return cls(**{name: data[name] for name in cls.__dataclass_fields__ if name in data})


def decimals(value: float) -> int:
    """How many decimals a number of this size is written with: four around 1, four digits in all for others."""
    if value == 0 or not math.isfinite(value):
        return 4
    exponent = math.floor(math.log10(abs(value)))
    return 4 if -3 <= exponent <= 0 else max(0, min(12, 3 - exponent))
