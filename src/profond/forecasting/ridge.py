"""Ridge regression on the last values and the calendar, all steps in one solve: cheap, and hard to beat."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from profond.forecasting.history import History
from profond.forecasting.method import Forecaster, State

PENALTY = 1e-3
"""Times the number of rows."""
MOST_LAGS = 168
MOST_ROWS = 50_000
"""Windows that it learns from, the newest: more change nothing and cost time."""
MOST_KNOWN = 400
"""Columns of what is known in advance, steps times quantities."""
MOST_PAST = 168
"""Columns of what is known up to now, values back times quantities."""
_CHUNK = 8192
_LEAST_ROWS = 24


@dataclass(frozen=True)
class Ridge:
    """Direct: each step has weights of its own, from one closed form.

    Inputs and outputs are differences from the last value, after scaling by the training part's mean and deviation. An
    indicator says in which slot of the calendar's cycle the first step is (the hour of the week, the day of the week,
    the month). What is known in advance enters for all steps of the window.

    Args:
        lags: values before the origin that it sees.
        past: it sees the last values of what is known up to now as well.

    Source: Hoerl and Kennard, "Ridge regression", 1970; the difference from the last value as in NLinear, Zeng et al.,
    "Are transformers effective for time series forecasting?", 2023.
    """

    lags: int
    past: bool = False
    steps = 0
    learns = True

    @property
    def name(self) -> str:
        return "ridge_past" if self.past else "ridge"

    def least(self, horizon: int) -> int:
        return rows_needed(self.lags, horizon)

    def fit(self, history: History, end: int, horizon: int) -> Forecaster:
        values = history.filled[:end]
        mean, deviation = float(values.mean()), float(values.std()) or 1.0
        used = history.known.shape[1] * horizon <= MOST_KNOWN and bool(np.isfinite(history.known[:end]).all())
        known = _scale(history.known[:end] if used else history.known[:end, :0])
        past = _scale(history.past_filled[:end] if self.past else history.past[:end, :0])
        looks = min(self.lags, max(1, MOST_PAST // max(1, past.shape[1])))
        blank = RidgeForecaster(self.lags, horizon, mean, deviation, known, past, looks, np.empty((0, 0)))
        origins = np.arange(max(self.lags, end - horizon - MOST_ROWS + 1), end - horizon + 1)
        squares: NDArray[np.float64] = np.zeros(())
        products: NDArray[np.float64] = np.zeros(())
        for start in range(0, len(origins), _CHUNK):
            rows = origins[start : start + _CHUNK]
            inputs = blank.inputs(history, rows)
            targets = (sliding_window_view(values, horizon)[rows] - values[rows - 1, None]) / deviation
            squares, products = squares + inputs.T @ inputs, products + inputs.T @ targets
        squares[np.diag_indices(len(squares))] += PENALTY * len(origins)
        weights = np.linalg.solve(squares, products).astype(np.float64)
        return replace(blank, weights=weights)


def _scale(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, k) mean and deviation of each column; a deviation of 1 where nothing changes."""
    size = columns.std(0)
    return np.stack([columns.mean(0), np.where(size > 0, size, 1.0)]).astype(np.float64)


@dataclass(frozen=True)
class RidgeForecaster:
    """What was learned.

    Args:
        known, past: (2, k) mean and deviation of each column that is used; none where k is 0.
        looks: values of each past column that it sees.
    """

    lags: int
    horizon: int
    mean: float
    deviation: float
    known: NDArray[np.float64]
    past: NDArray[np.float64]
    looks: int
    weights: NDArray[np.float64]

    def inputs(self, history: History, origins: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n, features) for these origins."""
        windows = sliding_window_view(history.filled, self.lags)[origins - self.lags]
        slot = (history.phases[origins][:, None] == np.arange(history.cycle)).astype(np.float64)
        parts = [(windows[:, :-1] - windows[:, -1:]) / self.deviation, slot]
        if self.known.shape[1]:
            ahead = sliding_window_view(history.known, self.horizon, axis=0)[origins]
            ahead = (ahead - self.known[0][:, None]) / self.known[1][:, None]
            parts.append(np.nan_to_num(ahead.reshape(len(origins), -1)))
        if self.past.shape[1]:
            before = sliding_window_view(history.past_filled, self.looks, axis=0)[origins - self.looks]
            before = (before - self.past[0][:, None]) / self.past[1][:, None]
            parts.append(np.nan_to_num(before.reshape(len(origins), -1)))
        return np.concatenate(parts, 1)

    def predict(self, history: History, origins: NDArray[np.int64]) -> NDArray[np.float64]:
        inputs = self.inputs(history, origins)
        # NOTE row by row: a product of matrices may round a row differently when other rows stand beside it.
        changes = np.stack([row @ self.weights for row in inputs])
        return history.filled[origins - 1, None] + self.deviation * changes

    def state(self) -> State:
        settings = {name: getattr(self, name) for name in ("lags", "horizon", "mean", "deviation", "looks")}
        return State(settings, {"known": self.known, "past": self.past, "weights": self.weights})


def restored_ridge(state: State) -> Forecaster:
    """What was kept of a ridge regression, ready to forecast. Raises: KeyError where a part is missing."""
    kept, arrays = state.settings, state.arrays
    return RidgeForecaster(
        int(kept["lags"]),
        int(kept["horizon"]),
        float(kept["mean"]),
        float(kept["deviation"]),
        arrays["known"],
        arrays["past"],
        int(kept["looks"]),
        arrays["weights"],
    )


def rows_needed(lags: int, horizon: int) -> int:
    return 2 * lags + horizon + _LEAST_ROWS


def lags_for(seasons: tuple[int, ...], values: int, horizon: int) -> int:
    """The longest season that so many values allow, and two of a short one: 168 hours, 24 months, 14 days."""
    allowed = [steps for steps in seasons if steps <= MOST_LAGS and rows_needed(steps, horizon) <= values]
    longest = max(allowed, default=4)
    double = max(longest, min(2 * longest, 30))
    return double if rows_needed(double, horizon) <= values else longest
