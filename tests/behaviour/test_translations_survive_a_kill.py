"""Two heaps of pictures become a translator by the command line, and a kill in the midst of it changes no bit."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file
from support.runs import begun, finished, outcome, profond

from profond.core.run import Run
from profond.training import checkpoint

pytestmark = pytest.mark.slow

SMALL = [
    "--steps=40", "--precision=fp32", "--quiet", "--set=data.size=24", "--set=data.valid_fraction=0",
    "--set=model.width=4", "--set=model.blocks=1",
    "--set=model.critic_width=4", "--set=checkpoint_every_seconds=0.01", "--set=log_every_steps=2",
]  # fmt: skip


@pytest.fixture(scope="module")
def heaps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dark squares on light noise, and light ones on dark noise; sizes differ, and one heap is larger."""
    root, numbers = tmp_path_factory.mktemp("heaps"), np.random.default_rng(0)
    for folder, count, ground, ink in (("trainA", 14, 220, 40), ("trainB", 9, 40, 220), ("testA", 4, 220, 40),
                                       ("testB", 5, 40, 220)):  # fmt: skip
        (root / folder).mkdir()
        for number in range(count):
            high, wide = numbers.integers(26, 40, 2)
            pixels = numbers.normal(ground, 10, (high, wide, 3)).clip(0, 255)
            pixels[4 : 6 + number, 5:15] = ink
            Image.fromarray(pixels.astype(np.uint8)).save(root / folder / f"{number}.png")
    return root


@pytest.mark.parametrize(
    "start",
    [["cyclegan_horses", "--set=task.kept=5"], ["--model=fastcut", "--batch-size=4"]],
    ids=["cyclegan", "fastcut"],
)
def test_after_kill_9_the_bits_are_the_same_the_pool_s_too(start: list[str], heaps: Path, tmp_path: Path) -> None:
    settings = ["train", *start, f"--data={heaps}", *SMALL]
    process = profond(*settings, f"--out={tmp_path / 'whole'}")
    run = begun(process, tmp_path / "whole")
    finished(process)
    expected = outcome(run)
    assert {"test"} <= Run.open(run).read("evaluation.json")["metrics"].keys()
    pools = {name for name in load_file(run / checkpoint.LAST) if name.startswith("task")}
    assert bool(pools) == (start[0] == "cyclegan_horses")
    lines = random.Random(start[0]).randint(2, len(expected[1]) // 2)
    process = profond(*settings, f"--out={tmp_path / 'killed'}")
    run = begun(process, tmp_path / "killed")
    written = run / "metrics.jsonl"
    while not written.exists() or written.read_text().count("\n") < lines:
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (run / "evaluation.json").exists(), "it was killed in the midst of it"
    process = profond("runs", "resume", str(run), "--quiet")
    finished(process)
    assert outcome(run) == expected
