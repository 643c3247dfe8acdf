"""The regular calendar that stamps make, and where one ends and another begins."""

from __future__ import annotations

import numpy as np
import pytest

from profond.core.errors import ConfigError
from profond.data.timetable.calendar import NOWHERE, find_break, find_calendar
from profond.data.timetable.frequency import asked_calendar
from profond.data.timetable.stamp_form import DAY, Seconds
from profond.data.timetable.summer_time import find_zone, from_utc, to_utc


def seconds(texts: list[str] | np.ndarray) -> Seconds:
    return np.array(texts, dtype="datetime64[s]").astype(np.int64)


def every_day(first: str, count: int) -> Seconds:
    return seconds(np.datetime64(first, "D") + np.arange(count))


@pytest.mark.parametrize(
    ("stamps", "every", "following"),
    [
        (every_day("2024-02-20", 9), "day", "2024-02-29"),
        (seconds(["2023-10-31", "2023-11-30", "2023-12-31", "2024-01-31"]), "month end", "2024-02-29"),
        (seconds(["2023-01-01", "2023-02-01", "2023-03-01"]), "month", "2023-04-01"),
        (seconds(["2023-01-15", "2023-04-15", "2023-07-15"]), "quarter", "2023-10-15"),
        (seconds(["2020-01-01", "2021-01-01", "2022-01-01", "2024-01-01", "2025-01-01"] * 1), "year", None),
        (seconds(np.datetime64("2024-01-01T00:00") + np.arange(20) * np.timedelta64(15, "m")), "15 minutes",
         "2024-01-01T05:00"),
        (seconds(np.datetime64("2024-01-01") + 7 * np.arange(8)), "week", "2024-02-26"),
    ],
)  # fmt: skip
def test_it_is_found_and_goes_on(stamps: Seconds, every: str, following: str | None) -> None:
    calendar = find_calendar(stamps)
    if following is None:  # a year of four is missing: too irregular to be sure
        assert calendar is None
        return
    assert calendar is not None
    assert calendar.every == every
    places = calendar.places(stamps)
    assert (np.diff(places) == 1).all()
    assert np.array_equal(calendar.at(places), stamps)
    assert calendar.at(places[-1:] + 1).tolist() == seconds([following]).tolist()


def test_weekends_are_no_gaps_but_holidays_are() -> None:
    days = every_day("2024-01-01", 120)
    working = days[((days // DAY + 3) % 7 < 5) & (days != seconds(["2024-03-29"])[0])]
    calendar = find_calendar(working)
    assert calendar is not None
    assert calendar.every == "weekday"
    assert int((np.diff(calendar.places(working)) == 2).sum()) == 1
    assert calendar.places(seconds(["2024-01-06"]))[0] == NOWHERE


def test_a_change_of_the_calendar_is_found_where_it_is() -> None:
    monthly = seconds([f"{2016 + i // 12}-{i % 12 + 1:02}-01" for i in range(40)])
    both = np.concatenate([monthly, every_day("2019-05-01", 200)])
    found = find_break(both)
    assert found is not None
    assert found.at == seconds(["2019-05-01"])[0]
    assert (found.before.every, found.after.every) == ("month", "day")
    assert find_break(every_day("2020-01-01", 300)) is None


@pytest.mark.parametrize(
    ("asked", "every"),
    [("15 min", "15 minutes"), ("H", "hour"), ("MS", "month"), ("month end", "month end"), ("jour", "day"),
     ("trimestre", "quarter"), ("B", "weekday"), ("2 weeks", "2 weeks"), ("6h", "6 hours")],
)  # fmt: skip
def test_a_step_can_be_named_in_many_ways(asked: str, every: str) -> None:
    calendar = asked_calendar(asked, every_day("2024-01-01", 3))
    assert calendar.every in (every, every.replace("2 weeks", "14 days"))


def test_a_step_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="moon"):
        asked_calendar("moon", every_day("2024-01-01", 3))


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York"])
def test_a_clock_that_changes_is_seen_and_read_both_ways(zone: str) -> None:
    utc = seconds(np.datetime64("2023-01-01T00") + np.arange(24 * 365))
    wall = from_utc(utc, zone)
    assert find_zone(np.sort(wall), 3600) == zone
    assert np.array_equal(np.sort(to_utc(wall, zone)), utc)
    assert find_zone(utc, 3600) is None
