"""What several seeds say together."""

from __future__ import annotations

import math
import statistics

import pytest

from profond.lecture.repeats import difference_of, mean_of, spread


@pytest.mark.parametrize(("freedom", "quantile"), [(1, 12.7062), (2, 4.30265), (4, 2.77645), (9, 2.26216)])
def test_students_quantile_is_that_of_the_tables(freedom, quantile):
    values = [0.5 + 1e-3 * (-1) ** seed for seed in range(freedom + 1)]
    mean, error = mean_of(values), statistics.stdev(values) / math.sqrt(freedom + 1)
    assert (mean.high - mean.value) / error == pytest.approx(quantile, rel=1e-4)
    assert (mean.value - mean.low) / error == pytest.approx(quantile, rel=1e-4)


def test_the_interval_of_a_mean_is_students():
    from scipy.stats import t

    values = [0.981, 0.983, 0.979, 0.984, 0.982]
    low, high = t.interval(0.95, 4, loc=sum(values) / 5, scale=(3.7e-6 / 5) ** 0.5)
    mean = mean_of(values)
    assert mean.value == pytest.approx(0.9818)
    assert (mean.low, mean.high) == (pytest.approx(low), pytest.approx(high))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([0.98, 0.985, 0.975, 0.99], [0.96, 0.94, 0.965]),
        ([0.9, 0.9, 0.9], [0.91, 0.93, 0.95]),
        ([0.5, 0.7], [0.6, 0.65]),
    ],
)
def test_the_interval_of_a_difference_is_welchs(first, second):
    """By Welch's own formulas; seeds of one side may agree exactly."""
    from scipy.stats import t

    parts = [statistics.variance(values) / len(values) for values in (first, second)]
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(values) - 1) for part, values in zip(parts, (first, second), strict=True)
    )
    half = t.ppf(0.975, freedom) * math.sqrt(sum(parts))
    gap = difference_of(first, second)
    assert gap.value == pytest.approx(statistics.fmean(second) - statistics.fmean(first))
    assert (gap.low, gap.high) == (pytest.approx(gap.value - half), pytest.approx(gap.value + half))


def test_one_seed_gives_no_interval():
    assert mean_of([0.9]).low is None
    assert difference_of([0.9], [0.8]).low is None


def test_seeds_that_agree_give_an_interval_without_width():
    gap = difference_of([0.9, 0.9], [0.8, 0.8])
    assert gap.low == gap.high == pytest.approx(-0.1)
    assert spread([0.9, 0.95, 0.92]) == pytest.approx(0.05)


def test_the_interval_of_a_share_stays_a_share():
    mean = mean_of([0.99, 1.0])
    assert mean.high == 1.0
    assert mean_of([0.0, 0.01]).low == 0.0
