"""Forecasts of three hourly series beside naive methods, ridge, and neuralforecast's networks, three seeds each.

24 hours from the 168 before, over the last 364 days (traffic: 182), one window a day; learned once from what stands
before, on one thread. MASE over the values that are there; its scale is the error of "24 hours ago" in the part learned
from. Intervals are a bootstrap of blocks of 28 windows, in per cent of the other method's error. The best naive method
is the best on the test windows, which favours it. CPU seconds are those of one fit; the LSTM's holds the search for its
number of steps. neuralforecast runs in an environment of its own, see `benchmarks/requirements-forecasting.txt`.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.child import measure
from benchmarks.machine import ROOT
from benchmarks.report import spread, table
from profond.data.timetable.asked import Asked
from profond.data.timetable.published import fetch_table, published
from profond.data.timetable.read import read_table
from profond.forecasting.features import calendar_features
from profond.forecasting.history import History, history_of
from profond.forecasting.naive import Last, Season
from profond.forecasting.ridge import Ridge
from profond.measures.series import block_bootstrap, margins, naive_scale

TITLE = "Forecasting"
WINDOWS = {"beijing_air": 364, "electricity": 364, "traffic": 182}
HORIZON, LOOK_BACK, DAY = 24, 168, 24
SEEDS = (1, 2, 3)
STEPS = 700
CALIBRATION, IN_A_ROW, MONTH = 60, 30, 28
PEERS = (("NHITS", False), ("NHITS", True), ("DLinear", False), ("NLinear", False))
PYTHON = Path(os.environ.get("PROFOND_NEURALFORECAST") or ROOT / ".venv-forecasting/bin/python")

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Protocol:
    """A series with its windows.

    Args:
        origins: (n,) the first hour of each window.
        truth: (n, h).
        scale: of MASE.
    """

    history: History
    origins: NDArray[np.int64]
    truth: Values
    scale: float

    @classmethod
    def of(cls, name: str) -> Protocol:
        read = read_table(fetch_table(name), Asked(target=published(name).target))
        history = history_of(read, read.series[0], HORIZON)
        origins = len(history) - HORIZON - DAY * np.arange(WINDOWS[name])[::-1]
        scale = naive_scale(history.values[: origins[0]], DAY)
        assert scale is not None
        return cls(history, origins, history.values[origins[:, None] + np.arange(HORIZON)], scale)

    @property
    def end(self) -> int:
        return int(self.origins[0])

    def mase(self, forecasts: Values) -> float:
        return float(np.nanmean(np.abs(forecasts - self.truth)) / self.scale)

    def errors(self, forecasts: Values) -> Values:
        """(n,) the sum of each window's absolute errors."""
        return np.nansum(np.abs(forecasts - self.truth), 1)

    def saved(self, own: list[Values], other: list[Values]) -> str:
        """How much of the others' error is saved: means over the seeds, window by window."""
        mine, theirs = (np.mean([self.errors(one) for one in seeds], 0) for seeds in (own, other))
        there = np.isfinite(self.truth).any(1)
        found = block_bootstrap((theirs - mine)[there], theirs[there], MONTH)
        assert found.low is not None
        assert found.high is not None
        return f"{100 * found.value:.1f} % [{100 * found.low:.1f}, {100 * found.high:.1f}]"

    def coverage(self, forecasts: Values) -> tuple[float, float, int]:
        """Of split-conformal 90 % intervals from the 60 windows before: all, the worst 30 in a row, windows."""
        residuals = np.abs(forecasts - self.truth)
        rows = range(CALIBRATION, len(residuals))
        held = np.array([residuals[k] <= margins(residuals[k - CALIBRATION : k], 0.9) for k in rows], dtype=float)
        held[~np.isfinite(residuals[CALIBRATION:])] = np.nan
        runs = [np.nanmean(held[k : k + IN_A_ROW]) for k in range(len(held) - IN_A_ROW + 1)]
        return float(np.nanmean(held)), float(min(runs)), len(held)


def lstm(name: str, seed: int, steps: int, out: str) -> dict[str, float]:
    """One fit, with the search for its steps; CPU seconds of it, of all windows predicted, and of one."""
    import torch

    from profond.forecasting.network import Network

    torch.set_num_threads(1)
    protocol = Protocol.of(name)
    settings = {"seasons": (DAY, LOOK_BACK)}
    method = Network("lstm", "lstm_forecaster", LOOK_BACK, settings, steps, seeds=(seed,))
    began = time.process_time()
    learned = method.fit_all([protocol.history], [protocol.end], HORIZON)
    fitted = time.process_time()
    np.save(out, learned.predict(protocol.history, protocol.origins))
    predicted = time.process_time()
    for origin in protocol.origins[:20]:
        learned.predict(protocol.history, np.array([origin]))
    alone = (time.process_time() - predicted) / 20
    return {"seconds": fitted - began, "all": predicted - fitted, "one": alone, "steps": learned.steps}


def peer(name: str, model: str, calendar: bool, seed: int, folder: Path, quick: bool) -> tuple[Values, dict[str, Any]]:
    """One fit of neuralforecast's. Raises: RuntimeError with what it said."""
    asked = {"model": model, "calendar": calendar, "seed": seed, "quick": quick, "frequency": "h", "step": DAY}
    asked |= {"look_back": LOOK_BACK, "horizon": HORIZON, "windows": WINDOWS[name]}
    out = folder / "peer.npy"
    command = [str(PYTHON), str(ROOT / "benchmarks/forecast_peer.py"), json.dumps(asked), str(folder / f"{name}.npz")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([*command, str(out)], capture_output=True, text=True, env=environment, cwd=folder)
    if done.returncode:
        raise RuntimeError(f"{model} failed:\n{done.stderr[-3000:]}")
    return np.load(out), json.loads(done.stdout.splitlines()[-1])


def run(quick: bool) -> str:
    seeds = SEEDS[:1] if quick else SEEDS
    with tempfile.TemporaryDirectory() as folder:
        parts = ["\n".join(_series(name, seeds, Path(folder), quick)) for name in WINDOWS]
    if not PYTHON.exists():
        parts.append(f"neuralforecast was not measured: there is no {PYTHON.name} in {PYTHON.parent}.")
    return "\n\n".join(parts)


def _series(name: str, seeds: tuple[int, ...], folder: Path, quick: bool) -> Iterator[str]:
    protocol = Protocol.of(name)
    history, origins, end = protocol.history, protocol.origins, protocol.end
    count = len(history)
    calendar = calendar_features(history.clock[:count])
    np.savez(folder / f"{name}.npz", stamps=history.clock[:count], values=history.filled, calendar=calendar)
    tried: dict[str, tuple[list[Values], list[float]]] = {}
    for label, method in (("last value", Last()), ("24 hours ago", Season(DAY)), ("a week ago", Season(LOOK_BACK))):
        tried[label] = ([method.fit(history, end, HORIZON).predict(history, origins)], [0.0])
    naive = min(tried, key=lambda label: protocol.mase(tried[label][0][0]))
    began = time.process_time()
    ridge = Ridge(LOOK_BACK).fit(history, end, HORIZON).predict(history, origins)
    tried["ridge"] = ([ridge], [time.process_time() - began])
    facts = []
    own: list[Values] = []
    for seed in seeds:
        out = str(folder / "lstm.npy")
        facts.append(measure("forecasting", "lstm", name=name, seed=seed, steps=2 if quick else STEPS, out=out))
        own.append(np.load(out))
    tried["**LSTM**"] = (own, [one["seconds"] for one in facts])
    version = ""
    for model, known in PEERS if PYTHON.exists() else ():
        found = [peer(name, model, known, seed, folder, quick) for seed in seeds]
        version = f"; neuralforecast {found[0][1]['version']}"
        label = f"neuralforecast {model}{' with calendar' if known else ''}"
        tried[label] = ([one for one, _ in found], [one["seconds"] for _, one in found])
    rows = []
    for label, (forecasts, seconds) in sorted(tried.items(), key=lambda row: protocol.mase(row[1][0][0])):
        scores = spread([protocol.mase(one) for one in forecasts], 3)
        against = "" if label == naive else protocol.saved(forecasts, tried[naive][0])
        ours = "" if label == "**LSTM**" else protocol.saved(own, forecasts)
        rows.append([label, scores, against, ours, spread(seconds)])
    columns = (f"{name}: method", "MASE", f"saves of {naive}'s error", "the LSTM saves of its error", "CPU s a fit")
    share, worst, windows = protocol.coverage(own[0])
    yield table(columns, rows)
    yield (
        f"\n{len(origins)} windows{version}. The LSTM's 90 % intervals held {share:.1%} of the values in {windows}"
        f" later windows, {worst:.1%} in the worst {IN_A_ROW} in a row. All windows are predicted in"
        f" {facts[0]['all']:.2f} CPU s, one in {1000 * facts[0]['one']:.1f} CPU ms. Steps found:"
        f" {', '.join(str(one['steps']) for one in facts)}."
    )
