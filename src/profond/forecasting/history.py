"""One regular series as forecasters see it: values, gaps filled from the past, its place in the calendar's cycle."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from profond.data.timetable.calendar import Calendar, DaysOfTheWeek, Every, Months
from profond.data.timetable.stamp_form import DAY
from profond.data.timetable.table import Series, TimeTable

WEEK = 7 * DAY
_MONDAY = 4 * DAY  # 1970-01-05
MOST_PHASES = 168


@dataclass(frozen=True)
class History:
    """A series up to now, and what the calendar says of the time after it.

    Args:
        values: (t,) NaN where missing.
        phases: (t + h,) which slot of its cycle each step is, such as the hour of the week.
        cycle: how many slots there are; 1 where the calendar has no cycle.
        known: (t + h, k) what is known in advance, NaN where it is not.
        seasons: steps after which the series may repeat, shortest first.
        start: the first value's number in the calendar.
        past: (t, k) what is known up to now, NaN where missing.
        static: (k,) what never changes, such as the size of a shop.
        clock: (t + h,) seconds since 1970 on the table's own clock, from which the calendar's features are made.
        name: of the series in its table.
    """

    values: NDArray[np.float64]
    phases: NDArray[np.int64]
    cycle: int
    known: NDArray[np.float64]
    seasons: tuple[int, ...]
    start: int = 0
    past: NDArray[np.float64] = None  # type: ignore[assignment]
    static: NDArray[np.float64] = None  # type: ignore[assignment]
    clock: NDArray[np.int64] = None  # type: ignore[assignment]
    name: str = ""

    def __post_init__(self) -> None:
        count = len(self.values)
        if self.past is None:
            object.__setattr__(self, "past", np.empty((count, 0)))
        if self.static is None:
            object.__setattr__(self, "static", np.empty(0))
        if self.clock is None:
            object.__setattr__(self, "clock", np.arange(len(self.phases)) * 3600)

    @cached_property
    def filled(self) -> NDArray[np.float64]:
        """(t,) a missing value is the last one before it."""
        return filled_forward(self.values)

    @cached_property
    def past_filled(self) -> NDArray[np.float64]:
        """(t, k) as `filled`; 0 in a column that holds nothing."""
        columns = [np.nan_to_num(filled_forward(column)) for column in self.past.T]
        return np.stack(columns, 1) if columns else self.past

    def __len__(self) -> int:
        return len(self.values)


def filled_forward(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Missing values replaced by the last one before them; the first ones by the first that is there."""
    there = np.isfinite(values)
    if there.all() or not there.any():
        return values
    last = np.maximum.accumulate(np.where(there, np.arange(len(values)), -1))
    return values[np.where(last < 0, int(there.argmax()), last)]


def history_of(table: TimeTable, series: Series, horizon: int) -> History:
    """A table's series, with the calendar of its own clock for so many steps after it."""
    length = len(series.values)
    places = series.start + np.arange(length + horizon)
    clock = table.wall_clock(places)
    phases, cycle = _phases(table.calendar, places, clock)
    known = np.full((length + horizon, series.future.shape[1]), np.nan)
    there = min(len(series.future), length + horizon)
    known[:there] = series.future[:there]
    seasons, past, static = table.calendar.season, series.past, np.array(series.static)
    return History(series.values, phases, cycle, known, seasons, series.start, past, static, clock, series.name)


def _phases(calendar: Calendar, places: NDArray[np.int64], clock: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """The hour of the week, the day of the week, the month: whichever the calendar's step makes a cycle of."""
    if isinstance(calendar, Months):
        cycle = 12 // calendar.step if calendar.step < 12 and 12 % calendar.step == 0 else 1
        # NOTE the month of the year, not of the table: what was learned from one table forecasts from another.
        return (calendar.start // calendar.step + places) % cycle, cycle
    if isinstance(calendar, DaysOfTheWeek):
        return places % len(calendar.days), len(calendar.days)
    assert isinstance(calendar, Every), calendar
    if calendar.step >= WEEK or WEEK % calendar.step:
        return np.zeros(len(places), dtype=np.int64), 1
    slot = max(calendar.step, WEEK // MOST_PHASES)
    return (clock - _MONDAY) % WEEK // slot, WEEK // slot
