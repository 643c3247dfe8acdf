"""`profond predict` and `profond explain` on a run that estimates a number, really trained."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from profond.calls.ask import load
from profond.cli import run as profond
from profond.experiments.configuration import changed, for_model
from profond.experiments.experiment import assemble
from profond.experiments.train import train_experiment

pytestmark = pytest.mark.usefixtures("undrawn")  # pictures are other tests' matter

SIDE = 12


def gauge(value: float) -> Image.Image:
    """A grey bar as long as the value, 0 to 100."""
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    pixels[:, : round(value / 100 * SIDE)] = 200
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("gauges")
    lines = ["path,value (bar)"]
    for number in range(60):
        value = 100 * number / 59
        gauge(value).save(root / f"{number}.png")
        lines.append(f"{number}.png,{value:.2f}")
    (root / "values.csv").write_text("\n".join(lines) + "\n")
    settings = {"training.steps": 60, "learning_rate": 0.02, "device": "cpu", "keep": "last", "widths": [4, 8]}
    config = changed(for_model("convnet2d", str(root / "values.csv")), settings)
    return train_experiment(assemble(config), out=root / "runs").path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for value in (10, 90):
        gauge(value).save(tmp_path / f"{value}.png")
    return tmp_path


def test_a_number_is_printed_with_its_unit_and_written_as_a_table_and_as_json(
    trained: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = photos / "out.csv"
    assert profond(["predict", str(trained), str(photos), "--csv", str(table), "--device", "cpu"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [Path(line[0]).name for line in lines] == ["10.png", "90.png"]
    assert all(line[1].endswith(" bar") and len(line) == 2 for line in lines)
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["path", "value (bar)"]
    low, high = (float(row["value (bar)"]) for row in rows)
    assert abs(low - 10) < 25
    assert abs(high - 90) < 25
    assert profond(["predict", str(trained), str(photos), "--json", "--device", "cpu"]) == 0
    said = json.loads(capsys.readouterr().out)["predictions"]
    assert [one["estimates"][0]["value"] for one in said] == pytest.approx([low, high])
    assert not {"label", "probability", "top"} & set(said[0])


def test_what_only_classes_have_is_refused_in_words(
    trained: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert profond(["predict", str(trained), str(photos), "--top", "3", "--device", "cpu"]) == 3
    assert "the answers of this run have no option 'top'" in capsys.readouterr().err


def test_the_number_is_explained_and_its_neighbours_have_numbers(
    trained: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = ["--class", "Value", "--method", "overview", "--method", "nearest", "--count", "3", "--out", str(photos)]
    assert profond(["explain", str(trained), str(photos / "90.png"), *wanted, "--json", "--quiet"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["explanations"]
    assert (told["quantity"], told["unit"]) == ("value", "bar")
    assert [sorted(row) for row in told["nearest"]] == [["distance", "image", "target"]] * 3
    assert all(70 < float(row["target"]) <= 100 for row in told["nearest"])
    assert (photos / "90" / "overview-value.png").exists()
    assert profond(["explain", str(trained), str(photos / "90.png"), "--class", "height"]) == 2
    assert "unknown quantity 'height'" in capsys.readouterr().err


def test_whether_it_beats_the_mean_is_said_when_it_was_trained_and_wherever_it_is_shown(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a training, of a run that is shown, on its card, and from Python."""
    data, sentence = trained.parents[1] / "values.csv", "better than always saying the mean of train"
    asked = ["train", "--model=convnet2d", f"--data={data}", "--steps=1", f"--out={tmp_path}", "--quiet"]
    assert profond([*asked, "--set", "widths=[2,2]"]) == 0
    assert "always saying the mean of train" in capsys.readouterr().out
    assert profond(["runs", "show", str(trained)]) == 0
    assert sentence in capsys.readouterr().out
    assert sentence in (trained / "README.md").read_text()
    assert sentence in repr(load(trained))


def test_other_data_call_their_number_otherwise(
    trained: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = photos / "others.csv"
    others.write_text("path;druck (bar);other\n10.png;10,0;3\n90.png;90,0;4\n")
    asked = ["evaluate", str(trained), "--data", str(others), "--quiet", "--json"]
    assert profond([*asked, "--set", "data.target=druck"]) == 0
    metrics = json.loads(capsys.readouterr().out)["metrics"]["others"]
    assert metrics["mae"]["value"] < 25
    found = load(trained).evaluate(data=others, data_settings={"target": "druck"}, figures=False)
    assert found.metrics["mae"].value == pytest.approx(metrics["mae"]["value"])
    for wrong, code, words in [
        ("data.target=weight", 3, "no column 'weight' to estimate; it has path, druck (bar), other"),
        ("data.traget=druck", 3, "did you mean 'target'?"),
        ("target=druck", 2, "--set data.target="),
    ]:
        assert profond([*asked, "--set", wrong]) == code
        assert words in capsys.readouterr().err
    assert profond(["evaluate", str(trained), "--set", "data.target=druck"]) == 2
    assert "add --data" in capsys.readouterr().err
