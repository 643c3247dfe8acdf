"""Adverse conditions: the same for everybody, worse with severity, and measured on any pictures."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from profond.cli import run
from profond.core.errors import ConfigError, UnknownName
from profond.core.spec import Spec
from profond.data.dataset import Dataset
from profond.data.images.adverse import CONDITIONS, SEVERITIES, spoiled, under
from profond.data.preprocessing import Preprocessing
from profond.data.split import TensorSplit
from profond.evaluation.adverse import evaluate_adverse
from profond.tasks.classify import Classify
from profond.tasks.task import Task


def picture(side=48, channels=3):
    """Bars and a disc, with all values."""
    y, x = np.mgrid[:side, :side] / side
    values = 127 + 100 * np.sin(24 * x) * (np.hypot(x - 0.5, y - 0.5) < 0.4)
    return torch.from_numpy(np.stack([np.roll(values, 3 * c, 1) for c in range(channels)]).astype(np.uint8))


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize(("side", "channels"), [(15, 3), (48, 1), (48, 3), (224, 3)])
def test_a_picture_keeps_its_form_and_changes_more_with_severity(condition, side, channels):
    clean = picture(side, channels)
    kept = clean.clone()
    changed = [spoiled(clean, condition, severity, "a.png") for severity in SEVERITIES]
    assert all(one.shape == clean.shape and one.dtype == torch.uint8 for one in changed)
    apart = [float((one.float() - clean.float()).abs().mean()) for one in changed]
    assert side < 48 or 0 < apart[0] < apart[2] < apart[4]
    assert apart[4] > 0
    assert torch.equal(clean, kept)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_name_severity_and_seed_decide_and_nothing_else(condition):
    clean = picture()
    once = spoiled(clean, condition, 3, "a.png")
    spoiled(clean, "rain", 1, "b.png")
    assert torch.equal(once, spoiled(clean, condition, 3, "a.png"))
    by_chance = condition in ("fog", "rain", "night", "occlusion")
    assert torch.equal(once, spoiled(clean, condition, 3, "b.png")) != by_chance
    assert torch.equal(once, spoiled(clean, condition, 3, "a.png", seed=1)) != by_chance


def test_a_condition_or_severity_that_is_not_there_is_told():
    with pytest.raises(UnknownName, match="snow"):
        spoiled(picture(), "snow", 1, "a")
    with pytest.raises(ConfigError, match="severity is 6"):
        spoiled(picture(), "fog", 6, "a")


def test_a_split_under_a_condition_is_the_split_in_all_but_its_pictures():
    split = TensorSplit(torch.stack([picture()] * 4), torch.tensor([0, 1, 0, 1]), "test", ["a", "a", "b", "b"])
    blurred = under(split, "blur", 2)
    assert [blurred.identity(i) for i in range(len(blurred))] == ["test/0", "test/1", "test/2", "test/3"]
    assert (blurred.targets.tolist(), blurred.groups) == ([0, 1, 0, 1], ["a", "a", "b", "b"])
    assert blurred.contents() == split.contents()
    assert torch.equal(blurred.subset([2]).raw(0), blurred.raw(2))


class Brightness(nn.Module):
    """Bright or dark, without training."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(20.0))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        mean = inputs.mean((1, 2, 3)) - 0.3
        return torch.stack([-mean, mean], 1) * self.scale


@dataclass
class Trained:
    model: nn.Module
    task: Task
    dataset: Dataset
    spec: Spec


def brightness(channels=3):
    values = torch.cat([torch.full((6, channels, 16, 16), shade, dtype=torch.uint8) for shade in (40, 160)])
    split = TensorSplit(values, torch.arange(12) // 6, "test")
    spec = Spec((channels, 16, 16), "chw", classes=("dark", "bright"))
    dataset = Dataset("shades", spec, Preprocessing((16, 16), "RGB" if channels == 3 else "L"), {"test": split}, "here")
    return Trained(Brightness(), Classify(), dataset, spec)


def test_what_a_condition_does_to_a_network_is_what_is_measured():
    """Night makes the bright ones dark and fog the dark ones bright; a blur of one shade changes nothing."""
    seen = []
    found = evaluate_adverse(brightness(), "test", progress=seen.append)
    assert (found.headline, found.clean.value, found.count) == ("accuracy", 1.0, 12)
    values = {name: [one.value for one in of] for name, of in found.found.items()}
    assert values["night"][4] == values["fog"][4] == 0.5
    assert values["blur"] == values["low resolution"] == values["JPEG"] == [1.0] * 5
    assert sum(seen) == 12 * (1 + 7 * 5)
    assert len(found.rows()) == 36
    few = evaluate_adverse(brightness(channels=1), "test", most=5)
    assert (few.count, few.of) == (4, 12)


def test_what_is_no_picture_is_refused():
    trained = brightness()
    signals = TensorSplit(torch.zeros(4, 1, 30), torch.tensor([0, 1, 0, 1]), "test")
    trained.dataset.splits["test"] = signals
    with pytest.raises(ConfigError, match="not pictures"):
        evaluate_adverse(trained, "test")


@pytest.mark.slow
def test_one_command_writes_the_table_and_draws_the_figures(tmp_path, capsys):
    random = np.random.default_rng(0)
    for shade, name in ((60, "dark"), (190, "bright")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(20):
            pixels = np.clip(random.normal(shade, 20, (16, 16, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{i}.png")
    runs = str(tmp_path / "runs")
    words = [
        "train",
        "--model",
        "lenet5",
        "--data",
        str(tmp_path / "photos"),
        "--epochs",
        "2",
        "--out",
        runs,
        "--quiet",
    ]
    assert run(words) == 0
    capsys.readouterr()
    assert run(["evaluate", "last", "--out", runs, "--adverse", "--quiet"]) == 0
    shown = capsys.readouterr().out
    assert "severity 1" in shown
    assert all(name in shown for name in CONDITIONS)
    (folder,) = (tmp_path / "runs").glob("*/evaluation/test-adverse")
    assert sorted(path.name for path in folder.iterdir()) == ["adverse.csv", "adverse.png", "conditions.png"]
    with (folder / "adverse.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 36
    assert run(["evaluate", "last", "--out", runs, "--adverse", "--quiet", "--json", "--no-pictures"]) == 0
    document = json.loads(capsys.readouterr().out)
    fog = [one["value"] for one in document["adverse"]["fog"]]
    assert fog == [float(row["accuracy"]) for row in rows if row["condition"] == "fog"]
