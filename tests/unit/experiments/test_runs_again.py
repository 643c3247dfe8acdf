"""Which run is the last, and what can be done with a run afterwards: used where it stopped, lengthened, done again."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.runs import outcome

from profond import models
from profond.cli import run as profond
from profond.core.errors import ConfigError, MissingError, nearest, suggest
from profond.core.find_run import find_run
from profond.core.run import Run, all_runs
from profond.evaluation import kept
from profond.experiments.configuration import changed, for_model
from profond.experiments.experiment import assemble, load
from profond.experiments.lengthen import lengthen
from profond.experiments.train import resume_run, train_experiment
from profond.serve.predictor import Predictor
from profond.training.checkpoint import BEST, LAST, load_tensors

SIDE = 12


class Cut(Exception):
    """A training that ends in the middle, as by an accident."""


class Stop:
    def __init__(self, step: int) -> None:
        self.step = step

    def started(self, progress: Any) -> None:
        pass

    def stepped(self, progress: Any) -> None:
        if progress.step == self.step:
            raise Cut

    def logged(self, progress: Any, record: Mapping[str, Any]) -> None:
        pass

    def finished(self, progress: Any) -> None:
        pass


def pictures(folder: Path, classes: str) -> Path:
    for place, name in enumerate(classes):
        for number in range(20):
            pixels = np.random.default_rng([place, number]).integers(0, 99, (SIDE, SIDE, 3), dtype=np.uint8)
            pixels[3 * place : 3 * place + 3] += 100
            (folder / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / name / f"{number:02}.png")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures(tmp_path_factory.mktemp("data") / "photos", "abc")


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_draw", lambda *_: None)


def configuration(photos: Path, **changes: Any) -> dict[str, Any]:
    usual = {"epochs": 2, "hidden": [8], "precision": "fp32", "batch_size": 16, "log_every_steps": 1}
    return changed(for_model("mlp", str(photos)), {**usual, "checkpoint_every_seconds": 0.0, **changes})


def cut(photos: Path, out: Path, step: int, **changes: Any) -> Run:
    with pytest.raises(Cut):
        train_experiment(assemble(configuration(photos, **changes)), out=out, observers=(Stop(step),))
    return all_runs(out)[-1]


# -- which is the last -----------------------------------------------------------------------------------------------


def test_the_last_run_is_the_newest_whatever_it_is_called(tmp_path: Path) -> None:
    first, second, third = (Run.create(tmp_path, name, {}) for name in ("zebra", "mlp", "ant"))
    for run in (first, second, third):
        run.update(status="done")
    first.path.rename(tmp_path / "zzz_final")
    third.path.rename(tmp_path / "2000")
    assert [run.name for run in all_runs(tmp_path)] == ["zzz_final", second.name, "2000"]
    assert find_run("last", tmp_path).name == "2000"


def test_of_a_run_and_its_copies_the_unrenamed_one_is_the_last(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "mlp", {})
    run.update(status="done")
    for name in ("a copy", "zzz", f"{run.name}-2", f"{run.name} (copy)"):
        shutil.copytree(run.path, tmp_path / name)
    assert find_run("last", tmp_path).name == run.name


def test_a_run_of_before_with_whole_seconds_has_its_place(tmp_path: Path) -> None:
    names = ["20260101-120000-b", "20260101-120001-a", "20251231-235959-c"]
    for name, created in zip(names, ("12:00:00", "12:00:01", "11:00:00"), strict=True):
        run = Run.create(tmp_path, "x", {})
        run.write("run.json", {"name": name[16:], "status": "done", "created": f"2026-01-01T{created}+00:00"})
        run.path.rename(tmp_path / name)
    assert [run.name for run in all_runs(tmp_path)] == ["20251231-235959-c", "20260101-120000-b", "20260101-120001-a"]


def test_the_command_says_which_run_was_the_last_and_python_finds_the_same(
    tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pets, farm = pictures(tmp_path / "pets", "ab"), pictures(tmp_path / "farm", "cde")
    first = train_experiment(assemble(configuration(pets)))
    first.path.rename("runs/pets_final")
    second = train_experiment(assemble(configuration(farm)))
    capsys.readouterr()
    assert profond(["predict", "last", "farm/c/00.png"]) == 0
    said = capsys.readouterr()
    assert said.out.split("\t")[1] in "cde"
    assert f"last is {second.path}" in said.err
    explained = ["explain", "last", "farm/c/00.png", "--method=occlusion", "--out=e"]
    features = ["features", "last", "farm/c/00.png", "--out=f.npy"]
    for words in (
        ["evaluate", "last"],
        explained,
        features,
        ["finetune", "--doctor", "last"],
        ["runs", "show", "last"],
    ):
        profond(words)
        assert f"last is {second.path}" in capsys.readouterr().err
    assert profond(["runs", "list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["runs/pets_final", str(second.path)]
    for reference in ("last", second.name, second.path, second):
        assert Predictor.open(reference).spec.classes == ("c", "d", "e")
    assert Predictor.open("pets_final").spec.classes == ("a", "b")
    with pytest.raises(ConfigError, match="there is no run nothing"):
        Predictor.open("nothing")
    with pytest.raises(MissingError):
        Predictor.open("last", runs="elsewhere")


# -- where it stopped ------------------------------------------------------------------------------------------------


def test_a_stopped_run_answers_with_its_best_checkpoint_and_says_so(photos: Path, tmp_path: Path, capsys: Any) -> None:
    run = cut(photos, tmp_path, 5)
    experiment = load(run)
    best, facts = load_tensors(run.file(BEST))
    assert all(torch.equal(best[name], tensor) for name, tensor in experiment.model.state_dict().items())
    for words in (["predict", str(run.path), str(photos / "a" / "00.png")], ["evaluate", str(run.path)]):
        assert profond(words) == 0
        said = capsys.readouterr().err
        assert f"{run.path} is not finished: 4 steps are done" in said
        assert f"best that were validated, of step {facts['step']}" in said
    resume_run(run)
    capsys.readouterr()
    assert profond(["predict", str(run.path), str(photos / "a" / "00.png")]) == 0
    assert "not finished" not in capsys.readouterr().err


def test_without_validation_the_last_checkpoint_is_taken_averaged_where_there_is_an_average(
    photos: Path, tmp_path: Path
) -> None:
    settings = {"keep": "last", "ema": 0.9, "loader.valid_fraction": 0.0, "data.valid_fraction": 0.0}
    run = cut(photos, tmp_path, 3, **settings)
    experiment = load(run)
    assert "its weights are the last" in experiment.notes[0]
    tensors, _ = load_tensors(run.file(LAST))
    own = experiment.model.state_dict()
    assert all(torch.equal(tensors[f"average.{name}"], tensor) for name, tensor in own.items())
    assert any(not torch.equal(tensors[f"model.{name}"], tensor) for name, tensor in own.items())


def test_a_run_without_any_checkpoint_is_told_how_to_go_on(photos: Path, tmp_path: Path, capsys: Any) -> None:
    run = cut(photos, tmp_path, 1)
    assert profond(["predict", str(run.path), str(photos / "a" / "00.png")]) == 3
    assert "runs resume" in capsys.readouterr().err


# -- longer ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", ["one_cycle", "linear", "constant"])
def test_a_longer_run_goes_on_at_the_rate_that_the_new_length_has_there(
    schedule: str, photos: Path, tmp_path: Path
) -> None:
    short = train_experiment(assemble(configuration(photos, schedule=schedule)), out=tmp_path / "short")
    done = short.state["steps"]
    at_first = list(short.metrics())
    long = train_experiment(assemble(configuration(photos, schedule=schedule, epochs=5)), out=tmp_path / "long")
    resume_run(short, epochs=5)
    rates = {line["step"]: line["learning_rate"] for line in short.metrics() if line["split"] == "train"}
    wanted = {line["step"]: line["learning_rate"] for line in long.metrics() if line["split"] == "train"}
    assert {step: rate for step, rate in rates.items() if step > done} == {
        step: rate for step, rate in wanted.items() if step > done
    }
    assert list(short.metrics())[: len(at_first)] == at_first
    assert short.state["steps"] == long.state["steps"] == 5 * done // 2
    assert short.state["status"] == "done"
    assert short.state["lengthened"] == [{"at_step": done, "epochs": 2}]
    assert short.config["training"]["epochs"] == 5


def test_a_longer_run_that_is_killed_ends_with_the_same_bits(photos: Path, tmp_path: Path) -> None:
    run = train_experiment(assemble(configuration(photos, ema=0.9)), out=tmp_path)
    copy = Run(tmp_path / "copy")
    shutil.copytree(run.path, copy.path)
    resume_run(run, steps="+6")
    with pytest.raises(Cut):
        resume_run(copy, steps="+6", observers=(Stop(run.state["steps"] - 3),))
    resume_run(copy)
    assert outcome(copy.path) == outcome(run.path)


def test_early_stopping_counts_anew(photos: Path, tmp_path: Path) -> None:
    settings = {"patience": 1, "monitor": "accuracy", "learning_rate": 0.01, "epochs": 40}  # it is all right soon
    run = train_experiment(assemble(configuration(photos, **settings)), out=tmp_path)
    stopped = run.state["steps"]
    assert stopped < run.state["total_steps"]
    resume_run(run, epochs="+3")
    assert run.state["steps"] > stopped


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"epochs": "2"}, "has done"),
        ({"steps": 1}, "has done"),
        ({"epochs": "x"}, "no number of epochs"),
        ({"epochs": "nan"}, "no number of epochs"),
        ({"steps": "+1.5"}, "no number of steps"),
        ({"steps": "-3"}, "no number of steps"),
        ({"steps": 9, "epochs": 9}, "give one of them"),
    ],
)
def test_a_length_that_is_none_leaves_the_run_as_it_was(
    given: dict[str, Any], told: str, photos: Path, tmp_path: Path
) -> None:
    run = train_experiment(assemble(configuration(photos)), out=tmp_path)
    before = {name: run.file(name).read_bytes() for name in ("run.json", "config.json", "model.safetensors")}
    with pytest.raises(ConfigError) as raised:
        lengthen(run, **given)
    assert told in str(raised.value)
    assert {name: run.file(name).read_bytes() for name in before} == before


def test_the_command_lengthens_the_newest_run(photos: Path, tmp_path: Path, capsys: Any) -> None:
    run = train_experiment(assemble(configuration(photos)), out=tmp_path)
    done = run.state["steps"]
    assert profond(["runs", "resume", "last", f"--out={tmp_path}", "--steps=+4"]) == 0
    said = capsys.readouterr()
    assert f"from step {done}" in said.err
    assert f"{done + 4} steps" in said.out
    assert profond(["train", f"--config={run.path}", f"--out={tmp_path / 'again'}", "--steps=1"]) == 0
    assert "lengthened" in capsys.readouterr().err


# -- once more -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        ["--model=mlp", "--set=hidden=[8]", "--epochs=2", "--set=augment.shift=1", "--set=ema=0.9", "--seed=5"],
        ["--model=convnet2d", "--steps=5", "--set=task.class_weights=balanced", "--set=data.size=10"],
        ["lenet5", "--epochs=1"],
    ],
)
def test_a_runs_configuration_does_it_again_to_the_bit(
    settings: list[str], photos: Path, tmp_path: Path, capsys: Any
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert profond(["train", *settings, f"--data={photos}", "--quiet", f"--out={first}"]) == 0
    (run,) = all_runs(first)
    assert profond(["train", f"--config={run.file('config.json')}", "--quiet", f"--out={second}"]) == 0
    (again,) = all_runs(second)
    assert outcome(again.path) == outcome(run.path)
    assert again.config == run.config
    assert again.name[16:] == run.name[16:]


@pytest.mark.parametrize("more", [["--head-only"], ["--parts=2"]])
@pytest.mark.parametrize("verb", ["train", "finetune"])
def test_a_fine_tunings_configuration_does_it_again_to_the_bit(
    verb: str, more: list[str], photos: Path, tmp_path: Path, capsys: Any
) -> None:
    weights = tmp_path / "own.pth"
    torch.manual_seed(0)
    made = models.create("mobilenet_v2", input_shape=(3, 24, 24), num_classes=7, width=0.35)
    torch.save(made.state_dict(), weights)
    given = ["finetune", "--model=mobilenet_v2", f"--data={photos}", f"--weights={weights}", "--size=24", *more]
    first, second = tmp_path / "first", tmp_path / "second"
    assert profond([*given, "--set=width=0.35", "--epochs=2", "--quiet", f"--out={first}"]) == 0
    (run,) = all_runs(first)
    assert profond([verb, f"--config={run.file('config.json')}", "--quiet", f"--out={second}"]) == 0
    (again,) = all_runs(second)
    assert outcome(again.path) == outcome(run.path)
    assert again.config == run.config
    capsys.readouterr()
    weights.write_bytes(weights.read_bytes() + b"\0")
    assert profond([verb, f"--config={run.file('config.json')}", "--quiet", f"--out={second}"]) == 3
    assert "is not the file that this run was started from" in capsys.readouterr().err


def test_flags_win_over_a_runs_configuration_and_other_data_decide_the_shape(
    photos: Path, tmp_path: Path, capsys: Any
) -> None:
    run = train_experiment(assemble(configuration(photos)), out=tmp_path / "first")
    other = pictures(tmp_path / "other", "vwxy")
    given = [f"--config={run.path}", f"--data={other}", "--epochs=1", "--seed=3", "--quiet"]
    assert profond(["train", *given, f"--out={tmp_path / 'second'}"]) == 0
    (again,) = all_runs(tmp_path / "second")
    assert again.config["model"] == {**run.config["model"], "num_classes": 4}
    assert again.config["training"] == {**run.config["training"], "epochs": 1, "seed": 3}


def test_a_training_is_no_fine_tuning(photos: Path, tmp_path: Path, capsys: Any) -> None:
    run = train_experiment(assemble(configuration(photos)), out=tmp_path)
    assert profond(["finetune", f"--config={run.file('config.json')}"]) == 2
    assert f"profond train --config {run.file('config.json')}" in capsys.readouterr().err


# -- a wrong name ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "known", "near"),
    [
        ("foo", ["pool", "dropout"], None),
        ("lr", ["learning_rate", "pool"], None),
        ("xyz", ["size"], None),
        ("epoch", ["epochs", "steps"], "epochs"),
        ("cta", ["cat", "big_cat"], "cat"),
        ("batchsize", ["batch_size", "patience"], "batch_size"),
        ("dropuot", ["dropout", "depth"], "dropout"),
        ("EMA", ["ema"], "ema"),
    ],
)
def test_a_name_is_suggested_only_where_it_may_have_been_meant(name: str, known: list[str], near: str | None) -> None:
    assert nearest(name, known) == (None if near is None else f"did you mean {near!r}?")
    assert ("did you mean" in suggest(name, known)) == (near is not None)


def test_a_setting_that_nothing_has_is_answered_with_those_that_there_are(photos: Path, capsys: Any) -> None:
    assert profond(["train", "--model=convnet2d", f"--data={photos}", "--set=foo=1"]) == 2
    said = capsys.readouterr().err
    assert "did you mean" not in said
    for section, setting in (("training", "learning_rate"), ("model", "widths"), ("augment", "mixup")):
        assert f"{section}: " in said
        assert setting in said
