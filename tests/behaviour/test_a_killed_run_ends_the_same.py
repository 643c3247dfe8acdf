"""Real kills at random moments; the resumed run must end with the same bits as one that was never stopped."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

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
    from PIL import Image

    from profond.data.open import open_dataset

    folder = tmp_path_factory.mktemp("digits")
    split = open_dataset("mnist").splits["test"]
    for index in range(1000):
        label = int(split.targets[index])
        (folder / str(label)).mkdir(exist_ok=True)
        Image.fromarray(split.raw(index)[0].numpy()).save(folder / str(label) / f"{index:04}.png")
    return folder


def profond(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "profond", *arguments]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def train(pictures: Path, out: Path, precision: str) -> subprocess.Popen[str]:
    return profond("train", f"--data={pictures}", f"--out={out}", f"--precision={precision}", *SETTINGS)


def only_run(out: Path) -> Path | None:
    runs = [path for path in out.glob("*") if not path.name.startswith(".")] if out.exists() else []
    return runs[0] if runs else None


def finished(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors


def outcome(run: Path) -> tuple[dict[str, bytes], list[dict[str, Any]], Any]:
    """Weights, metrics and evaluation, without what a clock decides."""
    weights = {name: array.tobytes() for name, array in load_file(run / "model.safetensors").items()}
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        del line["seconds"]
    return weights, lines, json.loads((run / "evaluation.json").read_text())["metrics"]


@pytest.fixture(scope="module", params=["fp32", "bf16"])
def uninterrupted(request: pytest.FixtureRequest, pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("whole")
    process = train(pictures, out, request.param)
    while only_run(out) is None and process.poll() is None:
        time.sleep(0.01)
    began = time.monotonic()
    finished(process)
    run = only_run(out)
    assert run is not None
    return request.param, outcome(run), time.monotonic() - began


@pytest.mark.parametrize("attempt", range(6))
def test_after_kill_9_at_random_moments_the_bits_are_the_same(
    attempt: int, uninterrupted: Any, pictures: Path, tmp_path: Path
) -> None:
    precision, expected, seconds = uninterrupted
    chance = random.Random(f"{attempt}-{precision}")
    process = train(pictures, tmp_path, precision)
    while only_run(tmp_path) is None:
        assert process.poll() is None
        time.sleep(0.002)
    kills = 0
    for _ in range(3):  # killed again and again, each time somewhere else
        time.sleep(chance.uniform(0, 0.8 * seconds))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.communicate()
        run = only_run(tmp_path)
        assert run is not None
        process = profond("runs", "resume", str(run), "--quiet")
    finished(process)
    assert run is not None
    assert outcome(run) == expected
    assert not list(run.rglob("*.tmp")) or kills, "only a kill may leave a temporary file"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_save_and_exit_with_130(
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
