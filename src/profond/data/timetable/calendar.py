"""The regular calendar that stamps make: from seconds to years, month ends, weekdays; where each stamp stands in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from profond.data.timetable.stamp_form import DAY, Seconds

WEEK = 7 * DAY
_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONDAY = 4 * DAY  # 1970-01-05
ENOUGH = 0.8
"""The share of steps that must be the calendar's own; the others may be longer, where rows are missing."""


class Calendar(Protocol):
    """Stamps without gaps, numbered."""

    @property
    def every(self) -> str:
        """One step in words: ``"hour"``, ``"month end"``, ``"weekday"``."""
        ...

    @property
    def season(self) -> tuple[int, ...]:
        """Steps after which such series usually repeat, shortest first: 24 and 168 for hours."""
        ...

    def places(self, seconds: Seconds) -> Seconds:
        """The number of each stamp; -1 below the least int where one is not in the calendar."""
        ...

    def at(self, places: Seconds) -> Seconds:
        """The stamps of these numbers."""
        ...


@dataclass(frozen=True)
class Every:
    """Always so many seconds.

    Args:
        step: seconds.
        start: any stamp of it.
    """

    step: int
    start: int

    @property
    def every(self) -> str:
        for size, name in ((WEEK, "week"), (DAY, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
            if self.step % size == 0:
                return name if self.step == size else f"{self.step // size} {name}s"
        raise AssertionError(self.step)

    @property
    def season(self) -> tuple[int, ...]:
        if self.step == DAY:
            return 7, 365
        if self.step == WEEK:
            return (52,)
        if self.step > DAY or DAY % self.step:
            return ()
        a_day = DAY // self.step
        hourly = (3600 // self.step,) if self.step <= 300 and 3600 % self.step == 0 else ()
        return (*hourly, a_day, 7 * a_day)

    def places(self, seconds: Seconds) -> Seconds:
        places, rest = np.divmod(seconds - self.start, self.step)
        return np.where(rest == 0, places, NOWHERE)

    def at(self, places: Seconds) -> Seconds:
        return self.start + np.asarray(places, dtype=np.int64) * self.step


@dataclass(frozen=True)
class Months:
    """Once every so many months, on one day of the month or on its last.

    Args:
        step: months: 3 are a quarter, 12 a year.
        start: any month of it, counted from January 1970.
        day: of the month, from 1; 31 is the last one, whatever the month.
        clock: seconds of the day.
    """

    step: int
    start: int
    day: int = 1
    clock: int = 0

    @property
    def every(self) -> str:
        name = {1: "month", 3: "quarter", 12: "year"}.get(self.step, f"{self.step} months")
        return f"{name} end" if self.day == 31 else name

    @property
    def season(self) -> tuple[int, ...]:
        return (12 // self.step,) if self.step < 12 and 12 % self.step == 0 else ()

    def places(self, seconds: Seconds) -> Seconds:
        months = seconds.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
        places, rest = np.divmod(months - self.start, self.step)
        return np.where((rest == 0) & (self.at(places) == seconds), places, NOWHERE)

    def at(self, places: Seconds) -> Seconds:
        months = (self.start + np.asarray(places, dtype=np.int64) * self.step).astype("datetime64[M]")
        first, following = (m.astype("datetime64[D]").astype(np.int64) for m in (months, months + 1))
        return (np.minimum(first + self.day - 1, following - 1)) * DAY + self.clock


@dataclass(frozen=True)
class DaysOfTheWeek:
    """Some days of each week, the others never.

    Args:
        days: which, 0 for Monday.
        clock: seconds of the day.
    """

    days: tuple[int, ...]
    clock: int = 0

    @property
    def every(self) -> str:
        if self.days == (0, 1, 2, 3, 4):
            return "weekday"
        off = [_DAY_NAMES[day] for day in range(7) if day not in self.days]
        return (
            f"day but {' and '.join(off)}" if len(off) <= 2 else "week's " + ", ".join(_DAY_NAMES[d] for d in self.days)
        )

    @property
    def season(self) -> tuple[int, ...]:
        return (len(self.days),)

    def places(self, seconds: Seconds) -> Seconds:
        days, clock = np.divmod(seconds - _MONDAY, DAY)
        week, day = np.divmod(days, 7)
        order = np.full(7, -1)
        order[list(self.days)] = np.arange(len(self.days))
        within = order[day]
        return np.where((within >= 0) & (clock == self.clock), week * len(self.days) + within, NOWHERE)

    def at(self, places: Seconds) -> Seconds:
        week, within = np.divmod(np.asarray(places, dtype=np.int64), len(self.days))
        return _MONDAY + week * WEEK + np.asarray(self.days, dtype=np.int64)[within] * DAY + self.clock


NOWHERE = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Break:
    """Where one calendar ends and another begins.

    Args:
        at: the first stamp of the second.
        before, after: the two calendars.
    """

    at: int
    before: Calendar
    after: Calendar


def find_calendar(seconds: Seconds) -> Calendar | None:
    """The calendar of sorted, different stamps, of one series or of several together; None where there is none.

    Rows may be missing: what counts is that most steps are the calendar's own and all stamps stand in it.
    """
    if len(seconds) < 3:
        return None
    steps = np.diff(seconds)
    for candidate in _candidates(seconds, steps):
        places = candidate.places(seconds)
        if (places != NOWHERE).all() and (np.diff(places) == 1).mean() >= ENOUGH:
            return candidate
    return None


def _candidates(seconds: Seconds, steps: NDArray[np.int64]) -> list[Calendar]:
    found: list[Calendar] = []
    clock = int(seconds[0] % DAY)
    if steps.min() >= 28 * DAY and (seconds % DAY == clock).all():
        months = seconds.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
        values, counts = np.unique(np.diff(months), return_counts=True)
        step = int(values[counts.argmax()])
        days = seconds // DAY - months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + 1
        if step > 0:
            found.append(Months(step, int(months[0]), int(days.max()), clock))
            found.append(Months(step, int(months[0]), 31, clock))
    values, counts = np.unique(steps, return_counts=True)
    usual = int(values[counts.argmax()])
    daily = bool((seconds % DAY == clock).all())
    if daily and usual == DAY:
        days = np.unique((seconds - _MONDAY) // DAY % 7)
        if len(days) < 7 and seconds[-1] - seconds[0] >= 3 * WEEK:
            found.append(DaysOfTheWeek(tuple(int(day) for day in days), clock))
    found.append(Every(usual, int(seconds[0])))
    return found


def find_break(seconds: Seconds) -> Break | None:
    """Where sorted stamps change from one calendar to another for good; None where they do not.

    The change is looked for where the steps change size for a long time, not at a gap, which is one large step.
    """
    sizes = np.log(np.diff(seconds))
    if len(sizes) < 12:
        return None
    stride = max(1, len(sizes) // 400)
    cut = _best_cut(sizes, range(5, len(sizes) - 5, stride))
    cut = _best_cut(sizes, range(max(3, cut - stride), min(len(sizes) - 3, cut + stride) + 1))
    if abs(np.median(sizes[:cut]) - np.median(sizes[cut:])) < np.log(1.5):
        return None
    for first in (cut, cut + 1):  # the step between the two belongs to either
        before, after = find_calendar(seconds[:first]), find_calendar(seconds[first:])
        if before is not None and after is not None and before.every != after.every:
            return Break(int(seconds[first]), before, after)
    return None


def _best_cut(sizes: NDArray[np.float64], cuts: range) -> int:
    """Where two medians describe the steps best."""

    def cost(cut: int) -> float:
        return float(sum(np.abs(part - np.median(part)).sum() for part in (sizes[:cut], sizes[cut:])))

    return min(cuts, key=cost)
