"""`profond evaluate` on a run that makes pictures: against what, judged by whom, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save

from profond.calls.ask import load
from profond.cli import run as profond
from profond.core.errors import ConfigError
from profond.experiments.configuration import changed, for_model
from profond.experiments.experiment import assemble
from profond.experiments.train import train_experiment

SIDE = 16


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bars that lie and bars that stand, 20 to learn from and 10 to measure of each."""
    root, random = tmp_path_factory.mktemp("bars"), np.random.default_rng(0)
    for split, count in (("train", 20), ("test", 10)):
        for name in ("lying", "standing"):
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 60, (SIDE, SIDE)).astype(np.uint8)
                place = int(random.integers(2, 11))
                pixels[place : place + 4] += 180
                image = Image.fromarray(pixels if name == "lying" else pixels.T.copy())
                image.save(root / split / name / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def generator(pictures: Path) -> Path:
    config = changed(for_model("dcgan", str(pictures)), {"training.steps": 4, "device": "cpu", "width": 4})
    return train_experiment(assemble(config), out=pictures.parent / "generators").path


@pytest.fixture(scope="module")
def judge(pictures: Path) -> Path:
    settings = {"training.steps": 30, "learning_rate": 0.02, "device": "cpu", "keep": "last", "widths": [4, 8]}
    return train_experiment(
        assemble(changed(for_model("convnet2d", str(pictures)), settings)), out=pictures.parent
    ).path


def test_a_training_ends_with_real_against_real_and_copies(generator: Path) -> None:
    card = (generator / "README.md").read_text()
    assert "| test | kernel distance |" in card
    assert "| test | real: kernel distance |" in card
    assert "nearer to a training picture than" in card
    assert "20 samples against as many real ones; features: " in card
    assert {path.name for path in (generator / "evaluation" / "test").glob("*.png")} == {"nearest.png", "samples.png"}


def test_a_training_ends_with_what_it_was_early(generator: Path) -> None:
    card = (generator / "README.md").read_text()
    rows = [line.split("|")[2].strip() for line in card.splitlines() if line.startswith("| test |")]
    for measure in ("kernel distance", "precision", "recall", "coverage", "nearer than held-out"):
        assert rows[rows.index(measure) + 1] == f"early: {measure}"
    assert "early: after 1 of 4 steps" in card
    kept = json.loads((generator / "evaluation.json").read_text())["metrics"]["test"]
    assert kept["early_kernel_distance"]["value"] != kept["kernel_distance"]["value"]


def test_early_weights_that_are_damaged_missing_or_not_early_are_left_out(
    generator: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(generator, tmp_path / "run"))
    early = run / "checkpoints" / "early" / "model.safetensors"
    arguments = ["evaluate", str(run), "--device", "cpu", "--no-pictures", "--quiet"]

    def told() -> str:
        assert profond(arguments) == 0
        return capsys.readouterr().out

    good = early.read_bytes()
    assert "early: kernel distance" in told()
    for damage, said in ((good[:100], "is damaged"), (save({"x": np.zeros(1)}, {"profond": '{"step": 1}'}), "not fit")):
        early.write_bytes(damage)
        damaged = told()
        assert f"early: not measured, {early} " in damaged
        assert said in damaged
        assert "early: kernel distance" not in damaged
    early.write_bytes(good)
    state = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**state, "steps": 1}))
    assert "early:" not in told()
    shutil.rmtree(early.parent)
    assert "early:" not in told()


def test_a_judge_tells_of_each_sample_whether_it_is_what_was_asked_for(
    generator: Path, judge: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", str(generator), "--judge", str(judge), "--device", "cpu", "--json"]
    assert profond(arguments) == 0
    document = json.loads(capsys.readouterr().out)
    metrics = document["metrics"]["test"]
    assert {"conditional_accuracy", "worst_class", "judge_accuracy", "classes_made", "classes_kl"} <= metrics.keys()
    assert metrics["judge_accuracy"]["value"] > 0.8
    assert metrics["judge_real_kernel_distance"]["title"].endswith("(judge)")
    assert any(Path(file).name == "classes.png" for file in document["files"])
    report = json.loads((generator / "evaluation" / "test" / "report.json").read_text())
    assert report["judge"]["name"] == judge.name
    assert report["protocol"]["samples"] == 20
    assert report["floor"]["samples"] == 20
    names = list(metrics)
    assert names.index("early_conditional_accuracy") == names.index("conditional_accuracy") + 1
    assert "early_judge_accuracy" not in names, "that is of real ones"


def test_a_judge_is_asked_from_python_too(generator: Path, judge: Path) -> None:
    found = load(generator).evaluate(device="cpu", figures=False, judge=judge)
    assert found.metrics["conditional_accuracy"].unit == "share"
    with pytest.raises(ConfigError, match="--jury says nothing"):
        load(generator).evaluate(device="cpu", jury=judge)


def test_a_judge_is_refused_where_there_is_nothing_to_judge(
    generator: Path, judge: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, said in (
        ([str(judge), "--judge", str(judge)], "--judge says nothing about this run"),
        ([str(generator), "--judge", str(generator)], "cannot judge"),
        ([str(generator), "--judge", str(judge), "--split", "train"], "on its split 'train'"),
        ([str(generator), "--inception", "none.pth"], "none.pth is no file"),
    ):
        assert profond(["evaluate", *arguments, "--device", "cpu"]) != 0
        errors = capsys.readouterr().err
        assert said in errors
        assert "help: " in errors
