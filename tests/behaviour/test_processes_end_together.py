"""What ends one process of a training ends all, with one message; nothing is half-written, and the run goes on."""

from __future__ import annotations

import json
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from support.runs import Command, begun, digit_pictures, finished, outcome, profond, two

pytestmark = pytest.mark.slow

SETTINGS = [
    "--model=convnet2d", "--epochs=4", "--batch-size=32", "--precision=fp32", "--valid-fraction=0.2", "--quiet",
    "--set=widths=[4,4]", "--set=augment.shift=1", "--set=ema=0.9", "--set=log_every_steps=3",
    "--set=checkpoint_every_seconds=0.05", "--set=validate_every_epochs=0.5", "--set=loader.workers=1",
]  # fmt: skip
MEMORY_FIRST = "--set=data.memory_mib=0"
"""Pictures are decoded by workers, which a killed process leaves behind for a moment."""

LEADING, OTHER = 0, 1


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return digit_pictures(tmp_path_factory.mktemp("digits"), 400)


def train(pictures: Path, out: Path, *more: str) -> list[Command]:
    return two("train", f"--data={pictures}", f"--out={out}", MEMORY_FIRST, *SETTINGS, *more)


@pytest.fixture(scope="module")
def unbroken(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("whole")
    processes = train(pictures, out)
    run = begun(processes[LEADING], out)
    for process in processes:
        finished(process)
    return outcome(run)


def at_work(processes: list[Command], out: Path) -> Path:
    """Waits for the first lines of the run's metrics."""
    run = begun(processes[LEADING], out)
    while not (run / "metrics.jsonl").exists() or not (run / "metrics.jsonl").read_text():
        assert processes[LEADING].poll() is None, processes[LEADING].communicate()
        time.sleep(0.002)
    return run


def said(processes: list[Command]) -> tuple[str, str]:
    """What each of them said on standard error."""
    (output, first), (nothing, second) = (process.communicate(timeout=40) for process in processes)
    assert output == nothing == ""
    return first, second


def resumed(run: Path) -> Any:
    for process in two("runs", "resume", str(run), "--quiet"):
        finished(process)
    assert not list(run.rglob(".lock"))
    return outcome(run)


@pytest.mark.parametrize("told", [LEADING, OTHER, None])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_any_of_them_stops_all_after_the_same_step(
    number: signal.Signals, told: int | None, unbroken: Any, pictures: Path, tmp_path: Path
) -> None:
    processes = train(pictures, tmp_path)
    run = at_work(processes, tmp_path)
    for process in processes if told is None else [processes[told]]:  # a terminal's Ctrl-C goes to both
        process.send_signal(number)
    first, second = said(processes)
    assert [process.returncode for process in processes] == [130, 130], first + second
    assert first.startswith("error: stopped at step ")
    assert first.count("\n") == 2
    assert "runs resume" in first
    assert second == ""
    assert json.loads((run / "run.json").read_text())["status"] == "interrupted"
    assert resumed(run) == unbroken


@pytest.mark.parametrize("victim", [LEADING, OTHER])
@pytest.mark.parametrize("attempt", range(2))
def test_kill_9_of_one_ends_the_other_with_one_message_and_the_run_goes_on_to_the_same_end(
    victim: int, attempt: int, unbroken: Any, pictures: Path, tmp_path: Path
) -> None:
    processes = train(pictures, tmp_path)
    run = at_work(processes, tmp_path)
    time.sleep(random.Random(f"{victim}{attempt}").uniform(0, 0.5))
    processes[victim].kill()
    killed = time.monotonic()
    survivor = said(processes)[1 - victim]
    assert processes[1 - victim].returncode == 1, survivor
    assert time.monotonic() - killed < 30
    assert survivor.startswith("error: the process that leads" if victim == LEADING else "error: another process")
    assert survivor.count("\n") == 2, survivor
    assert f"runs resume {run}" in survivor
    assert resumed(run) == unbroken


def test_the_run_of_two_goes_on_as_one(unbroken: Any, pictures: Path, tmp_path: Path) -> None:
    processes = train(pictures, tmp_path)
    run = at_work(processes, tmp_path)
    processes[OTHER].kill()
    said(processes)
    alone = profond("runs", "resume", str(run), "--quiet", "--devices=1")
    finished(alone)
    _, lines, _ = outcome(run)
    for line, expected in zip(lines, unbroken[1], strict=True):
        assert line["loss"] == pytest.approx(expected["loss"], rel=1e-2)


@pytest.mark.parametrize("devices", ["--set=devices=3", "--set=devices=4000", "--set=nodes=4"])
def test_settings_that_differ_from_the_launcher_are_refused_once(devices: str, pictures: Path, tmp_path: Path) -> None:
    processes = train(pictures, tmp_path, devices)
    first, second = said(processes)
    assert [process.returncode for process in processes] == [3, 3]
    assert first.startswith("error: the launcher started 2 processes, and devices is")
    assert second in ("", first)  # nothing connects them yet
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rank", [LEADING, OTHER])
def test_an_error_in_one_of_them_is_told_once_and_ends_both(rank: int, pictures: Path, tmp_path: Path) -> None:
    """A picture that is damaged while they train: only the one whose share it is in finds out."""
    import shutil

    folder = tmp_path / "digits"
    shutil.copytree(pictures, folder)
    processes = train(folder, tmp_path / "runs", "--set=epochs=100")
    run = at_work(processes, tmp_path / "runs")
    victim = sorted(folder.rglob("*.png"))[rank]
    victim.write_bytes(b"no picture")
    first, second = said(processes)
    assert [process.returncode for process in processes] == [3, 3], first
    assert victim.name in first
    assert first.count("error:") == 1
    assert second == ""
    state = json.loads((run / "run.json").read_text())
    assert state["status"] == "failed"
    assert victim.name in state["error"]
