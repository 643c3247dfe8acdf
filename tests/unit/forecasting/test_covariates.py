"""What stands beside a series: known in advance, known up to now, never changing, holidays."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from support.tables import days, rows, wave

import profond
from profond.core.errors import ConfigError, DataError, MissingError
from profond.data.timetable.asked import Asked
from profond.data.timetable.read import read_table
from profond.forecasting import forecast
from profond.forecasting.features import calendar_features, holiday_column
from profond.forecasting.history import history_of

HOUR = 3600


def write(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text)
    return path


def test_what_was_known_before_helps_where_it_leads(tmp_path: Path) -> None:
    """Orders of three days ago are today's sales: a column known up to now says more than the series itself."""
    random = np.random.default_rng(0)
    orders = random.integers(50, 150, 403).astype(float)
    sales = (orders[:400] + random.normal(0, 1, 400)).round(1)
    table = read_table(
        write(tmp_path, rows(("date", "orders", "sales"), days(date(2022, 1, 3), 400), orders[3:], sales)),
        Asked(target="sales", past=("orders",)),
    )
    made = forecast(table, 3).series[0]
    assert made.method.name == "ridge_past"
    assert made.backtest is not None
    errors = {m.name: made.backtest.mean_error(n) for n, m in enumerate(made.backtest.methods)}
    assert errors["ridge_past"] < errors["ridge"] / 2


def test_a_column_that_stops_too_early_is_named_with_what_to_do(tmp_path: Path) -> None:
    known: list[object] = [i % 5 for i in range(304)]
    sales: list[object] = [*wave(300, 7), *[""] * 4]
    path = write(tmp_path, rows(("date", "promo", "sales"), days(date(2022, 1, 3), 304), known, sales))
    said = "\n".join(profond.forecast(path, 7, fast=True, out=None, future=["promo"]).lines())
    assert "promo: known for 4 steps ahead and not for all 7" in said
    assert "--horizon 4" in said
    assert "not used" not in "\n".join(profond.forecast(path, 4, fast=True, out=None).lines())


def test_a_static_column_is_a_number_or_a_word_for_each_series(tmp_path: Path) -> None:
    lines = [(s, k, a, d, v) for s, k, a in (("A", "big", 120), ("B", "small", 30), ("C", "big", 95))
             for d, v in zip(days(date(2022, 1, 3), 60), wave(60, 7), strict=True)]  # fmt: skip
    path = write(tmp_path, rows(("shop", "kind", "area", "date", "sales"), *zip(*lines, strict=True)))
    table = read_table(path, Asked(static=("kind", "area")))
    assert [one.static for one in table.series] == [(1, 0, 120), (0, 1, 30), (1, 0, 95)]
    assert history_of(table, table.series[1], 7).static.tolist() == [0, 1, 30]
    assert any("never changing: kind, area" in line for line in table.assumed)
    text = path.read_text().replace("A,big,120,2022-01-09", "A,small,120,2022-01-09")
    with pytest.raises(DataError, match=r"'big' on line 2 and 'small' on line 8"):
        read_table(write(tmp_path, text), Asked(ids=("shop",), static=("kind",)))


def test_the_calendar_repeats_after_a_day_a_week_and_a_year() -> None:
    start = int(np.datetime64("2024-03-02T05:00", "s").astype(np.int64))
    one, next_day, next_week = calendar_features(np.array([start, start + 24 * HOUR, start + 168 * HOUR]))
    assert np.allclose(one[:4], next_day[:4])
    assert np.allclose(one[:6], next_week[:6], atol=1e-6)
    assert not np.allclose(one[4:6], next_day[4:6])
    assert (one[8], one[9], next_day[8], next_day[9]) == (1, 0, 0, 1)


def test_holidays_are_known_in_advance(tmp_path: Path) -> None:
    pytest.importorskip("holidays", reason="the extra forecast is not installed")
    clock = np.array(["2024-05-01T03", "2024-05-02T00", "2024-07-14T23"], dtype="datetime64[s]").astype(np.int64)
    assert holiday_column(clock, "FR").tolist() == [1, 0, 1]
    assert holiday_column(clock, "gb").tolist() == [0, 0, 0]
    for wrong in ("XX", "DE-XX"):
        with pytest.raises(ConfigError):
            holiday_column(clock, wrong)
    dates = days(date(2019, 1, 1), 1500)
    closed = holiday_column(np.array(dates, dtype="datetime64[s]").astype(np.int64), "FR")
    values = [round(v * (0.2 if off else 1), 1) for v, off in zip(wave(1500, 7), closed, strict=True)]
    path = write(tmp_path, rows(("date", "sales"), dates, values))
    with_days, without = (profond.forecast(path, 7, fast=True, out=None, holidays=c) for c in ("FR", None))
    errors = [next(s.mean_error for s in one.verdict.scores if s.method == "ridge") for one in (with_days, without)]
    assert errors[0] < 0.8 * errors[1]  # type: ignore[operator]


def test_without_the_package_holidays_are_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "holidays", None)
    with pytest.raises(MissingError, match="holidays"):
        holiday_column(np.array([0]), "FR")


def test_the_sales_of_tomorrow_in_a_column_of_today_are_named_and_not_used(tmp_path: Path) -> None:
    """Before, a ridge regression on what was known saved nearly all of the error; yesterday's sales may stay."""
    sales = wave(303, 7)
    text = rows(
        ("date", "tomorrow", "yesterday", "sales"), days(date(2022, 1, 3), 300), sales[2:302], sales[:300], sales[1:301]
    )
    path = write(tmp_path, text)
    made = profond.forecast(path, 5, fast=True, out=tmp_path / "runs")
    assert made.forecasts.series[0].moved == (("tomorrow", 1),)
    assert "tomorrow holds the values of sales" in "\n".join(made.lines())
    assert made.forecasts.table.past_names == ("tomorrow", "yesterday")
    path.write_text(
        "".join(text.splitlines(keepends=True)[-40:]).replace("2022", "date,tomorrow,yesterday,sales\n2022", 1)
    )
    later = profond.forecast(path, run=made.run.path if made.run else None, out=None)
    assert np.isfinite(later.values["the series"]).all()


def test_rare_events_at_different_times_are_no_copy_of_each_other(tmp_path: Path) -> None:
    sales, promo = np.zeros(400), np.zeros(400)
    sales[20::40], promo[3::57] = np.arange(1, 11), 1
    made = profond.forecast(
        write(tmp_path, rows(("date", "promo", "sales"), days(date(2022, 1, 3), 400), promo, sales)),
        5,
        fast=True,
        out=None,
    )
    assert made.forecasts.series[0].moved == ()


def test_a_run_reads_a_later_table_with_the_columns_that_it_learned_from(tmp_path: Path) -> None:
    """A price that was known up to now, and that the later table knows in advance, is what it was."""
    random = np.random.default_rng(0)
    price = random.integers(10, 15, 204).astype(float)
    sales = (100 - 4 * price[:203] + random.normal(0, 1, 203)).round(1)
    at = days(date(2022, 1, 3), 203)
    path = write(tmp_path, rows(("date", "price", "sales"), at[:200], price[1:201], sales[:200]))
    learned = profond.forecast(path, 3, fast=True, out=tmp_path)
    assert learned.forecasts.series[0].method.name == "ridge_past"
    write(tmp_path, rows(("date", "price", "sales"), at, price[1:], [*sales[:200], "", "", ""]))
    again = profond.forecast(path, run=learned.run.path if learned.run else None, out=None)
    assert np.array_equal(again.values["the series"], learned.values["the series"])
    write(tmp_path, rows(("date", "sales"), at, sales))
    with pytest.raises(DataError, match="no column 'price'"):
        profond.forecast(path, run=learned.run.path if learned.run else None, out=None)
