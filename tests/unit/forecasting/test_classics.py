"""ETS, Theta and ARIMA stand beside the others, in time or not at all, and never speak."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from support.tables import months, rows, wave

from profond.data.timetable.read import read_table
from profond.forecasting import classics, forecast, judge
from profond.forecasting.report import report_lines
from profond.forecasting.words import Words


def table(folder: Path) -> Path:
    path = folder / "table.csv"
    path.write_text(rows(("month", "sales"), [f"{o:%Y-%m}" for o in months(date(2014, 1, 1), 72)], wave(72, 12)))
    return path


@pytest.mark.slow
def test_they_are_tried_on_some_windows_and_never_make_the_forecast(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("statsforecast", reason="the extra forecast is not installed")
    monkeypatch.setattr(classics, "SOME", 2)
    monkeypatch.setattr(classics, "NAMES", ("theta",))
    read = read_table(table(tmp_path))
    made = forecast(read, 3, classics=True)
    assert capfd.readouterr() == ("", "")
    (score,) = made.series[0].classics
    assert (score.name, score.windows, score.asked) == ("theta", 2, 2)
    assert score.mean_error is not None
    assert score.mean_error > 0
    without = forecast(read, 3)
    assert np.array_equal(made.series[0].values, without.series[0].values)
    for language in ("en", "fr"):
        assert "Theta" in "\n".join(report_lines(made, judge(made), Words(language)))
    assert "Theta" not in "\n".join(report_lines(without, judge(without), Words("en")))


def test_what_gives_nothing_in_time_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classics, "LIMIT_SECONDS", 0.0)
    read = read_table(table(tmp_path))
    made = forecast(read, 3)
    test, history = made.series[0].backtest, __import__("profond.forecasting.history", fromlist=["x"])
    assert test is not None
    scores = classics.try_classics(history.history_of(read, read.series[0], 3), test, 3)
    assert {(score.windows, score.mean_error) for score in scores} == {(0, None)}
    told = replace(made, series=(replace(made.series[0], classics=scores),))
    assert "ARIMA: no forecast" in "\n".join(report_lines(told, judge(told), Words("en")))
