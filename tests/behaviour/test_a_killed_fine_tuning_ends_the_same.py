"""Real kills of a fine-tuning, in the first part, the last and between; the resumed run ends with the same bits."""

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
import torch
from PIL import Image
from safetensors.numpy import load_file

from profond import models
from profond.data.open import open_dataset

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def arguments(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Real digits in colour, and a network with weights of its own; augmented, with BatchNorm that is trained too."""
    folder = tmp_path_factory.mktemp("digits")
    split = open_dataset("mnist").splits["test"]
    for index in range(400):
        label = str(int(split.targets[index]))
        (folder / label).mkdir(exist_ok=True)
        Image.fromarray(split.raw(index)[0].numpy()).convert("RGB").save(folder / label / f"{index:04}.png")
    torch.manual_seed(0)
    weights = tmp_path_factory.mktemp("weights") / "own.pth"
    model = models.create("mobilenet_v2", input_shape=(3, 24, 24), num_classes=7, width=0.35)
    torch.save(model.state_dict(), weights)
    stages = [[0.3, ["last", "body.6"]], [0.6, ["stem", "body.[0-5].*"]]]
    return [
        "finetune", "--model=mobilenet_v2", f"--data={folder}", f"--weights={weights}", "--size=24", "--quiet",
        "--set=width=0.35", "--epochs=3", "--set=augment.shift=2", "--set=checkpoint_every_seconds=0.05",
        f"--set=unfreeze={json.dumps(stages)}", '--set=rate_factors={"stem": 0.1, "last": 0.5}', "--set=ema=0.9",
    ]  # fmt: skip


def profond(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "profond", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def only_run(out: Path) -> Path | None:
    runs = [path for path in out.glob("*") if not path.name.startswith(".")] if out.exists() else []
    return runs[0] if runs else None


def finished(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors


def outcome(run: Path) -> tuple[dict[str, bytes], list[dict[str, Any]], Any]:
    weights = {name: array.tobytes() for name, array in load_file(run / "model.safetensors").items()}
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        del line["seconds"]
    return weights, lines, json.loads((run / "evaluation.json").read_text())["metrics"]


def test_after_kill_9_in_any_part_the_bits_are_the_same(arguments: list[str], tmp_path: Path) -> None:
    whole = profond(*arguments, f"--out={tmp_path / 'whole'}")
    while only_run(tmp_path / "whole") is None and whole.poll() is None:
        time.sleep(0.01)
    began = time.monotonic()
    finished(whole)
    seconds, complete = time.monotonic() - began, only_run(tmp_path / "whole")
    assert complete is not None
    chance = random.Random(7)
    process = profond(*arguments, f"--out={tmp_path / 'cut'}")
    while only_run(tmp_path / "cut") is None:
        assert process.poll() is None
        time.sleep(0.002)
    for _ in range(4):
        time.sleep(chance.uniform(0, 0.7 * seconds))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()
        run = only_run(tmp_path / "cut")
        assert run is not None
        process = profond("runs", "resume", str(run), "--quiet")
    finished(process)
    assert outcome(run) == outcome(complete)
