"""ETS, Theta and ARIMA through statsforecast where it is installed, each in a process with a time limit."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profond.forecasting.backtest import Backtest
from profond.forecasting.history import History

NAMES = ("ets", "theta", "arima")
LIMIT_SECONDS = 20.0
"""For one method, at all the origins at which it is tried."""
SOME = 10
"""Windows at which a method is tried that is fitted anew at each of them."""
SEASONS_BACK = 56
_LONGEST_SEASON = 24
"""Beyond, ETS has no season, and ARIMA takes minutes."""


@dataclass(frozen=True)
class ClassicScore:
    """A classical method on some of the windows, beside others on the same.

    Args:
        name: of the method.
        windows: on which it was tried in time, of `asked`.
        mean_error: None where there is no window.
        naive_error: of the best naive method on the same windows.
        chosen_error: of the method that forecasts, on the same windows.
    """

    name: str
    windows: int
    asked: int
    mean_error: float | None
    naive_error: float | None
    chosen_error: float | None

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))


def installed() -> bool:
    return find_spec("statsforecast") is not None


def season_for(seasons: Sequence[int]) -> int:
    """The season that such a method is given; 1 for none."""
    return next((steps for steps in seasons if 1 < steps <= _LONGEST_SEASON), 1)


def try_classics(history: History, test: Backtest, horizon: int) -> tuple[ClassicScore, ...]:
    """Each classical method at some windows of a backtest, fitted anew at each on what stands before it.

    They are a part of the report and never make the forecast: how many windows they manage in time depends on the
    machine, and a forecast must not.

    Source: Hyndman and Khandakar, "Automatic time series forecasting: the forecast package for R", 2008 (ETS, ARIMA);
    Fiorucci et al., "Models for optimising the theta method", 2016.
    """
    season, count = season_for(history.seasons), len(test.origins)
    if int(test.origins[0]) < max(10, 2 * season + 2):
        return ()
    tried = sorted({round(k * (count - 1) / (SOME - 1)) for k in range(SOME)})
    # The windows far from each other come first, so that what is done in time is spread over all of them.
    tried = [tried[k] for k in sorted(range(len(tried)), key=lambda k: (k % 3, k))]
    made = side_by_side(history, [int(test.origins[n]) for n in tried], horizon, season)
    return tuple(_score(name, test, tried, made[name]) for name in NAMES)


def _score(name: str, test: Backtest, tried: Sequence[int], made: Mapping[int, NDArray[np.float64]]) -> ClassicScore:
    rows = [n for n in tried if int(test.origins[n]) in made]
    if not rows:
        return ClassicScore(name, 0, len(tried), None, None, None)
    own = np.stack([made[int(test.origins[n])] for n in rows])
    every = (np.abs(own - test.truth[rows]), test.errors(test.naive)[rows], test.errors(test.best)[rows])
    means = [float(np.nanmean(one)) if np.isfinite(one).any() else None for one in every]
    return ClassicScore(name, len(rows), len(tried), *means)


def side_by_side(
    history: History, origins: Sequence[int], horizon: int, season: int
) -> dict[str, dict[int, NDArray[np.float64]]]:
    """Forecasts by method and origin, as many as there are in time."""
    longest = SEASONS_BACK * max(12, season)
    first = max(0, min(origins) - longest)
    asked = {
        "season": season,
        "horizon": horizon,
        "longest": longest,
        "values": history.filled[first : max(origins)].tolist(),
        "origins": [origin - first for origin in origins],
    }
    workers: dict[str, _Worker] = {}
    try:
        for name in NAMES:
            workers[name] = _Worker(json.dumps({**asked, "method": name}))
        deadline = time.monotonic() + LIMIT_SECONDS
        for worker in workers.values():
            worker.thread.join(max(0.0, deadline - time.monotonic()))
    finally:
        for worker in workers.values():
            worker.stop()
    found = {}
    for name, worker in workers.items():
        rows = [json.loads(line) for line in worker.lines if line.endswith("\n")]
        arrays = {int(row["origin"]) + first: np.array(row["values"], dtype=np.float64) for row in rows}
        found[name] = {origin: array for origin, array in arrays.items() if np.isfinite(array).all()}
    return found


class _Worker:
    """A process that forecasts, and the lines that it writes."""

    def __init__(self, asked: str) -> None:
        path = os.pathsep.join(part for part in sys.path if part)
        self.lines: list[str] = []
        self.asked = asked
        self.process = subprocess.Popen(
            [sys.executable, "-m", "profond.forecasting.classical_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "NIXTLA_ID_AS_COL": "1"},
            text=True,
            encoding="utf-8",
        )
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        given, told = self.process.stdin, self.process.stdout
        assert given is not None
        assert told is not None
        with contextlib.suppress(OSError, ValueError), given, told:  # it may end, or be ended, at any moment
            given.write(self.asked)
            given.close()
            self.lines.extend(told)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.thread.join()
