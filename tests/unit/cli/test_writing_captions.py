"""A network that writes captions, on the command line: trained on a folder of one's own, asked, and looked into."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from profond.cli import run as profond
from profond.experiments.configuration import changed, for_model
from profond.experiments.experiment import assemble
from profond.experiments.train import train_experiment

pytestmark = pytest.mark.usefixtures("undrawn")  # pictures are other tests' matter

WORDS = ("left", "right")


def square(place: str, number: int = 0) -> Image.Image:
    image = Image.new("L", (16, 16), 10 + number)
    image.paste(230, (2, 5, 7, 10) if place == "left" else (9, 5, 14, 10))
    return image


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("captions")
    rows = [(f"{word}{number}.png", f"a square on the {word}") for number in range(20) for word in WORDS]
    for number in range(20):
        for word in WORDS:
            square(word, number).save(root / f"{word}{number}.png")
    with (root / "captions.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "caption"), *rows])
    settings = {"training.epochs": 45, "learning_rate": 0.02, "device": "cpu", "keep": "last", "widths": [4, 8]}
    settings |= {"embedding": 8, "hidden": 16, "batch_size": 16, "dropout": 0.0}
    config = changed(for_model("show_attend_and_tell", str(root)), settings)
    return train_experiment(assemble(config), out=root / "runs").path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for word in WORDS:
        square(word, 3).save(tmp_path / f"{word}.png")
    return tmp_path


def test_predict_prints_the_caption(trained: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert profond(["predict", str(trained), "left.png", "right.png", "--quiet"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "left.png\ta square on the left",
        "right.png\ta square on the right",
    ]


def test_attention_is_drawn_over_the_picture_word_by_word(
    trained: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert profond(["explain", str(trained), "right.png", "--method", "attention", "--out", "why", "--json"]) == 0
    (report,) = json.loads(capsys.readouterr().out)["explanations"]
    assert report["said"] == "a square on the right"
    assert report["words"][:5] == ["a", "square", "on", "the", "right"]
    weights = np.load(here / "why" / "right" / "attention.npy")
    assert weights.shape == (6, 8, 8)  # the end is a word too; 16 × 16 pixels, halved once
    np.testing.assert_allclose(weights.sum((1, 2)), 1, atol=1e-4)
    with Image.open(here / "why" / "right" / "attention.png") as picture:
        assert min(picture.size) > 300


def test_a_network_that_names_classes_has_none(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(12):
        for word in WORDS:
            (here / "squares" / word).mkdir(parents=True, exist_ok=True)
            square(word, number).save(here / "squares" / word / f"{number}.png")
    config = changed(for_model("convnet2d", str(here / "squares")), {"training.steps": 1, "widths": [4]})
    run = train_experiment(assemble(config), out=here / "runs").path
    assert profond(["explain", str(run), "left.png", "--method", "attention"]) != 0
    assert "has no attention on the places of a picture" in capsys.readouterr().err


def test_attention_stands_alone(trained: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert profond(["explain", str(trained), "left.png", "--method", "attention", "--method", "maps"]) == 2
    assert "attention stands alone" in capsys.readouterr().err
