"""Kernels, maps and neighbours: arrays of the right shape, with the right numbers in them, and pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from profond import models
from profond.core.errors import ConfigError, UnknownName
from profond.explain.network.filters import filters
from profond.explain.network.layer_figure import draw_filters, draw_maps
from profond.explain.network.neighbours import nearest
from profond.explain.network.stages import feature_maps, stage_output


def test_the_first_layer_s_kernels_are_its_weights() -> None:
    model = models.create("resnet18", input_shape=(3, 32, 32), num_classes=10)
    found = filters(model, input_shape=(3, 32, 32))
    assert (found.layer, found.kind, found.sees_input) == ("stem.convolution", "Conv2d", True)
    assert np.array_equal(found.values, model.stem.convolution.weight.detach().numpy())
    inner = filters(model, "body.stage2", input_shape=(3, 32, 32))
    assert inner.layer == "body.stage2.0.branch.0.convolution"
    assert inner.values.shape == (128, 64, 3, 3)
    assert not inner.sees_input


def test_layers_of_every_kind_have_kernels() -> None:
    mlp = models.create("mlp", input_shape=(1, 28, 28), num_classes=10)
    assert filters(mlp, input_shape=(1, 28, 28)).values.shape == (512, 1, 28, 28)
    old = models.create("lenet5_1998", input_shape=(1, 28, 28), num_classes=10)
    assert filters(old, "c3").values.shape == (60, 1, 5, 5)
    signal = models.create("convnet1d", input_shape=(2, 128), num_classes=3)
    assert filters(signal).values.shape == (16, 2, 1, 9)
    depthwise = nn.Sequential(nn.Conv2d(8, 8, 3, groups=8))
    assert filters(depthwise).values.shape == (8, 1, 3, 3)
    turned = nn.Sequential(nn.ConvTranspose2d(3, 5, 2))
    assert filters(turned).values.shape == (5, 3, 2, 2)
    with pytest.raises(ConfigError, match="no kernels"):
        filters(mlp)
    with pytest.raises(ConfigError, match="f6 has no kernels"):
        filters(old, "f6")
    with pytest.raises(UnknownName, match="known: c1, c3"):
        filters(old, "c4")


def test_kernels_of_every_shape_are_drawn() -> None:
    layers = [nn.Conv2d(3, 4, 3), nn.Conv2d(1, 70, 3), nn.Conv2d(12, 20, 3), nn.Conv2d(8, 9, 1), nn.Conv1d(2, 3, 5)]
    for layer in [*layers, nn.Conv3d(1, 2, 3)]:
        found = filters(nn.Sequential(layer), input_shape=(layer.in_channels, 8, 8))
        picture = draw_filters(found, model="a model")
        picture.canvas.draw()
        assert min(picture.get_size_inches()) > 1


def test_maps_are_what_the_network_computes_even_where_the_next_step_is_in_place() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(4 * 36, 2))
    sample = torch.randn(1, 8, 8)
    expected = model[0](sample[None])[0].detach()
    assert expected.min() < 0
    assert torch.equal(feature_maps(model, sample, "0"), expected)
    assert torch.equal(stage_output(model, sample[None], "0").detach()[0], expected)
    assert torch.equal(feature_maps(model, sample, "1"), expected.relu())
    assert feature_maps(model, sample, "3").shape == (2,)
    with pytest.raises(UnknownName, match="stage"):
        feature_maps(model, sample, "7")


@pytest.mark.parametrize("shape", [(6, 14, 14), (60, 7, 7), (10,), (5, 32), (4, 3, 8, 8)])
def test_maps_of_every_shape_are_drawn(shape: tuple[int, ...]) -> None:
    seen = Image.new("RGB", (28, 28), "white")
    for values in (np.random.default_rng(0).normal(size=shape), np.zeros(shape)):
        picture = draw_maps(values.astype(np.float32), "stage", seen, name="an image", model="a model")
        picture.canvas.draw()
        assert min(picture.get_size_inches()) > 1


def test_the_nearest_are_those_with_the_smallest_angle() -> None:
    features = np.array([[1, 0], [5, 5], [0, 3], [-1, 0], [100, 1], [0, 0]], dtype=np.float32)
    found = nearest(features, np.array([2, 0], dtype=np.float32), 6)
    assert found.indices.tolist() == [0, 4, 1, 2, 5, 3]
    np.testing.assert_allclose(found.distances[[0, 2, 5]], [0, 1 - 0.5**0.5, 2], atol=1e-12)
    many = np.random.default_rng(1).normal(size=(20_000, 3)).astype(np.float32)
    assert nearest(many, many[17_777], 1).indices.tolist() == [17_777]
    with pytest.raises(ConfigError, match="compared"):
        nearest(features, np.zeros(3, dtype=np.float32))
    with pytest.raises(ConfigError, match="greater than or equal to 1"):
        nearest(features, features[0], 0)
