"""The depth by which the field names its networks."""

from __future__ import annotations

import pytest
import torch

from profond import models
from profond.explain.network.depth import depth

NAMED = {
    "lenet5": 5,
    "alexnet": 8,
    "vgg11": 11,
    "vgg16": 16,
    "vgg19": 19,
    "googlenet": 22,
    "resnet18": 18,
    "resnet34": 34,
    "resnet50": 50,
    "resnet101": 101,
    "resnet152": 152,
    "densenet121": 121,
}


@pytest.mark.parametrize("name", NAMED)
def test_a_network_is_as_deep_as_its_name_or_paper_says(name: str) -> None:
    shape = models.example_shape(name) if name == "lenet5" else (3, 224, 224)
    with torch.device("meta"):
        model = models.create(name, input_shape=shape, num_classes=10)
    assert depth(model, shape) == NAMED[name]


def test_counting_leaves_the_mode_as_it_was() -> None:
    model = models.create("lenet5", input_shape=(1, 28, 28), num_classes=10).train()
    depth(model, (1, 28, 28))
    assert model.training
