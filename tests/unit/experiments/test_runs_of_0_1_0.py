"""Runs that version 0.1.0 made, kept as files, give every verb the answers that they gave then.

``runs_of_0_1_0`` holds pictures, series, five runs, and in ``answers.json`` what version 0.1.0 said of these: trained
on pictures, on series, a head alone on the features of weights; stopped at step 4 in a whole network and in a head.
"""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import matplotlib
import pytest

from profond.cli import run as profond
from profond.core.run import Run
from profond.evaluation.summary import Summary
from profond.experiments.doctor.diagnosis import diagnose_run
from profond.measures.measured import SHARE

pytestmark = pytest.mark.usefixtures("undrawn")  # pictures are other tests' matter

KEPT = Path(__file__).parents[1] / "runs_of_0_1_0"
ANSWERS: dict[str, Any] = json.loads((KEPT / "answers.json").read_text())
DONE, STOPPED = ("images", "series", "head"), ("stopped", "stopped_head")


@pytest.fixture(autouse=True)
def small_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(matplotlib.rcParams, "savefig.dpi", 20)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A copy of the files; the configurations name the data and weights where they are now."""
    shutil.copytree(KEPT, tmp_path, dirs_exist_ok=True)
    for file in tmp_path.glob("runs/*/*"):
        if file.suffix in {".json", ".md"}:
            file.write_text(file.read_text().replace("PLACE", str(tmp_path)))
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    """What the command line prints as JSON."""
    capsys.readouterr()
    code = profond([*map(str, arguments), "--json"])
    output, errors = capsys.readouterr()
    assert code == 0, errors
    return json.loads(output)


def values(metrics: dict[str, Any]) -> dict[str, float]:
    return {name: metrics[name]["value"] for name in ("loss", "accuracy")}


@pytest.mark.parametrize("name", [*DONE, *STOPPED])
def test_predict_says_what_it_said(place: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    expected = ANSWERS[name]["predict"]
    said = told(capsys, "predict", place / "runs" / name, *(place / file for file in expected))
    assert [one["source"] for one in said["predictions"]] == [str(place / file) for file in expected]
    for one, probabilities in zip(said["predictions"], expected.values(), strict=True):
        assert {top["label"]: top["probability"] for top in one["top"]} == pytest.approx(probabilities, abs=1e-4)


@pytest.mark.parametrize("name", DONE)
def test_evaluate_measures_what_was_kept(place: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    run = place / "runs" / name
    kept = json.loads((run / "evaluation.json").read_text())["metrics"]["test"]
    said = told(capsys, "evaluate", run, "--quiet")
    assert values(said["metrics"]["test"]) == pytest.approx(values(kept), abs=1e-4)


def test_a_stopped_run_is_evaluated_by_its_best_checkpoint(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    validated = json.loads((place / "runs/stopped/metrics.jsonl").read_text().splitlines()[-1])
    said = told(capsys, "evaluate", place / "runs/stopped", "--split", "valid", "--quiet")
    assert values(said["metrics"]["valid"]) == pytest.approx({k: validated[k] for k in ("loss", "accuracy")}, abs=1e-4)


@pytest.mark.parametrize("name", DONE)
def test_a_run_is_evaluated_on_other_data(place: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    data = shutil.move(place / ("signals" if name == "series" else "photos"), place / "moved")
    said = told(capsys, "evaluate", place / "runs" / name, "--data", data, "--quiet")
    (metrics,) = said["metrics"].values()
    assert 0.4 < metrics["accuracy"]["value"] < 1


def test_the_list_shows_each_run_with_its_state_and_result(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profond(["runs", "list", "--out", str(place / "runs")])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [(Path(words[0]).name, *words[1:3]) for words in lines] == [
        ("images", "done", "66.67"),
        ("series", "done", "50.00"),
        ("stopped", "interrupted"),
        ("head", "done", "66.67"),
        ("stopped_head", "interrupted"),
    ]


@pytest.mark.parametrize("name", [*DONE, *STOPPED])
def test_show_tells_settings_metrics_and_result(place: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert profond(["runs", "show", str(place / "runs" / name)]) == 0
    shown = capsys.readouterr().out
    assert "batch_size=6" in shown
    assert "last valid" in shown
    assert ("test accuracy" in shown) == (name in DONE)


def test_two_runs_are_compared_sample_by_sample(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert profond(["runs", "compare", str(place / "runs/images"), str(place / "runs/head")]) == 0
    shown = capsys.readouterr().out
    assert "only A right 1, only B right 1" in shown
    assert "p = 1.000" in shown


def test_its_summary_gets_the_words_that_it_was_kept_without(place: Path) -> None:
    summary = Summary.of(Run.open(place / "runs/images"))
    assert summary.headline == "accuracy"
    metrics = summary.metrics["test"]
    assert [metrics[name].better for name in ("accuracy", "loss")] == ["higher", "lower"]
    assert (metrics["accuracy"].unit, summary.said) == (SHARE, ())


def test_it_is_compared_with_one_that_was_measured_today(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    twin = shutil.copytree(place / "runs/images", place / "runs/twin")
    told(capsys, "evaluate", twin, "--quiet", "--no-pictures")
    assert Summary.of(Run.open(twin)).said
    assert profond(["runs", "compare", str(place / "runs/images"), str(twin)]) == 0
    assert "A and B are right on exactly the same samples." in capsys.readouterr().out


def test_runs_on_other_data_are_not_compared(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert profond(["runs", "compare", str(place / "runs/images"), str(place / "runs/series")]) == 3
    assert "help:" in capsys.readouterr().err


@pytest.mark.parametrize("name", STOPPED)
def test_a_stopped_run_goes_on_to_the_end_that_it_would_have_had(
    place: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    told(capsys, "runs", "resume", place / "runs" / name, "--quiet")
    run = Run.open(place / "runs" / name)
    metrics = run.read("evaluation.json")["metrics"]
    for split, expected in ANSWERS[name]["resumed"].items():
        assert values(metrics[split]) == pytest.approx(expected, abs=1e-2)
    assert run.state["status"] == "done"
    steps = [line["step"] for line in run.metrics() if line["split"] == "valid"]
    assert steps == sorted(set(steps)), "a step stands twice"
    assert steps[-1] == run.state["total_steps"]


def test_a_finished_run_is_trained_longer(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "runs", "resume", place / "runs/series", "--epochs", "+1", "--quiet")
    assert Run.open(place / "runs/series").state["steps"] == 48 + 4


def test_a_stopped_run_whose_data_were_moved_goes_on(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = shutil.move(place / "photos", place / "moved")
    told(capsys, "runs", "resume", place / "runs/stopped", "--data", data, "--quiet")
    assert Run.open(place / "runs/stopped").state["status"] == "done"


@pytest.mark.parametrize("name", ["images", "head"])
def test_a_run_is_done_again_from_its_configuration(place: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    verb = "finetune" if name == "head" else "train"
    config = place / "runs" / name / "config.json"
    said = told(capsys, verb, "--config", config, "--out", place / "again", "--quiet")
    kept = json.loads((place / "runs" / name / "evaluation.json").read_text())["metrics"]["test"]
    assert values(said["metrics"]["test"]) == pytest.approx(values(kept), abs=1e-2)


@pytest.mark.parametrize("name", [*DONE, *STOPPED])
def test_features_are_what_they_were(place: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    file = next(iter(ANSWERS[name]["predict"]))
    told(capsys, "features", place / "runs" / name, place / file, "--out", place / "features.csv")
    with (place / "features.csv").open() as table:
        _, row = csv.reader(table)
    assert [float(cell) for cell in row[1:]] == pytest.approx(ANSWERS[name]["features"], abs=1e-3)


def test_a_picture_is_explained(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = place / "photos/cat/00.png"
    said = told(capsys, "explain", place / "runs/head", picture, "--method", "occlusion", "--out", place / "why")
    (explanation,) = said["explanations"]
    assert explanation["class"] == "cat"
    assert explanation["probability"] == pytest.approx(0.510066, abs=1e-4)
    assert list((place / "why").rglob("occlusion.png"))


@pytest.mark.parametrize("name", ["images", "head", *STOPPED])
def test_the_doctor_finds_what_it_found(place: Path, name: str) -> None:
    found = [sign.kind for sign in diagnose_run(Run.open(place / "runs" / name)) if sign.found]
    assert found == ["few"]


def test_its_weights_answer_without_the_run_being_named(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights, (file, expected) = (
        place / "runs/images/model.safetensors",
        next(iter(ANSWERS["images"]["predict"].items())),
    )
    (one,) = told(capsys, "predict", "--model", "convnet2d", "--weights", weights, place / file)["predictions"]
    assert {top["label"]: top["probability"] for top in one["top"]} == pytest.approx(expected, abs=1e-4)


def test_its_weights_start_a_fine_tuning(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = place / "runs/images/model.safetensors"
    told(
        *(capsys, "finetune", "--model", "convnet2d", "--weights", weights, "--data", place / "photos", "--size", "8"),
        *("--set", "widths=[4,6]", "--set", "num_classes=3", "--head-only", "--epochs", "1", "--out", place / "tuned"),
        "--quiet",
    )
