"""The backtest sees the past alone, chooses the naive method on the past, and says what it did not measure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from profond.forecasting.backtest import LEAST_APART, backtest
from profond.forecasting.history import History, filled_forward
from profond.forecasting.naive import Drift, Last, Median, Season
from profond.forecasting.ridge import Ridge, lags_for


def history(values: NDArray[np.float64], horizon: int = 7, cycle: int = 7, seasons: tuple[int, ...] = (7,)) -> History:
    phases = np.arange(len(values) + horizon) % cycle
    return History(values, phases, cycle, np.empty((len(values) + horizon, 0)), seasons)


def weekly(count: int = 700, seed: int = 0) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    return 100 + 20 * np.sin(2 * np.pi * np.arange(count) / 7) + np.cumsum(random.normal(0, 1, count))


def test_a_gap_is_filled_from_the_past_alone() -> None:
    values = np.array([np.nan, 1.0, np.nan, np.nan, 4.0])
    assert filled_forward(values).tolist() == [1.0, 1.0, 1.0, 1.0, 4.0]


def test_naive_methods_are_what_their_names_say() -> None:
    past = history(np.array([1.0, 2.0, 4.0, 7.0]), horizon=3)
    now = np.array([4])
    assert Last().fit(past, 4, 3).predict(past, now).tolist() == [[7, 7, 7]]
    assert Drift().fit(past, 4, 3).predict(past, now).tolist() == [[9, 11, 13]]
    assert Season(2).fit(past, 4, 3).predict(past, now).tolist() == [[4, 7, 4]]
    assert Median().fit(past, 4, 3).predict(past, now).tolist() == [[3, 3, 3]]


def test_what_comes_later_moves_no_earlier_forecast_by_one_bit() -> None:
    values = weekly()
    moved = values.copy()
    moved[-50:] = 1e6
    before, after = backtest(history(values), 7), backtest(history(moved), 7)
    assert before is not None
    assert after is not None
    early = before.origins + 7 <= len(values) - 50
    assert early.sum() > 20
    assert (before.naive, before.scale, before.methods) == (after.naive, after.scale, after.methods)
    for one, other in zip(before.forecasts, after.forecasts, strict=True):
        assert np.array_equal(one[early], other[early])


@pytest.mark.parametrize("method", [Last(), Drift(), Season(7), Median(), Ridge(14)])
def test_one_window_alone_is_forecast_as_among_others(method: Ridge) -> None:
    past = history(weekly())
    learned = method.fit(past, 500, 7)
    together = learned.predict(past, np.arange(500, 690))
    assert np.array_equal(together[37:38], learned.predict(past, np.array([537])))


def test_the_naive_method_is_chosen_on_the_past_and_not_on_the_windows() -> None:
    """The season ends where the windows begin: the past says season, the windows say last value."""
    values = np.where(np.arange(900) < 600, weekly(900), 100.0)
    tested = backtest(history(values), 7)
    assert tested is not None
    assert tested.methods[tested.naive] == Season(7)
    errors = [tested.mean_error(number) for number, method in enumerate(tested.methods) if method == Last()]
    assert errors[0] < tested.mean_error(tested.naive)


def test_missing_values_are_never_scored() -> None:
    values = weekly()
    values[600:640] = np.nan
    tested = backtest(history(values), 7)
    assert tested is not None
    holes = np.isnan(tested.truth)
    assert holes.sum() == 40
    assert all(np.array_equal(np.isnan(tested.errors(n)), holes) for n in range(len(tested.methods)))
    assert all(np.isfinite(one).all() for one in tested.forecasts)


def test_windows_do_not_overlap_where_there_are_enough() -> None:
    many, few = backtest(history(weekly(700)), 7), backtest(history(weekly(300)), 7)
    assert many is not None
    assert few is not None
    assert many.apart
    assert len(many.origins) >= LEAST_APART
    assert set(np.diff(many.origins)) == {7}
    assert many.origins[-1] + 7 == 700
    assert not few.apart
    assert len(few.covered(few.best, 0.9)) == 0
    assert backtest(history(weekly(20)), 7) is None


def test_ridge_learns_a_line_that_repeats_and_what_is_known_in_advance() -> None:
    random = np.random.default_rng(1)
    on = (random.random(507) < 0.3).astype(float)
    values = 50 + 5.0 * (np.arange(500) % 7) + 30 * on[:500]
    plain = history(values)
    informed = replace(plain, known=on[:, None])
    now = np.array([500])
    truth = 50 + 5.0 * (np.arange(500, 507) % 7) + 30 * on[500:]
    forecast = Ridge(14).fit(informed, 500, 7).predict(informed, now)[0]
    blind = Ridge(14).fit(plain, 500, 7).predict(plain, now)[0]
    assert np.abs(forecast - truth).max() < 2
    assert np.abs(blind - truth).max() > 10


def test_the_lags_follow_the_season_as_far_as_there_are_values() -> None:
    assert lags_for((24, 168), 30_000, 24) == 168
    assert lags_for((24, 168), 300, 24) == 30
    assert lags_for((12,), 123, 12) == 24
    assert lags_for((52,), 100, 8) == 8


def test_the_interval_of_a_window_comes_from_the_windows_before_it() -> None:
    """Nominal 90 % on noise that does not change; a jump in the last window cannot have been known."""
    random = np.random.default_rng(2)
    values = random.normal(0, 1, 4000)
    tested = backtest(history(values, seasons=(7,)), 7)
    assert tested is not None
    held = tested.covered(tested.best, 0.9)
    assert 0.86 < np.nanmean(held) < 0.94
    values[-7:] = 50
    jumped = backtest(history(values, seasons=(7,)), 7)
    assert jumped is not None
    again = jumped.covered(jumped.best, 0.9)
    assert np.array_equal(again[:-1], held[:-1])
    assert not again[-1].any()
