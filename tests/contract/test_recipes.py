"""What every recipe must do; a new one is tested here by being registered.

That it reaches the result that it promises is tests/behaviour/test_recipes_keep_their_promises.py.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from support.few import FEW

from profond import models
from profond.cli import run
from profond.core.errors import MissingError
from profond.experiments.configuration import Configuration, changed, from_recipe, on_data
from profond.experiments.experiment import assemble
from profond.recipes import registry
from profond.recipes.recipe import Recipe

NAMES = pytest.mark.parametrize("name", registry.names())
BATCH = 4
"""Samples in a batch of the miniature."""


@pytest.fixture
def two_kinds(tmp_path: Path) -> Path:
    """Pictures of two kinds in the layout of CycleGAN's authors."""
    for folder, red in (("trainA", 0), ("trainB", 255), ("testA", 0), ("testB", 255)):
        (tmp_path / folder).mkdir()
        for number in range(4):
            Image.new("RGB", (80, 70), (red, 60 * number, 128)).save(tmp_path / folder / f"{number}.png")
    return tmp_path


def recipe(name: str) -> Recipe:
    made = registry.load(name)()
    assert isinstance(made, Recipe)
    return made


@NAMES
def test_it_promises_a_range_and_says_where_it_was_measured_and_who_reports_such_a_result(name: str) -> None:
    expected = recipe(name).expected
    assert expected is not None
    assert expected.low < expected.high
    assert expected.seconds > 0
    assert all(word.strip() for word in (expected.split, expected.metric, expected.device, expected.source))


@NAMES
def test_its_configuration_survives_json_and_is_checked_as_it_is(name: str) -> None:
    config = from_recipe(name)
    read = json.loads(json.dumps(config.to_json()))
    assert Configuration.from_json(read) == config
    assert read["recipe"] == name


@NAMES
def test_it_is_listed_and_shown(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recipes", "list", "--json"]) == 0
    rows = {row["name"]: row["summary"] for row in json.loads(capsys.readouterr().out)["recipes"]}
    assert rows[name].endswith(".")
    assert run(["recipes", "show", name, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["expected"]["source"] == recipe(name).expected.source
    assert shown["config"]["model"]["name"] == recipe(name).model["name"]


@NAMES
def test_its_data_its_model_and_its_task_fit_together(name: str, request: pytest.FixtureRequest) -> None:
    """One step on a few samples; where its data cannot be handed on, on a miniature, and with a small network."""
    config = changed(from_recipe(name), {"loader.batch_size": BATCH, "loader.workers": 0, "training.steps": 1})
    config = changed(config, {f"data.{key}": value for key, value in FEW.get(config.data.name, {}).items()})
    if config.data.name == "traffic_signs":
        config = changed(config, {"loader.valid_fraction": 0.5})
    if recipe(name).expected.published:
        translates = models.family_of(config.model.name) == "translator"
        miniature: Path = request.getfixturevalue("two_kinds" if translates else "miniature")
        small = {f"model.{key}": value for key, value in models.example_settings(config.model.name).items()}
        sizes = {} if translates else {"augment.sizes": [[0.0, 64]]}
        config = changed(on_data(config, str(miniature)), {"data.size": 64, **sizes, **small})
    try:
        experiment = assemble(config)
    except MissingError as error:
        pytest.skip(f"its data cannot be had here: {error.message.splitlines()[-1].strip()}")
    assert recipe(name).expected.split in experiment.dataset.splits
    model = experiment.model.train()
    for phase in experiment.task.phases:
        batch = next(iter(experiment.batches("train", training=True)))
        loss = experiment.task.loss(model, batch, phase).value
        assert torch.isfinite(loss)
        loss.backward()
    assert any(one.grad is not None and one.grad.abs().sum() > 0 for one in model.parameters())
