"""A table to regular series: what each column is, what was mended, and what is refused with its line."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from support.tables import days, hours, rows, wave

from profond.core.errors import DataError
from profond.data.timetable.asked import Asked
from profond.data.timetable.cells import LONGEST_LINE
from profond.data.timetable.read import read_table
from profond.data.timetable.table import TimeTable

DAYS = days(date(2023, 1, 2), 100)


def table(folder: Path, text: str | bytes, asked: Asked | None = None, frequency: str | None = None) -> TimeTable:
    path = folder / "table.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_table(path, asked, frequency)


def test_a_plain_table_is_one_series(tmp_path: Path) -> None:
    values = wave(100, 7)
    read = table(tmp_path, rows(("date", "sales"), DAYS, values))
    assert [one.values.tolist() for one in read.series] == [values]
    assert read.calendar.every == "day"
    assert read.stamp(read.series[0].end) == "2023-04-12"
    assert read.notes == ()


def test_columns_of_one_kind_are_series_and_columns_of_other_kinds_are_known_beside(tmp_path: Path) -> None:
    wide = table(tmp_path, rows(("date", "shop A", "shop B"), DAYS, wave(100, 7), wave(100, 7, 1)))
    assert [one.name for one in wide.series] == ["shop A", "shop B"]
    beside = table(tmp_path, rows(("date", "temperature", "sales"), DAYS, wave(100, 7), wave(100, 7, 1)))
    assert len(beside.series) == 1
    assert beside.past_names == ("temperature",)


def test_a_wide_table_of_which_one_column_ends_early_is_wide(tmp_path: Path) -> None:
    short = [*wave(95, 7), *[""] * 5]
    read = table(tmp_path, rows(("date", "shop 1", "shop 2"), DAYS, wave(100, 7), short))
    assert [len(one.values) for one in read.series] == [100, 95]


def test_what_reaches_beyond_the_target_is_known_in_advance(tmp_path: Path) -> None:
    read = table(tmp_path, rows(("date", "promo", "sales"), DAYS, [0, 1] * 50, [*wave(90, 7), *[""] * 10]))
    assert read.future_names == ("promo",)
    assert read.series[0].values.shape == (90,)
    assert read.series[0].future.shape == (100, 1)


def test_a_number_that_names_a_shop_tells_series_apart(tmp_path: Path) -> None:
    text = rows(("store", "date", "sales"), [1] * 100 + [2] * 100, DAYS * 2, [*wave(100, 7), *wave(100, 7, 1)])
    assert [one.ids for one in table(tmp_path, text).series] == [("1",), ("2",)]


def test_one_date_with_two_values_is_refused_with_both_lines(tmp_path: Path) -> None:
    text = rows(("date", "sales"), [*DAYS, DAYS[4]], [*wave(100, 7), 7])
    with pytest.raises(DataError, match=r"2023-01-06 has two different values \(lines 6 and 102\)"):
        table(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("date,sales\n", "no rows below"),
        ("date,sales\n2024-01-01,3\n", "1 date: that is no series"),
        (b"PK\x03\x04" + bytes(20), "not text"),
        (b"date,sales\n\x00\x00", "zero bytes"),
        ("date,sales\n2024-01-01," + "9" * (LONGEST_LINE + 1), "line 2 has 1,048,588 characters"),
        (rows(("a", "b"), ["x", "y"], ["u", "v"]), "no column of dates"),
        (rows(("date", "sales"), DAYS, [""] * 100), "no column of numbers"),
        (rows(("date", "sales"), DAYS, [*wave(50, 7), "inf", *wave(49, 7)]), "line 52: 'inf'"),
        (rows(("date", "sales"), [*DAYS[:99], "2023-02-30"], wave(100, 7)), "line 101: '2023-02-30'"),
        (rows(("date", "sales"), DAYS[:3], [1, 2, 3]) + "2023-01-05,4,5\n", "line 5 has 3 cells"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(DataError, match=words) as raised:
        table(tmp_path, text)
    assert raised.value.help


def test_a_column_that_is_not_there_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column 'sale'") as raised:
        table(tmp_path, rows(("date", "sales"), DAYS, wave(100, 7)), Asked(target="sale"))
    assert raised.value.help == "did you mean 'sales'?"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Asked(target="y", past=("y",)), "'y' is named as --target and as --past"),
        (Asked(target="y", future=("Y",)), "--target and as --future"),
        (Asked(past=("p",), future=("p",)), "'p' is named as --past and as --future"),
        (Asked(ids=("p",), static=("2",)), "'p' is named as --id and as --static"),
        (Asked(time="date", target="date"), "'date' is named as --time and as --target"),
    ],
)
def test_a_column_is_named_as_one_thing(tmp_path: Path, asked: Asked, words: str) -> None:
    text = rows(("date", "p", "y"), DAYS, [1] * 100, wave(100, 7))
    with pytest.raises(DataError, match=words):
        table(tmp_path, text, asked)
    assert table(tmp_path, text, Asked(target="y", past=("p",))).past_names == ("p",)


@pytest.mark.parametrize("word", ["1e308", "-1e308", "1e101", "1e400", "inf", "-Infinity"])
def test_a_number_beyond_all_reckoning_is_named_with_its_line(tmp_path: Path, word: str) -> None:
    what = "is not a number" if "n" in word else "is beyond 1e\\+100"
    with pytest.raises(DataError, match=f"line 8: '{word}' in column 'sales' {what}"):
        table(tmp_path, rows(("date", "sales"), DAYS, [*wave(6, 7), word, *wave(93, 7)]))


def test_dates_that_are_not_regular_are_refused_unless_the_step_is_named(tmp_path: Path) -> None:
    some = [one for i, one in enumerate(DAYS) if i % 7 in (0, 2, 3) and i % 5]
    text = rows(("date", "sales"), some, wave(len(some), 7))
    with pytest.raises(DataError, match="not regular"):
        table(tmp_path, text)
    assert np.isnan(table(tmp_path, text, frequency="day").series[0].values).any()


def test_titles_above_a_table_are_left_out_and_said(tmp_path: Path) -> None:
    read = table(tmp_path, "Sales of 2023\n\n" + rows(("date", "sales"), DAYS, wave(100, 7)))
    assert len(read.series[0].values) == 100
    assert read.notes == ("lines above the table, left out: 1",)


def test_months_may_stand_by_name_in_a_column_of_their_own(tmp_path: Path) -> None:
    names = ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre",
             "novembre", "décembre")  # fmt: skip
    text = rows(("annee", "mois", "ventes"), [2020 + i // 12 for i in range(30)], [names[i % 12] for i in range(30)],
                wave(30, 12))  # fmt: skip
    read = table(tmp_path, text)
    assert read.calendar.every == "month"
    assert read.roles.time.write(int(read.wall_clock(np.array([read.series[0].end]))[0])) == ["2022", "juillet"]


def test_a_quoted_cell_may_hold_the_delimiter_and_a_new_line(tmp_path: Path) -> None:
    text = rows(("date", "note", "sales"), DAYS, ['"rain, then\nsun"'] * 100, wave(100, 7))
    assert len(table(tmp_path, text).series[0].values) == 100


def test_a_large_plain_table_and_the_same_in_quotes_are_read_alike(tmp_path: Path) -> None:
    """The first way is fast, the second is the standard library's."""
    at = [f"{one:%d/%m/%Y %H:%M}" for one in hours(datetime(2022, 1, 1), 3000)]
    plain = table(tmp_path, rows(("date", "sales"), at, wave(3000, 24), part=";"))
    quoted = table(tmp_path, rows(("date", "sales"), [f'"{one}"' for one in at], wave(3000, 24), part=";"))
    assert np.array_equal(plain.series[0].values, quoted.series[0].values)
    assert plain.calendar == quoted.calendar


@pytest.mark.parametrize(
    ("mark", "zone", "first", "after"),
    [
        ("%H:%M:00%:z", "Europe/Paris", "2024-10-27T02:00:00+02:00", "2024-10-27T02:00:00+01:00"),
        ("%H:%M%z", "America/New_York", "2024-11-03T01:00-0400", "2024-11-03T01:00-0500"),
    ],
)
def test_each_stamp_of_the_future_has_the_offset_of_its_own_hour(
    tmp_path: Path, mark: str, zone: str, first: str, after: str
) -> None:
    day = datetime.fromisoformat(first.replace("-0400", "-04:00")).astimezone(UTC)
    at = [(day + timedelta(hours=hour)).astimezone(ZoneInfo(zone)) for hour in range(-6000, 0)]
    stamps = [f"{one.isoformat()[:11]}{one.strftime(mark.replace('%:z', ''))}{_offset(one, mark)}" for one in at]
    read = table(tmp_path, rows(("when", "load"), stamps, wave(6000, 24)))
    end = read.series[0].end
    assert [read.stamp(end), read.stamp(end + 1)] == [first, after]
    assert stamps[0] in str(read.assumed[0])


def _offset(one: datetime, mark: str) -> str:
    return one.isoformat()[-6:] if "%:z" in mark else ""


def test_hours_of_two_zones_in_one_column_are_moments_of_utc(tmp_path: Path) -> None:
    moments = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(60)]
    zones = ("Europe/Paris", "America/New_York")
    stamps = [one.astimezone(ZoneInfo(zone)).isoformat() for zone in zones for one in moments]
    sites = [zone for zone in zones for _ in moments]
    read = table(tmp_path, rows(("when", "site", "load"), stamps, sites, wave(120, 24)))
    assert read.stamp(read.series[0].end) == "2024-01-03T12:00:00+00:00"


def test_hours_across_with_an_offset_keep_it(tmp_path: Path) -> None:
    at = [f"{one:%Y-%m-%dT%H:%M}+01:00" for one in hours(datetime(2024, 1, 1), 48)]
    read = table(
        tmp_path, f"shop,{','.join(at)}\n" + "".join(f"{n},{','.join(map(str, wave(48, 24)))}\n" for n in "AB")
    )
    assert read.stamp(read.series[0].start) == at[0]
    assert read.stamp(read.series[1].end) == "2024-01-03T00:00+01:00"


def test_what_is_known_for_some_of_the_days_ahead_is_known_in_advance(tmp_path: Path) -> None:
    price, sales = [*[float(n % 3) for n in range(95)], *[""] * 5], [*wave(90, 7), *[""] * 10]
    read = table(tmp_path, rows(("date", "price", "sales"), DAYS, price, sales))
    assert read.future_names == ("price",)
