"""Whether learning was worth it, against the best naive method and ridge, over windows that do not overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profond.data.timetable.stamp_form import DAY
from profond.forecasting.backtest import LEAST_APART, Backtest
from profond.forecasting.forecast import Forecasts
from profond.forecasting.method import Fitted
from profond.measures.measured import Measured
from profond.measures.series import block_bootstrap

ENOUGH_WINDOWS = 180
"""That do not overlap: with fewer, the order of methods turns over easily."""
MONTH = 28 * DAY


@dataclass(frozen=True)
class Score:
    """One method over the backtest of all series.

    Args:
        method: its name's key.
        steps: of its season, or 0.
        mean_error: mean absolute error; of one series alone, since several may have other units.
        scaled: MASE, the mean over the series; None where it is not defined for any.
        series: that it was tried on.
        better: share of the best naive method's error that it saves, with its interval where there are windows enough;
            None for the best naive method itself, and where windows overlap.
        best_naive: whether it is the best naive method, chosen on the past.
    """

    method: str
    steps: int
    mean_error: float | None
    scaled: float | None
    series: int
    better: Measured | None = None
    best_naive: bool = False

    def to_json(self) -> dict[str, Any]:
        better = None if self.better is None else self.better.to_json()
        return {
            "method": self.method,
            **({"season": self.steps} if self.steps else {}),
            "mae": self.mean_error,
            "mase": self.scaled,
            "series": self.series,
            "better_than_best_naive": better,
            "best_naive": self.best_naive,
        }


@dataclass(frozen=True)
class Coverage:
    """How many values the intervals held.

    Args:
        share: of all values in the later windows.
        worst: the least share in thirty windows in a row.
        windows: that were looked at.
    """

    share: float
    worst: float | None
    windows: int


@dataclass(frozen=True)
class Verdict:
    """What the backtest says of the network that was best on the past, or of ridge where there is no network.

    Args:
        word: ``better``, ``worse`` or ``equal`` for ridge against the best naive method; ``few`` below
            `ENOUGH_WINDOWS` windows, ``none`` below `LEAST_APART`; ``short`` where no method that learns was tried.
            Of a network ``network_better`` where it beats the best naive method and ridge too, ``network_ridge`` where
            it beats the naive one alone, ``network_equal``, ``network_worse``, ``network_few``; with fewer windows
            ``network_ahead`` or ``network_behind``, which is where it stands in the ranking.
        windows: that do not overlap.
        scores: of the methods, best first.
        coverage: of the intervals; None where it was not measured.
        subject: the method that is spoken of.
        over_ridge: of ridge's error, how much the network saves.
    """

    word: str
    windows: int
    scores: tuple[Score, ...]
    coverage: Coverage | None = None
    subject: str = "ridge"
    over_ridge: Measured | None = None

    @property
    def better(self) -> Measured | None:
        """Of the error of the best naive method, how much the subject saves."""
        return next((score.better for score in self.scores if score.method == self.subject), None)


def judge(forecasts: Forecasts) -> Verdict:
    """Look at the backtests of all series."""
    tests = [one.backtest for one in forecasts.series if one.backtest is not None]
    apart = [test for test in tests if test.apart]
    windows = max((len(test.origins) for test in apart), default=0)
    keys = {(m.name, m.steps) for test in tests for m in test.methods}
    scores = sorted((_score(forecasts, tests, *key, windows) for key in keys), key=_order)
    network = _network(tests)
    subject = network or "ridge"
    own = next((score for score in scores if score.method == subject), None)
    against = None
    if own is None:
        word = "short"
    elif network is None:
        word = _word(own.better) if windows >= LEAST_APART and own.better is not None else "none"
    elif windows < LEAST_APART or own.better is None:
        word = "network_ahead" if scores[0] is own else "network_behind"
    else:
        against = _over_ridge(forecasts, tests, network, windows)
        word = f"network_{_word(own.better)}"
        if word == "network_better" and (against is None or not (against.low or 0.0) > 0):
            word = "network_ridge"
    return Verdict(word, windows, tuple(scores), _coverage(forecasts), subject, against)


def _word(saved: Measured) -> str:
    low, high = saved.low, saved.high
    return "few" if low is None or high is None else "better" if low > 0 else "worse" if high < 0 else "equal"


def _network(tests: Sequence[Backtest]) -> str | None:
    """The network with the least error on the part of the past that it held out: chosen before the windows."""
    held = {
        method.name: method.forecaster.held_out
        for test in tests
        for method in test.methods
        if isinstance(method, Fitted)
    }
    return min(held, key=held.__getitem__) if held else None


def _over_ridge(forecasts: Forecasts, tests: Sequence[Backtest], network: str, windows: int) -> Measured | None:
    """Of ridge's error how much a network saves; where ridge was not tried, of the best naive method's."""
    tried = []
    for test in tests:
        number, ridge = _number(test, network, 0), _number(test, "ridge", 0)
        if number is not None and test.apart:
            tried.append((test, number, test.naive if ridge is None else ridge))
    return _saved(forecasts, tried, windows)


def _order(score: Score) -> tuple[float, str, int]:
    measure = score.mean_error if score.scaled is None else score.scaled
    return (np.inf if measure is None or not np.isfinite(measure) else measure, score.method, score.steps)


def _score(forecasts: Forecasts, tests: Sequence[Backtest], name: str, steps: int, windows: int) -> Score:
    tried = [(test, number) for test in tests if (number := _number(test, name, steps)) is not None]
    errors = [test.mean_error(number) for test, number in tried]
    scaled = [e / test.scale for e, (test, _) in zip(errors, tried, strict=True) if test.scale and np.isfinite(e)]
    alone = len(forecasts.series) == 1
    best = alone and all(test.naive == number for test, number in tried)
    return Score(
        name,
        steps,
        errors[0] if alone and np.isfinite(errors[0]) else None,
        float(np.mean(scaled)) if scaled else None,
        len(tried),
        None if best else _saved(forecasts, [(test, n, test.naive) for test, n in tried if test.apart], windows),
        best,
    )


def _number(test: Backtest, name: str, steps: int) -> int | None:
    return next((n for n, method in enumerate(test.methods) if (method.name, method.steps) == (name, steps)), None)


def _saved(forecasts: Forecasts, tried: Sequence[tuple[Backtest, int, int]], windows: int) -> Measured | None:
    """How much of each series' error a method saves, over windows at the same time.

    Args:
        tried: backtests with the method's number and that of the other one, whose error it is.
    """
    saved: dict[int, float] = {}
    whole: dict[int, float] = {}
    for test, number, other in tried:
        theirs, own = (_by_window(test.errors(one)) / (test.scale or 1.0) for one in (other, number))
        for back, (before, after) in enumerate(zip(theirs[::-1], own[::-1], strict=True)):
            if np.isfinite(before):
                saved[-back] = saved.get(-back, 0.0) + before - after
                whole[-back] = whole.get(-back, 0.0) + before
    order = sorted(saved)
    total = sum(whole.values())
    if len(order) < LEAST_APART or not total > 0:
        return None
    gains, weights = np.array([saved[k] for k in order]), np.array([whole[k] for k in order])
    if windows < ENOUGH_WINDOWS:
        return Measured(float(gains.sum() / total), unit="share", better="higher")
    places = forecasts.table.calendar.at(np.array([0, forecasts.horizon]))
    block = max(1, round(MONTH / max(1, int(places[1] - places[0]))))
    return block_bootstrap(gains, weights, block).called("", unit="share", better="higher")


def _by_window(errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum over each window's values that are there; NaN where none is."""
    there = np.isfinite(errors)
    return np.where(there.any(1), np.where(there, errors, 0.0).sum(1), np.nan)


def _coverage(forecasts: Forecasts) -> Coverage | None:
    """Of the chosen method's intervals, over all series; windows at the same time stand together."""
    held: dict[int, list[float]] = {}
    for one in forecasts.series:
        test = one.backtest
        if test is None or not test.apart:
            continue
        for back, row in enumerate(test.covered(test.best, forecasts.level)[::-1]):
            there = row[np.isfinite(row)]
            counts = held.setdefault(-back, [0.0, 0.0])
            counts[0] += float(there.sum())
            counts[1] += len(there)
    if not held:
        return None
    rows = np.array([held[k] for k in sorted(held)])
    rows = rows[rows[:, 1] > 0]
    if not len(rows):
        return None
    sums = np.cumsum(np.vstack([[0.0, 0.0], rows]), axis=0)
    runs = sums[LEAST_APART:] - sums[:-LEAST_APART]
    worst = float((runs[:, 0] / runs[:, 1]).min()) if len(runs) else None
    return Coverage(float(rows[:, 0].sum() / rows[:, 1].sum()), worst, len(rows))
