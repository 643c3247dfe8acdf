"""Traffic signs by the command line: trained on drawings, measured in one command on the benchmark's own layout."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from profond.cli import run
from profond.data.signs.names import names

LABELS = (0, 1, 2, 12, 13, 14, 38, 39)
COLUMNS = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"


def picture(label: int, random: np.random.Generator) -> Image.Image:
    """A bright patch in a place that says the class."""
    pixels = random.integers(0, 120, (30, 28, 3), dtype=np.uint8)
    row, column = divmod(label, 7)
    pixels[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] = 250
    return Image.fromarray(pixels)


def archive(folder: Path, seed: int) -> Path:
    """A miniature in the benchmark's layout: of eight classes two tracks of two pictures, and one picture in test."""
    random = np.random.default_rng(seed)
    tested = folder / "GTSRB" / "Final_Test" / "Images"
    tested.mkdir(parents=True)
    truth = [COLUMNS]
    for label in LABELS:
        inside = folder / "GTSRB" / "Final_Training" / "Images" / f"{label:05}"
        inside.mkdir(parents=True)
        table = [COLUMNS]
        for track in range(2):
            for frame in range(2):
                name = f"{track:05}_{frame:05}.ppm"
                picture(label, random).save(inside / name)
                table.append(f"{name};28;30;3;3;25;27;{label}")
        (inside / f"GT-{label:05}.csv").write_text("\n".join(table) + "\n")
        picture(label, random).save(tested / f"{label:05}.ppm")
        truth.append(f"{label:05}.ppm;28;30;3;3;25;27;{label}")
    (folder / "GT-final_test.csv").write_text("\n".join(truth) + "\n")
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    answer = json.loads(capsys.readouterr().out)
    assert isinstance(answer, dict)
    return answer


@pytest.mark.slow
def test_a_network_is_trained_by_the_recipe_on_an_archive_and_measured_on_another_with_costs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn, photographed = archive(tmp_path / "drawn", 0), archive(tmp_path / "photographed", 1)
    out = ["--out", str(tmp_path / "runs"), "--quiet", "--json"]
    few = ["--epochs", "1", "--batch-size", "32", "--valid-fraction", "0.3", "--set", "loader.contrast=local"]
    assert run(["train", "signs", "--data", str(drawn), *few, *out]) == 0
    made = said(capsys)["run"]
    assert isinstance(made, str)
    kept = json.loads((Path(made) / "preprocessing.json").read_text())
    assert (kept["contrast"], kept["size"]) == ("local", [48, 48])
    assert json.loads((Path(made) / "spec.json").read_text())["mirrors"][38] == 39
    tracks: dict[str, set[str]] = {}
    for row in rows(Path(made) / "split.csv"):
        tracks.setdefault(row["split"], set()).add(row["sample"].rpartition("_")[0])
    assert tracks["valid"]
    assert not tracks["train"] & tracks["valid"], "a track is whole"

    assert run(["evaluate", made, "--data", str(photographed), "--costs", "signs", "--no-pictures", *out]) == 0
    answer = said(capsys)
    assert answer["count"] == len(LABELS)
    metrics = answer["metrics"]
    assert isinstance(metrics, dict)
    assert list(metrics) == ["photographed-test"]
    assert (
        metrics["photographed-test"]["expected_cost"]["value"] >= 1 - metrics["photographed-test"]["accuracy"]["value"]
    )
    dear = rows(Path(made) / "evaluation" / "photographed-test" / "costs.csv")
    assert float(dear[0]["cost_in_all"]) >= float(dear[-1]["cost_in_all"])
    assert {row["true"] for row in dear} <= set(names())

    wrong = tmp_path / "costs.csv"
    wrong.write_text("true,predicted,cost\nspeed limit 25,stop,2\n")
    assert run(["evaluate", made, "--costs", str(wrong), *out]) == 3
    assert "speed limit 25" in capsys.readouterr().err
    assert run(["evaluate", made, "--costs", "sings", *out]) == 3
    assert "built in: signs" in capsys.readouterr().err
