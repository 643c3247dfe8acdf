"""Judgement of forecasts: the scale of MASE, intervals by split conformal prediction, a bootstrap of whole blocks."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from profond.measures.intervals import LEVEL
from profond.measures.measured import Measured

Values = NDArray[np.float64]

LEAST_BLOCKS = 6
"""One block drawn again and again would make an interval of no width."""


def naive_scale(values: Values, season: int) -> float | None:
    """The mean absolute change from one season to the next: what MASE divides errors by.

    Args:
        values: (t,) of the training part alone, NaN where missing; missing ones do not count.
        season: steps.

    Returns: None where it is not defined: nothing changes, or no two values lie a season apart.

    Source: Hyndman and Koehler, "Another look at measures of forecast accuracy", 2006.
    """
    changes = np.abs(values[season:] - values[:-season])
    changes = changes[np.isfinite(changes)]
    # NOTE a constant 0.1 that was computed differs from itself in the last bit; that is no change.
    scale = float(changes.mean()) if len(changes) else 0.0
    return scale if scale > 1e-12 * float(np.nanmax(np.abs(values), initial=0.0)) else None


def conformal_rank(count: int, level: float) -> int | None:
    """Which of so many sorted residuals bounds the next one with this probability; None where there are too few.

    Source: Lei et al., "Distribution-free predictive inference for regression", 2018, algorithm 2.
    """
    rank = math.ceil(round((count + 1) * level, 9))
    return rank if rank <= count else None


def outside(bounds: NDArray[np.float64], values: Values) -> Values:
    """How far each value lies outside its bounds; inside, how far it could still move, as a negative number.

    Args:
        bounds: (..., 2) low and high; a forecast twice, where there are none.
        values: (...)

    Source: Romano, Patterson, Candès, "Conformalized quantile regression", 2019, equation 6.
    """
    return np.asarray(np.maximum(bounds[..., 0] - values, values - bounds[..., 1]))


def margins(outside: Values, level: float) -> Values:
    """How far the bounds of each step are moved outwards, so that they hold as many values as they are to.

    Where a step has too few values for the level, the widest margin of an earlier step is widened as a random walk's
    would be, by the root of the time; at the first step, the largest one stands.

    Args:
        outside: (n, h) how far the values of earlier windows lay outside their bounds, NaN where a value is missing.
        level: probability that the interval is to hold the value, 0 to 1.

    Returns: (h,); negative where the bounds held more than they were to; NaN at every step where there is no value.
    """
    horizon = outside.shape[1]
    widths = np.full(horizon, np.nan)
    widest, at = np.nan, 0
    for step in range(horizon):
        sizes = outside[:, step]
        sizes = np.sort(sizes[np.isfinite(sizes)])
        rank = conformal_rank(len(sizes), level)
        if rank is not None:
            widths[step] = sizes[rank - 1]
        else:
            grown = widest * math.sqrt((step + 1) / (at + 1)) if np.isfinite(widest) else np.nan
            widths[step] = np.fmax(grown, sizes[-1] if len(sizes) else np.nan)
        if np.isfinite(widths[step]) and not widths[step] <= widest:
            widest, at = widths[step], step
    return widths


def block_bootstrap(values: Values, weights: Values, block: int, *, resamples: int = 4000, seed: int = 0) -> Measured:
    """A ratio of sums over windows in their order, with an interval that keeps neighbours together.

    Args:
        values: (n,) for each window, such as how much smaller its error is.
        weights: (n,) what the sum of ``values`` is divided by the sum of.
        block: windows that are drawn together; fewer where there would be less than `LEAST_BLOCKS` of them.

    Source: Künsch, "The jackknife and the bootstrap for general stationary observations", 1989 (moving blocks).
    """
    count = len(values)
    block = max(1, min(block, count // LEAST_BLOCKS))
    starts = np.random.default_rng(seed).integers(count - block + 1, size=(resamples, math.ceil(count / block)))
    rows = (starts[:, :, None] + np.arange(block)).reshape(resamples, -1)[:, :count]
    ratios = values[rows].sum(1) / weights[rows].sum(1)
    low, high = np.quantile(ratios, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Measured(float(values.sum() / weights.sum()), float(low), float(high))
