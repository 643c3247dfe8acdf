"""How far a measured number may be from the true one: 95 % intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
NORMAL_QUANTILE = 1.959963984540054  # of a standard normal, at 0.975
CELLS_AT_ONCE = 4_000_000  # bounds the memory of a bootstrap to about 64 MB


@dataclass(frozen=True)
class Measured:
    """A number, and the 95 % interval around it where one is known.

    Args:
        value: the estimate.
        low: lower end of the interval, or None.
        high: upper end of the interval, or None.
    """

    value: float
    low: float | None = None
    high: float | None = None

    def to_json(self) -> dict[str, float]:
        if self.low is None or self.high is None:
            return {"value": self.value}
        return {"value": self.value, "low": self.low, "high": self.high}


def wilson(successes: int, total: int) -> Measured:
    """A share with Wilson's score interval, which stays inside [0, 1] and is sound near its ends.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927, equation 4.
    """
    assert 0 <= successes <= total, (successes, total)
    share, z = successes / total, NORMAL_QUANTILE
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == total else min(1.0, centre + half)
    return Measured(share, low, high)


def mean_interval(value: float, deviation: float, total: int) -> Measured:
    """A mean with its normal interval.

    Args:
        value: the mean.
        deviation: standard deviation of one sample.
        total: number of samples.
    """
    half = NORMAL_QUANTILE * deviation / math.sqrt(total)
    return Measured(value, value - half, value + half)


def macro_f1(confusion: NDArray[np.int64], value: float, *, resamples: int = 1000, seed: int = 0) -> Measured:
    """Mean F1 over the classes that occur or are predicted, with a percentile bootstrap interval.

    Resampling n samples with replacement is one multinomial draw over the cells of the confusion matrix, so the cost
    depends on the cells in use and not on n.

    Args:
        confusion: (true, predicted) counts.
        value: the estimate.
    """
    total, classes = int(confusion.sum()), len(confusion)
    true, predicted = np.nonzero(confusion)  # sorted by true
    counts = confusion[true, predicted]
    random = np.random.default_rng(seed)
    draws = [
        _macro_f1(random.multinomial(total, counts / total, size=rows), true, predicted, classes)
        for rows in _chunks(resamples, max(len(counts), classes))
    ]
    low, high = np.quantile(np.concatenate(draws), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Measured(value, float(low), float(high))


def calibration_error(
    confidence: NDArray[np.float64],
    correct: NDArray[np.bool_],
    value: float,
    *,
    bins: int = 15,
    resamples: int = 1000,
    seed: int = 0,
) -> Measured:
    """Expected calibration error with a bootstrap interval.

    The error sums absolute values, so noise can only add to it: resamples lie above the estimate just as the estimate
    lies above the truth. The percentile interval would therefore miss a well calibrated model's true error nearly
    always; the interval here is the percentile one mirrored at the estimate (the "basic" bootstrap), cut at 0.

    Samples of one fortieth of a bin with the same outcome are drawn as one cell, so the cost does not depend on n.

    Args:
        confidence: probability of the predicted class, for each sample.
        correct: whether the prediction was right.
        value: the estimate.

    Source: Guo et al., "On calibration of modern neural networks", 2017, equation 3;
    Davison and Hinkley, "Bootstrap methods and their application", 1997, section 2.4.
    """
    total, parts = len(confidence), 40
    fine = np.minimum((confidence * bins * parts).astype(np.int64), bins * parts - 1)
    cell, place, counts = np.unique(2 * fine + correct, return_inverse=True, return_counts=True)
    gap = np.bincount(place, weights=confidence - correct) / counts
    bin_of_cell = cell // (2 * parts)
    starts = np.flatnonzero(np.diff(bin_of_cell, prepend=-1))
    random = np.random.default_rng(seed)
    draws = []
    for rows in _chunks(resamples, len(cell)):
        gaps = random.multinomial(total, counts / total, size=rows) * gap
        draws.append(np.abs(np.add.reduceat(gaps, starts, axis=1)).sum(1) / total)
    low, high = np.quantile(np.concatenate(draws), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Measured(value, min(value, max(0.0, 2 * value - float(high))), max(value, 2 * value - float(low)))


def paired_difference(
    only_first: int, only_second: int, total: int, *, resamples: int = 10_000, seed: int = 0
) -> Measured:
    """How much more often the second is right, with a paired percentile bootstrap interval.

    Args:
        only_first: samples that only the first got right.
        only_second: samples that only the second got right.
        total: all samples.
    """
    shares = np.array([only_first, only_second, total - only_first - only_second]) / total
    drawn = np.random.default_rng(seed).multinomial(total, shares, size=resamples)
    low, high = np.quantile((drawn[:, 1] - drawn[:, 0]) / total, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Measured((only_second - only_first) / total, float(low), float(high))


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value that the two are equally often right where they differ.

    Source: McNemar, 1947; the binomial is summed exactly, in logarithms, instead of the chi-squared approximation.
    """
    differ = only_first + only_second
    if differ == 0:
        return 1.0
    whole = math.lgamma(differ + 1) - differ * math.log(2)
    tail = math.fsum(
        math.exp(whole - math.lgamma(i + 1) - math.lgamma(differ - i + 1))
        for i in range(min(only_first, only_second) + 1)
    )
    return min(1.0, 2 * tail)


def holm(p_values: list[float]) -> list[float]:
    """Holm's step-down correction: p-values that stay sound when several pairs are compared.

    Source: Holm, "A simple sequentially rejective multiple test procedure", 1979.
    """
    corrected, running = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = running
    return corrected


def _macro_f1(
    counts: NDArray[np.int64], true: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> NDArray[np.float64]:
    """Macro-F1 of each row of cell counts; the cells are sorted by their true class."""
    rows = len(counts)

    def by_class(cells: NDArray[np.int64], of: NDArray[np.int64]) -> NDArray[np.float64]:
        sums = np.zeros((rows, classes))
        if len(of):
            starts = np.flatnonzero(np.diff(of, prepend=-1))
            sums[:, of[starts]] = np.add.reduceat(cells, starts, axis=1)
        return sums

    order, on_diagonal = np.argsort(predicted, kind="stable"), true == predicted
    right = by_class(counts[:, on_diagonal], true[on_diagonal])
    seen = by_class(counts, true) + by_class(counts[:, order], predicted[order])  # 2 tp + fp + fn
    scores = np.divide(2 * right, seen, out=np.zeros_like(right), where=seen > 0)
    mean: NDArray[np.float64] = scores.sum(1) / np.maximum((seen > 0).sum(1), 1)
    return mean


def _chunks(resamples: int, cells: int) -> list[int]:
    size = max(1, min(resamples, CELLS_AT_ONCE // max(cells, 1)))
    return [min(size, resamples - start) for start in range(0, resamples, size)]
