"""A table to forecasts: each series by the method that did best on its own tail, with an interval and what to know."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import DataError
from profond.data.timetable.table import Series, TimeTable
from profond.forecasting.backtest import CALIBRATION, Backtest, backtest, best_naive, candidates
from profond.forecasting.history import History, history_of
from profond.forecasting.method import Method
from profond.measures.series import half_widths

LEVEL = 0.9
_LONGEST_MOVE = 32
"""Steps beyond the horizon."""


@dataclass(frozen=True)
class Forecast:
    """What one series will be.

    Args:
        series: that it continues.
        method: that was chosen.
        values: (h, 3) the forecast and the bounds of its interval; bounds are NaN where there is nothing to judge by.
        backtest: None where the series is too short for one.
        constant: all values so far are the same.
        zeros: share of the values that are 0.
        clipped: bounds were kept from going below zero, where the series never went.
        unknown: names of columns known in advance that end too early to be used.
        moved: names of those that are the series itself from so many steps later, which are not used either.
    """

    series: Series
    method: Method
    values: NDArray[np.float64]
    backtest: Backtest | None
    constant: bool = False
    zeros: float = 0.0
    clipped: bool = False
    unknown: tuple[str, ...] = ()
    moved: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Forecasts:
    """What all series of a table will be.

    Args:
        table: that was read.
        horizon: steps.
        level: probability that an interval is to hold the value.
        series: one forecast each, in the table's order.
    """

    table: TimeTable
    horizon: int
    level: float
    series: tuple[Forecast, ...]


def forecast(table: TimeTable, horizon: int, level: float = LEVEL, windows: int | None = None) -> Forecasts:
    """Forecast every series of a table.

    Args:
        horizon: steps, at least 1.
        level: probability that an interval is to hold the value, between 0 and 1.
        windows: of the backtest; as many as the series allows when left out.

    Raises: DataError for a horizon that is longer than the longest series.
    """
    longest = max(len(one.values) for one in table.series)
    if horizon > longest:
        raise DataError(
            f"a horizon of {horizon:,} steps is longer than the {longest:,} that are known",
            f"ask for {longest:,} at most; a forecast is worth something over a part of that",
        )
    table = replace(table, series=_to_one_end(table))
    return Forecasts(table, horizon, level, tuple(_one(table, one, horizon, level, windows) for one in table.series))


def _to_one_end(table: TimeTable) -> tuple[Series, ...]:
    """A table with one row or column for each date has one first date to be forecast; what ended before it has gaps."""
    if table.roles.layout == "long":
        return table.series
    end = max(one.end for one in table.series)
    return tuple(
        replace(one, values=np.concatenate([one.values, np.full(end - one.end, np.nan)])) for one in table.series
    )


def _one(table: TimeTable, series: Series, horizon: int, level: float, windows: int | None) -> Forecast:
    history = history_of(table, series, horizon)
    stops = ~np.atleast_1d(np.isfinite(history.known[len(history) :]).all(0))
    unknown = tuple(name for name, missing in zip(table.future_names, stops, strict=True) if missing)
    moved = [_ahead(history, column, horizon) for column in history.known.T]
    used = ~stops & np.array([steps is None for steps in moved], dtype=bool)
    history = replace(history, known=history.known[:, used])
    there = history.values[np.isfinite(history.values)]
    constant = bool((there == there[0]).all())
    tested = backtest(history, horizon, windows)
    now = np.array([len(history)])
    if tested is None:
        naive = (one for one in candidates(history, len(history), horizon) if not one.learns)
        tried = tuple(method for method in naive if method.least(horizon) <= _seen(history))
        number, residuals = best_naive(history, tried, len(history), horizon)
        method = tried[number]
    else:
        method, residuals = tested.methods[tested.best], tested.errors(tested.best)[-CALIBRATION:]
        if not tested.apart and not method.learns:  # it learns nothing, so that all of the past is a test
            _, residuals = best_naive(history, (method,), len(history), horizon)
    point = method.fit(history, len(history), horizon).predict(history, now)[0]
    widths = half_widths(residuals, level)
    values = np.stack([point, point - widths, point + widths], 1)
    clipped = bool(there.min() >= 0 and np.nanmin(values) < 0)
    if there.min() >= 0:
        values = np.maximum(values, 0.0)
    zeros = float((there == 0).mean())
    seen = tuple((name, steps) for name, steps in zip(table.future_names, moved, strict=True) if steps is not None)
    return Forecast(series, method, values, tested, constant, zeros, clipped, unknown, seen)


def _ahead(history: History, column: NDArray[np.float64], horizon: int) -> int | None:
    """How many steps later the series has what a column holds now, 0 for the same step; None for an ordinary column."""
    values = history.values
    if not len(np.unique(values[np.isfinite(values)])) > 2:
        return None
    for steps in range(max(0, min(horizon + _LONGEST_MOVE, len(values) - 8))):
        now, later = column[: len(values) - steps], values[steps:]
        both = np.isfinite(now) & np.isfinite(later)
        if both.sum() >= 8 and (now[both] == later[both]).mean() > 0.98:
            return steps
    return None


def _seen(history: History) -> int:
    """Seasons longer than half the series are not plausible: nothing shows that they repeat."""
    return max(1, len(history) // 2)
