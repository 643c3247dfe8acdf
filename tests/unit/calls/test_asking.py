"""A run is measured, predicts and is explained from Python, and says what it cannot do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.squares import squares

import profond
from profond.cli import run as command
from profond.core.errors import ConfigError, DataError, ImageError, MissingError, ProfondError, UnknownName, UsageError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return squares(tmp_path_factory.mktemp("squares"), 12)


@pytest.fixture(scope="module")
def trained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> profond.Trained:
    settings: dict[str, Any] = {"steps": 20, "batch_size": 8, "learning_rate": 0.02, "precision": "fp32"}
    return profond.train(model="convnet2d", data=folder, out=tmp_path_factory.mktemp("runs"), **settings)


def test_an_evaluation_is_the_command_lines(trained: profond.Trained, capsys: pytest.CaptureFixture[str]) -> None:
    evaluation = profond.evaluate(trained.path)
    assert command(["evaluate", str(trained.path), "--json", "--quiet"]) == 0
    theirs = json.loads(capsys.readouterr().out)["metrics"]["test"]
    assert {name: number.to_json() for name, number in evaluation.metrics.items()} == theirs
    assert evaluation.count == len(trained.dataset.split("test"))
    assert len(evaluation.table("predictions")) == evaluation.count
    assert set(evaluation.figures) == {path.stem for path in evaluation.folder.glob("*.png")}
    assert "accuracy" in repr(evaluation)
    assert evaluation._repr_html_().count("<img") == len(evaluation.figures)
    with pytest.raises(UnknownName, match="did you mean 'mistakes'"):
        evaluation.table("mistake")


def test_other_data_are_measured_by_their_path(trained: profond.Trained, folder: Path) -> None:
    whole = trained.evaluate(data=folder, figures=False)
    assert whole.count == 24
    assert not list(whole.folder.glob("*.png"))


def test_a_folder_a_pattern_an_image_an_array_and_a_tensor_are_predicted_alike(
    trained: profond.Trained, folder: Path
) -> None:
    path = folder / "red" / "1.png"
    image = Image.open(path)
    pixels = np.asarray(image)
    forms: list[Any] = [path, str(path), image, pixels, torch.tensor(pixels.copy()).permute(2, 0, 1), path.read_bytes()]
    said = [trained.predict(form)[0] for form in forms]
    assert {one.label for one in said} == {"red"}
    assert len({round(one.probability, 6) for one in said}) == 1
    assert len(trained.predict(folder / "red")) == 12
    assert len(trained.predict(f"{folder}/*/1*.png", top=1)) == 6
    assert len(trained.predict([folder / "red", path])) == 13
    assert len(trained.predict(np.stack([pixels] * 3))) == 3
    assert trained.predict([]) == []


def test_predictions_show_themselves_as_the_command_line_prints_them(
    trained: profond.Trained, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions = trained.predict(folder / "red", top=3)
    assert command(["predict", str(trained.path), str(folder / "red"), "--quiet"]) == 0
    assert capsys.readouterr().out.rstrip("\n") == repr(predictions)
    assert predictions.rows()[0]["label"] == "red"
    assert "<td>red</td>" in predictions._repr_html_()
    many = trained.predict([folder] * 2)
    assert "and 28 more" in repr(many)
    assert "and 28 more" in many._repr_html_()


def test_one_bad_image_is_an_error_and_one_of_many_is_left_out(trained: profond.Trained, folder: Path) -> None:
    with pytest.raises(ImageError, match=r"nope\.png does not exist"):
        trained.predict("nope.png")
    with pytest.warns(UserWarning, match=r"nope\.png was left out") as warned:
        predictions = trained.predict([folder / "red" / "1.png", "nope.png"])
    assert warned[0].filename == __file__
    assert len(predictions) == 1
    assert list(predictions.refused) == ["nope.png"]
    assert "1 could not be used" in repr(predictions)
    with pytest.raises(ImageError):
        trained.predict(["nope.png", "nor.png"])


def test_an_explanation_has_arrays_and_a_figure(trained: profond.Trained, folder: Path) -> None:
    explanation = trained.explain(folder / "red" / "1.png")
    assert explanation.said.startswith("red")
    assert explanation.answers["occlusion"].values.shape == (12, 12)
    assert "grad_cam" in explanation.answers
    assert "<img" in explanation._repr_html_()
    other = profond.explain(trained, Image.new("RGB", (12, 12)), method="integrated_gradients", wanted="green")
    assert list(other.answers) == ["integrated_gradients"]
    assert other.figure.axes


@pytest.mark.parametrize(
    ("asked", "kind", "words"),
    [
        (lambda run: run.evaluate("tset"), UnknownName, "did you mean 'test'"),
        (lambda run: run.evaluate(data="nowhere/"), DataError, "there is no nowhere/"),
        (lambda run: run.evaluate(device="gpu"), ProfondError, "no such device"),
        (lambda run: run.predict(None), DataError, "NoneType"),
        (lambda run: run.predict("*.nothing"), DataError, "nothing matches"),
        (lambda run: run.predict(run.path / "checkpoints"), DataError, "there is no image in"),
        (lambda run: run.predict(np.zeros((12, 12, 3)), tops=3), ConfigError, "did you mean 'top'"),
        (lambda run: run.explain(np.zeros((12, 12, 3)), method="gradcam"), UnknownName, "did you mean 'grad_cam'"),
        (lambda run: run.explain(np.zeros((12, 12, 3)), wanted="gren"), UnknownName, "did you mean 'green'"),
        (lambda run: run.explain([np.zeros((12, 12, 3))] * 2), DataError, "one is explained at a time"),
        (lambda run: run.resume(), AttributeError, "resume"),
        (lambda run: profond.compare(run), UsageError, "two or more"),
        (lambda run: profond.load(None), ConfigError, "run is None"),
        (lambda run: profond.load(3), ConfigError, "of the type int"),
        (lambda run: profond.load("lasst", out=run.path.parent), ConfigError, "did you mean 'last'"),
        (lambda run: profond.load("last", out=run.path), MissingError, "no finished run under"),
    ],
)
def test_what_cannot_be_answered_is_said(
    asked: Any, kind: type[Exception], words: str, trained: profond.Trained
) -> None:
    with pytest.raises(kind, match=words):
        asked(trained)


def test_a_damaged_run_says_so_when_it_is_used_and_shows_so_when_it_is_looked_at(
    trained: profond.Trained, tmp_path: Path
) -> None:
    copy = shutil.copytree(trained.path, tmp_path / "copy")
    (copy / "model.safetensors").write_bytes(b"no weights")
    damaged = profond.load(copy)
    with pytest.raises(ConfigError, match=r"model\.safetensors"):
        damaged.predict(np.zeros((12, 12, 3)))
    (copy / "run.json").write_text("{")
    assert "is damaged" in repr(damaged)
    with pytest.raises(ConfigError, match="is damaged"):
        profond.load(copy)


def test_a_run_whose_data_are_gone_still_predicts(trained: profond.Trained, folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(trained.path, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    config["data"]["name"] = str(tmp_path / "gone")
    (copy / "config.json").write_text(json.dumps(config))
    moved = profond.load(copy)
    assert moved.predict(folder / "red" / "1.png")[0].label == "red"
    with pytest.raises(ConfigError, match="are not at"):
        moved.evaluate()


def test_a_run_that_another_call_works_on_is_not_written_to(trained: profond.Trained) -> None:
    with trained.run.held("training"):
        assert profond.load(trained.path).history
        assert trained.predict(np.zeros((12, 12, 3)))
