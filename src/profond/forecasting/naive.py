"""Methods that learn nothing: the last value, the line through first and last, the value one season ago, the median."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profond.forecasting.history import History
from profond.forecasting.method import Forecaster, Method, State


@dataclass(frozen=True)
class Last:
    """The last value, at every step."""

    name = "last"
    steps = 0
    learns = False

    def least(self, horizon: int) -> int:
        return 1

    def fit(self, history: History, end: int, horizon: int) -> Forecaster:
        return _Repeated(1, horizon)


@dataclass(frozen=True)
class Season:
    """The value one season ago.

    Args:
        steps: the season.
    """

    steps: int
    name = "season"
    learns = False

    def least(self, horizon: int) -> int:
        return self.steps

    def fit(self, history: History, end: int, horizon: int) -> Forecaster:
        return _Repeated(self.steps, horizon)


@dataclass(frozen=True)
class _Repeated:
    season: int
    horizon: int

    def predict(self, history: History, origins: NDArray[np.int64]) -> NDArray[np.float64]:
        back = self.season - np.arange(self.horizon) % self.season
        values: NDArray[np.float64] = history.filled[origins[:, None] - back]
        return values

    def state(self) -> State:
        return State({"season": self.season, "horizon": self.horizon})


@dataclass(frozen=True)
class Drift:
    """The line from the first value to the last one, carried on.

    Source: Hyndman and Athanasopoulos, "Forecasting: principles and practice", 3rd edition, 2021, section 5.2.
    """

    name = "drift"
    steps = 0
    learns = False

    def least(self, horizon: int) -> int:
        return 2

    def fit(self, history: History, end: int, horizon: int) -> Forecaster:
        return _Line(horizon)


@dataclass(frozen=True)
class _Line:
    horizon: int

    def predict(self, history: History, origins: NDArray[np.int64]) -> NDArray[np.float64]:
        last = history.filled[origins - 1]
        slope = (last - history.filled[0]) / np.maximum(origins - 1, 1)
        line: NDArray[np.float64] = last[:, None] + slope[:, None] * np.arange(1, self.horizon + 1)
        return line

    def state(self) -> State:
        return State({"horizon": self.horizon})


@dataclass(frozen=True)
class Median:
    """The median of the past: the forecast with the least absolute error where values come in no order.

    Args:
        window: of how many values before the origin, at most.
    """

    window: int = 1000
    name = "median"
    steps = 0
    learns = False

    def least(self, horizon: int) -> int:
        return 1

    def fit(self, history: History, end: int, horizon: int) -> Forecaster:
        return _Middle(self.window, horizon)


@dataclass(frozen=True)
class _Middle:
    window: int
    horizon: int

    def predict(self, history: History, origins: NDArray[np.int64]) -> NDArray[np.float64]:
        middles = [np.nanmedian(history.values[max(0, origin - self.window) : origin]) for origin in origins]
        return np.repeat(np.array(middles)[:, None], self.horizon, 1)

    def state(self) -> State:
        return State({"window": self.window, "horizon": self.horizon})


def naive_methods(seasons: tuple[int, ...], *, sparse: bool = False) -> tuple[Method, ...]:
    """Every naive method that is plausible.

    Args:
        sparse: whether half of the values or more are zero; the median is one of them then.
    """
    return (Last(), Drift(), *(Season(steps) for steps in seasons if steps > 1), *((Median(),) if sparse else ()))


def restored_naive(name: str, state: State) -> Forecaster:
    """A forecaster of this file from what was kept of it. Raises: KeyError for what is none."""
    kept = {key: int(value) for key, value in state.settings.items()}
    if name in (Last.name, Season.name):
        return _Repeated(kept["season"], kept["horizon"])
    if name == Drift.name:
        return _Line(kept["horizon"])
    if name == Median.name:
        return _Middle(kept["window"], kept["horizon"])
    raise KeyError(name)
