"""Networks that learn the bounds of their intervals: wide where the series is less certain, and corrected."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from profond.core.errors import ConfigError
from profond.core.run import Run
from profond.data.timetable.asked import Asked
from profond.data.timetable.read import read_table
from profond.data.timetable.table import TimeTable
from profond.forecasting.forecast import Forecasts, continued, forecast, look_at
from profond.forecasting.kept import KIND, forecast_from, keep, open_kept, reading_of
from profond.forecasting.method import Fitted
from profond.forecasting.network import Network
from profond.forecasting.report import sentences
from profond.forecasting.verdict import judge
from profond.forecasting.words import Words
from profond.measures.series import margins

DAYS, HORIZON, LOUD = 100, 8, slice(4, 8)
"""Eight values a day, of which the last four are ten times as noisy."""


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> TimeTable:
    path = tmp_path_factory.mktemp("table") / "load.csv"
    random = np.random.default_rng(0)
    noise = np.tile(np.repeat([0.3, 3.0], 4), DAYS) * random.standard_normal(8 * DAYS)
    values = 20 + 3 * np.sin(2 * np.pi * np.arange(8 * DAYS) / 8) + noise
    stamps = np.datetime64("2024-01-01T00:00") + np.arange(8 * DAYS) * np.timedelta64(180, "m")
    path.write_text("when,load\n" + "".join(f"{s},{v:.4f}\n" for s, v in zip(stamps, values, strict=True)))
    return read_table(path, Asked())


@pytest.fixture(scope="module")
def made(table: TimeTable) -> Forecasts:
    learns = Network("dlinear", "dlinear", 32, {}, 100, rate=1e-2, precision="fp32", seeds=(0,), level=0.9)
    return forecast(table, HORIZON, 0.9, shared=[learns])


def test_the_interval_is_wider_where_the_series_is_less_certain_and_holds_as_many_values(made: Forecasts) -> None:
    tested = made.series[0].backtest
    assert tested is not None
    number = next(n for n, method in enumerate(tested.methods) if method.name == "dlinear")
    low, high = tested.bounds[number][..., 0], tested.bounds[number][..., 1]
    assert (low <= tested.forecasts[number]).all()
    assert (tested.forecasts[number] <= high).all()
    width = (high - low).mean(0)
    assert width[LOUD].mean() > 3 * width[:4].mean()
    assert 0.8 < np.nanmean(tested.covered(number, 0.9)) < 0.97
    ridge = next(n for n, method in enumerate(tested.methods) if method.name == "ridge")
    assert (tested.bounds[ridge] == tested.forecasts[ridge][..., None]).all()


def test_a_run_keeps_them_and_says_that_they_were_learned(table: TimeTable, made: Forecasts, tmp_path: Path) -> None:
    tested = made.series[0].backtest
    assert tested is not None
    number = next(n for n, method in enumerate(tested.methods) if method.name == "dlinear")
    method, seen = tested.methods[number], look_at(table, table.series[0], HORIZON)
    assert isinstance(method, Fitted)
    moved = margins(tested.outside(number), 0.9)
    forced = replace(made, series=(continued(seen, method, method.forecaster, moved, tested),))
    run = Run.create(tmp_path, "forecast-load", {"forecast": {}, "reading": reading_of(Asked(), None)})
    run.update(kind=KIND, status="done")
    said = sentences(forced, judge(forced), Words("en"))
    keep(run, forced, {"en": said})
    again = forecast_from(open_kept(run), table)
    assert np.array_equal(again.series[0].values, forced.series[0].values)
    values = forced.series[0].values
    assert (values[:, 1] <= values[:, 0]).all()
    assert (values[:, 0] <= values[:, 2]).all()
    assert any("learned the bounds" in line for line in said)


def test_without_a_network_there_is_nothing_that_could_learn_them(tmp_path: Path) -> None:
    import profond

    (tmp_path / "t.csv").write_text("when,x\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n")
    with pytest.raises(ConfigError, match="fast and quantiles"):
        profond.forecast(tmp_path / "t.csv", 1, fast=True, quantiles=True, out=None)
