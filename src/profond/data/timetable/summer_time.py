"""Clocks that are put forward in spring and back in autumn: a wall clock's hours to hours that only go forward."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from profond.core.errors import ConfigError, nearest
from profond.data.timetable.stamp_form import MISSING, Seconds

LIKELY = (
    "Europe/Paris",
    "Europe/London",
    "Europe/Athens",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Santiago",
    "Australia/Sydney",
    "Pacific/Auckland",
)
"""One zone for each rule that many people live by; several zones that change at the same wall-clock hour look alike."""


@dataclass(frozen=True)
class Change:
    """One change of the clocks.

    Args:
        utc: seconds since 1970, of the moment.
        before, after: seconds that the wall clock is ahead of UTC.
    """

    utc: int
    before: int
    after: int


def zone_named(name: str) -> ZoneInfo:
    """Raises: ConfigError with the nearest name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, IsADirectoryError, PermissionError):
        import zoneinfo

        near = nearest(name, zoneinfo.available_timezones())
        raise ConfigError(f"there is no time zone {name!r}", near or "such as Europe/Paris, or UTC") from None


@lru_cache(maxsize=64)
def changes(zone: str, first_year: int, last_year: int) -> tuple[Change, ...]:
    """A zone's changes of the clocks, found day by day and then by halving."""
    info = ZoneInfo(zone)

    def ahead(utc: int) -> int:
        offset = datetime.fromtimestamp(utc, UTC).astimezone(info).utcoffset()
        assert offset is not None
        return int(offset / timedelta(seconds=1))

    found = []
    start = int(datetime(first_year, 1, 1, tzinfo=UTC).timestamp())
    end = int(datetime(last_year + 1, 1, 1, tzinfo=UTC).timestamp())
    before = ahead(start)
    for day in range(start + 86_400, end, 86_400):
        after = ahead(day)
        if after != before:
            low, high = day - 86_400, day
            while high - low > 60:
                middle = (low + high) // 2
                low, high = (middle, high) if ahead(middle) == before else (low, middle)
            found.append(Change(high - high % 60, before, after))
            before = after
    return tuple(found)


def to_utc(wall: Seconds, zone: str) -> Seconds:
    """Wall-clock seconds to seconds since 1970 UTC; of an hour that comes twice, the first row is the first.

    Stamps are sorted, or in the order in which they happened. An hour that does not exist is taken as one that passed.
    """
    good = wall != MISSING
    if not good.any():
        return wall.copy()
    years = wall[good].astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64) + 1970
    utc = np.where(good, wall, 0)
    result = np.full(len(wall), MISSING)
    table = changes(zone, int(years.min()) - 1, int(years.max()) + 1)
    offsets = np.array(
        [table[0].before if table else _constant(zone), *(change.after for change in table)], dtype=np.int64
    )
    # The wall clock at which the new offset has surely begun: the later one of before and after.
    started = np.array([change.utc + max(change.before, change.after) for change in table], dtype=np.int64)
    result[good] = (utc - offsets[np.searchsorted(started, utc, side="right")])[good]
    for change in table:
        if change.after < change.before:  # an hour that comes twice
            low, high = change.utc + change.after, change.utc + change.before
            twice = np.flatnonzero(good & (wall >= low) & (wall < high))
            result[twice] = wall[twice] - change.before
            seen: set[int] = set()
            for row in twice.tolist():
                if int(wall[row]) in seen:
                    result[row] = wall[row] - change.after
                seen.add(int(wall[row]))
    return result


def from_utc(utc: Seconds, zone: str) -> Seconds:
    """Seconds since 1970 UTC to the wall clock's."""
    if not len(utc):
        return utc.copy()
    years = utc.astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64) + 1970
    table = changes(zone, int(years.min()) - 1, int(years.max()) + 1)
    edges = np.array([change.utc for change in table], dtype=np.int64)
    offsets = np.array(
        [table[0].before if table else _constant(zone), *(change.after for change in table)], dtype=np.int64
    )
    return utc + offsets[np.searchsorted(edges, utc, side="right")]


def find_zone(wall: Seconds, step: int) -> str | None:
    """The zone whose changes of the clocks explain hours that are absent in spring or stand there twice in autumn.

    Args:
        wall: one series' stamps, sorted.
        step: the usual seconds between two.

    Returns: the first of `LIKELY` with which every step is regular that was not, and none is that was; else None.
    """
    if step > 3600 or len(wall) < 48:
        return None
    odd = _odd(wall, step)
    if not odd:
        return None
    best, left = None, odd
    for zone in LIKELY:
        remaining = _odd(to_utc(wall, zone), step)
        if remaining < left:
            best, left = zone, remaining
    return best


def _odd(seconds: Seconds, step: int) -> int:
    ordered: Seconds = np.sort(seconds)
    return int((ordered[1:] - ordered[:-1] != step).sum())


def _constant(zone: str) -> int:
    offset = datetime(2024, 1, 1, tzinfo=ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())
