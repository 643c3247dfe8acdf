"""`profond explain recurrence`, on runs that were really trained."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import profond
from profond.cli import run
from profond.experiments.configuration import changed, for_model
from profond.experiments.experiment import assemble
from profond.experiments.train import train_experiment

pytestmark = pytest.mark.usefixtures("undrawn")  # pictures are other tests' matter

SETTINGS = {
    "data.length": 12,
    "data.train_sequences": 64,
    "data.test_sequences": 8,
    "training.steps": 3,
    "training.keep": "last",
    "training.device": "cpu",
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An LSTM in both directions, and a network without recurrent layers."""
    out = tmp_path_factory.mktemp("recurrence")
    for model, settings in (("lstm", {"model.hidden": 6}), ("convnet1d", {"model.widths": [4], "model.pool": 2})):
        config = changed(for_model(model, "adding"), {**SETTINGS, **settings})
        train_experiment(assemble(config), out=out).path.rename(out / model)
    return out


@pytest.fixture
def csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sequence of nine steps, which is not as long as those of training."""
    monkeypatch.chdir(tmp_path)
    rows = [f"{number / 10},{1 if number in (2, 6) else 0}" for number in range(9)]
    (tmp_path / "new.csv").write_text("\n".join(["number,mark", *rows]) + "\n")
    return tmp_path / "new.csv"


def test_it_writes_a_picture_the_arrays_by_name_and_the_gradients(
    runs: Path, csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["explain", "recurrence", str(runs / "lstm"), "new.csv"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("new.csv\tsum\t")
    assert "recurrent (LSTM): × " in printed
    folder = runs / "lstm" / "explain" / "new"
    with Image.open(folder / "recurrence.png") as image:
        assert min(image.size) > 400
    with np.load(folder / "recurrence.npz") as file:
        arrays = dict(file)
    told = json.loads((folder / "recurrence.json").read_text())
    assert [layer["name"] for layer in told["layers"]] == ["recurrent", "recurrent, backwards"]
    for layer in told["layers"]:
        assert arrays[f"{layer['name']}/hidden"].shape == (9, 6)
        assert {name for name in arrays if name.startswith(f"{layer['name']}/gate_")} == {
            f"{layer['name']}/gate_{gate}" for gate in ("input", "forget", "output")
        }
        assert arrays[f"{layer['name']}/gradient"].tolist() == layer["gradient"]
        assert min(layer["gradient"]) > 0
        assert layer["largest_difference_from_fused"] < 1e-10


def test_it_is_a_method_like_others_and_takes_samples_of_the_runs_own_data(
    runs: Path, csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--method", "recurrence", "--method", "occlusion", "--out", "here", "--json", "--quiet"]
    assert run(["explain", str(runs / "lstm"), "test/3", *asked]) == 0
    [report] = json.loads(capsys.readouterr().out)["explanations"]
    names = {Path(file).name for file in report["files"]}
    assert names == {f"recurrence.{end}" for end in ("png", "npz", "json")} | {"occlusion.png", "occlusion.npy"}


def test_what_cannot_be_asked_is_refused_in_words(runs: Path, csv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for code, words, message in (
        (3, ["recurrence", str(runs / "convnet1d"), "new.csv"], "ConvNet has no recurrent layers"),
        (2, ["recurrence", str(runs / "lstm"), "new.csv", "--step", "2"], "answers once"),
        (2, [str(runs / "lstm"), "new.csv", "--step", "2"], "--step is for recurrence"),
        (2, ["recurrence", str(runs / "lstm"), "new.csv", "--class", "difference"], "unknown quantity"),
    ):
        assert run(["explain", *words, "--out", "nothing"]) == code
        assert message in capsys.readouterr().err
    assert not Path("nothing").exists()


def test_from_python_it_is_another_explanation(runs: Path, csv: Path) -> None:
    trained = profond.load(runs / "lstm")
    explanation = trained.explain(csv, method="recurrence")
    found = explanation.answers["recurrence"]
    assert [len(layer.gradient) for layer in found.layers] == [9, 9]  # type: ignore[union-attr]
    assert explanation.figure.axes
    assert "explained by recurrence" in repr(explanation)
