"""Trainings at the same time are those that one after the other would give, and end with what started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from support.processes import environment

from profond.experiments.configuration import changed, from_recipe
from profond.lecture.outcome import Options
from profond.lecture.repeats import train
from profond.lecture.together import train_together

SMALL = {"data.train_scenes": 60, "data.valid_scenes": 9, "data.test_scenes": 9, "training.epochs": 1}
LONG = 300.0
"""Seconds, on a machine with other work."""
CONFIGS = [changed(from_recipe("captions"), {**SMALL, "data.language": language}) for language in ("en", "fr")]


@pytest.mark.slow
def test_each_is_the_training_that_it_would_be_alone() -> None:
    options = Options(device="cpu")
    both = list(train_together(CONFIGS, 0, options))
    assert [one.experiment.config.data.settings["language"] for one in both] == ["en", "fr"]
    alone = train(CONFIGS[1], 0, options)
    assert both[1].result == alone.result
    for name, value in alone.experiment.model.state_dict().items():
        assert torch.equal(both[1].experiment.model.state_dict()[name], value), name


@pytest.mark.slow
def test_one_that_is_killed_is_told_and_none_outlives_the_parent(tmp_path: Path) -> None:
    script = tmp_path / "both.py"
    script.write_text(
        "from profond.experiments.configuration import changed, from_recipe\n"
        "from profond.lecture.outcome import Options\n"
        "from profond.lecture.together import train_together\n"
        "from profond.core.errors import DataError\n"
        f"small = { ({**SMALL, 'training.epochs': 10_000})!r}\n"
        "if __name__ == '__main__':\n"
        "    try:\n"
        "        list(train_together([changed(from_recipe('captions'), small)] * 2, 0, Options(device='cpu')))\n"
        "    except DataError as error:\n"
        "        print(error)\n"
    )
    for killed in ("child", "parent"):
        parent = subprocess.Popen(
            [sys.executable, str(script)], env=environment(), stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            children = _children(parent.pid, 2)
            os.kill(children[0] if killed == "child" else parent.pid, signal.SIGKILL)
            said = parent.communicate(timeout=LONG)[0]
        finally:
            parent.kill()
            parent.communicate()
        assert ("was ended from outside" in said) == (killed == "child")
        ended = time.monotonic() + LONG
        while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < ended:
            time.sleep(0.05)
        assert not [child for child in children if Path(f"/proc/{child}").exists()]


def _children(parent: int, count: int) -> list[int]:
    """The processes that train, once there are so many; not the tracker of resources, which came first."""
    ended = time.monotonic() + LONG
    while time.monotonic() < ended:
        found = [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
        training = [pid for pid in found if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        if len(training) == count:
            return training
        time.sleep(0.05)
    raise AssertionError("no processes were started")
