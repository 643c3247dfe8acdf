"""Intervals: where they are known from elsewhere, and that they hold what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from profond.evaluation.intervals import (
    calibration_error,
    holm,
    macro_f1,
    mcnemar,
    mean_interval,
    paired_difference,
    wilson,
)


@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    # Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(successes, total, low, high):
    found = wilson(successes, total)
    assert found.low == pytest.approx(low, abs=6e-5)
    assert found.high == pytest.approx(high, abs=6e-5)


def test_wilson_stays_inside_zero_and_one_and_holds_its_share():
    for total in (1, 7, 10_000):
        for successes in (0, 1, total):
            found = wilson(successes, total)
            assert 0 <= found.low <= found.value <= found.high <= 1


def test_a_mean_has_its_normal_interval():
    found = mean_interval(2.0, 3.0, 900)
    assert (found.low, found.high) == pytest.approx((2 - 0.196, 2 + 0.196), abs=1e-4)


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
    confusion = np.diag([30, 30, 0])
    found = macro_f1(confusion, 1.0)
    assert (found.low, found.high) == (1.0, 1.0)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    confusion = np.array([[40, 10], [12, 38]])
    assert macro_f1(confusion, 0.78, seed=1) == macro_f1(confusion, 0.78, seed=1)
    assert macro_f1(confusion, 0.78, seed=1) != macro_f1(confusion, 0.78, seed=2)


def test_many_classes_are_drawn_in_parts_with_the_same_result(monkeypatch):
    import profond.evaluation.intervals as intervals

    random = np.random.default_rng(0)
    confusion = random.integers(0, 5, (40, 40)) + np.diag([50] * 40)
    whole = macro_f1(confusion, 0.5)
    monkeypatch.setattr(intervals, "CELLS_AT_ONCE", 40_000)
    parts = macro_f1(confusion, 0.5)
    assert parts == whole


def test_the_interval_of_the_calibration_error_covers_the_truth_where_percentiles_do_not():
    """A model that says 0.8 and is right 0.75 of the time has an error of 0.05; simulated 200 times."""
    random = np.random.default_rng(0)
    confidence = np.full(2000, 0.8)
    covered = 0
    for _ in range(200):
        correct = random.random(2000) < 0.75
        estimate = abs(0.8 - correct.mean())
        found = calibration_error(confidence, correct, estimate, resamples=300)
        covered += found.low <= 0.05 <= found.high
    assert 180 <= covered <= 199


def test_a_well_calibrated_model_may_have_no_calibration_error():
    random = np.random.default_rng(1)
    confidence = random.uniform(0.5, 1, 3000)
    correct = random.random(3000) < confidence
    bins = np.minimum((confidence * 15).astype(int), 14)
    estimate = np.abs(np.bincount(bins, confidence - correct)).sum() / 3000
    found = calibration_error(confidence, correct, estimate)
    assert 0 <= found.low <= found.value <= found.high
    assert found.low < 0.012
