"""Xception: counts, sizes, its separable convolutions, and TensorFlow's pooling."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from profond import models
from profond.core.errors import ConfigError
from profond.models import create
from profond.models.xception import Block, HalvingPool, Xception
from profond.nn.convolution import SamePadding
from profond.nn.separable import SeparableNorm
from profond.weights.names.xception import keras_layers

NORM = {"epsilon": 1e-3, "momentum": 0.01}


def meta(**settings: Any) -> nn.Module:
    with torch.device("meta"):
        return models.create("xception", **settings)


def test_it_has_as_many_parameters_as_keras_s() -> None:
    model = meta()
    parameters = sum(one.numel() for one in model.parameters())
    statistics = sum(one.numel() for name, one in model.named_buffers() if "running" in name)
    assert (parameters, parameters + statistics) == (22_855_952, 22_910_480)


def test_a_separable_convolution_filters_each_channel_alone_and_then_mixes_them() -> None:
    torch.manual_seed(0)
    separable, maps = SeparableNorm(3, 4, activation=None, norm=False), torch.randn(2, 3, 6, 5)
    filters, mixture = separable.depthwise.weight, separable.pointwise.weight
    whole = mixture * filters[:, 0]
    torch.testing.assert_close(separable(maps), nn.functional.conv2d(maps, whole, padding=1))
    assert sum(one.numel() for one in separable.parameters()) == 3 * 9 + 3 * 4


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(7, 8), (8, 7), (1, 2)])
def test_a_separable_convolution_pads_as_tensorflow_does_when_asked(stride: int, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    separable = SeparableNorm(3, 4, 3, stride, padding="same")
    maps = torch.randn(2, 3, *size)
    padded = SamePadding(3, stride)(maps)
    filtered = nn.functional.conv2d(padded, separable.depthwise.weight, stride=stride, groups=3)
    torch.testing.assert_close(separable(maps), separable.norm(separable.pointwise(filtered)).relu())
    assert separable(maps).shape[-2:] == tuple(-(-side // stride) for side in size)


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (6, 6), (7, 8), (9, 13)])
def test_the_pooling_is_tensorflow_s(size: tuple[int, int]) -> None:
    maps = -torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))  # below the zeros that must not win
    padded = SamePadding(3, 2, value=-math.inf)(maps)
    assert torch.equal(HalvingPool()(maps), nn.functional.max_pool2d(padded, 3, 2))


@pytest.mark.parametrize("padding", ["same", "torch", None])
def test_a_block_leaves_what_came_in_as_it_is(padding: Any) -> None:
    torch.manual_seed(0)
    block, maps = Block([4, 4, 4], padding, NORM).eval(), torch.randn(2, 4, 6, 6)
    before = maps.clone()
    with torch.no_grad():
        total = block(maps)
        assert torch.equal(maps, before)
        torch.testing.assert_close(total, block.body(before.clone()) + block.shortcut(before))
    assert total.shape[-2:] == ((6, 6) if padding is None else (3, 3))


def test_only_the_first_block_is_spared_an_activation() -> None:
    model = Xception((3, 32, 32), 2)
    blocks = [part for part in model.modules() if isinstance(part, Block)]
    assert len(blocks) == 12
    assert [sum(isinstance(part, nn.ReLU) for part in block.body) for block in blocks] == [1, 2, 2, *[3] * 8, 2]


def test_the_paddings_give_the_same_sizes_and_other_numbers() -> None:
    torch.manual_seed(0)
    same = Xception((3, 37, 37), 2).eval()
    other = Xception((3, 37, 37), 2, padding="torch").eval()
    other.load_state_dict(same.state_dict())
    image = torch.randn(1, 3, 37, 37)
    with torch.no_grad():
        assert not torch.allclose(same(image), other(image))


def test_the_smallest_image_leaves_one_pixel_and_a_smaller_one_is_refused() -> None:
    model = meta(input_shape=(2, 7, 7), num_classes=3).eval()
    assert model(torch.zeros(1, 2, 7, 7, device="meta")).shape == (1, 3)
    with pytest.raises(ConfigError, match="7×7"):
        meta(input_shape=(2, 7, 6))
    with pytest.raises(ConfigError, match="dropout"):
        create("xception", dropout=-0.5)


def test_every_tensor_has_a_name_in_keras_that_no_other_has() -> None:
    model = meta()
    layers = keras_layers(model)
    assert len({name for name, _ in layers}) == len(layers) == 81
    named = {f"{path}.{name}" for _, path in layers for name in model.get_submodule(path).state_dict()}
    assert named == {*model.state_dict()}
