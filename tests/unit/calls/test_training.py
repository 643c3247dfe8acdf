"""Trainings from Python: the same runs as the command line's, and errors in words."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.squares import COLOURS, squares

import profond
from profond.calls.history import History
from profond.cli import run as command
from profond.core.errors import ConfigError, DataError, ProfondError, UnknownName
from profond.core.run import Run, all_runs
from profond.data.images.augment import Augment

pytestmark = pytest.mark.usefixtures("undrawn")  # pictures are other tests' matter

QUICK: dict[str, Any] = {"model": "mlp", "steps": 8, "batch_size": 8, "learning_rate": 0.02, "precision": "fp32"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return squares(tmp_path_factory.mktemp("squares"), 8)


@pytest.fixture(scope="module")
def trained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> profond.Trained:
    out = tmp_path_factory.mktemp("runs")
    return profond.train(data=folder, out=out, hidden=[8], augment={"shift": 1}, **QUICK)


def weights(run: Run | profond.Trained) -> bytes:
    return run.path.joinpath("model.safetensors").read_bytes()


def test_a_call_and_a_command_train_the_same(trained: profond.Trained, folder: Path, tmp_path: Path) -> None:
    flags = ["--model=mlp", "--steps=8", "--batch-size=8", "--learning-rate=0.02", "--precision=fp32"]
    more = [f"--data={folder}", "--set=hidden=[8]", "--set=augment.shift=1", f"--out={tmp_path}", "--quiet"]
    assert command(["train", *flags, *more]) == 0
    (run,) = all_runs(tmp_path)
    assert weights(run) == weights(trained)
    assert run.config == trained.run.config


@pytest.mark.parametrize("form", ["configuration", "folder", "run", "settings"])
def test_a_configuration_does_it_again_and_arguments_win(form: str, trained: profond.Trained, tmp_path: Path) -> None:
    given = {
        "configuration": trained.config,
        "folder": str(trained.path),
        "run": trained,
        "settings": trained.run.config,
    }[form]
    again = profond.train(config=given, out=tmp_path)  # type: ignore[arg-type]
    assert weights(again) == weights(trained)
    assert profond.train(config=given, out=tmp_path, seed=1, steps=1).config.training.seed == 1  # type: ignore[arg-type]


def test_a_section_is_given_as_a_mapping_or_as_its_dataclass(folder: Path, tmp_path: Path) -> None:
    made = profond.train(data=folder, out=tmp_path, augment=Augment(flip=True), **{**QUICK, "steps": 1})
    assert made.config.augment == Augment(flip=True)
    training = profond.Training(steps=1, ema=0.5)
    made = profond.train(model="mlp", data=str(folder), out=str(tmp_path), training=training)
    assert made.config.training == training


def test_a_run_is_opened_with_the_same_network(trained: profond.Trained) -> None:
    loaded = profond.load(trained.path)
    assert not loaded.model.training
    for name, value in trained.model.state_dict().items():
        assert torch.equal(value, loaded.model.state_dict()[name])
    assert profond.load("last", out=trained.path.parent).path == trained.path
    assert "Trained(" in repr(loaded)
    assert "accuracy" in repr(loaded)
    assert "accuracy" in loaded._repr_html_()


def test_the_history_is_a_table_with_columns_and_a_figure(trained: profond.Trained) -> None:
    history = trained.history
    assert [dict(row) for row in history] == list(trained.run.metrics())
    steps, losses = history.column("loss")
    assert steps[-1] == 8
    assert losses.dtype == np.float64
    assert history.splits == ["valid", "train"]
    assert len(history.figure().axes) == 2
    assert [axes.get_title() for axes in history.figure("loss").axes] == ["loss"]
    assert str(steps[-1]) in repr(history[-2:])
    assert "<img" in history._repr_html_()
    with pytest.raises(UnknownName, match="unknown metric 'los'"):
        history.figure("los")
    with pytest.raises(UnknownName, match="unknown split 'test'"):
        history.column("loss", "test")
    assert "nothing" in repr(History([]))
    assert History([])._repr_html_()


def test_a_run_is_lengthened(trained: profond.Trained, tmp_path: Path) -> None:
    short = profond.train(config=trained.config, out=tmp_path, steps=2)
    longer = profond.resume(short, steps="+3")
    assert longer.path == short.path
    assert longer.run.state["steps"] == 5
    assert [row["step"] for row in longer.history][-1] == 5


def test_a_run_of_ones_own_is_fine_tuned_for_other_classes(
    trained: profond.Trained, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "blue").mkdir()
    for number in range(12):
        Image.new("RGB", (8, 8), (20, 20, 120 + 8 * number)).save(tmp_path / "blue" / f"{number}.png")
    (tmp_path / "red").symlink_to(folder / "red", target_is_directory=True)
    tuned = profond.finetune(trained, tmp_path, head_only=True, epochs=1, precision="fp32", out=tmp_path / "runs")
    assert tuned.spec.classes == ("blue", "red")
    assert tuned.experiment.preprocessing.mean == trained.experiment.preprocessing.mean
    below = [name for name in trained.model.state_dict() if not name.startswith(trained.model.head)]  # type: ignore[operator]
    assert below
    for name in below:
        assert torch.equal(tuned.model.state_dict()[name], trained.model.state_dict()[name])


def test_nothing_is_printed_and_signals_stay_as_they_were(
    trained: profond.Trained, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    again = profond.train(config=trained.config, out=tmp_path, steps=1)
    again.evaluate()
    again.predict(trained.dataset.split("test").raw(0))
    assert [signal.getsignal(number) for number in numbers] == before
    assert capfd.readouterr() == ("", "")
    profond.train(config=trained.config, out=tmp_path, steps=1, progress=True)
    told = capfd.readouterr()
    assert told.out == ""
    assert "step 1/1" in told.err


def test_a_thread_may_train_and_a_second_training_changes_nothing(trained: profond.Trained, tmp_path: Path) -> None:
    made: list[profond.Trained] = []
    thread = threading.Thread(target=lambda: made.append(profond.train(config=trained.config, out=tmp_path)))
    thread.start()
    thread.join()
    assert weights(made[0]) == weights(trained)


def test_what_is_probably_not_meant_is_a_warning(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for name in COLOURS:
        (tmp_path / "photos" / name).symlink_to(folder / name, target_is_directory=True)
    (tmp_path / "photos" / "empty").mkdir()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        profond.train(data=tmp_path / "photos", out=tmp_path / "runs", **{**QUICK, "steps": 1})
    told = [str(one.message) for one in caught if one.category is UserWarning]
    assert any("empty" in text for text in told)
    assert all(one.filename == __file__ for one in caught if one.category is UserWarning)


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ({}, ProfondError, "nothing to train"),
        ({"recipe": "lenet"}, UnknownName, "did you mean 'lenet5'"),
        ({"recipe": 5}, ConfigError, "of the type int"),
        ({"model": torch.nn.Linear(1, 1), "data": "x"}, ConfigError, r"profond\.fit"),
        ({"model": torch.nn.Linear, "data": "x"}, ConfigError, "the class Linear"),
        ({"model": "mlp", "data": (np.zeros(3), np.zeros(3))}, DataError, "DataLoader"),
        ({"model": "mlp", "data": "no/such/folder"}, DataError, "there is no no/such/folder"),
        ({"model": "mlpp", "data": "FOLDER"}, UnknownName, "did you mean 'mlp'"),
        ({"model": "mlp", "data": "FOLDER", "epoch": 3}, UnknownName, "did you mean 'epochs'"),
        ({"model": "mlp", "data": "FOLDER", "epochs": -1}, ConfigError, "greater than 0"),
        ({"model": "mlp", "data": "FOLDER", "epochs": True}, ConfigError, "must be a number"),
        ({"model": "mlp", "data": "FOLDER", "epochs": 1, "steps": 1}, ProfondError, "both epochs"),
        ({"model": "mlp", "data": "FOLDER", "learning_rate": "fast"}, ConfigError, "'fast' does not fit"),
        ({"model": "mlp", "data": "FOLDER", "augment": "flip"}, ConfigError, "augment is 'flip'"),
        ({"model": "mlp", "data": "FOLDER", "augment": {"flipp": True}}, ConfigError, "did you mean 'flip'"),
        ({"model": "mlp", "data": "FOLDER", "optimizer": "adamm"}, ConfigError, "did you mean 'adam'"),
        ({"config": "no/such.json"}, ConfigError, "cannot read settings"),
        ({"config": 3}, ConfigError, "config is of the type int"),
        ({"config": {"training": {"epochs": 1}}}, ProfondError, "nothing to train"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(
    given: dict[str, Any], kind: type[ProfondError], words: str, folder: Path, tmp_path: Path
) -> None:
    given = {name: folder if value == "FOLDER" else value for name, value in given.items() if name != "data"} | (
        {"data": folder if given["data"] == "FOLDER" else given["data"]} if "data" in given else {}
    )
    with pytest.raises(kind, match=words) as refused:
        profond.train(out=tmp_path / "runs", **given)
    assert refused.value.help
    assert not (tmp_path / "runs").exists()


def test_a_data_set_that_is_open_already_is_asked_for_by_name(folder: Path) -> None:
    with pytest.raises(DataError, match="give its path"):
        profond.train(model="mlp", data=profond.open_data(folder))  # type: ignore[arg-type]


def test_a_configuration_is_the_same_after_json(trained: profond.Trained) -> None:
    config = trained.config
    assert type(config).from_json(config.to_json()) == config
    assert trained.run.config == json.loads(json.dumps(config.to_json()))
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.recipe = "other"  # type: ignore[misc]


@pytest.mark.slow
def test_a_script_that_its_own_workers_import_is_told_so(folder: Path, tmp_path: Path) -> None:
    """As on macOS and Windows, where worker processes import the script that started them."""
    settings = {"data.memory_mib": 0, "data.size": 8, "loader.workers": 1}
    script = tmp_path / "script.py"
    script.write_text(
        "import multiprocessing, profond\n"
        "multiprocessing.set_start_method('spawn', force=True)\n"
        f"profond.train(model='mlp', data={str(folder)!r}, steps=1, batch_size=4, **{json.dumps(settings)})\n"
    )
    ended = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode != 0
    assert "a worker process has imported the script that started it" in ended.stderr
    assert "a process that decodes images ended" in ended.stderr
