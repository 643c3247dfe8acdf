"""Windows of many series, gathered for each batch from one flat array; no window is ever stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from profond.core.randomness import generator
from profond.data.timetable.stamp_form import DAY
from profond.forecasting.features import YEAR, calendar_features
from profond.forecasting.history import History

MOST_KEPT = 100_000
"""Rows of which the calendar's features are kept; of more they are made for each batch."""
_AT_ONCE = 1 << 18
"""Rows that are scaled at once."""
_DAY, _WEEK, _YEAR = (0, 1, 2, 3), (4, 5, 8, 9), (6, 7)
"""Columns of the calendar's features."""


@dataclass(frozen=True)
class Scale:
    """What is taken off a series and what it is divided by."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Scale:
        """Of values that are there; one value that never changes is divided by 1."""
        there = np.isfinite(values)
        if not there.any():
            return cls(0.0, 1.0)
        mean, deviation = float(values.mean(where=there)), float(values.std(where=there))
        largest = max(-float(values.min(where=there, initial=0.0)), float(values.max(where=there, initial=0.0)))
        # NOTE the deviation of a constant 0.1 is not 0 but its rounding.
        return cls(mean, deviation if deviation > 1e-9 * largest else 1.0)


@dataclass(frozen=True)
class Shape:
    """Which channels a window has, and how long it is.

    Args:
        look_back: steps of the past.
        horizon: steps of the forecast.
        calendar: columns of the calendar's features.
        known: mean and deviation of each column known in advance.
        past: of each that is known up to now.
        static: of each that never changes.
    """

    look_back: int
    horizon: int
    calendar: tuple[int, ...]
    known: tuple[tuple[float, float], ...] = ()
    past: tuple[tuple[float, float], ...] = ()
    static: tuple[tuple[float, float], ...] = ()

    @property
    def channels(self) -> int:
        return 1 + len(self.calendar) + len(self.known) + len(self.past) + len(self.static)

    @property
    def window(self) -> int:
        return self.look_back + self.horizon


def shape_of(histories: Sequence[History], ends: Sequence[int], look_back: int, horizon: int) -> Shape:
    """What windows of these series hold; scales see the values before each end alone."""
    pairs = list(zip(histories, ends, strict=True))
    return Shape(
        look_back,
        horizon,
        _calendar(histories, ends),
        _scales([one.known[:end] for one, end in pairs]),
        _scales([one.past_filled[:end] for one, end in pairs]),
        _scales([one.static[None] for one in histories]),
    )


def _calendar(histories: Sequence[History], ends: Sequence[int]) -> tuple[int, ...]:
    """Columns that can tell something: of the day where steps are shorter than one, and so on; of the year where there
    is a whole one to learn from.
    """
    steps = [float(np.median(np.diff(one.clock[: min(end, 1000)]))) for one, end in zip(histories, ends, strict=True)]
    step = float(np.median(steps))
    longest = max(float(one.clock[end - 1] - one.clock[0]) for one, end in zip(histories, ends, strict=True))
    found: tuple[int, ...] = ()
    for columns, period in ((_DAY, DAY), (_WEEK, 7 * DAY), (_YEAR, YEAR)):
        if 1.5 * step < period <= longest:
            found += columns
    return found


def _scales(columns: Sequence[NDArray[np.float64]]) -> tuple[tuple[float, float], ...]:
    if not columns or not columns[0].shape[1]:
        return ()
    count = np.sum([np.isfinite(one).sum(0) for one in columns], 0).clip(1)
    mean = np.sum([np.nansum(one, 0) for one in columns], 0) / count
    spread = np.sqrt(np.sum([np.nansum((one - mean) ** 2, 0) for one in columns], 0) / count)
    return tuple(zip(mean.tolist(), np.where(spread > 0, spread, 1.0).tolist(), strict=True))


class Windows:
    """Windows of series that stand one behind the other in flat arrays.

    Args:
        histories: whose rows ``first`` up to ``last`` are taken, one pair a series.
        scales: of each series.
        rows: (first, last) of each; past the end of a series' values only the calendar and what is known is there.
    """

    def __init__(
        self,
        histories: Sequence[History],
        scales: Sequence[Scale],
        shape: Shape,
        rows: Sequence[tuple[int, int]],
    ) -> None:
        self.shape = shape
        lengths = [last - first for first, last in rows]
        total = sum(lengths)
        self.starts = np.concatenate([[0], np.cumsum(lengths)])
        self.values = torch.zeros(total)
        missing = torch.zeros(total, dtype=torch.bool)
        clock = np.empty(total, dtype=np.int64)
        self.others = torch.zeros(total, shape.channels - 1 - len(shape.calendar))
        for place, one, scale, (first, last) in zip(self.starts, histories, scales, rows, strict=False):
            end = min(last, len(one))
            for start in range(first, end, _AT_ONCE):
                part = slice(start, min(start + _AT_ONCE, end))
                to = slice(int(place) + part.start - first, int(place) + part.stop - first)
                scaled = (one.filled[part] - scale.mean) / scale.deviation
                self.values[to] = torch.from_numpy(scaled.astype(np.float32))
                missing[to] = torch.from_numpy(~np.isfinite(one.values[part]))
            clock[place : place + last - first] = one.clock[first:last]
            self.others[place : place + last - first] = _others(one, shape, first, last)
        self.missing = missing if bool(missing.any()) else None
        self.clock = torch.from_numpy(clock) if total > MOST_KEPT and shape.calendar else None
        self.calendar = None if self.clock is not None else self._calendar(clock)

    def _calendar(self, clock: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(calendar_features(clock)[..., list(self.shape.calendar)])

    def inputs(self, origins: Tensor) -> Tensor:
        """(n, c, look-back + horizon) for windows whose forecast begins at these rows of the flat array."""
        shape, past = self.shape, self.shape.look_back
        rows = origins[:, None] + torch.arange(-past, shape.horizon)
        found = torch.full((len(origins), shape.channels, shape.window), torch.nan)
        found[:, 0, :past] = self.values[rows[:, :past]]
        columns = len(shape.calendar)
        if columns:
            calendar = self._calendar(self.clock[rows].numpy()) if self.clock is not None else self.calendar[rows]  # type: ignore[index]
            found[:, 1 : 1 + columns] = calendar.transpose(1, 2)
        if self.others.shape[1]:
            found[:, 1 + columns :] = self.others[rows].transpose(1, 2)
            hidden = 1 + columns + len(shape.known)
            found[:, hidden : hidden + len(shape.past), past:] = torch.nan
        return found

    def targets(self, origins: Tensor) -> Tensor:
        """(n, horizon) what came; NaN where it is missing."""
        rows = origins[:, None] + torch.arange(self.shape.horizon)
        values = self.values[rows]
        return values if self.missing is None else values.masked_fill(self.missing[rows], torch.nan)


def _others(history: History, shape: Shape, first: int, last: int) -> Tensor:
    """(rows, k) what is known in advance, up to now, and what never changes; scaled, NaN where it is not known."""
    known = (history.known[first:last] - [mean for mean, _ in shape.known]) / [size for _, size in shape.known]
    there = history.past_filled[first:last]
    past = np.full((last - first, len(shape.past)), np.nan)
    past[: len(there)] = (there - [mean for mean, _ in shape.past]) / [size for _, size in shape.past]
    static = (history.static - [mean for mean, _ in shape.static]) / [size for _, size in shape.static]
    columns = [known, past, np.broadcast_to(static, (last - first, len(static)))]
    return torch.from_numpy(np.concatenate(columns, 1).astype(np.float32))


class Drawn:
    """Batches of windows drawn at random, all windows alike; batch k is a function of (seed, epoch, k) alone.

    Args:
        windows: of all series.
        first: the first origin of each series, a row of the flat array.
        counts: how many origins each series has from there on.
        size: windows in a batch.
        steps: batches in an epoch.
    """

    def __init__(
        self, windows: Windows, first: Sequence[int], counts: Sequence[int], size: int, steps: int, seed: int
    ) -> None:
        self.windows, self.size, self.steps, self.seed = windows, size, steps, seed
        self.first = torch.as_tensor(first)
        self.before = torch.cumsum(torch.as_tensor([0, *counts]), 0)

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return self.at(0)

    def at(
        self, epoch: int, start: int = 0, rank: int = 0, world_size: int = 1, stop: int | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches ``start``, ``start + 1``, … of an epoch."""
        for k in range(start, self.steps if stop is None else stop):
            random = generator(self.seed, "windows", epoch, k)
            drawn = torch.randint(int(self.before[-1]), (self.size,), generator=random)[rank::world_size]
            series = torch.searchsorted(self.before, drawn, right=True) - 1
            origins = self.first[series] + drawn - self.before[series]
            yield self.windows.inputs(origins), self.windows.targets(origins)


class Listed:
    """Batches of given windows, in their order.

    Args:
        origins: rows of the flat array.
    """

    def __init__(self, windows: Windows, origins: Tensor, size: int = 256) -> None:
        self.windows, self.parts = windows, list(torch.split(origins, size))

    def __len__(self) -> int:
        return len(self.parts)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for part in self.parts:
            yield self.windows.inputs(part), self.windows.targets(part)
