"""The settings of a data set are taken by every verb that looks at it, not by training alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from profond.cli import run
from profond.core.spec import Spec
from profond.data import open_dataset, registry
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import TensorSplit


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("options") / "photos"
    for number in range(60):
        pixels = np.random.default_rng(number).integers(0, 256, (24, 40, 3), dtype=np.uint8)
        path = root / f"c{number % 3}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return root


@pytest.fixture
def noise() -> Iterator[str]:
    """A registered data set with a setting, which is there for one test."""

    def make(samples: int = 12) -> Dataset:
        """Noise."""

        def split(name: str) -> TensorSplit:
            generator = torch.Generator().manual_seed(len(name))
            pictures = torch.randint(0, 256, (samples, 1, 8, 8), generator=generator, dtype=torch.uint8)
            return TensorSplit(pictures, torch.arange(samples) % 2, name)

        spec = Spec((1, 8, 8), "chw", (0.0, 255.0), ("a", "b"))
        how = Preprocessing(size=(8, 8), mode="L", mean=(0.5,), std=(0.3,))
        return Dataset("noise", spec, how, {"train": split("train"), "test": split("test")}, "made here")

    registry.register("noise_of_a_test")(make)
    yield "noise_of_a_test"
    del registry._added["noise_of_a_test"]


def checked(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run(["data", "check", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_check_splits_and_resizes_as_training_would(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert set(checked(capsys, str(photos))["counts"]) == {""}
    given = ["--set", "size=32", "--set", "data.valid_fraction=0.3", "--set", "split_seed=2", "--set", "resize=pad"]
    report = checked(capsys, str(photos), *given)
    opened = open_dataset(photos, size=32, valid_fraction=0.3, split_seed=2, resize="pad")
    assert {name: sum(of.values()) for name, of in report["counts"].items()} == {
        name: len(split) for name, split in opened.splits.items()
    }
    messages = [issue["message"] for issue in report["findings"]]
    assert [text for text in messages if "split by class, seed 2" in text] == [opened.notes[0]]
    assert len(messages) == len(set(messages))


def test_check_says_what_is_said_while_the_data_are_opened(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = checked(capsys, str(photos), "--set", "memory_mib=0", "--set", "size=16")
    assert any("streamed from the files" in issue["message"] for issue in report["findings"])


def test_a_registered_data_set_is_checked_with_its_settings(noise: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(capsys, noise)["samples"] == 24
    assert checked(capsys, noise, "--set", "samples=20")["samples"] == 40


@pytest.mark.parametrize(
    ("setting", "said"),
    [("sise=3", "did you mean 'size'?"), ("size=huge", "must be a valid integer"), ("size", "--set key=value")],
)
def test_a_setting_that_does_not_fit_is_refused(
    photos: Path, setting: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "check", str(photos), "--set", setting]) == (3 if "=" in setting else 2)
    assert said in capsys.readouterr().err


def test_shard_takes_those_that_split_and_no_others(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--set", "valid_fraction=0.3", "--set", "data.split_seed=2"]
    assert run(["data", "shard", str(photos), str(tmp_path / "s"), *given]) == 0
    opened = open_dataset(photos, valid_fraction=0.3, split_seed=2)
    sharded = open_dataset(tmp_path / "s")
    assert {name: len(split) for name, split in sharded.splits.items()} == {
        name: len(split) for name, split in opened.splits.items()
    }
    assert run(["data", "shard", str(photos), str(tmp_path / "t"), "--set", "size=32"]) == 3
    assert "known: split_seed, test_fraction, valid_fraction" in capsys.readouterr().err
    assert not (tmp_path / "t").exists()
