"""A table that was read: regular series, the calendar that they share, and what was taken for granted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import DataError
from profond.data.timetable.calendar import Calendar
from profond.data.timetable.cells import Cells
from profond.data.timetable.roles import Roles
from profond.data.timetable.said import Said, Step
from profond.data.timetable.stamp_form import YEAR_10000, Seconds
from profond.data.timetable.summer_time import from_utc


@dataclass(frozen=True)
class Series:
    """One regular series.

    Args:
        ids: what its columns of names hold; the column's own name in a wide table.
        start: the first value's number in the calendar.
        values: float64 (t,), NaN where a value is missing; the last one is there.
        past: (t, k) what is known up to now, NaN where missing.
        future: (t + h, k) what is known in advance, as far as the table goes.
        static: what never changes: numbers as they are, words as 0 or 1 for each word that the table has.
    """

    ids: tuple[str, ...]
    start: int
    values: NDArray[np.float64]
    past: NDArray[np.float64]
    future: NDArray[np.float64]
    static: tuple[float, ...] = ()

    @property
    def end(self) -> int:
        """The number of the first stamp after the last value."""
        return self.start + len(self.values)

    @property
    def name(self) -> str:
        return " / ".join(self.ids) if self.ids else "the series"


@dataclass(frozen=True)
class TimeTable:
    """A table that was read.

    Args:
        cells: as texts.
        roles: which column is what.
        calendar: of all series.
        zone: of the clock, where its changes are in the table; the calendar then counts UTC.
        series: in the order in which they first appear.
        assumed: one line for each thing that was taken for granted, with the option that says otherwise.
        notes: what was mended: sorted, doubled rows dropped, missing ones counted.
    """

    cells: Cells
    roles: Roles
    calendar: Calendar
    zone: str | None
    series: tuple[Series, ...]
    assumed: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def past_names(self) -> tuple[str, ...]:
        return tuple(self.cells.names[i] for i in self.roles.past)

    @property
    def future_names(self) -> tuple[str, ...]:
        return tuple(self.cells.names[i] for i in self.roles.future)

    @property
    def step(self) -> Said:
        """The time between two values, for people."""
        return Said("step_of", step=Step(self.calendar.every))

    def wall_clock(self, places: Seconds) -> Seconds:
        """Stamps of the calendar as the table's own clock shows them."""
        seconds = self.calendar.at(places)
        return seconds if self.zone is None else from_utc(seconds, self.zone)

    def check_ahead(self, horizon: int) -> None:
        """Raises: DataError where so many steps after the last value there are no dates any more."""
        last = int(self.calendar.at(np.array([max(one.end for one in self.series) + horizon - 1]))[0])
        if last >= YEAR_10000:
            raise DataError(
                f"{horizon:,} steps after the last value of {self.cells.path.name} the year 9999 is over",
                "ask for a shorter horizon, or correct the dates",
            )

    def stamp(self, place: int) -> str:
        """One stamp of the calendar as the table writes it."""
        return " ".join(self.written(np.array([place]))[0])

    def written(self, places: Seconds) -> list[list[str]]:
        """Stamps of the calendar as the table writes them, one text for each of its columns of time."""
        wall, write = self.wall_clock(places), self.roles.time.write
        if self.zone is None:
            return [write(int(one)) for one in wall]
        return [write(*map(int, both)) for both in zip(wall, wall - self.calendar.at(places), strict=True)]
