"""The arithmetic of one number that a convolution puts out is exact, whatever the convolution."""

from __future__ import annotations

import csv
import io
import itertools
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from profond import models
from profond.core.errors import ConfigError, UnknownName
from profond.explain.steps.layer_pixel import LayerPixel, layer_pixel

LAYERS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "plain": (nn.Conv2d(1, 2, 3), (1, 7, 8)),
    "padding": (nn.Conv2d(3, 4, 5, padding=2), (3, 6, 7)),
    "stride": (nn.Conv2d(2, 3, 3, stride=(2, 3), padding=1), (2, 9, 10)),
    "dilation": (nn.Conv2d(2, 2, 3, padding=(4, 2), dilation=(4, 2)), (2, 9, 9)),
    "groups": (nn.Conv2d(6, 4, 3, groups=2, padding=1), (6, 5, 5)),
    "depthwise": (nn.Conv2d(4, 8, 3, groups=4, bias=False), (4, 6, 6)),
    "same, even": (nn.Conv2d(2, 2, 4, padding="same"), (2, 6, 6)),
    "reflected": (nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"), (2, 5, 5)),
    "circular": (nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular"), (2, 5, 5)),
    "pointwise": (nn.Conv2d(8, 3, 1), (8, 4, 4)),
    "signal": (nn.Conv1d(3, 4, 5, padding=2, stride=2), (3, 12)),
    "clip": (nn.Conv3d(2, 3, (2, 3, 3), padding=(1, 1, 0)), (2, 4, 5, 5)),
}


def from_table(found: LayerPixel) -> float:
    rows = list(csv.DictReader(io.StringIO(found.table())))
    assert len(rows) == found.products.size
    for row in rows:
        assert float(row["product"]) == float(row["value"]) * float(row["weight"])
        assert row["inside"] == "1" or float(row["value"]) == 0
    return sum(float(row["product"]) for row in rows) + found.bias


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # PyTorch, of even kernels
@pytest.mark.parametrize("name", LAYERS)
def test_the_sum_is_what_the_layer_puts_out(name: str) -> None:
    torch.manual_seed(4)
    layer, shape = LAYERS[name]
    model = nn.Sequential(layer, nn.ReLU(inplace=True))
    sample = torch.randn(shape)
    with torch.no_grad():
        output = layer(sample[None])[0]
    ends = [sorted({0, side // 2, side - 1}) for side in output.shape[1:]]
    for channel in (0, len(output) - 1):
        for position in itertools.product(*ends):
            found = layer_pixel(model, sample, "0", channel, position)
            expected = float(output[(channel, *position)])
            assert found.output == expected
            assert found.value == pytest.approx(expected, rel=1e-5, abs=1e-6)
            assert from_table(found) == pytest.approx(expected, rel=1e-5, abs=1e-6)
            assert f"the layer put out {expected:.7g})".replace("-", "−") in found.lines()[-1]


class Functional(nn.Module):
    """A convolution that is no module, with weights of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 2, 3, 3))

    def forward(self, inputs: Tensor) -> Tensor:
        return F.conv2d(inputs, self.weight, stride=2, padding=1)


def test_a_convolution_that_is_a_function_call_is_found() -> None:
    model, sample = nn.Sequential(Functional(), nn.Flatten()), torch.randn(2, 8, 8)
    found = layer_pixel(model, sample, "0", 3, (1, 2))
    weight = model[0].weight.detach()
    expected = float(F.conv2d(sample[None], weight, stride=2, padding=1)[0, 3, 1, 2])
    assert found.value == pytest.approx(expected, rel=1e-5)
    assert found.input_positions == ((1, 2, 3), (3, 4, 5))


@pytest.mark.parametrize(
    ("name", "layer", "channel"),
    [("lenet5", "c3", 9), ("lenet5_1998", "c3", 2), ("resnet18", "stem", 1), ("resnet18", "body.stage3.0.shortcut", 7)],
)
def test_layers_of_real_networks_are_taken_apart(name: str, layer: str, channel: int) -> None:
    torch.manual_seed(1)
    shape = models.example_shape(name)
    model = models.create(name, input_shape=shape, num_classes=10).train()
    found = layer_pixel(model, torch.randn(shape), layer, channel, (0, 1))
    assert found.value == pytest.approx(found.output, rel=1e-5, abs=1e-5)
    assert found.layer.startswith(layer)
    assert model.training


def test_the_maps_of_1998_that_c3_does_not_see_count_nothing() -> None:
    model = models.create("lenet5_1998", input_shape=(1, 28, 28), num_classes=10)
    found = layer_pixel(model, torch.rand(1, 28, 28), "c3", 0, (4, 4))
    used = [bool(kernel.any()) for kernel in found.kernel]
    assert used == [True, True, True, False, False, False]


def test_few_products_are_all_written_and_of_many_the_largest_with_an_honest_rest() -> None:
    torch.manual_seed(0)
    small = nn.Sequential(nn.Conv2d(1, 1, 3))
    lines = layer_pixel(small, torch.rand(1, 5, 5), "0", 0, (1, 1)).lines()
    assert sum("×" in line for line in lines[2:]) == 3
    large = nn.Sequential(nn.Conv2d(32, 1, 3))
    found = layer_pixel(large, torch.rand(32, 5, 5), "0", 0, (1, 1))
    text = "\n".join(found.lines())
    assert "288 products (32×3×3); the 12 largest in size:" in text
    shown = sorted(np.abs(found.products).ravel())[-12:]
    rest = found.sum - sum(p for p in found.products.ravel() if abs(p) >= shown[0])
    assert f"the other 276 add up to {rest:.3f}"[:-1].replace("-", "−") in text


def test_the_part_of_the_image_that_a_number_depends_on_is_right() -> None:
    model = models.create("lenet5", input_shape=(1, 28, 28), num_classes=10)
    sample = torch.rand(1, 28, 28)
    found = layer_pixel(model, sample, "c3", 2, (5, 6))
    assert found.field is not None
    (top, bottom), (left, right) = found.field
    changed = sample.clone()
    changed[:, :top], changed[:, bottom + 1 :], changed[:, :, :left], changed[:, :, right + 1 :] = 0, 0, 0, 0
    assert layer_pixel(model, changed, "c3", 2, (5, 6)).output == pytest.approx(found.output, abs=1e-6)
    changed = sample.clone()
    changed[:, top, left] += 5
    changed[:, bottom, right] += 5
    assert layer_pixel(model, changed, "c3", 2, (5, 6)).output != pytest.approx(found.output, abs=1e-3)


@pytest.mark.parametrize(
    ("layer", "channel", "position", "error", "words"),
    [
        ("c9", 0, (0, 0), UnknownName, "known: c1, c3"),
        ("f6", 0, (0, 0), ConfigError, "computes no convolution"),
        ("c1", 6, (0, 0), ConfigError, "no map 6"),
        ("c1", 0, (0, 28), ConfigError, "no column 28"),
        ("c1", 0, (0,), ConfigError, "has 2 axes, but 1"),
    ],
)
def test_numbers_that_are_not_there_are_refused(
    layer: str, channel: int, position: tuple[int, ...], error: type[Exception], words: str
) -> None:
    model = models.create("lenet5", input_shape=(1, 28, 28), num_classes=10)
    with pytest.raises(error, match=words):
        layer_pixel(model, torch.rand(1, 28, 28), layer, channel, position)


def test_a_stage_with_several_convolutions_names_them() -> None:
    model: Any = models.create("resnet18", input_shape=(3, 32, 32), num_classes=10)
    with pytest.raises(ConfigError, match=r"body.stage1 computes 4[\s\S]*body.stage1.0.branch.0.convolution"):
        layer_pixel(model, torch.rand(3, 32, 32), "body.stage1", 0, (0, 0))
    with pytest.raises(ConfigError, match="transposed"):
        layer_pixel(nn.Sequential(nn.ConvTranspose2d(1, 1, 2)), torch.rand(1, 3, 3), "0", 0, (0, 0))
