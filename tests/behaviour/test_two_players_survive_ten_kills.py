"""Two players, killed and stopped ten times in one run, end with the same bits, pictures and film as undisturbed ones.

The same with trainings of ten to twenty minutes: `scripts/test tests/behaviour/test_two_players_survive_ten_kills.py -m
full`.
"""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file
from support.runs import Command, begun, outcome, profond

from profond.training import checkpoint

KILLS = 10
COMMON = ["--precision=fp32", "--quiet", "--set=checkpoint_every_seconds=0.01", "--set=log_every_steps=1"]
# all that has a state: both optimizers, averages by share and by factor, augmentation, several steps of the critic,
# penalties in some steps, classes, the image pool, a rate that falls late
WAYS = {
    "generator": [
        "--model=r3gan", "--set=model.body=strided", "--set=model.width=4", "--steps=46", "--batch-size=6",
        "--set=task.augmentation=on", "--set=task.critic_steps=2", "--set=task.measured=8",
        "--set=augment.flip=true", "--set=validate_every_steps=15",
    ],
    "translator": [
        "--model=cyclegan", "--set=model.width=4", "--set=model.blocks=1", "--set=model.critic_width=4",
        "--set=task.kept=5", "--set=data.test_fraction=0.2", "--set=data.size=24", "--steps=46",
        "--set=ema=0.9", "--set=augment.flip=true",
    ],
}  # fmt: skip

WITH_STATISTICS = [
    "--model=dcgan", "--set=model.width=4", "--set=task.loss=saturating", "--steps=46", "--batch-size=6",
    "--set=task.measured=8", "--set=model.conditional=false", "--set=film=mp4",
]  # fmt: skip


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dark squares and light ones, in two folders."""
    root, numbers = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for folder, ground, ink in (("dark", 220, 40), ("light", 40, 220)):
        (root / folder).mkdir()
        for number in range(20):
            pixels = numbers.normal(ground, 10, (16, 16, 3)).clip(0, 255)
            pixels[2 : 4 + number % 10, 3:11] = ink
            Image.fromarray(pixels.astype(np.uint8)).save(root / folder / f"{number}.png")
    return root


def shown(run: Path) -> dict[str, bytes]:
    """Every picture and film of the training."""
    return {path.name: path.read_bytes() for path in (run / "samples").iterdir()}


def state(run: Path) -> dict[str, bytes]:
    """Of both players: weights, optimizers, averages, pool."""
    return {name: array.tobytes() for name, array in load_file(run / checkpoint.LAST).items()}


def ended(process: Command) -> None:
    _, errors = process.communicate(timeout=3000)
    assert process.returncode == 0, errors


def killed(arguments: list[str], out: Path, chance: random.Random, steps: int) -> Path:
    """A run of so many steps, stopped once in each of `KILLS` parts of it, mostly by SIGKILL, anywhere in a step."""
    process, since = profond(*arguments, f"--out={out}"), 0
    run = begun(process, out)
    written, last, part = run / "metrics.jsonl", run / checkpoint.LAST, (steps - 6) / KILLS
    for number in range(KILLS):
        place = chance.randint(int(part * number) + 1, int(part * (number + 1)) - 1)
        while (
            not (last.exists() and written.exists())
            or last.stat().st_mtime_ns < since
            or written.read_text().count("\n") < place
        ):
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.01))  # in the step, or in what is written after it
        process.send_signal(chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGINT]))
        process.communicate()
        assert process.returncode != 0, "it was to be killed, and had ended"
        since = time.time_ns()
        process = profond("runs", "resume", str(run), "--quiet")
    ended(process)
    return run


def same(arguments: list[str], folder: Path, steps: int, chance: random.Random) -> None:
    process = profond(*arguments, f"--out={folder / 'whole'}")
    whole = begun(process, folder / "whole")
    ended(process)
    run = killed(arguments, folder / "killed", chance, steps)
    assert outcome(run) == outcome(whole)
    assert state(run) == state(whole)
    assert shown(run) == shown(whole)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_killed_ten_times_all_is_the_same(way: str, pictures: Path, tmp_path: Path) -> None:
    two = [f"--from={pictures / 'dark'}", f"--to={pictures / 'light'}"]
    data = two if way == "translator" else [f"--data={pictures}"]
    same(["train", *WAYS[way], *data, *COMMON], tmp_path, 46, random.Random(way))


@pytest.mark.full
def test_statistics_of_the_batch_and_a_film_of_another_kind_are_the_same(pictures: Path, tmp_path: Path) -> None:
    same(["train", *WITH_STATISTICS, f"--data={pictures}", *COMMON], tmp_path, 46, random.Random(0))


@pytest.mark.full
@pytest.mark.parametrize(
    ("start", "steps"),
    [(["digits_gan"], 1500), (["openmoji", "--steps=600", "--set=log_every_steps=1"], 600)],
    ids=["digits_gan", "openmoji"],
)
def test_recipes_that_are_killed_ten_times_are_the_same(start: list[str], steps: int, tmp_path: Path) -> None:
    settings = ["--quiet", "--set=checkpoint_every_seconds=2", "--set=log_every_steps=1"]
    same(["train", *start, *settings], tmp_path, steps, random.Random(start[0]))
