"""From a table of pictures and numbers to a network that reads the number off a picture, through the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from profond.cli import run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def gauges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of a bar that is as high as a pressure says."""
    folder = tmp_path_factory.mktemp("gauges")
    random = np.random.default_rng(0)
    rows = []
    for number in range(160):
        height = random.uniform(1, 11)
        pixels = random.integers(0, 60, (12, 12), dtype=np.uint8)
        pixels[12 - int(height) :, 4:8] += 150
        pixels[12 - int(height) - 1, 4:8] += np.uint8(150 * (height % 1))
        Image.fromarray(pixels).save(folder / f"{number:03}.png")
        rows.append(f"{number:03}.png,{1000 + 7 * height:.3f}")
    (folder / "values.csv").write_text("\n".join(["path,value (mbar)", *rows]))
    return folder


def numbers(path: Path) -> dict[str, float]:
    """The number of each picture in a table, by its name."""
    rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    return {Path(row["path"]).name: float(row["value (mbar)"]) for row in rows}


@pytest.fixture(scope="module")
def trained(gauges: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    data = f"--data={gauges / 'values.csv'}"
    assert run(["train", data, "--model=convnet2d", f"--out={out}", "--epochs=30", "--batch-size=16", "--quiet"]) == 0
    return next(path for path in out.iterdir() if path.is_dir())


def test_a_number_is_read_off_pictures_far_better_than_by_their_mean(trained: Path, capsys: Any) -> None:
    metrics = json.loads((trained / "evaluation.json").read_text())["metrics"]["test"]
    assert metrics["mae"]["unit"] == "mbar"
    assert metrics["mae"]["high"] < metrics["baseline_mae"]["value"] / 4
    assert metrics["r2"]["low"] > 0.8
    assert run(["evaluate", str(trained)]) == 0
    assert "better than always saying the mean of train" in capsys.readouterr().out
    assert {path.name for path in (trained / "evaluation" / "test").iterdir()} == {
        "predictions.csv", "report.json", "residuals.png", "worst.png",
    }  # fmt: skip


def test_new_pictures_are_answered_in_the_datas_unit(trained: Path, gauges: Path, tmp_path: Path, capsys: Any) -> None:
    assert run(["predict", str(trained), str(gauges), "--csv", str(tmp_path / "out.csv"), "--quiet"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.endswith(" mbar") for line in lines)
    said, true = numbers(tmp_path / "out.csv"), numbers(gauges / "values.csv")
    assert said.keys() == true.keys()
    assert np.mean([abs(said[name] - true[name]) for name in true]) < 5
    assert "mbar" in (trained / "README.md").read_text()


def test_why_a_number_was_said_is_shown(trained: Path, gauges: Path, tmp_path: Path, capsys: Any) -> None:
    picture = str(gauges / "000.png")
    assert run(["explain", str(trained), picture, "--method=grad_cam", f"--out={tmp_path}", "--quiet"]) == 0
    assert (tmp_path / "000" / "grad_cam.png").is_file()
    assert "mbar" in capsys.readouterr().out


def test_other_data_in_another_unit_are_refused(trained: Path, gauges: Path, capsys: Any) -> None:
    other = gauges / "other.csv"
    other.write_text((gauges / "values.csv").read_text().replace("mbar", "Pa"))
    assert run(["evaluate", str(trained), "--data", str(other)]) == 3
    assert "is in Pa in the data, and the run estimates mbar" in capsys.readouterr().err
    assert run(["evaluate", str(trained), "--data", str(gauges / "values.csv"), "--quiet"]) == 0


def test_a_recipe_for_classes_refuses_numbers_in_words(gauges: Path, tmp_path: Path, capsys: Any) -> None:
    assert run(["train", "lenet5", "--data", str(gauges / "values.csv"), f"--out={tmp_path}"]) == 3
    assert "no classes to be told apart" in capsys.readouterr().err
