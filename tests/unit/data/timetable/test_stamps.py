"""Dates as people write them: the whole column decides, and a new date is written alike."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from profond.data.timetable.stamp_form import DAY, MISSING
from profond.data.timetable.stamps import read_stamps


def moment(seconds: int) -> str:
    return str(np.datetime64(int(seconds), "s"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2018Q3", "2018-07-01T00:00:00"),
        ("T4 2018", "2018-10-01T00:00:00"),
        ("20240131", "2024-01-31T00:00:00"),
        ("202402", "2024-02-01T00:00:00"),
        ("2024013123", "2024-01-31T23:00:00"),
        ("Jan-18", "2018-01-01T00:00:00"),
        ("1er janvier 2023", "2023-01-01T00:00:00"),
        ("Mon, 02 Jan 2023", "2023-01-02T00:00:00"),
        ("15 Jan 2023 10:30", "2023-01-15T10:30:00"),
        ("01/31/2024 1:30 PM", "2024-01-31T13:30:00"),
        ("01/31/2024 12:05 AM", "2024-01-31T00:05:00"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00"),
        ("1704067200", "2024-01-01T00:00:00"),
        ("1704067200000", "2024-01-01T00:00:00"),
        ("45473", "2024-06-30T00:00:00"),
        ("2020-W53", "2020-12-28T00:00:00"),
        ("2024-W03-2", "2024-01-16T00:00:00"),
        ("31/12/23 23h", "2023-12-31T23:00:00"),
        ("lundi 1 janvier 2024", "2024-01-01T00:00:00"),
        ("2018", "2018-01-01T00:00:00"),
    ],
)
def test_a_date_is_read_and_written_as_it_was(text: str, expected: str) -> None:
    stamps = read_stamps([text] * 3)
    assert stamps is not None
    assert moment(stamps.seconds[0]) == expected
    assert stamps.form.write(int(stamps.seconds[0])) == text


@pytest.mark.parametrize("text", ["hello", "12.5", "3", "2024-13-45", "99/99/2024", "abc 2024 def ghi"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert read_stamps([text] * 3) is None


def test_the_whole_column_decides_the_order_of_day_and_month() -> None:
    """The first twelve rows could be either."""
    texts = [f"{date(2023, 2, 1) + timedelta(days=i):%d/%m/%Y}" for i in range(40)]
    stamps = read_stamps(texts)
    assert stamps is not None
    assert set(np.diff(stamps.seconds)) == {DAY}
    assert stamps.form.said == "day before month"


def test_where_nothing_tells_the_day_stands_first_unless_it_is_said() -> None:
    """1 to 9 March, or the third of nine months: either is regular."""
    texts = [f"03/{day:02}/2024" for day in range(1, 10)]
    seen, told = read_stamps(texts), read_stamps(texts, dayfirst=False)
    assert seen is not None
    assert told is not None
    assert moment(seen.seconds[1]) == "2024-02-03T00:00:00"
    assert moment(told.seconds[1]) == "2024-03-02T00:00:00"
    assert len(seen.others) == 1


def test_cells_that_are_empty_are_missing_and_others_are_wrong() -> None:
    stamps = read_stamps(["2024-01-01", "", "2024-02-30", *[f"2024-03-{day:02}" for day in range(1, 21)]])
    assert stamps is not None
    assert stamps.seconds[1] == MISSING
    assert stamps.wrong == (2,)


def test_offsets_are_told_apart_from_the_clock() -> None:
    stamps = read_stamps(["2024-03-31T01:00:00+01:00", "2024-03-31T03:00:00+02:00"])
    assert stamps is not None
    assert stamps.offsets is not None
    assert stamps.offsets.tolist() == [3600, 7200]
    assert np.diff(stamps.seconds - stamps.offsets).tolist() == [3600]
