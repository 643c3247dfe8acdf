"""Real kills of a fine-tuning, in the first part, the last and between; the resumed run ends with the same bits."""

from __future__ import annotations

import json
import random
import signal
import time
from pathlib import Path

import pytest
import torch
from PIL import Image
from support.runs import begun, finished, outcome, profond

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


def test_after_kill_9_in_any_part_the_bits_are_the_same(arguments: list[str], tmp_path: Path) -> None:
    whole = profond(*arguments, f"--out={tmp_path / 'whole'}")
    complete = begun(whole, tmp_path / "whole")
    began = time.monotonic()
    finished(whole)
    seconds = time.monotonic() - began
    chance = random.Random(7)
    process = profond(*arguments, f"--out={tmp_path / 'cut'}")
    run = begun(process, tmp_path / "cut")
    for _ in range(4):
        time.sleep(chance.uniform(0, 0.7 * seconds))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()
        process = profond("runs", "resume", str(run), "--quiet")
    finished(process)
    assert outcome(run) == outcome(complete)
