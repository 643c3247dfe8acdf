"""What several seeds say together."""

from __future__ import annotations

import pytest

from profond.lecture.repeats import difference_of, mean_of, spread, student_quantile


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(1, 12.7062), (2, 4.30265), (4, 2.77645), (4.5, 2.65891), (9, 2.26216), (1000, 1.96234)]
)
def test_students_quantile_is_that_of_the_tables(freedom, quantile):
    from scipy.stats import t

    assert student_quantile(freedom) == pytest.approx(t.ppf(0.975, freedom), rel=1e-6)
    assert student_quantile(freedom) == pytest.approx(quantile, rel=1e-4)


def test_the_interval_of_a_mean_is_students():
    from scipy.stats import t

    values = [0.981, 0.983, 0.979, 0.984, 0.982]
    low, high = t.interval(0.95, 4, loc=sum(values) / 5, scale=(3.7e-6 / 5) ** 0.5)
    mean = mean_of(values)
    assert mean.value == pytest.approx(0.9818)
    assert (mean.low, mean.high) == (pytest.approx(low), pytest.approx(high))


def test_the_interval_of_a_difference_is_welchs():
    from scipy.stats import ttest_ind

    first, second = [0.98, 0.985, 0.975, 0.99], [0.96, 0.94, 0.965]
    expected = ttest_ind(second, first, equal_var=False).confidence_interval(0.95)
    gap = difference_of(first, second)
    assert (gap.low, gap.high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert gap.value == pytest.approx(0.955 - 0.9825)


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
