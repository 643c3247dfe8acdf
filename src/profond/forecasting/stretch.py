"""The part of a backtest in which the forecast was furthest from what happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from profond.forecasting.forecast import Forecast

MOST_WINDOWS = 30


@dataclass(frozen=True)
class Stretch:
    """Windows in a row.

    Args:
        first, last: numbers of its first and last step in the calendar.
        error: mean absolute, in the stretch.
        usual: mean absolute, in all windows.
    """

    first: int
    last: int
    error: float
    usual: float


def worst_stretch(one: Forecast) -> Stretch | None:
    """The windows in a row, a tenth of all and `MOST_WINDOWS` at most, with the greatest error of the chosen method."""
    test = one.backtest
    if test is None or len(test.origins) < 4:
        return None
    errors = test.errors(test.best)
    there = np.isfinite(errors)
    sums, counts = np.where(there, errors, 0.0).sum(1), there.sum(1)
    row = min(MOST_WINDOWS, max(1, len(sums) // 10))
    whole, number = (np.convolve(each, np.ones(row), "valid") for each in (sums, counts))
    if not number.any() or not sums.any():
        return None
    means = np.where(number > 0, whole / np.maximum(number, 1), -np.inf)
    worst = int(means.argmax())
    last = int(test.origins[worst + row - 1]) + errors.shape[1] - 1
    start = one.series.start
    return Stretch(
        start + int(test.origins[worst]), start + last, float(means[worst]), float(sums.sum() / counts.sum())
    )
