"""ImageNet end to end, on a miniature in its own layout made of real photos: what can be tried without ImageNet.

The two recipes are run as they stand but for sizes and lengths, from the folder and from shards; their published
results are not promised here, for they need ImageNet itself.
"""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest
import torch
from support.runs import begun, finished, outcome, profond

from profond.core.run import Run
from profond.data.shards.write import write_shards
from profond.experiments.configuration import changed, from_recipe, on_data
from profond.experiments.experiment import assemble, load
from profond.experiments.train import train_experiment
from profond.recipes import registry
from profond.training.measure import measure

pytestmark = pytest.mark.slow

PUBLISHED = [name for name in registry.names() if registry.load(name)().data["name"] == "imagenet"]
SETTINGS = [
    "train", "imagenet_resnet18", "--model=convnet2d", "--epochs=6", "--batch-size=5", "--precision=fp32", "--quiet",
    "--set=data.size=64", "--set=augment.sizes=[[0,32],[0.5,64]]", "--set=loader.workers=1",
    "--set=checkpoint_every_seconds=0.01", "--set=log_every_steps=2",
]  # fmt: skip


@pytest.fixture(scope="module", params=["folder", "shards"])
def data(request: pytest.FixtureRequest, miniature: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "folder":
        return miniature
    shards = tmp_path_factory.mktemp("sharded") / "shards"
    write_shards(miniature, shards, count=5)
    return shards


def test_after_kill_9_the_bits_are_the_same(data: Path, tmp_path: Path) -> None:
    process = profond(*SETTINGS, f"--data={data}", f"--out={tmp_path / 'whole'}")
    run = begun(process, tmp_path / "whole")
    finished(process)
    expected = outcome(run)
    lines = random.Random(data.name).randint(2, len(expected[1]) // 2)
    process = profond(*SETTINGS, f"--data={data}", f"--out={tmp_path / 'killed'}")
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


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_recipe_runs_on_the_miniature(name: str, miniature: Path, tmp_path: Path) -> None:
    small = {
        "training.epochs": 2,
        "loader.batch_size": 8,
        "loader.workers": 0,
        "data.size": 64,
        "augment.sizes": ((0.0, 32), (0.5, 64)),
    }
    config = changed(on_data(from_recipe(name), str(miniature)), small)
    run = train_experiment(assemble(config), out=tmp_path)
    assert run.state["status"] == "done"
    assert run.state["steps"] == 6
    kept = load(Run.open(run.path))
    assert kept.task.flip_at_test, "the mirror image travels with the run"
    assert kept.classes[0] == "n01614925"
    result = run.read("evaluation.json")["metrics"]["valid"]["accuracy"]["value"]
    batches = kept.batches("valid")
    measured = measure(kept.model, kept.task, batches, spec=kept.spec, device=torch.device("cpu")).metrics()
    assert measured["accuracy"].value == pytest.approx(result, abs=2e-3)


def test_there_are_published_recipes() -> None:
    assert PUBLISHED == ["imagenet_resnet18", "imagenet_resnet50"]
