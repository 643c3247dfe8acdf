"""How far a measured number may be from the true one: 95 % intervals."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profond.measures.measured import Measured

LEVEL = 0.95
NORMAL_QUANTILE = NormalDist().inv_cdf((1 + LEVEL) / 2)
CELLS_AT_ONCE = 4_000_000  # bounds the memory of a bootstrap to about 64 MB


def wilson(successes: int, total: int) -> Measured:
    """A share with Wilson's score interval, which stays inside [0, 1] and is sound near its ends.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", 1927, equation 4.
    """
    assert 0 <= successes <= total, (successes, total)
    share = successes / total
    return Measured(share, *_wilson(share, total))


def _wilson(share: float, total: float) -> tuple[float, float]:
    """The interval's ends; the number of samples need not be whole, as it must be for SciPy's ``proportion_ci``."""
    z = NORMAL_QUANTILE
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    low = 0.0 if share <= 0 else max(0.0, centre - half)
    high = 1.0 if share >= 1 else min(1.0, centre + half)
    return low, high


def share_by_group(
    successes: NDArray[np.int64], totals: NDArray[np.int64], *, resamples: int = 2000, seed: int = 0
) -> Measured:
    """A share of things that come in groups, such as frames of clips: groups are drawn, for what is in one is alike.

    Wilson's interval at the effective number of things: that of a plain share with the variance that a bootstrap over
    groups finds; as many as there are groups, where all of them say the same.

    Args:
        successes, totals: of each group; groups without anything say nothing.

    Source: Korn and Graubard, "Confidence intervals for proportions with small expected number of positive counts
    estimated from survey data", 1998; bootstrap of clusters: Davison and Hinkley, "Bootstrap methods and their
    application", 1997, section 3.8.
    """
    used = totals > 0
    successes, totals = successes[used], totals[used]
    groups, total = len(totals), int(totals.sum())
    if not groups:
        return Measured(0.0)
    share, random, drawn = float(successes.sum() / total), np.random.default_rng(seed), []
    for rows in _chunks(resamples, groups):
        times = random.multinomial(groups, np.full(groups, 1 / groups), rows)
        drawn.append((times @ successes) / (times @ totals))
    variance = float(np.concatenate(drawn).var())
    effective = groups if variance == 0 else max(1.0, min(total, share * (1 - share) / variance))
    return Measured(share, *_wilson(share, effective))


def mean_interval(
    value: float, deviation: float, total: int, *, least: float = -math.inf, most: float = math.inf
) -> Measured:
    """A mean with Student's interval; none from a single sample, which says nothing of how much samples differ.

    Args:
        value: the mean.
        deviation: standard deviation of one sample, with n - 1 as divisor.
        total: number of samples.
        least, most: what no sample can lie below or above, such as 0 for a cross-entropy; the interval is cut there.
    """
    if total < 2:
        return Measured(value)
    from scipy.special import stdtrit  # not above: half a second that comparing and predicting should not pay

    half = float(stdtrit(total - 1, (1 + LEVEL) / 2)) * deviation / math.sqrt(total)
    return Measured(value, min(value, max(least, value - half)), max(value, min(most, value + half)))


def macro_f1(confusion: NDArray[np.int64], value: float, *, resamples: int = 1000, seed: int = 0) -> Measured:
    """Mean F1 over the classes that occur or are predicted, with Wilson's interval at its effective sample size.

    The effective sample size is that of a plain share with the variance that a bootstrap finds. The bootstrap draws
    from the counts and some pseudo-counts beside them, half of them right and half wrong, as many for each class as
    Wilson's interval of a share adds: where nothing is wrong, plain resamples would all be the same. On few samples
    of a class F1 is too low on average; the upper end is raised by as much as the bootstrap finds.

    Resampling n samples with replacement is one multinomial draw over the cells of the confusion matrix, so the cost
    depends on the cells in use and not on n. A class of which there is no sample is not spoken of.

    Args:
        confusion: (true, predicted) counts.
        value: the estimate.

    Source: Wilson, 1927; the effective sample size after Korn and Graubard, "Confidence intervals for proportions with
    small expected number of positive counts estimated from survey data", 1998; smoothed bootstrap: Efron and
    Tibshirani, "An introduction to the bootstrap", 1993, section 16.5.
    """
    total, classes = int(confusion.sum()), len(confusion)
    smooth = _with_pseudo_counts(confusion)
    true, predicted = np.nonzero(smooth)  # sorted by true
    shares = smooth[true, predicted] / smooth.sum()
    random = np.random.default_rng(seed)
    draws = np.concatenate(
        [
            _macro_f1(random.multinomial(total, shares, size=rows), true, predicted, classes)
            for rows in _chunks(resamples, max(len(shares), classes))
        ]
    )
    centre, deviation = float(_macro_f1(shares[None], true, predicted, classes)[0]), float(draws.std())
    effective = total if deviation == 0 else centre * (1 - centre) / deviation**2
    too_low = max(0.0, centre - float(draws.mean()))
    return Measured(value, _wilson(value, effective)[0], _wilson(min(1.0, value + too_low), effective)[1])


def calibration_error(
    confidence: NDArray[np.float64],
    correct: NDArray[np.bool_],
    value: float,
    *,
    bins: int = 15,
    resamples: int = 1000,
    seed: int = 0,
) -> Measured:
    """Expected calibration error with an interval that knows that the estimate is too high on average.

    The error sums absolute values, so noise can only add to it. Resamples therefore lie above the estimate as the
    estimate lies above the truth, and neither their percentiles nor those mirrored hold the truth.

    Upper end: each bin's share of right answers has Wilson's interval, and the distances to the farther ends are
    added as independent ones (square and add). Lower end: the smallest error with which an estimate like this one
    would not be rare, among those left when each bin's gap is drawn towards 0 by the same number of its standard
    errors. It is 0 where a well calibrated model would often look like this.

    Args:
        confidence: probability of the predicted class, for each sample.
        correct: whether the prediction was right.
        value: the estimate.

    Source: of the error, Guo et al., "On calibration of modern neural networks", 2017, equation 3; square and add:
    Zou and Donner, "Construction of confidence limits about effect measures", 2008; of the lower end, inverting a test:
    Davison and Hinkley, "Bootstrap methods and their application", 1997, section 5.6, with soft thresholding for what
    no interval can know, which gaps are noise.
    """
    total = len(confidence)
    bin_of = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    counts = np.bincount(bin_of, minlength=bins)
    used = counts > 0
    n = counts[used]
    right = np.bincount(bin_of, correct, minlength=bins)[used]
    mean_confidence = np.bincount(bin_of, confidence, minlength=bins)[used] / n
    weight, gap = n / total, mean_confidence - right / n
    error = float(weight @ np.abs(gap))
    # How much of the data falls into which bin is chance too.
    dealt = max(0.0, float(weight @ gap**2) - error**2) * NORMAL_QUANTILE**2 / total

    ends = np.array([_wilson(share, size) for share, size in zip(right / n, n, strict=True)])
    farthest = np.abs(mean_confidence[:, None] - ends).max(1)
    high = error + math.sqrt(float((weight**2) @ (farthest - np.abs(gap)) ** 2) + dealt)

    share = (right + NORMAL_QUANTILE**2 / 2) / (n + NORMAL_QUANTILE**2)
    deviation = np.sqrt(share * (1 - share) / n)
    noise = np.random.default_rng(seed).standard_normal((resamples, len(n))) * deviation

    def left(drawn: float) -> NDArray[np.float64]:
        remaining: NDArray[np.float64] = np.sign(gap) * np.maximum(0.0, np.abs(gap) - drawn * deviation)
        return remaining

    def rare(drawn: float) -> bool:
        return bool(np.quantile(np.abs(left(drawn) + noise) @ weight, (1 + LEVEL) / 2) < error)

    near, far = 0.0, float((np.abs(gap) / deviation).max())
    low = 0.0
    if rare(far):
        for _ in range(20):
            middle = (near + far) / 2
            near, far = (near, middle) if rare(middle) else (middle, far)
        low = max(0.0, error - math.hypot(error - float(weight @ np.abs(left(near))), math.sqrt(dealt)))
    return Measured(value, min(low, value), max(min(1.0, high), value))


def paired_difference(only_first: int, only_second: int, total: int) -> Measured:
    """How much more often the second is right, with an interval that is sound where the two hardly differ.

    Args:
        only_first: samples that only the first got right.
        only_second: samples that only the second got right.
        total: all samples.

    Source: Bonett and Price, "Adjusted Wald confidence interval for a difference of binomial proportions based on
    paired data", 2012: one pseudo-sample more on each side.
    """
    first, second = (only_first + 1) / (total + 2), (only_second + 1) / (total + 2)
    centre = second - first
    half = NORMAL_QUANTILE * math.sqrt((first + second - centre**2) / (total + 2))
    return Measured((only_second - only_first) / total, max(-1.0, centre - half), min(1.0, centre + half))


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value that the two are equally often right where they differ.

    Source: McNemar, 1947; the binomial is summed exactly, instead of the chi-squared approximation.
    """
    from scipy.special import bdtr  # not above, and not scipy.stats' binomtest, whose import takes three times as long

    fewer, differ = min(only_first, only_second), only_first + only_second
    return min(1.0, 2 * float(bdtr(fewer, differ, 0.5)))


def paired_bootstrap(
    differences: NDArray[np.float64], *, resamples: int = 4999, seed: int = 0
) -> tuple[Measured, float]:
    """The mean of paired differences with an interval, and the two-sided p-value that it is 0 in truth.

    The interval and the p-value come from the same resamples of the mean divided by its standard error, so that the
    one holds 0 exactly where the other is not below 0.05. There is no interval where too few samples differ.

    Args:
        differences: of the two scores, one a sample.

    Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993, section 12.5 (bootstrap-t); symmetric after
    Hall, "On symmetric bootstrap confidence intervals", 1988.
    """
    total, mean = len(differences), float(differences.mean())
    error = float(differences.std(ddof=1)) / math.sqrt(total) if total > 1 else 0.0
    if total < 2 or error <= 1e-12 * abs(mean):  # nothing differs: as likely as so many coins that fall alike
        return Measured(mean), 1.0 if mean == 0 else 0.5 ** (total - 1)
    random = np.random.default_rng(seed)
    away = []
    for rows in _chunks(resamples, total):
        drawn = differences[random.integers(total, size=(rows, total))]
        errors = drawn.std(1, ddof=1) / math.sqrt(total)
        distance = np.abs(drawn.mean(1) - mean)
        away.append(np.divide(distance, errors, out=np.full(rows, np.inf), where=errors > 1e-9 * error))
    distances = np.concatenate(away)
    p_value = (1 + int((distances >= abs(mean) / error).sum())) / (resamples + 1)
    # NOTE of this rank, so that the interval and the p-value agree to the last resample
    beyond = math.ceil(round((1 - LEVEL) * (resamples + 1), 6)) - 1
    reach = float(np.sort(distances)[resamples - beyond]) * error
    return (Measured(mean, mean - reach, mean + reach) if math.isfinite(reach) else Measured(mean)), p_value


def holm(p_values: list[float]) -> list[float]:
    """Holm's step-down correction: p-values that stay sound when several pairs are compared.

    Source: Holm, "A simple sequentially rejective multiple test procedure", 1979.
    """
    corrected, running = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = running
    return corrected


def _with_pseudo_counts(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """The counts, and for each class that occurs or is predicted z²/2 more: half right, half taken for a neighbour.

    Neighbours are classes of like size, so that a small class is not flooded by the mistakes of a large one.
    """
    smooth = confusion.astype(np.float64)
    size = (smooth.sum(0) + smooth.sum(1)) / (2 * smooth.sum())
    classes = np.flatnonzero(size)
    if len(classes) < 2:
        return smooth
    classes = classes[np.argsort(size[classes], kind="stable")]
    neighbours, pseudo = np.roll(classes, -1), NORMAL_QUANTILE**2 / 2 * len(classes)
    between = np.sqrt(size[classes] * size[neighbours])
    smooth[classes, classes] += pseudo / 2 * size[classes]
    np.add.at(smooth, (classes, neighbours), pseudo / 4 * between / between.sum())
    np.add.at(smooth, (neighbours, classes), pseudo / 4 * between / between.sum())
    return smooth


def _macro_f1(
    counts: NDArray[Any], true: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> NDArray[np.float64]:
    """Macro-F1 of each row of cell counts, or shares; the cells are sorted by their true class."""
    rows = len(counts)

    def by_class(cells: NDArray[Any], of: NDArray[np.int64]) -> NDArray[np.float64]:
        sums = np.zeros((rows, classes))
        if len(of):
            starts = np.flatnonzero(np.diff(of, prepend=-1))
            sums[:, of[starts]] = np.add.reduceat(cells, starts, axis=1)
        return sums

    order, on_diagonal = np.argsort(predicted, kind="stable"), true == predicted
    right = by_class(counts[:, on_diagonal], true[on_diagonal])
    total_counts = by_class(counts, true) + by_class(counts[:, order], predicted[order])  # 2 tp + fp + fn
    scores = np.divide(2 * right, total_counts, out=np.zeros_like(right), where=total_counts > 0)
    mean: NDArray[np.float64] = scores.sum(1) / np.maximum((total_counts > 0).sum(1), 1)
    return mean


def _chunks(resamples: int, cells: int) -> list[int]:
    size = max(1, min(resamples, CELLS_AT_ONCE // max(cells, 1)))
    return [min(size, resamples - start) for start in range(0, resamples, size)]
