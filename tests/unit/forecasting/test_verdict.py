"""A network is worth it where it beats the best naive method and ridge; which one is judged was decided on the past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.tables import days, rows

from profond.data.timetable.read import read_table
from profond.data.timetable.table import TimeTable
from profond.forecasting import forecast, judge
from profond.forecasting.history import History
from profond.forecasting.method import Forecaster, State
from profond.forecasting.naive import Last
from profond.forecasting.report import report_lines
from profond.forecasting.ridge import Ridge
from profond.forecasting.words import Words

Predict = Callable[[History, NDArray[np.int64], int], NDArray[np.float64]]


@dataclass(frozen=True)
class Known:
    """Stands for a network of which it is known how good it is."""

    name: str
    says: Predict
    held_out: float = 1.0
    fits: list[list[int]] = field(default_factory=list)

    def least(self, horizon: int) -> int:
        return 30

    def fit_all(self, histories: Sequence[History], ends: Sequence[int], horizon: int, **given: Any) -> Any:
        self.fits.append(list(ends))
        return KnownForecaster(self, horizon)


@dataclass(frozen=True)
class KnownForecaster:
    method: Known
    horizon: int

    @property
    def held_out(self) -> float:
        return self.method.held_out

    def predict(self, history: History, origins: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.method.says(history, origins, self.horizon)

    def state(self) -> State:
        return State()


def near(error: float) -> Predict:
    """What will be, but for noise of this size."""

    def says(history: History, origins: NDArray[np.int64], horizon: int) -> NDArray[np.float64]:
        places = np.minimum(origins[:, None] + np.arange(horizon), len(history) - 1)
        noise = np.random.default_rng(1).normal(0, error, places.shape)
        return history.values[places] + noise

    return says


def like(method: Any) -> Predict:
    def says(history: History, origins: NDArray[np.int64], horizon: int) -> NDArray[np.float64]:
        fitted: Forecaster = method.fit(history, int(origins[0]), horizon)
        return fitted.predict(history, origins)

    return says


def table(folder: Path, count: int) -> TimeTable:
    """Sales with a week and a level that goes back to its mean, which ridge forecasts best."""
    random, level = np.random.default_rng(0), np.zeros(count)
    for t in range(1, count):
        level[t] = 0.9 * level[t - 1] + random.normal(0, 3)
    values = [float(value) for value in (100 + 20 * np.sin(np.arange(count) * 2 * np.pi / 7) + level).round(2)]
    (folder / "table.csv").write_text(rows(("date", "sales"), days(date(2014, 1, 6), count), values))
    return read_table(folder / "table.csv")


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> TimeTable:
    return table(tmp_path_factory.mktemp("long"), 3000)


@pytest.mark.parametrize(
    ("says", "word"),
    [(near(1.0), "network_better"), (like(Ridge(14)), "network_ridge"), (like(Last()), "network_worse")],
)
def test_worth_it_means_better_than_the_best_naive_method_and_than_ridge(
    long: TimeTable, says: Predict, word: str
) -> None:
    made = forecast(long, 5, shared=[Known("lstm", says)])
    verdict = judge(made)
    assert verdict.windows >= 180
    assert (verdict.word, verdict.subject) == (word, "lstm")
    assert verdict.better is not None
    assert verdict.over_ridge is not None
    for measured in (verdict.better, verdict.over_ridge):
        assert measured.low is not None
    worth = (verdict.better.low or 0) > 0 and (verdict.over_ridge.low or 0) > 0
    assert worth == (word == "network_better")
    for language, said in (("en", "not worth it"), ("fr", "ne vaut pas la peine")):
        text = "\n".join(report_lines(made, verdict, Words(language)))
        assert "LSTM" in text
        assert (said in text) == (not worth)


def test_which_network_is_judged_was_decided_before_the_windows_were_seen(long: TimeTable) -> None:
    good, chosen = Known("nhits", near(1.0), held_out=0.5), Known("lstm", like(Last()), held_out=0.4)
    verdict = judge(forecast(long, 5, shared=[good, chosen]))
    assert (verdict.subject, verdict.word) == ("lstm", "network_worse")
    assert verdict.scores[0].method == "nhits"


def test_few_windows_are_no_verdict_and_a_ranking_is_called_one(tmp_path: Path) -> None:
    few = judge(forecast(table(tmp_path, 700), 5, shared=[Known("lstm", near(1.0))]))
    assert 30 <= few.windows < 180
    assert few.word == "network_few"
    assert few.over_ridge is not None
    assert few.over_ridge.low is None
    for says, word, said in ((near(1.0), "network_ahead", "no claim"), (like(Last()), "network_behind", "loses")):
        made = forecast(table(tmp_path, 300), 5, shared=[Known("lstm", says)])
        verdict = judge(made)
        assert verdict.word == word
        assert said in "\n".join(report_lines(made, verdict, Words("en")))


def test_a_network_learns_before_the_windows_and_once_more_from_all_where_it_forecasts(long: TimeTable) -> None:
    best, other = Known("lstm", near(1.0)), Known("dlinear", like(Last()))
    made = forecast(long, 5, shared=[best, other])
    total = len(made.series[0].series.values)
    assert made.series[0].backtest is not None
    assert best.fits == [[int(made.series[0].backtest.origins[0])], [total]]
    assert len(other.fits) == 1
    assert made.series[0].method.name == "lstm"
