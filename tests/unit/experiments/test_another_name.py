"""Where a setting names another model, task or data, the settings of the former do not stay in its way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from profond import models
from profond.experiments.configuration import changed, from_recipe
from profond.lecture.items.l22_cyclegan import NARROW, QUICK, QUICK_FAST, QUICK_NARROW


def test_another_model_has_none_of_the_formers_settings_and_the_same_one_keeps_them() -> None:
    config = from_recipe("openmoji")
    other = changed(config, {"model.width": 4, "model.name": "cyclegan"})
    assert (other.model.name, other.model.settings) == ("cyclegan", {"width": 4})
    same = changed(config, {"model.name": "fastcut", "model.width": 4})
    assert same.model.settings == {**config.model.settings, "width": 4}


def test_another_task_has_none_of_the_formers_settings() -> None:
    config = from_recipe("fashion_on_demand")
    assert config.task.settings
    other = changed(config, {"task.name": "classify"})
    assert other.task == changed(from_recipe("mlp"), {"task.name": "classify"}).task


def test_of_other_data_those_settings_stay_that_it_has_too() -> None:
    config = changed(from_recipe("faces"), {"data.name": "openmoji"})
    assert (config.data.name, config.data.settings) == ("openmoji", {"size": 64})
    assert changed(from_recipe("faces"), {"data.name": "mnist"}).data.settings == {}


@pytest.mark.parametrize(
    "changes",
    [NARROW, {**NARROW, **QUICK, **QUICK_NARROW}, {**QUICK, **QUICK_FAST}],
    ids=["narrow", "quick_narrow", "quick_fast"],
)
def test_the_lectures_translators_can_be_built(changes: Mapping[str, Any]) -> None:
    config = changed(from_recipe("openmoji"), changes)
    side = int(config.data.settings.get("size", 64))
    assert models.create(config.model.name, input_shape=(3, side, side), **config.model.settings)
