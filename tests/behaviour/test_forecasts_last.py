"""A forecast is a run: another process forecasts by it to the bit, without the table that it learned from."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.processes import environment
from support.tables import SHORT_FRENCH, days, french, hours, months, rows, wave

import profond
from profond.cli import run
from profond.core.errors import ConfigError, DataError
from profond.core.run import Run
from profond.forecasting.method import Fitted

pytestmark = pytest.mark.slow


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def daily(path: Path, count: int = 200, first: date = date(2022, 1, 3), seed: int = 0) -> Path:
    path.write_text(rows(("date", "sales"), days(first, count), wave(count, 7, seed)))
    return path


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, env=environment(), check=False)


def test_a_new_process_forecasts_the_same_to_the_bit_without_the_training_data(place: Path) -> None:
    heads = ("shop", "date", "sales")
    text = rows(heads, *zip(*[(n, d, v) for n in "AB" for d, v in zip(days(date(2022, 1, 3), 150), wave(150, 7, ord(n)),
                                                                     strict=True)], strict=True))  # fmt: skip
    Path("shops.csv").write_text(text)
    made = profond.forecast("shops.csv", 7, fast=True)
    assert made.run is not None
    assert {one.method.name for one in made.forecasts.series} >= {"ridge"}
    Path("elsewhere.csv").write_text(text)
    Path("shops.csv").unlink()
    later = command("-m", "profond", "forecast", "elsewhere.csv", "--from", "last", "--json")
    assert later.returncode == 0, later.stderr
    found = json.loads(later.stdout)
    for one, before in zip(found["series"], made.forecasts.series, strict=True):
        assert one["ids"] == list(before.series.ids)
        assert np.array_equal([one["forecast"], one["low"], one["high"]], before.values.T)
    assert found["run"] != str(made.run.path)


def test_what_comes_later_is_forecast_by_what_was_learned_before(place: Path) -> None:
    """The months after stand in a file of their own; the month of the year counts, not that of the table."""
    stamps = [f"{SHORT_FRENCH[one.month - 1]} {one.year}" for one in months(date(2010, 1, 1), 130)]
    values = wave(130, 12)
    Path("a.csv").write_text(rows(("mois", "ventes"), stamps[:110], values[:110], part=";", cell=french))
    Path("b.csv").write_text(rows(("mois", "ventes"), stamps[65:117], values[65:117], part=";", cell=french))
    Path("c.csv").write_text(rows(("mois", "ventes"), stamps[:117], values[:117], part=";", cell=french))
    run_ = profond.forecast("a.csv", 6, fast=True).run
    assert run_ is not None
    part, whole = (profond.forecast(name, run=run_.path, out=None) for name in ("b.csv", "c.csv"))
    assert part.stamps == whole.stamps
    assert next(iter(part.stamps.values()))[0] == stamps[117]
    assert np.allclose(next(iter(part.values.values())), next(iter(whole.values.values())), rtol=1e-12)
    with pytest.raises(ConfigError, match="6 steps"):
        profond.forecast("b.csv", 7, run=run_.path, out=None)
    with pytest.raises(DataError, match="day"):
        profond.forecast(daily(Path("days.csv")), run=run_.path, out=None)


def test_runs_show_a_forecast_and_other_verbs_refuse_it(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    daily(Path("sales.csv"))
    assert run(["forecast", "sales.csv", "--horizon", "5", "--fast", "--quiet"]) == 0
    assert sorted(path.name for path in place.iterdir()) == [
        "runs", "sales.csv", "sales.forecast.csv", "sales.forecast.html", "sales.forecast.png"]  # fmt: skip
    name = next(Path("runs").iterdir()).name
    capsys.readouterr()
    assert run(["runs", "list"]) == 0
    assert run(["runs", "show", "last"]) == 0
    shown = capsys.readouterr().out
    assert name in shown
    assert "MASE" in shown
    assert run(["evaluate", name]) == 3
    assert run(["predict", name, "x.png"]) == 3
    told = capsys.readouterr().err
    assert told.count("kind 'forecast'") == 2
    assert "Traceback" not in told
    assert run(["evaluate", "last"]) == 4  # the last run is the last one that was trained


def test_a_run_that_is_damaged_is_refused_in_words(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = profond.forecast(daily(Path("sales.csv")), 5, fast=True)
    assert made.run is not None
    made.run.file("methods.safetensors").write_bytes(b"nothing")
    assert run(["forecast", "sales.csv", "--from", "last"]) == 3
    made.run.file("forecast.json").write_text("{")
    assert run(["forecast", "sales.csv", "--from", "last"]) == 3
    assert "Traceback" not in capsys.readouterr().err


def test_fast_needs_no_torch(place: Path) -> None:
    daily(Path("sales.csv"))
    code = (
        "import sys\nfrom profond.cli import run\n"
        "code = run(['forecast', 'sales.csv', '--horizon', '5', '--fast', '--quiet'])\n"
        "assert code == 0\nassert not [name for name in sys.modules if name.split('.')[0] in ('torch', 'pandas')]"
    )
    done = command("-c", code)
    assert done.returncode == 0, done.stderr


def test_a_call_prints_nothing_and_writes_into_its_run_alone(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    made = profond.forecast(daily(Path("sales.csv")), 5, fast=True)
    assert capfd.readouterr() == ("", "")
    assert sorted(path.name for path in place.iterdir()) == ["runs", "sales.csv"]
    assert made.run is not None
    assert {"config.json", "forecast.csv", "figure.png", "report.html", "methods.safetensors"} <= {
        path.name for path in made.run.path.iterdir()
    }
    assert profond.forecast("sales.csv", 5, fast=True, out=None).run is None
    assert len(list(Path("runs").iterdir())) == 1


class _Page(HTMLParser):
    """What a browser would fetch, and pictures without words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.mute = 0
        self.pictures = 0
        self.languages: list[str | None] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given: dict[str, Any] = dict(attrs)
        self.fetched += [v for k, v in given.items() if k in ("src", "href") and not str(v).startswith("data:")]
        self.pictures += tag == "img"
        self.mute += tag == "img" and not given.get("alt")
        self.languages += [given["lang"]] if tag == "main" else []


def test_the_report_stands_alone_in_both_languages(place: Path) -> None:
    stamps = [f"{one:%d/%m/%Y %H:%M}" for one in hours(datetime(2023, 3, 1), 24 * 100)]
    Path("charge.csv").write_text(
        rows(("Horodaté", "<b>Puissance</b>"), stamps, wave(2400, 24, level=12_000.0), part=";", cell=french), "cp1252"
    )
    made = profond.forecast("charge.csv", 24, fast=True, out=None)
    text = made.page("fr")
    page = _Page(text)
    assert page.languages == ["fr", "en"]
    assert (page.fetched, page.mute, page.pictures) == ([], 0, 4)
    assert "<script" not in text
    assert "<b>" not in text
    french_part, english_part = text.split('<main lang="en">')
    assert re.search("1\\d\u202f\\d{3},\\d", french_part)
    assert re.search(r"1\d,\d{3}\.\d", english_part)
    assert "Le pire passage" in french_part
    assert "held" in english_part
    assert "\u202f" not in english_part


def test_a_stop_or_a_disk_that_takes_nothing_leaves_nothing_half_written(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    daily(Path("sales.csv"))
    Path("runs").write_text("a file where a folder is needed")
    assert run(["forecast", "sales.csv", "--horizon", "5", "--fast"]) == 1
    assert "Traceback" not in capsys.readouterr().err
    Path("runs").unlink()

    def stopped(self: Run, name: str, data: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "write", stopped)
    assert run(["forecast", "sales.csv", "--horizon", "5", "--fast"]) == 130
    assert [path.name for path in place.iterdir() if path.name != "runs"] == ["sales.csv"]
    assert list(Path("runs").iterdir()) == []


@pytest.mark.parametrize("horizon", ["0", "-1", "2.5", "abc", "100000", "500"])
def test_a_horizon_that_is_none_is_refused(horizon: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    daily(Path("sales.csv"))
    assert run(["forecast", "sales.csv", "--horizon", horizon, "--fast"]) in (2, 3)
    assert "Traceback" not in capsys.readouterr().err
    assert [path.name for path in place.iterdir()] == ["sales.csv"]


def test_many_series_are_reported_in_summary(place: Path) -> None:
    count, length = 60, 80
    heads = ["date", *(f"meter {n}" for n in range(count))]
    Path("wide.csv").write_text(
        rows(heads, days(date(2023, 1, 1), length), *(wave(length, 7, n) for n in range(count)))
    )
    made = profond.forecast("wide.csv", 7, fast=True, out=None)
    assert len(made.lines()) < 30
    assert made.page().count("<h2>") < 20
    assert len(made.page()) < 2_000_000
    written = made.table().decode().splitlines()
    assert len(written) == 8
    assert written[0] == ",".join(heads)


def chaotic(count: int) -> list[float]:
    """A series that no straight line follows, and a network does: each value is a parabola's height at the last."""
    values = [0.3]
    while len(values) < count:
        values.append(3.7 * values[-1] * (1 - values[-1]))
    return [100 * value for value in values]


def test_what_networks_learned_forecasts_in_a_new_process_to_the_bit_and_starts_others(place: Path) -> None:
    text = rows(("date", "height"), days(date(2022, 1, 3), 300), [f"{value:.6f}" for value in chaotic(300)])
    Path("heights.csv").write_text(text)
    made = profond.forecast("heights.csv", 1)
    (learned,) = made.forecasts.series
    assert learned.method.name in ("lstm", "nhits")
    warmer = profond.forecast("heights.csv", 1, warm_start="last", out=None)
    tested = warmer.forecasts.series[0].backtest
    assert tested is not None
    steps = {one.name: one.forecaster.steps for one in tested.methods if isinstance(one, Fitted)}
    assert steps[learned.method.name] == max(1, round(0.25 * learned.forecaster.state().settings["steps"]))
    Path("elsewhere.csv").write_text(text)
    Path("heights.csv").unlink()
    later = command("-m", "profond", "forecast", "elsewhere.csv", "--from", "last", "--json")
    assert later.returncode == 0, later.stderr
    (found,) = json.loads(later.stdout)["series"]
    assert np.array_equal([found["forecast"], found["low"], found["high"]], learned.values.T)
