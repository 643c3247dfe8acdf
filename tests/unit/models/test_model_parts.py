"""What a registered model leaves out is told with its name, its file and what to add; never an AttributeError."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from profond import models
from profond.cli import run
from profond.core.errors import ConfigError
from profond.explain.network.stages import stage_output
from profond.training.transfer import below_head, staged

FILE = Path(__file__).name


class Whole(nn.Module):
    """All that is asked for."""

    example_shape: Any = (3, 8, 8)
    stages: Any = ("features",)
    head: Any = "output"

    def __init__(self, input_shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__()
        self.features = nn.Conv2d(input_shape[0], 4, 3, padding=1)
        self.output = nn.Linear(4, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.output(self.features(images).mean((2, 3)))


def without(part: str, value: Any = None) -> type[nn.Module]:
    """The same with one part left out, or set to something else."""
    named = {"example_shape": (3, 8, 8), "stages": ("features",), "head": "output"}
    given = {key: one for key, one in named.items() if key != part} | ({} if value is None else {part: value})
    body = {"__init__": bare_init, "forward": Whole.forward, "__module__": __name__, "__doc__": "A part is missing."}
    return type("Partial", (nn.Module,), {**body, **given})


def bare_init(self: Any, input_shape: tuple[int, ...], num_classes: int) -> None:
    nn.Module.__init__(self)
    self.features = nn.Conv2d(input_shape[0], 4, 3, padding=1)
    self.output = nn.Linear(4, num_classes)


@pytest.fixture
def known() -> Iterator[Any]:
    """Registers a class for one test."""
    yield models.registry.register("partial_of_a_test")
    models.registry._added.pop("partial_of_a_test", None)


@pytest.mark.parametrize(
    ("part", "value", "said", "help"),
    [
        ("example_shape", None, "model 'partial_of_a_test' has no example_shape", "example_shape = (3, 32, 32)"),
        ("example_shape", 8, "example_shape of model 'partial_of_a_test' is 8", "(channels, height, width)"),
        ("stages", None, "Partial names no stages", 'stages = ("features",); it has features, output'),
        ("stages", ("feature",), "stages of Partial names 'feature', which is no sub-module", "mean 'features'?"),
        ("stages", "features", "has stages that are no names", "stages = "),
        ("head", None, "Partial names no head", 'head = "output"; it has features, output'),
        ("head", "outptu", "head of Partial names 'outptu', which is no sub-module", "mean 'output'?"),
        ("head", nn.Linear(2, 2), "Partial has a head that is no name but a Linear", "head = "),
    ],
)
def test_models_show_tells_what_is_missing(
    known: Any, part: str, value: Any, said: str, help: str, capsys: pytest.CaptureFixture[str]
) -> None:
    known(without(part, value))
    assert run(["models", "show", "partial_of_a_test"]) == 3
    told = capsys.readouterr().err
    assert said in told
    assert help in told
    assert told.count("error: ") == told.count("help: ") == 1
    if part == "example_shape" and value is None:
        assert run(["models", "show", "partial_of_a_test", "--input", "3x8x8"]) == 0


def test_it_says_where_the_class_is_written() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    with pytest.raises(ConfigError, match=r"Sequential names no head \(.*container\.py, line \d+\)"):
        models.head_of(model)

    class Own(nn.Module):
        head = "absent"

    with pytest.raises(ConfigError, match=rf"\(.*{FILE}, line \d+\)"):
        models.head_of(Own())


def test_fine_tuning_and_explaining_say_it_too() -> None:
    inputs = torch.zeros(2, 3, 8, 8)
    model = without("head")((3, 8, 8), 4)
    for attempt in (lambda: staged(model), lambda: stage_output(model, inputs)):
        with pytest.raises(ConfigError, match="Partial names no head"):
            attempt()
    with pytest.raises(ConfigError, match="'feature', which is no sub-module"):
        staged(without("stages", ("feature",))((3, 8, 8), 4))
    assert below_head(without("stages")((3, 8, 8), 4)) == [["features"]]  # all below the head is one part
    assert stage_output(Whole((3, 8, 8), 4), inputs).shape == (2, 4)


@pytest.mark.parametrize("share", [-0.1, 1.0, "much"])
def test_a_dropout_that_is_no_share_is_refused_by_every_model_that_has_one(share: object) -> None:
    tried = 0
    for name in models.registry.names():
        parameters = inspect.signature(models.registry.load(name)).parameters
        shapes = {"input_shape": (3, 64, 64), "num_classes": 3, "vocabulary": 9, "output_vocabulary": 9}
        given = {key: value for key, value in shapes.items() if key in parameters}
        for setting in parameters:
            if setting.endswith("dropout"):
                with pytest.raises(ConfigError, match=f"{setting} of model '{name}': .* does not fit"):
                    models.configure(name, None, {**given, setting: share})
                tried += 1
    assert tried > 20


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("mobilenet", {"width": 0.03}),
        ("mobilenet_v2", {"width": 0}),
        ("efficientnet_lite0", {"depth": -1}),
        ("densenet121", {"growth": 0}),
        ("vgg16", {"hidden": 0}),
        ("nasnet_mobile", {"penultimate": 1000}),
        ("nasnet_mobile", {"cells": 0}),
    ],
)
def test_a_size_that_no_network_has_is_refused_by_its_name(name: str, settings: dict[str, float]) -> None:
    (setting,) = settings
    with pytest.raises(ConfigError, match=f"{setting} of model '{name}'"):
        models.create(name, None, **settings)
