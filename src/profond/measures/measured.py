"""A number that was measured: its interval, its unit, and which way is better, all said where it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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

    def beats(self, other: float) -> bool:
        """Whether this value is better than another of the same metric; never where no way is better."""
        if self.better is None:
            return False
        return self.value > other if self.better == "higher" else self.value < other

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
