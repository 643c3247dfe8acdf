"""A table to forecasts: each series by the method that did best on its own tail, with an interval and what to know."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import DataError
from profond.data.timetable.table import Series, TimeTable
from profond.forecasting.backtest import (
    CALIBRATION,
    LEAST_TESTED,
    Backtest,
    backtest,
    best_naive,
    candidates,
    plan_windows,
)
from profond.forecasting.classics import ClassicScore, installed, try_classics
from profond.forecasting.features import holiday_column
from profond.forecasting.history import History, history_of
from profond.forecasting.method import Fitted, Forecaster, Method, Shared, SharedForecaster, with_bounds
from profond.measures.series import margins

LEVEL = 0.9
MOST_CLASSICAL = 3
"""Series of one table that classical methods are tried on: they are fitted one by one."""
OVERLAPPING = 12_000
"""Windows that overlap, of all series of a table together: each is forecast by each network, alone."""
_LONGEST_MOVE = 32
"""Steps beyond the horizon."""
_LOOKED_AT = 20_000
"""Values at the end of a series by which a column that is the series itself, moved, is recognised."""


@dataclass(frozen=True)
class Forecast:
    """What one series will be.

    Args:
        series: that it continues.
        method: that was chosen.
        values: (h, 3) the forecast and the bounds of its interval; bounds are NaN where there is nothing to judge by.
        backtest: None where the series is too short for one.
        forecaster: what the method learned from all of the series.
        widths: (h,) half the interval's width at each step; what bounds that were learned are moved by.
        floor: nothing is forecast below 0, since no value was ever below.
        known: names of the columns known in advance that were used.
        constant: all values so far are the same.
        zeros: share of the values that are 0.
        clipped: bounds were kept from going below zero, where the series never went.
        unknown: names of columns known in advance that end too early to be used.
        moved: names of columns that are the series itself from so many steps later, which are not used either.
        classics: how ETS, Theta and ARIMA did on some of the windows.
    """

    series: Series
    method: Method
    values: NDArray[np.float64]
    backtest: Backtest | None
    forecaster: Forecaster
    widths: NDArray[np.float64]
    floor: bool = False
    known: tuple[str, ...] = ()
    constant: bool = False
    zeros: float = 0.0
    clipped: bool = False
    unknown: tuple[str, ...] = ()
    moved: tuple[tuple[str, int], ...] = ()
    classics: tuple[ClassicScore, ...] = ()


@dataclass(frozen=True)
class Forecasts:
    """What all series of a table will be.

    Args:
        table: that was read.
        horizon: steps.
        level: probability that an interval is to hold the value.
        series: one forecast each, in the table's order.
        holidays: the country whose holidays were known in advance.
        run: the run that learned the methods, where they were not learned from this table.
        strangers: names of series that this run had not seen.
    """

    table: TimeTable
    horizon: int
    level: float
    series: tuple[Forecast, ...]
    holidays: str | None = None
    run: str | None = None
    strangers: tuple[str, ...] = ()


def forecast(
    table: TimeTable,
    horizon: int,
    level: float = LEVEL,
    windows: int | None = None,
    *,
    shared: Sequence[Shared] = (),
    warm: Mapping[str, Forecaster] | None = None,
    holidays: str | None = None,
    classics: bool = False,
    tell: Callable[[str], None] = lambda name: None,
) -> Forecasts:
    """Forecast every series of a table.

    Args:
        horizon: steps, at least 1.
        level: probability that an interval is to hold the value, between 0 and 1.
        windows: of the backtest; as many as the series allows when left out.
        shared: methods that learn from all series together, such as networks.
        warm: what such methods start from, by name.
        holidays: country whose public holidays are known in advance, such as ``FR``.
        classics: try ETS, Theta and ARIMA, where statsforecast is installed and there are few series.
        tell: receives the name of a method that takes long, before it begins.

    Raises: DataError for a horizon that is longer than the longest series, or beyond the year 9999; MissingError,
        ConfigError for holidays.
    """
    longest = max(len(one.values) for one in table.series)
    if horizon > longest:
        raise DataError(
            f"a horizon of {horizon:,} steps is longer than the {longest:,} that are known",
            f"ask for {longest:,} at most; a forecast is worth something over a part of that",
        )
    table.check_ahead(horizon)
    table = replace(table, series=to_one_end(table))
    seen = [look_at(table, one, horizon, holidays) for one in table.series]
    most = int(np.clip(OVERLAPPING // len(seen), LEAST_TESTED, CALIBRATION))
    learned = _learned(seen, horizon, (windows, most), shared, warm or {}, tell)
    tests = []
    for n, one in enumerate(seen):
        more = tuple(Fitted(method, forecaster) for method, forecaster, whose in learned if n in whose)
        tests.append(backtest(one.history, horizon, windows, more, most))
    ready = _finished(seen, tests, horizon, learned, tell)
    made = [_one(one, test, horizon, level, ready) for one, test in zip(seen, tests, strict=True)]
    if classics and installed() and len(seen) <= MOST_CLASSICAL:
        for n, (one, test) in enumerate(zip(seen, tests, strict=True)):
            if test is not None and not one.constant and len(test.origins) >= LEAST_TESTED:
                tell("classics")
                made[n] = replace(made[n], classics=try_classics(one.history, test, horizon))
    return Forecasts(table, horizon, level, tuple(made), holidays)


Learned = tuple[Shared, SharedForecaster, frozenset[int]]
"""A method, what it learned before the backtests, and the numbers of the series that it learned from."""


def _learned(
    seen: Sequence[Seen],
    horizon: int,
    windows: tuple[int | None, int],
    shared: Sequence[Shared],
    warm: Mapping[str, Forecaster],
    tell: Callable[[str], None],
) -> list[Learned]:
    """Each shared method, having learned from what stands before the backtests of all series that are long enough."""
    plans = [plan_windows(len(one.history), horizon, *windows) for one in seen]
    found: list[Learned] = []
    for method in shared:
        whose = [
            n
            for n, (one, plan) in enumerate(zip(seen, plans, strict=True))
            if plan is not None and plan.end >= method.least(horizon) and not one.constant
        ]
        if not whose:
            continue
        tell(method.name)
        histories, ends = [seen[n].history for n in whose], [plan.end for n in whose if (plan := plans[n]) is not None]
        learned = method.fit_all(histories, ends, horizon, warm=warm.get(method.name))
        found.append((method, learned, frozenset(whose)))
    return found


def _finished(
    seen: Sequence[Seen],
    tests: Sequence[Backtest | None],
    horizon: int,
    learned: Sequence[Learned],
    tell: Callable[[str], None],
) -> dict[str, Forecaster]:
    """The shared methods that are to forecast a series, having learned from all of all series."""
    chosen = {test.methods[test.best].name for test in tests if test is not None}
    ready: dict[str, Forecaster] = {}
    for method, before, whose in learned:
        if method.name in chosen:
            tell(method.name)
            histories = [seen[n].history for n in sorted(whose)]
            ready[method.name] = method.fit_all(histories, [len(one) for one in histories], horizon, learned=before)
    return ready


def to_one_end(table: TimeTable) -> tuple[Series, ...]:
    """A table with one row or column for each date has one first date to be forecast; what ended before it has gaps."""
    if table.roles.layout == "long":
        return table.series
    end = max(one.end for one in table.series)
    return tuple(
        one if one.end == end else replace(one, values=np.concatenate([one.values, np.full(end - one.end, np.nan)]))
        for one in table.series
    )


@dataclass(frozen=True)
class Seen:
    """A series as methods see it, and what was noticed on the way; the fields are those of `Forecast`."""

    series: Series
    history: History
    known: tuple[str, ...]
    unknown: tuple[str, ...]
    moved: tuple[tuple[str, int], ...]
    constant: bool
    zeros: float
    floor: bool


def look_at(
    table: TimeTable,
    series: Series,
    horizon: int,
    holidays: str | None = None,
    hidden: Collection[str] | None = None,
) -> Seen:
    """A series with the columns that may be used.

    Args:
        hidden: columns known up to now that are not to be used; those that hold later values, when left out.
    """
    history = history_of(table, series, horizon)
    names = table.future_names
    stops = ~np.atleast_1d(np.isfinite(history.known[len(history) :]).all(0))
    unknown = tuple(name for name, missing in zip(names, stops, strict=True) if missing)
    ahead = [_ahead(history, column, horizon, 0) for column in history.known.T]
    moved = tuple((name, steps) for name, steps in zip(names, ahead, strict=True) if steps is not None)
    if hidden is None:
        later = [_ahead(history, column, horizon, 1) for column in history.past.T]
        own = tuple((name, steps) for name, steps in zip(table.past_names, later, strict=True) if steps is not None)
        moved, hidden = (*moved, *own), {name for name, _ in own}
    past = np.where([name in hidden for name in table.past_names], np.nan, history.past)
    used = ~stops & np.array([steps is None for steps in ahead], dtype=bool)
    known = tuple(name for name, kept in zip(names, used, strict=True) if kept)
    columns = history.known[:, used]
    if holidays is not None:
        columns = np.concatenate([columns, holiday_column(history.clock, holidays)[:, None]], 1)
    history = replace(history, known=columns, past=past)
    there = history.values[np.isfinite(history.values)]
    constant, zeros = bool((there == there[0]).all()), float((there == 0).mean())
    return Seen(series, history, known, unknown, moved, constant, zeros, bool(there.min() >= 0))


def _one(seen: Seen, tested: Backtest | None, horizon: int, level: float, ready: Mapping[str, Forecaster]) -> Forecast:
    history = seen.history
    if tested is None:
        method, away = naive_for(history, horizon)
    else:
        method, away = tested.methods[tested.best], tested.outside(tested.best)[-CALIBRATION:]
        if not tested.apart and not method.learns:  # it learns nothing, so that all of the past is a test
            _, residuals = best_naive(history, (method,), len(history), horizon)
            away = np.abs(residuals)
    forecaster = ready.get(method.name) or method.fit(history, len(history), horizon)
    return continued(seen, method, forecaster, margins(away, level), tested)


def naive_for(history: History, horizon: int) -> tuple[Method, NDArray[np.float64]]:
    """The naive method that was best so far, and its absolute errors (n, h)."""
    naive = (one for one in candidates(history, len(history), horizon) if not one.learns)
    # Seasons longer than half the series are not plausible: nothing shows that they repeat.
    tried = tuple(method for method in naive if method.least(horizon) <= max(1, len(history) // 2))
    number, residuals = best_naive(history, tried, len(history), horizon)
    return tried[number], np.abs(residuals)


def continued(
    seen: Seen, method: Method, forecaster: Forecaster, widths: NDArray[np.float64], tested: Backtest | None = None
) -> Forecast:
    """What comes after the last value of a series, with its interval."""
    said, bounds = with_bounds(forecaster, seen.history, np.array([len(seen.history)]))
    point, (low, high) = said[0][: len(widths)], bounds[0][: len(widths)].T
    # Bounds that held more than they were to are moved inwards, and not beyond the forecast.
    values = np.stack([point, np.minimum(low - widths, point), np.maximum(high + widths, point)], 1)
    clipped = bool(seen.floor and np.nanmin(values) < 0)
    if seen.floor:
        values = np.maximum(values, 0.0)
    return Forecast(
        series=seen.series,
        method=method,
        values=values,
        backtest=tested,
        forecaster=forecaster,
        widths=widths,
        floor=seen.floor,
        known=seen.known,
        constant=seen.constant,
        zeros=seen.zeros,
        clipped=clipped,
        unknown=seen.unknown,
        moved=seen.moved,
    )


def _ahead(history: History, column: NDArray[np.float64], horizon: int, least: int) -> int | None:
    """How many steps later, and at least so many, the series has what a column holds now; None for an ordinary column.

    NOTE by the values that differ from the one before: most values of two rare things are 0 at the same time.
    """
    column, values = column[: len(history)][-_LOOKED_AT:], history.values[-_LOOKED_AT:]
    if not len(np.unique(values[np.isfinite(values)])) > 2:
        return None
    changes = np.abs(np.diff(values, prepend=np.nan))
    changed = changes > 0
    if not changed.any():
        return None
    rounding = 1e-3 * float(np.median(changes[changed]))
    for steps in range(least, max(least, min(horizon + _LONGEST_MOVE, len(values) - 8))):
        now, later = column[: len(values) - steps], values[steps:]
        both = np.isfinite(now) & changed[steps:]
        if both.sum() >= 8 and (np.abs(now - later)[both] <= rounding).mean() > 0.98:
            return steps
    return None
