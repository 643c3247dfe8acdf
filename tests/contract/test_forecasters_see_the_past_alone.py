"""Every method of forecasting sees the past alone, and each window alone, before and after it was saved."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from profond.forecasting import classics
from profond.forecasting.history import History
from profond.forecasting.method import Forecaster
from profond.forecasting.naive import Drift, Last, Median, Season
from profond.forecasting.network import Network
from profond.forecasting.ridge import Ridge

HORIZON, END, TOTAL = 5, 260, 330
SMALL: dict[str, Any] = {"look_back": 14, "steps": 6, "batch_size": 16, "seeds": (0, 1)}
METHODS = {
    "last": Last(),
    "drift": Drift(),
    "season": Season(7),
    "median": Median(),
    "ridge": Ridge(14),
    "ridge_past": Ridge(14, past=True),
    "lstm": Network("lstm", "lstm_forecaster", settings={"hidden": 8, "seasons": (7,)}, **SMALL),
    "gru": Network("gru", "gru_forecaster", settings={"hidden": 8}, **SMALL),
    "nhits": Network("nhits", "nhits", settings={"hidden": 16, "calendar": True}, **SMALL),
    "dlinear": Network("dlinear", "dlinear", precision="fp32", **SMALL),
    "nlinear": Network("nlinear", "nlinear", precision="fp32", **SMALL),
}
NETWORKS = [name for name, method in METHODS.items() if isinstance(method, Network)]


def history(seed: int = 0, name: str = "one") -> History:
    """Days with a week, gaps, a column known in advance, one known up to now, and a size."""
    random = np.random.default_rng(seed)
    steps = np.arange(TOTAL + HORIZON)
    known = (random.random((TOTAL + HORIZON, 1)) < 0.2).astype(np.float64)
    past = random.normal(size=(TOTAL, 1))
    wave = 20 * np.sin(2 * np.pi * steps / 7) + 9 * known[:, 0]
    values = 100 + wave[:TOTAL] + np.cumsum(random.normal(size=TOTAL)) + past[:, 0]
    values[random.random(TOTAL) < 0.03] = np.nan
    values[-1] = 100.0
    clock = steps * 86_400
    return History(values, steps % 7, 7, known, (7,), 0, past, np.array([1.0 + seed]), clock, name)


def fitted(name: str, *histories: History) -> Forecaster:
    method: Any = METHODS[name]
    if isinstance(method, Network):
        return method.fit_all(histories, [END] * len(histories), HORIZON)
    return method.fit(histories[0], END, HORIZON)


@dataclass(frozen=True)
class Learned:
    name: str
    past: History
    forecaster: Forecaster


@pytest.fixture(scope="module", params=METHODS)
def learned(request: pytest.FixtureRequest) -> Learned:
    return Learned(request.param, history(), fitted(request.param, history()))


def spoiled(one: History, first: int) -> History:
    """Values, and what is known up to now alone, are others from a row on."""
    values, past = one.values.copy(), one.past.copy()
    values[first:] = 1e6 * np.arange(1, len(values) - first + 1)
    past[first:] = -1e5
    return replace(one, values=values, past=past)


def test_what_comes_later_moves_no_forecast_by_one_bit(learned: Learned) -> None:
    for origin in (END, END + 23):
        now, other = np.array([origin]), spoiled(learned.past, origin)
        before, after = (learned.forecaster.predict(one, now) for one in (learned.past, other))
        assert before.shape == (1, HORIZON)
        assert np.isfinite(before).all()
        assert np.array_equal(before, after)


def test_what_is_learned_is_learned_from_what_stands_before_the_end(learned: Learned) -> None:
    """Scaling, features, early stopping and the fit: the whole of it once more, with another future."""
    again = fitted(learned.name, spoiled(learned.past, END))
    now = np.array([END])
    assert np.array_equal(again.predict(learned.past, now), learned.forecaster.predict(learned.past, now))


def test_the_past_does_move_it(learned: Learned) -> None:
    now, other = np.array([END]), spoiled(learned.past, END - 7)
    before, after = (learned.forecaster.predict(one, now) for one in (learned.past, other))
    assert not np.array_equal(before, after)


@pytest.mark.slow
def test_the_classics_see_the_past_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("statsforecast", reason="the extra forecast is not installed")
    monkeypatch.setattr(classics, "LIMIT_SECONDS", 300.0)
    before, after = (
        classics.side_by_side(one, [END - 30, END], HORIZON, 7) for one in (history(), spoiled(history(), END - 30))
    )
    assert before.keys() == after.keys() == set(classics.NAMES)
    for name in classics.NAMES:
        assert np.array_equal(before[name][END - 30], after[name][END - 30]), name
        assert not np.array_equal(before[name][END], after[name][END]), name


def test_a_window_alone_is_forecast_as_among_others_in_any_order(learned: Learned) -> None:
    origins = np.arange(END, TOTAL)
    together = learned.forecaster.predict(learned.past, origins)
    for number in (0, 15, 16, 37, len(origins) - 1):
        alone = learned.forecaster.predict(learned.past, origins[number : number + 1])
        assert np.array_equal(together[number : number + 1], alone)
    turned = learned.forecaster.predict(learned.past, origins[::-1])
    assert np.array_equal(turned[::-1], together)


@pytest.mark.slow
def test_another_process_without_the_training_data_forecasts_the_same_bits(tmp_path: Path) -> None:
    """Of the past it gets as much as a window needs, moved to the front; of all methods in one process."""
    code = (
        "import sys, json, pickle, pathlib, numpy as np; from profond.forecasting.method import State;"
        "from profond.forecasting.restore import restored\n"
        "for folder in pathlib.Path(sys.argv[1]).iterdir():\n"
        "    state = State(json.loads((folder / 'state.json').read_text()), dict(np.load(folder / 'state.npz')))\n"
        "    one, origins = pickle.loads((folder / 'past.pickle').read_bytes())\n"
        "    np.save(folder / 'found.npy', restored(folder.name, state).predict(one, origins))"
    )
    one, origins, expected = history(), np.array([TOTAL - 3, TOTAL]), {}
    for name in METHODS:
        learned = fitted(name, one)
        # Of these two methods the window is the whole past.
        first = 0 if name in ("drift", "median") else TOTAL - 40
        short = History(
            one.values[first:],
            one.phases[first:],
            one.cycle,
            one.known[first:],
            one.seasons,
            past=one.past[first:],
            static=one.static,
            clock=one.clock[first:],
            name=one.name,
        )
        folder, state = tmp_path / name, learned.state()
        folder.mkdir()
        (folder / "state.json").write_text(json.dumps(state.settings))
        np.savez(folder / "state.npz", **state.arrays)
        (folder / "past.pickle").write_bytes(pickle.dumps((short, origins - first)))
        expected[name] = learned.predict(one, origins)
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    for name, found in expected.items():
        assert np.array_equal(np.load(tmp_path / name / "found.npy"), found), name


@pytest.mark.parametrize("name", NETWORKS)
def test_series_learn_together_in_any_order_of_their_table(name: str) -> None:
    """A series that is too short is left out, and is forecast all the same."""
    long, other = history(0, "long"), history(1, "other")
    short = replace(history(2, "short"), values=history(2).values[:30])
    method = METHODS[name]
    assert isinstance(method, Network)
    learned = method.fit_all([long, short, other], [END, 20, END], HORIZON)
    without = method.fit_all([long, other], [END, END], HORIZON)
    for one in (long, other):
        now = np.array([END, TOTAL])
        assert np.array_equal(learned.predict(one, now), without.predict(one, now))
    assert np.isfinite(learned.predict(short, np.array([30]))).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_last_fit_takes_the_steps_that_were_found_and_a_warm_start_fewer(name: str) -> None:
    method, past = METHODS[name], history()
    assert isinstance(method, Network)
    first = method.fit_all([past], [END], HORIZON)
    last = method.fit_all([past], [TOTAL], HORIZON, learned=first)
    warm = method.fit_all([past], [TOTAL], HORIZON, warm=first)
    assert 1 <= first.steps <= SMALL["steps"]
    assert last.steps == first.steps
    assert last.held_out == first.held_out < np.inf
    assert warm.steps <= max(1, first.steps // 2)
    now = np.array([TOTAL])
    assert len({float(one.predict(past, now)[0, 0]) for one in (first, last, warm)}) == 3


def test_a_library_call_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    fitted("lstm", history()).predict(history(), np.array([END]))
    assert capfd.readouterr() == ("", "")
