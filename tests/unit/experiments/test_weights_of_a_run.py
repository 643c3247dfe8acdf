"""A run's own weights start a fine-tuning, or answer, with nothing said again that the run's folder says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from profond.cli import run as profond
from profond.core.run import Run
from profond.weights.pretrained import load_pretrained

pytestmark = pytest.mark.usefixtures("undrawn")  # pictures are other tests' matter


def pictures(folder: Path, mode: str, classes: str, side: int = 12) -> Path:
    for place, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for number in range(12):
            pixels = np.random.default_rng([place, number]).integers(0, 99, (side, side, 3), dtype=np.uint8)
            pixels[3 * place : 3 * place + 3] += 100
            Image.fromarray(pixels).convert(mode).save(folder / name / f"{number:02}.png")
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    pictures(folder / "grey", "L", "abc")
    pictures(folder / "colour", "RGB", "abc")
    for kind in ("grey", "colour"):
        assert profond([
            "train", "--model=convnet2d", f"--data={folder / kind}", "--set=widths=[3,5]", "--epochs=2", "--quiet",
            f"--out={folder / 'made'}",
        ]) == 0  # fmt: skip
        (made,) = (folder / "made").glob(f"*{kind}")
        made.rename(folder / f"{kind}_run")
    return folder


def told(capsys: Any, *given: str | Path) -> dict[str, Any]:
    capsys.readouterr()
    assert profond([*map(str, given), "--json", "--quiet"]) == 0, capsys.readouterr().err
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def tuned(capsys: Any, place: Path, out: Path, weights: str, data: str, *more: str) -> Run:
    flags = ("--epochs=1", "--head-only", f"--out={out}", f"--weights={place / weights}", f"--data={place / data}")
    return Run(told(capsys, "finetune", "--model=convnet2d", *flags, *more)["run"])


@pytest.mark.parametrize("file", ["", "model.safetensors", "checkpoints/best/model.safetensors"])
def test_the_runs_settings_and_preprocessing_are_those_of_the_fine_tuning(
    place: Path, tmp_path: Path, capsys: Any, file: str
) -> None:
    run = tuned(capsys, place, tmp_path, f"grey_run/{file}", "colour")
    config, made = run.config["model"], Run(place / "grey_run")
    assert config["widths"] == [3, 5]
    assert config["input_shape"] == [1, 12, 12]
    used, known = run.read("preprocessing.json"), made.read("preprocessing.json")
    assert {name: used[name] for name in ("mode", "mean", "std")} == {
        name: known[name] for name in ("mode", "mean", "std")
    }
    assert used["mode"] == "L"


def test_another_size_is_of_as_many_colours_as_the_run_has(place: Path, tmp_path: Path, capsys: Any) -> None:
    run = tuned(capsys, place, tmp_path, "grey_run/model.safetensors", "colour", "--size=16")
    assert run.config["model"]["input_shape"] == [1, 16, 16]
    assert run.read("preprocessing.json")["size"] == [16, 16]


@pytest.mark.parametrize("kind", ["grey", "colour"])
def test_weights_without_their_run_take_the_shape_of_the_data(
    place: Path, tmp_path: Path, capsys: Any, kind: str
) -> None:
    shutil.copy(place / f"{kind}_run/model.safetensors", tmp_path / "own.safetensors")
    run = tuned(capsys, place, tmp_path, str(tmp_path / "own.safetensors"), kind, "--set=widths=[3,5]")
    assert run.config["model"]["input_shape"] == [1 if kind == "grey" else 3, 12, 12]
    assert run.read("preprocessing.json")["mean"] == Run(place / f"{kind}_run").read("preprocessing.json")["mean"]


def test_a_shape_that_is_given_needs_no_number_of_classes(place: Path, tmp_path: Path, capsys: Any) -> None:
    shutil.copy(place / "grey_run/model.safetensors", tmp_path / "own.safetensors")
    own = (str(tmp_path / "own.safetensors"), "grey", "--set=widths=[3,5]", "--set=input_shape=[1,12,12]")
    assert tuned(capsys, place, tmp_path, *own).config["model"]["num_classes"] == 3


def test_predict_answers_as_the_run_does(place: Path, capsys: Any) -> None:
    picture = place / "colour/b/03.png"
    by_run = told(capsys, "predict", place / "colour_run", picture)
    weights = f"--weights={place / 'colour_run/model.safetensors'}"
    by_weights = told(capsys, "predict", "--model=convnet2d", weights, picture)
    assert by_weights["predictions"] == by_run["predictions"]


def test_another_model_is_refused_and_takes_nothing_from_the_run(place: Path, tmp_path: Path, capsys: Any) -> None:
    weights = f"--weights={place / 'grey_run/model.safetensors'}"
    given = ["finetune", "--model=resnet18", weights, f"--data={place / 'grey'}", f"--out={tmp_path}"]
    assert profond(given) == 3
    assert "holds the weights of another network" in capsys.readouterr().err


def test_a_damaged_run_is_named(place: Path, tmp_path: Path, capsys: Any) -> None:
    run = Path(shutil.copytree(place / "grey_run", tmp_path / "run"))
    for damage in ('{"model": 3}', '{"model": {}}', '{"model'):
        (run / "config.json").write_text(damage)
        flags = [f"--weights={run / 'model.safetensors'}", f"--data={place / 'grey'}", f"--out={tmp_path / 'out'}"]
        assert profond(["finetune", "--model=convnet2d", *flags]) == 3
        assert f"{run}" in (said := capsys.readouterr().err)
        assert "damaged" in said


def test_weights_of_series_are_refused_in_words(place: Path, tmp_path: Path, capsys: Any) -> None:
    run = Path(shutil.copytree(place / "grey_run", tmp_path / "run"))
    preprocessing = json.loads((run / "preprocessing.json").read_text())
    (run / "preprocessing.json").write_text(json.dumps({**preprocessing, "mode": None, "size": None}))
    flags = [f"--weights={run / 'model.safetensors'}", f"--data={place / 'grey'}", f"--out={tmp_path / 'out'}"]
    assert profond(["finetune", "--model=convnet2d", *flags]) == 3
    assert "was not trained on pictures" in capsys.readouterr().err


def test_padding_is_part_of_the_shape_that_the_network_takes(place: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(place / "grey_run", tmp_path / "run"))
    preprocessing = json.loads((run / "preprocessing.json").read_text())
    (run / "preprocessing.json").write_text(json.dumps({**preprocessing, "size": [8, 8], "padding": 2}))
    loaded = load_pretrained("convnet2d", run / "model.safetensors")
    assert loaded.preprocessing.size == (8, 8)
    assert loaded.settings["input_shape"] == (1, 12, 12)
