"""What each method would have forecast on the tail of a series, having learned from what stands before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profond.forecasting.history import History
from profond.forecasting.method import Method, with_bounds
from profond.forecasting.naive import naive_methods
from profond.forecasting.ridge import Ridge, lags_for
from profond.measures.series import margins, naive_scale, outside

MOST_WINDOWS = 364
SHARE = 3
"""One part in so many of a series is forecast, at most `MOST_WINDOWS` windows of it."""
LEAST_APART = 30
"""With fewer windows than this that do not overlap, windows that do are looked at, and nothing is claimed."""
LEAST_TESTED = 9
"""Windows without which a method that learns is not tried: its intervals would have nothing to go by."""
CALIBRATION = 60
"""Windows, the last ones before the origin, whose errors make its interval."""
SPARSE = 0.5


@dataclass(frozen=True)
class Backtest:
    """The forecasts of each method at each origin, and what happened.

    Args:
        origins: (n,) the first step of each window.
        apart: whether the windows do not overlap.
        truth: (n, h) NaN where the value is missing.
        methods: naive ones first.
        forecasts: (n, h) of each method.
        bounds: (n, h, 2) of each method, before they are moved; the forecast twice where it learned none.
        naive: which method was the best naive one before the first origin.
        scale: of MASE, from the values before the first origin; None where it is not defined.
    """

    origins: NDArray[np.int64]
    apart: bool
    truth: NDArray[np.float64]
    methods: tuple[Method, ...]
    forecasts: tuple[NDArray[np.float64], ...]
    bounds: tuple[NDArray[np.float64], ...]
    naive: int
    scale: float | None

    def errors(self, method: int) -> NDArray[np.float64]:
        """(n, h) absolute, NaN where the value is missing."""
        return np.abs(self.forecasts[method] - self.truth)

    def outside(self, method: int) -> NDArray[np.float64]:
        """(n, h) how far the value lies outside its bounds; its error, where no bounds were learned."""
        return outside(self.bounds[method], self.truth)

    def mean_error(self, method: int) -> float:
        """The mean absolute error over the values that are there."""
        return _mean(self.errors(method))

    @property
    def best(self) -> int:
        """The method with the least error; the best naive one where another is not better."""
        errors = [self.mean_error(number) for number in range(len(self.methods))]
        learned = [number for number, method in enumerate(self.methods) if method.learns]
        return min((self.naive, *learned), key=errors.__getitem__)

    def covered(self, method: int, level: float) -> NDArray[np.float64]:
        """(m, h) for the later windows: whether the interval that the windows before make holds the value.

        1, 0, or NaN where the value is missing. Nothing where windows overlap.
        """
        count = len(self.origins)
        if not self.apart:
            return np.empty((0, self.truth.shape[1]))
        needed = min(CALIBRATION, count // 2)
        away = self.outside(method)
        held = [away[k] <= margins(away[max(0, k - CALIBRATION) : k], level) for k in range(needed, count)]
        return np.where(np.isfinite(away[needed:]), np.array(held, dtype=np.float64), np.nan)


def candidates(history: History, end: int, horizon: int) -> tuple[Method, ...]:
    """The naive methods, then those that learn from the values before ``end``."""
    values = history.values[np.isfinite(history.values)]
    sparse = len(values) > 0 and float((values == 0).mean()) >= SPARSE
    naive = naive_methods(history.seasons, sparse=sparse)
    lags = lags_for(history.seasons, min(end, len(values)), horizon)
    past = (Ridge(lags, past=True),) if np.isfinite(history.past[:end]).any() else ()
    return (*naive, Ridge(lags), *past)


@dataclass(frozen=True)
class Plan:
    """Which windows are forecast.

    Args:
        origins: (n,) the first step of each.
        end: what learns sees the values before it alone.
        apart: whether the windows do not overlap.
    """

    origins: NDArray[np.int64]
    end: int
    apart: bool


def plan_windows(total: int, horizon: int, windows: int | None = None, most: int = CALIBRATION) -> Plan | None:
    """The windows at the tail of so many values; None where these are too few.

    Args:
        windows: how many; a third of the series, at most `MOST_WINDOWS`, when left out.
        most: about so many of a series that is too short for windows apart, where they overlap.
    """
    apart = min(MOST_WINDOWS, total // SHARE // horizon) if windows is None else min(windows, (total - 1) // horizon)
    if apart < 1:
        return None
    end = total - apart * horizon
    if apart >= LEAST_APART:
        return Plan(end + horizon * np.arange(apart), end, True)
    end = min(end, total - total // SHARE) if windows is None else end
    stride = max(1, (total - horizon - end) // most)
    return Plan(np.arange(total - horizon, end - 1, -stride)[::-1], end, False)


def backtest(
    history: History,
    horizon: int,
    windows: int | None = None,
    more: Sequence[Method] = (),
    most: int = CALIBRATION,
) -> Backtest | None:
    """Forecast the tail of a series, window by window; None where it is too short.

    Each method learns once, from what stands before the first window; each forecast sees the values before it alone.

    Args:
        windows, most: as `plan_windows` takes them.
        more: methods beside the usual ones, such as networks.
    """
    plan = plan_windows(len(history), horizon, windows, most)
    if plan is None:
        return None
    origins, end = plan.origins, plan.end
    truth = history.values[origins[:, None] + np.arange(horizon)]
    every, past = (*candidates(history, end, horizon), *more), history.values[:end]
    tried = tuple(method for method in every if _can_learn(method, past, horizon, len(origins)))
    number, _ = best_naive(history, tried, end, horizon)
    said = [with_bounds(method.fit(history, end, horizon), history, origins) for method in tried]
    forecasts, bounds = zip(*said, strict=True)
    season = min((steps for steps in history.seasons if 1 < steps < end), default=1)
    scale = naive_scale(history.values[:end], season)
    return Backtest(origins, plan.apart, truth, tried, forecasts, bounds, number, scale)


def _can_learn(method: Method, past: NDArray[np.float64], horizon: int, windows: int) -> bool:
    if not method.learns:
        return method.least(horizon) + horizon <= len(past) or method.name == "last"
    there = past[np.isfinite(past)]
    return windows >= LEAST_TESTED and len(there) >= method.least(horizon) and bool((there != there[0]).any())


def best_naive(
    history: History, methods: tuple[Method, ...], end: int, horizon: int
) -> tuple[int, NDArray[np.float64]]:
    """Which naive method was the best before ``end``, on windows that all of them could see, and its errors there.

    Returns: its number, and its residuals (n, h), NaN where no value is there.
    """
    naive = [number for number, method in enumerate(methods) if not method.learns]
    first = max(methods[number].least(horizon) for number in naive)
    stride = horizon if end - first >= LEAST_APART * horizon else max(1, (end - first) // (2 * LEAST_APART))
    origins = np.arange(end - 1, first - 1, -stride)[: 2 * MOST_WINDOWS][::-1]
    places = origins[:, None] + np.arange(horizon)
    truth = np.where(places < end, history.values[np.minimum(places, end - 1)], np.nan)
    residuals = [methods[n].fit(history, end, horizon).predict(history, origins) - truth for n in naive]
    errors = [_mean(np.abs(one)) for one in residuals]
    chosen = min(range(len(naive)), key=lambda n: errors[n] if np.isfinite(errors[n]) else np.inf)
    return naive[chosen], residuals[chosen]


def _mean(errors: NDArray[np.float64]) -> float:
    there = np.isfinite(errors)
    return float(errors[there].mean()) if there.any() else float("nan")
