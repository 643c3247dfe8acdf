"""Runs of version 0.1.0 are read as they were: they have no spec.json, no units, no titles and no scores."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from profond.cli import run as profond
from profond.core.run import Run
from profond.evaluation import kept
from profond.evaluation.summary import Summary
from profond.experiments.configuration import changed, for_model
from profond.experiments.experiment import assemble, load
from profond.experiments.train import train_experiment
from profond.training import checkpoint

ORDER = ("loss", "accuracy", "macro_f1", "ece")


def as_before(run: Run) -> Run:
    """The run with the files that version 0.1.0 wrote."""
    run.write("labels.json", {"classes": run.read("spec.json")["classes"]})
    run.file("spec.json").unlink()
    run.write("evaluation.json", without_words(run.read("evaluation.json")))
    for folder in run.file("evaluation").iterdir():
        report = json.loads((folder / "report.json").read_text())
        del report["headline"], report["scores"]
        metrics = {name: numbers(report["metrics"][name]) for name in ORDER}
        (folder / "report.json").write_text(json.dumps({**report, "schema_version": 1, "metrics": metrics}))
        with (folder / "predictions.csv").open(newline="") as file:
            rows = [{key: one for key, one in row.items() if key != "score"} for row in csv.DictReader(file)]
        with (folder / "predictions.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return run


def numbers(measured: dict[str, Any]) -> dict[str, float]:
    return {name: measured[name] for name in ("value", "low", "high") if name in measured}


def without_words(summary: dict[str, Any]) -> dict[str, Any]:
    metrics = {split: {name: numbers(found[name]) for name in ORDER} for split, found in summary["metrics"].items()}
    return {"schema_version": 1, "level": 0.95, "metrics": metrics, "samples": summary["samples"]}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number in range(40):
        pixels = np.random.default_rng(number).integers(0, 99, (12, 12, 3), dtype=np.uint8)
        pixels[4 * (number % 2) : 4 * (number % 2) + 4] += 100
        (folder / f"c{number % 2}").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / f"c{number % 2}" / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def now(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "_draw", lambda *_: None)
        settings = {"epochs": 2, "hidden": [8], "precision": "fp32", "batch_size": 16}
        config = changed(for_model("mlp", str(photos)), settings)
        return train_experiment(assemble(config), out=tmp_path_factory.mktemp("now"))


@pytest.fixture
def before(now: Run, tmp_path: Path) -> Run:
    return as_before(Run(Path(shutil.copytree(now.path, tmp_path / "runs" / now.name))))


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def run(*words: object) -> str:
        assert profond([str(word) for word in words]) == 0
        return capsys.readouterr().out

    return run


def test_its_summary_has_the_words_of_today(now: Run, before: Run) -> None:
    assert Summary.of(before) == Summary.of(now)


def test_its_specification_is_that_of_today(now: Run, before: Run) -> None:
    found = load(before).spec
    assert (found.shape, found.axes, found.classes) == (
        load(now).spec.shape, load(now).spec.axes, load(now).spec.classes
    )  # fmt: skip


def test_it_is_listed_and_shown_as_one_of_today(now: Run, before: Run, told: Callable[..., str]) -> None:
    lists = [told("runs", "list", "--out", run.path.parent).split()[1:] for run in (now, before)]
    assert lists[0] == lists[1]
    assert "%" in lists[1]
    shown = [told("runs", "show", run.path) for run in (now, before)]
    assert shown[0] == shown[1]
    assert "test accuracy" in shown[1] or "valid accuracy" in shown[1]


def test_it_predicts_and_is_measured_to_the_same_numbers(
    now: Run, before: Run, photos: Path, told: Callable[..., str]
) -> None:
    assert told("predict", now.path, photos, "--quiet") == told("predict", before.path, photos, "--quiet")
    old = Summary.of(before).metrics["valid"]
    measured = json.loads(told("evaluate", before.path, "--split=valid", "--no-pictures", "--quiet", "--json"))
    assert measured["metrics"]["valid"]["accuracy"]["value"] == old["accuracy"].value
    assert before.read("evaluation.json")["headline"] == "accuracy"
    assert Summary.of(before) == Summary.of(now)


def test_it_is_compared_with_one_of_today(now: Run, before: Run, told: Callable[..., str]) -> None:
    twin = before.path.rename(before.path.with_name("twin"))
    said = told("runs", "compare", now.path, twin, "--split=valid")
    assert "A and B are right on exactly the same samples." in said


def test_a_training_that_was_stopped_then_goes_on_now(before: Run, told: Callable[..., str]) -> None:
    path = before.file(checkpoint.LAST)
    tensors, facts = checkpoint.load_tensors(path)
    facts["position"]["step"] -= 1
    facts["position"]["batch"] = max(0, facts["position"]["batch"] - 1)
    facts["window"] = {"sums": {"loss": 1.5}, "counts": {"loss": 2}}
    checkpoint.save_tensors(path, tensors, facts)
    before.update(status="interrupted")
    told("runs", "resume", before.path, "--quiet")
    assert before.state["status"] == "done"
    assert before.holds("spec.json")
