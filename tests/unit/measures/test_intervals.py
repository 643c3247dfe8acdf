"""Intervals: where they are known from elsewhere, and that they hold what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from profond.measures.intervals import (
    calibration_error,
    holm,
    macro_f1,
    mcnemar,
    mean_interval,
    paired_bootstrap,
    paired_difference,
    wilson,
)
from profond.measures.measured import Measured


@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    # Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(successes, total, low, high):
    found = wilson(successes, total)
    assert found.low == pytest.approx(low, abs=6e-5)
    assert found.high == pytest.approx(high, abs=6e-5)


@pytest.mark.parametrize(("successes", "total"), [(0, 1), (1, 1), (3, 7), (50, 100), (9_931, 10_000)])
def test_wilson_is_scipys(successes, total):
    from scipy.stats import binomtest

    expected = binomtest(successes, total).proportion_ci(method="wilson")
    found = wilson(successes, total)
    assert (found.low, found.high) == (pytest.approx(expected.low, abs=1e-12), pytest.approx(expected.high))


def test_wilson_stays_inside_zero_and_one_and_holds_its_share():
    for total in (1, 7, 10_000):
        for successes in (0, 1, total):
            found = wilson(successes, total)
            assert 0 <= found.low <= found.value <= found.high <= 1


def test_the_interval_of_a_mean_ends_at_what_no_sample_can_lie_below():
    free, bounded = mean_interval(0.65, 0.14, 2), mean_interval(0.65, 0.14, 2, least=0.0)
    assert free.low < 0, "two samples say little: Student's interval alone reaches below 0"
    assert (bounded.low, bounded.high) == (0.0, free.high)
    assert mean_interval(0.65, 0.14, 200, least=0.0) == mean_interval(0.65, 0.14, 200)


def test_a_mean_has_students_interval_and_none_from_a_single_sample():
    found = mean_interval(2.0, 3.0, 10)
    half = 2.262157 * 3 / math.sqrt(10)  # of the table of Student's t, 9 degrees of freedom
    assert (found.low, found.high) == pytest.approx((2 - half, 2 + half), abs=1e-5)
    alone = mean_interval(2.0, 0.0, 1)
    assert (alone.value, alone.low, alone.high) == (2.0, None, None)


@pytest.mark.parametrize(("only_first", "only_second"), [(0, 1), (3, 10), (10, 3), (5, 5), (0, 0), (40, 71)])
def test_mcnemar_is_the_exact_two_sided_binomial(only_first, only_second):
    differ, least = only_first + only_second, min(only_first, only_second)
    exact = min(1.0, 2 * sum(math.comb(differ, i) for i in range(least + 1)) / 2**differ)
    assert mcnemar(only_first, only_second) == pytest.approx(exact, rel=1e-9)


def test_mcnemar_holds_for_a_great_many_differences():
    assert mcnemar(50_000, 50_000) == 1.0
    assert 0 < mcnemar(49_000, 51_000) < 1e-9


def test_holm_gives_a_hand_worked_correction():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_the_paired_interval_agrees_with_theory():
    found = paired_difference(30, 70, 10_000)
    # variance of the mean of d in {-1, 0, 1}: (share that differs - difference²) / n
    half = 1.96 * math.sqrt((0.01 - 0.004**2) / 10_000)
    assert found.value == pytest.approx(0.004)
    assert (found.low, found.high) == pytest.approx((0.004 - half, 0.004 + half), abs=2e-4)


def test_two_runs_that_never_differ_may_still_be_unlike():
    found = paired_difference(0, 0, 4)
    assert found.value == 0
    assert found.low == pytest.approx(-found.high)
    assert found.high > 0.3
    for only_first, only_second, total in [(0, 1, 1), (1, 0, 1), (0, 4, 4), (3, 1, 4), (0, 0, 10_000)]:
        found = paired_difference(only_first, only_second, total)
        assert -1 <= found.low <= found.value <= found.high <= 1
        assert found.low < found.high


@pytest.mark.parametrize(
    ("shares", "count"), [((0.1, 0.1), 20), ((0.02, 0.08), 50), ((0.0, 0.05), 20), ((0.3, 0.1), 8)]
)
def test_the_paired_interval_holds_the_truth_as_often_as_it_says(shares, count):
    random = np.random.default_rng(0)
    draws = random.multinomial(count, [*shares, 1 - sum(shares)], size=1000)
    found = [paired_difference(int(first), int(second), count) for first, second, _ in draws]
    assert np.mean([one.low <= shares[1] - shares[0] <= one.high for one in found]) >= 0.93


def test_the_bootstrap_of_macro_f1_agrees_with_resampling_every_sample():
    from sklearn.metrics import confusion_matrix, f1_score

    random = np.random.default_rng(3)
    true = random.choice(4, 400, p=[0.5, 0.3, 0.15, 0.05])
    said = np.where(random.random(400) < 0.8, true, random.integers(0, 4, 400))
    value = f1_score(true, said, average="macro")
    found = macro_f1(confusion_matrix(true, said), value, resamples=2000)
    draws = []
    for _ in range(400):
        rows = random.integers(0, 400, 400)
        draws.append(f1_score(true[rows], said[rows], average="macro"))
    low, high = np.quantile(draws, [0.025, 0.975])
    assert found.value == value
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.02)


def test_a_class_that_never_occurs_does_not_pull_macro_f1_down():
    with_it, without = macro_f1(np.diag([30, 30, 0]), 1.0), macro_f1(np.diag([30, 30]), 1.0)
    assert with_it == without
    assert with_it.high == 1.0
    assert with_it.low == pytest.approx(wilson(60, 60).low, abs=0.02)


@pytest.mark.parametrize(
    "confusion",
    [
        [[2, 0], [0, 2]],
        [[0, 2], [2, 0]],
        [[1, 0], [0, 0]],
        [[0, 1], [0, 0]],
        [[98, 0], [0, 2]],
        [[2, 0], [1, 1]],
        np.diag([1, 1, 1, 1]),
        np.diag([500] * 40),
    ],
)
def test_macro_f1_lies_within_an_interval_that_nothing_wrong_does_not_close(confusion):
    from sklearn.metrics import f1_score

    confusion = np.array(confusion)
    true, said = (np.repeat(axis, confusion.ravel()) for axis in (part.ravel() for part in np.indices(confusion.shape)))
    value = f1_score(true, said, average="macro")
    found = macro_f1(confusion, value)
    assert 0 <= found.low <= found.value <= found.high <= 1
    # no narrower than if all classes were as well known as the accuracy
    least = wilson(int(np.diag(confusion).sum()), int(confusion.sum()))
    assert found.high - found.low > 0.8 * (least.high - least.low)


@pytest.mark.parametrize(
    ("sizes", "right", "count"),
    [([1, 1], 0.9, 10), ([1, 1], 0.6, 30), ([9, 1], 0.9, 100), ([1] * 10, 0.8, 100), ([4, 3, 2, 1], 0.97, 60)],
)
def test_the_interval_of_macro_f1_holds_the_truth_as_often_as_it_says(sizes, right, count):
    random = np.random.default_rng(0)
    classes = len(sizes)
    shares = (np.eye(classes) * right + (1 - np.eye(classes)) * (1 - right) / (classes - 1)) * np.array(sizes)[:, None]
    shares /= shares.sum()
    truth = score(shares)
    covered = 0
    for _ in range(200):
        drawn = random.multinomial(count, shares.ravel()).reshape(shares.shape)
        found = macro_f1(drawn, score(drawn), resamples=200)
        covered += found.low <= truth <= found.high
    assert covered >= 184  # a 92 % interval would reach this in every second such test, a 95 % one in 97 %


def score(confusion) -> float:
    """Macro-F1 by its definition."""
    seen = confusion.sum(0) + confusion.sum(1)
    return float((2 * np.diag(confusion)[seen > 0] / seen[seen > 0]).mean())


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    confusion = np.array([[40, 10], [12, 38]])
    assert macro_f1(confusion, 0.78, seed=1) == macro_f1(confusion, 0.78, seed=1)
    assert macro_f1(confusion, 0.78, seed=1) != macro_f1(confusion, 0.78, seed=2)


def test_many_classes_are_drawn_in_parts_with_the_same_result(monkeypatch):
    import profond.measures.intervals as intervals

    random = np.random.default_rng(0)
    confusion = random.integers(0, 5, (40, 40)) + np.diag([50] * 40)
    whole = macro_f1(confusion, 0.5)
    monkeypatch.setattr(intervals, "CELLS_AT_ONCE", 40_000)
    parts = macro_f1(confusion, 0.5)
    assert parts == whole


def calibration(confidence, correct) -> float:
    """The expected calibration error by its definition."""
    bins = np.minimum((confidence * 15).astype(int), 14)
    return float(np.abs(np.bincount(bins, confidence - correct)).sum() / len(confidence))


CALIBRATIONS = {
    "right": lambda said: said,
    "too sure everywhere": lambda said: said - 0.1,
    "too sure at the top": lambda said: np.where(said > 0.85, said - 0.15, said),
    "not sure enough": lambda said: np.clip(said + 0.05, 0, 1),
    "both": lambda said: np.clip(0.7 + 0.6 * (said - 0.7), 0, 1),
}


@pytest.mark.parametrize("count", [30, 1000])
@pytest.mark.parametrize("kind", CALIBRATIONS)
def test_the_interval_of_the_calibration_error_holds_the_truth_and_the_estimate(kind, count):
    random = np.random.default_rng(0)
    known = random.uniform(0.4, 1, 400_000)
    truth = calibration(known, CALIBRATIONS[kind](known))
    covered = 0
    for _ in range(150):
        said = random.uniform(0.4, 1, count)
        correct = random.random(count) < CALIBRATIONS[kind](said)
        estimate = calibration(said, correct)
        found = calibration_error(said, correct, estimate, resamples=300)
        assert 0 <= found.low < found.value < found.high <= 1
        covered += found.low <= truth <= found.high
    assert covered >= 138  # of 150, 92 %


def test_one_bin_has_the_calibration_error_of_a_single_share():
    """A model that always says 0.8 and is right 0.75 of the time has an error of 0.05; simulated 200 times."""
    random = np.random.default_rng(0)
    confidence = np.full(2000, 0.8)
    covered = 0
    for _ in range(200):
        correct = random.random(2000) < 0.75
        found = calibration_error(confidence, correct, abs(0.8 - correct.mean()), resamples=300)
        covered += found.low <= 0.05 <= found.high
    assert 182 <= covered <= 198


@pytest.mark.parametrize("count", [1, 4])
def test_a_few_samples_that_are_all_right_may_still_be_badly_calibrated(count):
    confidence = np.full(count, 0.99)
    found = calibration_error(confidence, np.ones(count, dtype=bool), 0.01)
    assert found.low == pytest.approx(0, abs=1e-6)
    assert found.high == pytest.approx(0.99 - wilson(count, count).low, abs=1e-6)


def test_a_well_calibrated_model_may_have_no_calibration_error():
    random = np.random.default_rng(1)
    confidence = random.uniform(0.5, 1, 3000)
    correct = random.random(3000) < confidence
    found = calibration_error(confidence, correct, calibration(confidence, correct))
    assert 0 <= found.low < found.value < found.high
    assert found.low < 0.012


@pytest.mark.parametrize("shift", [0.0, 0.3])
@pytest.mark.parametrize("count", [30, 400])
def test_the_paired_bootstrap_agrees_with_student_on_normal_differences(shift: float, count: int) -> None:
    from scipy import stats

    differences = np.random.default_rng(count).normal(shift, 1.0, count)
    found, p_value = paired_bootstrap(differences)
    student = stats.ttest_1samp(differences, 0.0)
    low, high = student.confidence_interval(0.95)
    width = high - low
    assert found.low == pytest.approx(low, abs=0.06 * width)
    assert found.high == pytest.approx(high, abs=0.06 * width)
    assert p_value == pytest.approx(student.pvalue, abs=0.02)


def test_the_paired_bootstrap_s_interval_holds_nothing_exactly_where_the_p_value_is_no_smaller_than_0_05() -> None:
    for seed in range(40):
        differences = np.random.default_rng(seed).exponential(1.0, 25) - 0.7
        found, p_value = paired_bootstrap(differences, resamples=199)
        assert found.low is not None
        assert found.high is not None
        assert (found.low <= 0 <= found.high) == (p_value >= 0.05)


def test_the_paired_bootstrap_covers_the_mean_of_skewed_differences() -> None:
    random = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        found, _ = paired_bootstrap(random.exponential(1.0, 30), resamples=399)
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= 1.0 <= found.high
    assert 0.9 <= inside / 200 <= 0.99


def test_differences_that_are_all_alike_have_no_interval() -> None:
    assert paired_bootstrap(np.zeros(5)) == (Measured(0.0), 1.0)
    assert paired_bootstrap(np.full(5, 0.2))[1] == 0.0625  # five coins that fall alike
    assert paired_bootstrap(np.array([0.2])) == (Measured(0.2), 1.0)
    found, p_value = paired_bootstrap(np.array([0.1, 0.2, 0.9]))
    assert found.low is None
    assert p_value > 0.05
