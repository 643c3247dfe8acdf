"""What the calendar says of a moment: harmonics of the day, the week and the year, weekends, holidays."""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import ConfigError, MissingError, nearest
from profond.data.timetable.stamp_form import DAY

YEAR = 365.2425 * DAY
MONDAY = 4 * DAY  # 1970-01-05
HARMONICS = ((DAY, 2), (7 * DAY, 1), (YEAR, 1))


def calendar_features(clock: NDArray[np.int64]) -> NDArray[np.float32]:
    """(n, 10) for moments on a wall clock: sine and cosine of two harmonics of the day, of the week, of the year;
    Saturday, Sunday.

    Args:
        clock: (n,) seconds since 1970 on the table's own clock.
    """
    since = np.asarray(clock, dtype=np.float64) - MONDAY
    angles = [2 * np.pi * k * (since % period) / period for period, most in HARMONICS for k in range(1, most + 1)]
    day = (np.asarray(clock) - MONDAY) // DAY % 7
    columns = [wave(angle) for angle in angles for wave in (np.sin, np.cos)]
    return np.stack([*columns, day == 5, day == 6], -1).astype(np.float32)


def holiday_column(clock: NDArray[np.int64], country: str) -> NDArray[np.float64]:
    """(n,) 1 on public holidays of a country, 0 on other days.

    Args:
        country: its two letters, such as ``FR``, and a region behind a hyphen, such as ``DE-BY``.

    Raises: MissingError without the package holidays; ConfigError for a country that it does not know.
    """
    try:
        import holidays  # it is optional
    except ImportError:
        raise MissingError(
            "holidays need the package of that name", 'pip install "profond[forecast]", or leave --holidays out'
        ) from None
    name, _, region = country.upper().partition("-")
    known = holidays.list_supported_countries()
    if name not in known:
        raise ConfigError(
            f"no holidays are known of {country!r}", nearest(name, known) or "two letters, such as FR, GB or DE-BY"
        )
    days = np.floor_divide(clock, DAY)
    distinct, where = np.unique(days, return_inverse=True)
    first, last = (date(1970, 1, 1).toordinal() + int(day) for day in (distinct[0], distinct[-1]))
    years = range(date.fromordinal(first).year, date.fromordinal(last).year + 1)
    try:
        found = holidays.country_holidays(name, subdiv=region or None, years=years)
    except NotImplementedError:
        regions = ", ".join(known[name]) or "none"
        raise ConfigError(f"{name} has no region {region!r} with holidays of its own", f"known: {regions}") from None
    free = np.array([date.fromordinal(date(1970, 1, 1).toordinal() + int(day)) in found for day in distinct])
    column: NDArray[np.float64] = free[where].astype(np.float64)
    return column
