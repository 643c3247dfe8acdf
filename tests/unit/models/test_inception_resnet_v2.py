"""Inception-ResNet v2: counts, sizes, and what its residual modules add."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from profond import models
from profond.core.errors import ConfigError
from profond.models import create
from profond.models.inception_resnet_v2 import InceptionResNetV2, Residual
from profond.nn.branches import Branches
from profond.weights.names.inception_resnet_v2 import keras_layers


def meta(**settings: Any) -> InceptionResNetV2:
    with torch.device("meta"):
        model = models.create("inception_resnet_v2", **settings)
    assert isinstance(model, InceptionResNetV2)
    return model


def test_it_has_as_many_parameters_as_keras_s() -> None:
    model = meta()
    parameters = sum(one.numel() for one in model.parameters())
    statistics = sum(one.numel() for name, one in model.named_buffers() if "running" in name)
    assert (parameters, parameters + statistics) == (55_813_192, 55_873_736)


def test_a_scale_adds_one_number_for_each_channel_that_is_normalised() -> None:
    channels = sum(part.num_features for part in meta().modules() if isinstance(part, nn.BatchNorm2d))
    with_scale, without = (sum(one.numel() for one in meta(norm_scale=scale).parameters()) for scale in (True, False))
    assert with_scale == without + channels


def test_a_residual_module_adds_a_share_of_what_its_branches_make() -> None:
    torch.manual_seed(0)
    maps = torch.randn(2, 3, 4, 4)
    for scale, activated in ((0.2, True), (1.0, False)):
        residual = Residual(Branches(one=nn.Conv2d(3, 5, 1), other=nn.Conv2d(3, 2, 1)), 7, 3, scale, activated)
        before = maps.clone()
        total = maps + scale * residual.widen(residual.branches(maps))
        torch.testing.assert_close(residual(maps), total.relu() if activated else total)
        assert torch.equal(maps, before)


def test_the_last_residual_module_is_added_in_full_and_without_activation() -> None:
    model = meta()
    scales = [[part.scale for part in body] for body in (model.body35, model.body17, model.body8)]
    assert scales == [[0.17] * 10, [0.1] * 20, [0.2] * 9 + [1.0]]
    assert [isinstance(part.activation, nn.ReLU) for part in model.body8] == [True] * 9 + [False]


@pytest.mark.parametrize(("side", "last"), [(75, 1), (299, 8)])
def test_the_last_maps_have_the_size_of_the_paper(side: int, last: int) -> None:
    seen: list[Tensor] = []
    model = meta(input_shape=(3, side, side), num_classes=3).eval()
    model.conv6.register_forward_hook(lambda _, __, output: seen.append(output))
    assert model(torch.zeros(1, 3, side, side, device="meta")).shape == (1, 3)
    assert seen[0].shape == (1, 1536, last, last)


def test_a_smaller_image_is_refused_and_the_smallest_named() -> None:
    with pytest.raises(ConfigError, match="75×75"):
        meta(input_shape=(3, 74, 75))
    with pytest.raises(ConfigError, match="dropout"):
        create("inception_resnet_v2", dropout=1.0)


def test_every_tensor_has_a_name_in_keras_that_no_other_has() -> None:
    model = meta()
    layers = keras_layers(model)
    named = [f"{path}.{name}" for _, path in layers for name in model.get_submodule(path).state_dict()]
    assert sorted(named) == sorted(model.state_dict())
    assert len({name for name, _ in layers}) == len(layers) == 449
    assert dict(layers)["block8_10_conv"] == "body8.9.widen.convolution"
