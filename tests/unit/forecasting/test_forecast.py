"""Forecasts of a table: what is said of a series, what its interval may be, and when there is a verdict."""

from __future__ import annotations

import json
import os
import signal
import string
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.tables import days, hours, rows, wave

from profond.cli import run
from profond.core.errors import DataError, UnknownName
from profond.data.timetable import numbers
from profond.data.timetable.read import read_table
from profond.forecasting import Forecasts, forecast, judge
from profond.forecasting.report import notes, report_lines, to_json
from profond.forecasting.words import LANGUAGES, Words, read_catalogue


def made(folder: Path, text: str, horizon: int = 7) -> Forecasts:
    (folder / "table.csv").write_text(text)
    return forecast(read_table(folder / "table.csv"), horizon)


def daily(values: list[object] | list[float], first: str = "2022-01-03") -> str:
    return rows(("date", "sales"), days(date.fromisoformat(first), len(values)), values)


def test_a_verdict_needs_windows_and_names_the_interval(tmp_path: Path) -> None:
    """Ridge sees the last value and the season together, which no naive method does."""
    random = np.random.default_rng(0)
    level = np.zeros(3000)
    for t in range(1, 3000):
        level[t] = 0.9 * level[t - 1] + random.normal(0, 3)
    values = [float(value) for value in (100 + 20 * np.sin(np.arange(3000) * 2 * np.pi / 7) + level).round(2)]
    long = judge(made(tmp_path, daily(values, "2014-01-06"), 5))
    assert long.windows >= 180
    assert long.word == "better"
    assert long.better is not None
    assert long.better.low is not None
    assert long.better.low > 0
    few = judge(made(tmp_path, daily(values[:700], "2014-01-06"), 5))
    assert 30 <= few.windows < 180
    assert few.word == "few"
    assert few.better is not None
    assert few.better.low is None
    assert judge(made(tmp_path, daily(values[:300], "2014-01-06"), 5)).word == "none"
    assert judge(made(tmp_path, daily(values[:12], "2014-01-06"), 5)).word == "short"


def test_noise_earns_no_praise(tmp_path: Path) -> None:
    """On a random walk nothing beats the last value: the verdict never says that ridge does."""
    random = np.random.default_rng(5)
    walk = [float(value) for value in (500 + np.cumsum(random.normal(0, 1, 2800))).round(2)]
    verdict = judge(made(tmp_path, daily(walk, "2012-01-02"), 5))
    assert verdict.windows >= 180
    assert verdict.word in ("equal", "worse")


def test_a_constant_series_is_forecast_by_its_value_and_has_no_mase(tmp_path: Path) -> None:
    forecasts = made(tmp_path, daily([5] * 100))
    assert np.array_equal(forecasts.series[0].values, np.full((7, 3), 5.0))
    verdict = judge(forecasts)
    assert {score.scaled for score in verdict.scores} == {None}
    assert "not defined" in "\n".join(report_lines(forecasts, verdict, Words("en")))
    assert "constante" in "\n".join(notes(forecasts, Words("fr")))


def test_intervals_are_cut_at_zero_only_where_no_value_was_below(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    rare = [int(n) for n in random.integers(1, 6, 400) * (random.random(400) < 0.1)]
    never = made(tmp_path, daily(rare))
    assert never.series[0].clipped
    assert never.series[0].values.min() == 0
    assert any("cut at 0" in line for line in notes(never, Words("en")))
    once = made(tmp_path, daily([-1, *rare[1:]]))
    assert not once.series[0].clipped
    assert once.series[0].values.min() < 0


def test_bounds_never_cross_and_are_wider_for_a_higher_level(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(daily(wave(500, 7)))
    table = read_table(tmp_path / "table.csv")
    narrow, wide = (forecast(table, 7, level).series[0].values for level in (0.5, 0.95))
    for values in (narrow, wide):
        assert (values[:, 1] <= values[:, 0]).all()
        assert (values[:, 0] <= values[:, 2]).all()
    assert (wide[:, 2] - wide[:, 1] >= narrow[:, 2] - narrow[:, 1]).all()


def test_a_column_that_holds_the_future_is_named_and_not_used(tmp_path: Path) -> None:
    sales = wave(300, 7)
    text = rows(
        ("date", "hint", "sales"), days(date(2023, 1, 2), 300), [*sales[3:], 1, 2, 3], [*sales[:297], "", "", ""]
    )
    forecasts = made(tmp_path, text, 3)
    assert forecasts.series[0].moved == (("hint", 3),)
    assert any("hint holds the values of sales" in line for line in notes(forecasts, Words("en")))


def test_what_is_known_in_advance_must_reach_as_far_as_the_forecast(tmp_path: Path) -> None:
    promotion = [int(i % 5 == 0) for i in range(300)]
    text = rows(("date", "promo", "sales"), days(date(2023, 1, 2), 300), promotion, [*wave(295, 7), *[""] * 5])
    assert made(tmp_path, text, 5).series[0].unknown == ()
    assert made(tmp_path, text, 6).series[0].unknown == ("promo",)


def test_a_horizon_beyond_all_that_is_known_is_refused(tmp_path: Path) -> None:
    assert made(tmp_path, daily(wave(60, 7)), 60).series[0].values.shape == (60, 3)
    with pytest.raises(DataError, match="longer than the 60"):
        made(tmp_path, daily(wave(60, 7)), 61)


def test_a_horizon_beyond_the_last_year_that_can_be_written_is_refused(tmp_path: Path) -> None:
    text = daily(wave(30, 7), "9999-11-25")
    assert made(tmp_path, text, 7).table.stamp(made(tmp_path, text, 7).series[0].series.end + 6) == "9999-12-31"
    with pytest.raises(DataError, match="the year 9999 is over"):
        made(tmp_path, text, 8)


def test_a_series_of_a_wide_table_that_ended_early_keeps_its_place(tmp_path: Path) -> None:
    at = [f"{one:%Y-%m-%d %H:%M}" for one in hours(datetime(2024, 1, 1), 300)]
    full, ended = wave(300, 24), [*wave(300, 24, 1)[:290], *[""] * 10]
    forecasts = made(tmp_path, rows(("time", "meter 1", "meter 2"), at, full, ended), 5)
    assert len({one.series.end for one in forecasts.series}) == 1
    assert any("meter 2 ended on 2024-01-13 01:00" in line for line in notes(forecasts, Words("en")))


def test_both_languages_have_the_same_sentences_with_the_same_places() -> None:
    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    english, french = (read_catalogue(language) for language in LANGUAGES)
    assert english.keys() == french.keys()
    assert {key: places(text) for key, text in english.items()} == {key: places(text) for key, text in french.items()}
    with pytest.raises(UnknownName):
        Words("de")


def test_what_programs_read_has_no_number_that_json_lacks(tmp_path: Path) -> None:
    forecasts = made(tmp_path, daily([5] * 40))
    document = to_json(forecasts, judge(forecasts), Words("en"))
    again = json.loads(json.dumps(document, allow_nan=False))
    assert again["series"][0]["forecast"] == [5.0] * 7
    assert again["series"][0]["mase"] is None
    assert again["series"][0]["stamps"][0] == "2022-02-12"


def test_a_command_that_is_stopped_leaves_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "table.csv").write_text(daily(wave(60, 7)))
    began = len(list(tmp_path.iterdir()))
    looked = numbers.read_numbers
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored where tests run in the background

    def stopped(*given: Any, **options: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return looked(*given, **options)

    monkeypatch.setattr("profond.data.timetable.roles.read_numbers", stopped)
    command = ["forecast", str(tmp_path / "table.csv"), "--horizon", "3", "--fast", "--runs", str(tmp_path / "runs")]
    try:
        assert run(command) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert "error: stopped, and nothing was written" in capsys.readouterr().err
    assert len(list(tmp_path.iterdir())) == began


def test_the_command_imports_no_torch(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(daily(wave(200, 7)))
    code = (
        "import sys; from profond.cli import run; "
        f"assert run(['forecast', {str(tmp_path / 'table.csv')!r}, '--horizon', '7', '--fast', '--quiet']) == 0; "
        "print('torch' in sys.modules, 'scipy.stats' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False False"


def test_the_folder_where_one_is_stands_for_no_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["forecast", ".", "--horizon", "3", "--fast"]) == 3
    assert "is a folder" in capsys.readouterr().err
