"""The scale of MASE, split conformal intervals, and a bootstrap that keeps neighbours together."""

from __future__ import annotations

import numpy as np
import pytest

from profond.measures.series import block_bootstrap, conformal_rank, margins, naive_scale, outside


def test_the_scale_is_the_mean_change_over_a_season_and_missing_values_do_not_count() -> None:
    assert naive_scale(np.array([1.0, 5.0, 2.0, 9.0]), 2) == pytest.approx(2.5)
    assert naive_scale(np.array([1.0, np.nan, 2.0, 9.0]), 2) == pytest.approx(1.0)


@pytest.mark.parametrize("values", [[5.0] * 10, [0.1 + 0.2, 0.3] * 5, [0.0] * 10, [3.0]])
def test_where_nothing_changes_there_is_no_scale(values: list[float]) -> None:
    assert naive_scale(np.array(values), 1) is None


def test_the_rank_of_the_residual() -> None:
    assert conformal_rank(9, 0.9) == 9
    assert conformal_rank(60, 0.9) == 55
    assert conformal_rank(19, 0.9) == 18
    assert conformal_rank(8, 0.9) is None


def test_each_step_has_its_own_margin() -> None:
    assert margins(np.stack([np.arange(1.0, 20), 2 * np.arange(1.0, 20)], 1), 0.9).tolist() == [18, 36]


def test_a_value_lies_outside_its_bounds_by_as_much_or_inside_by_less_than_nothing() -> None:
    bounds = np.array([[1.0, 4.0]] * 4)
    assert outside(bounds, np.array([0.5, 1.5, 3.0, 6.0])).tolist() == [0.5, -0.5, -1.0, 2.0]
    assert outside(np.array([[2.0, 2.0]]), np.array([-1.0])).tolist() == [3.0]
    assert np.isnan(outside(bounds, np.full(4, np.nan))).all()


def test_bounds_that_held_too_much_are_moved_inwards() -> None:
    assert margins(-np.arange(1.0, 20)[:, None], 0.9).tolist() == [-2]


def test_with_too_few_residuals_the_interval_grows_with_the_root_of_the_time() -> None:
    residuals = np.full((20, 4), np.nan)
    residuals[:, 0] = 2.0
    assert margins(residuals, 0.9) == pytest.approx([2.0, 2 * 2**0.5, 2 * 3**0.5, 4.0])
    assert np.isnan(margins(np.full((3, 2), np.nan), 0.9)).all()


def test_the_bootstrap_of_blocks_is_wider_than_that_of_single_windows_where_neighbours_are_alike() -> None:
    random = np.random.default_rng(0)
    slow = np.repeat(random.normal(0.1, 1, 20), 20)
    ones = np.ones(400)
    blocks, single = block_bootstrap(slow, ones, 20), block_bootstrap(slow, ones, 1)
    assert blocks.value == pytest.approx(slow.mean())
    assert blocks.low is not None
    assert blocks.high is not None
    assert single.low is not None
    assert single.high is not None
    assert blocks.low < blocks.value < blocks.high
    assert blocks.high - blocks.low > 2 * (single.high - single.low)
    assert blocks == block_bootstrap(slow, ones, 20)


def test_a_block_as_long_as_all_windows_makes_no_interval_without_width() -> None:
    gains = np.random.default_rng(1).normal(0, 1, 200)
    measured = block_bootstrap(gains, np.ones(200), 1000)
    assert measured.low is not None
    assert measured.high is not None
    assert measured.high - measured.low > 0.1
