"""Real kills at random moments; the resumed run must end with the same bits as one that was never stopped."""

from __future__ import annotations

import json
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from support.runs import Command, begun, digit_pictures, finished, only_run, outcome, profond

pytestmark = pytest.mark.slow

# everything that has a state: moving average, augmentation, mixup, dropout, plateau, validation in mid-epoch
SETTINGS = [
    "--model=mlp", "--epochs=3", "--batch-size=96", "--set=ema=0.95", "--set=augment.shift=2",
    "--set=augment.mixup=0.2",
    "--set=dropout=0.2", "--set=schedule=plateau", "--set=plateau_patience=1", "--set=validate_every_epochs=0.4",
    "--set=accumulate=2", "--set=log_every_steps=3", "--set=checkpoint_every_seconds=0.05", "--set=hidden=[64]",
    "--set=gradient_clip=1", "--quiet",
]  # fmt: skip


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A thousand real digits as a folder of PNG files."""
    return digit_pictures(tmp_path_factory.mktemp("digits"), 1000)


def train(pictures: Path, out: Path, precision: str) -> Command:
    return profond("train", f"--data={pictures}", f"--out={out}", f"--precision={precision}", *SETTINGS)


@pytest.fixture(scope="module", params=["fp32", "bf16"])
def uninterrupted(request: pytest.FixtureRequest, pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("whole")
    process = train(pictures, out, request.param)
    run = begun(process, out)
    began = time.monotonic()
    finished(process)
    return request.param, outcome(run), time.monotonic() - began


@pytest.mark.parametrize("attempt", range(6))
def test_after_kill_9_at_random_moments_the_bits_are_the_same(
    attempt: int, uninterrupted: Any, pictures: Path, tmp_path: Path
) -> None:
    precision, expected, seconds = uninterrupted
    chance = random.Random(f"{attempt}-{precision}")
    process = train(pictures, tmp_path, precision)
    run = begun(process, tmp_path)
    kills = 0
    for _ in range(3):  # killed again and again, each time somewhere else
        time.sleep(chance.uniform(0, 0.8 * seconds))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.communicate()
        process = profond("runs", "resume", str(run), "--quiet")
    finished(process)
    assert outcome(run) == expected
    assert not list(run.rglob("*.tmp")) or kills, "only a kill may leave a temporary file"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_and_its_kin_save_and_exit_with_130(
    number: signal.Signals, uninterrupted: Any, pictures: Path, tmp_path: Path
) -> None:
    precision, expected, _ = uninterrupted
    process = train(pictures, tmp_path, precision)
    while (run := only_run(tmp_path)) is None or not (run / "metrics.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    if process.returncode == 0:
        pytest.fail("the run ended before the signal arrived: make it longer")
    assert process.returncode == 130
    assert output == ""
    assert "runs resume" in errors
    assert (run / "checkpoints/last/state.safetensors").exists()
    assert json.loads((run / "run.json").read_text())["status"] == "interrupted"
    finished(profond("runs", "resume", str(run), "--quiet"))
    assert outcome(run) == expected
