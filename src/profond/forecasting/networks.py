"""The networks that a table is tried with, so that an ordinary one takes a minute or two."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from profond.data.timetable.table import TimeTable
from profond.forecasting.backtest import SHARE
from profond.forecasting.network import Network
from profond.forecasting.ridge import lags_for

LONGEST = 336
"""Steps that a network looks back, at most, unless the horizon is longer."""
LEAST_WINDOWS = 24
"""Windows to learn from, without which no network is tried."""
STEPS = {"lstm": 300, "nhits": 150, "dlinear": 300}
"""Of a training, at most: with these a table of some ten thousand rows takes one or two minutes on two cores."""
THOROUGH = {"lstm": 700, "nhits": 400, "dlinear": 700}


def networks(
    table: TimeTable,
    horizon: int,
    *,
    thorough: bool = False,
    level: float | None = None,
    told: Callable[[str, str, float], None] | None = None,
) -> tuple[Network, ...]:
    """An LSTM, N-HiTS and DLinear for a table; none where its series are too short for any.

    Args:
        thorough: train them more than twice as long.
        level: they learn the bounds of intervals too, which are to hold a value with this probability.
        told: receives the network's name, which part of its training goes on, and the share of that which is done.
    """
    lengths = sorted(len(one.values) for one in table.series)
    # Half of the series are at least as long; a part of each is left to be forecast.
    values = lengths[len(lengths) // 2] * (SHARE - 1) // SHARE
    back = look_back(table.calendar.season, values, horizon)
    windows = sum(max(0, length * (SHARE - 1) // SHARE - back - 3 * horizon) for length in lengths)
    if back < 1 or windows < LEAST_WINDOWS:
        return ()
    steps = THOROUGH if thorough else STEPS
    seasons = tuple(one for one in table.calendar.season if 1 < one <= back)
    found = (
        Network("lstm", "lstm_forecaster", back, {"seasons": seasons}, steps["lstm"], level=level),
        Network("nhits", "nhits", back, {}, steps["nhits"], rate=1e-3, level=level),
        Network("dlinear", "dlinear", back, {}, steps["dlinear"], rate=1e-3, precision="fp32", level=level),
    )
    if told is None:
        return found
    return tuple(
        Network(**{**vars(one), "told": lambda part, share, name=one.name: told(name, part, share)}) for one in found
    )


def look_back(seasons: tuple[int, ...], values: int, horizon: int) -> int:
    """As far as ridge looks, or twice the horizon; less where so few values are learned from; 0 for too few."""
    wanted = max(lags_for(seasons, values, horizon), min(2 * horizon, LONGEST))
    return int(np.clip(wanted, 0, max(0, (values - 3 * horizon) // 2)))
