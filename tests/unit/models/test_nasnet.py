"""NASNet: counts, cells, and what each cell sees."""

from __future__ import annotations

import pytest
import torch

from profond import models
from profond.core.errors import ConfigError
from profond.models.nasnet import Halving, NASNet, NormalCell, ReductionCell
from profond.weights.names.nasnet import keras_layers

SMALL = {"penultimate": 96, "cells": 2, "stem_channels": 8}


# Without the top, Keras's NASNetLarge has 84,916,818 for an image of known size.
@pytest.mark.parametrize(
    ("name", "parameters", "keras", "keras_no_top"),
    [
        ("nasnet_mobile", 5_289_978, 5_326_716, 4_269_716),
        ("nasnet_large", 88_753_150, 88_949_818, 84_916_818),
    ],
)
def test_it_has_as_many_parameters_as_published(name: str, parameters: int, keras: int, keras_no_top: int) -> None:
    with torch.device("meta"):
        model = models.create(name)
    statistics = sum(one.numel() for buffer, one in model.named_buffers() if "running" in buffer)
    assert sum(one.numel() for one in model.parameters()) == parameters
    assert parameters + statistics == keras
    assert keras - sum(one.numel() for one in model.output.parameters()) == keras_no_top


def test_cells_keep_the_size_or_halve_it_rounding_up() -> None:
    model = NASNet((3, 67, 99), 5, **SMALL).eval()
    sizes: list[tuple[int, ...]] = []
    for cell in model.cells:
        cell.register_forward_hook(lambda *call: sizes.append(tuple(call[-1].shape[1:])))
    assert model(torch.randn(1, 3, 67, 99)).shape == (1, 5)
    assert sizes == [
        (4, 17, 25),
        (8, 9, 13),
        *[(24, 9, 13)] * 2,
        (32, 5, 7),
        *[(48, 5, 7)] * 2,
        (64, 3, 4),
        *[(96, 3, 4)] * 2,
    ]


@pytest.mark.parametrize(("skip", "channels"), [(False, 24), (True, 24)])
def test_after_a_halving_the_second_input_is_the_halvings_first_or_second(skip: bool, channels: int) -> None:
    model = NASNet((3, 64, 64), 5, skip_reduction=skip, **SMALL).eval()
    calls: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    for name, cell in model.cells.named_children():
        cell.register_forward_pre_hook(lambda _, inputs, name=name: calls.update({name: inputs}))
    with torch.no_grad():
        model(torch.randn(1, 3, 64, 64))
    for halving, after in (("reduction3", "normal3"), ("reduction4", "normal5")):
        assert calls[after][1] is calls[halving][1 if skip else 0]
        assert calls[after][1].shape[1] >= channels
    assert calls["reduction1"][0] is calls["reduction1"][1]
    assert calls["reduction2"][1] is calls["reduction1"][0]


def test_halving_takes_even_pixels_and_odd_ones_with_zeros_beyond_the_border() -> None:
    halving = Halving(1, 2).eval()
    for convolution in (halving.even, halving.odd):
        torch.nn.init.ones_(convolution.weight)
    inputs = torch.arange(1.0, 10.0).view(1, 1, 3, 3)
    expected = torch.tensor([[[1.0, 3.0], [7.0, 9.0]], [[5.0, 0.0], [0.0, 0.0]]])
    torch.testing.assert_close(halving(inputs)[0], expected / (1 + 1e-3) ** 0.5)


def test_the_maximum_of_a_halving_cell_sees_the_zeros_around_the_maps() -> None:
    cell = ReductionCell(4, 4, 4, halved=False)
    negative = torch.full((1, 4, 4, 4), -2.0)
    assert cell.maximum(cell.padding(negative))[0, 0].tolist() == [[-2.0, 0.0], [0.0, 0.0]]


def test_averages_leave_the_border_out() -> None:
    cell = NormalCell(4, 4, 4, halved=False)
    assert torch.equal(cell.average(torch.ones(1, 4, 3, 3)), torch.ones(1, 4, 3, 3))


def test_a_cell_does_not_change_what_other_cells_see() -> None:
    cell = NormalCell(4, 4, 4, halved=False).eval()
    last, before = torch.randn(1, 4, 6, 6), torch.randn(1, 4, 6, 6)
    kept = last.clone(), before.clone()
    cell(last, before)
    assert torch.equal(last, kept[0])
    assert torch.equal(before, kept[1])


def test_the_smallest_image_leaves_one_pixel_and_a_smaller_one_is_refused() -> None:
    model = NASNet((1, 19, 25), 3, **SMALL).eval()
    assert model(torch.randn(1, 1, 19, 25)).shape == (1, 3)
    with pytest.raises(ConfigError, match="19×19"):
        NASNet((1, 18, 25), 3, **SMALL)


@pytest.mark.parametrize(
    "settings", [{"penultimate": 1000}, {"penultimate": 0}, {"cells": 0}, {"stem_channels": 0}, {"dropout": 1.0}]
)
def test_impossible_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="nasnet"):
        models.create("nasnet_mobile", **settings)


@pytest.mark.parametrize("name", ["nasnet_mobile", "nasnet_large"])
def test_every_tensor_has_a_layer_in_keras(name: str) -> None:
    with torch.device("meta"):
        model = models.create(name)
    layers = keras_layers(model)
    assert len({layer for layer, _ in layers}) == len(layers)
    # A separable convolution is one layer of Keras, and its BatchNorm another, which stands inside our module.
    named = {f"{path}.{tensor}" for _, path in layers for tensor in model.get_submodule(path).state_dict()}
    assert named == {*model.state_dict()}
