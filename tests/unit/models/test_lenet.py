from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from profond import models
from profond.core.errors import ConfigError
from profond.models.lenet import LeNet5
from profond.models.lenet_1998 import TABLE, LeNet51998, PartialConvolution, RadialBasis, ScaledTanh, Subsampling


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("shape", [(1, 28, 28), (1, 32, 32)])
def test_the_modern_network_has_61706_parameters(shape: tuple[int, ...]) -> None:
    assert count(LeNet5(shape, 10)) == 61_706


@pytest.mark.parametrize("shape", [(1, 28, 28), (1, 32, 32)])
def test_the_network_of_1998_has_60000_parameters_layer_by_layer(shape: tuple[int, ...]) -> None:
    model = LeNet51998(shape, 10)
    layers = {name: count(model.get_submodule(name)) for name in (*model.stages, model.head)}
    assert layers == {"c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164, "output": 0}
    assert count(model) == 60_000


@pytest.mark.parametrize(("shape", "padding"), [((1, 12, 12), None), ((3, 16, 40), 0), ((2, 65, 33), 5)])
def test_any_size_channels_and_classes_that_fit_are_taken(shape: tuple[int, ...], padding: int | None) -> None:
    assert LeNet5(shape, 7, padding=padding)(torch.randn(2, *shape)).shape == (2, 7)


@pytest.mark.parametrize(("shape", "padding", "smallest"), [((1, 11, 28), None, "12×12"), ((1, 15, 28), 0, "16×16")])
def test_a_size_that_is_used_up_is_refused_and_the_smallest_named(
    shape: tuple[int, ...], padding: int | None, smallest: str
) -> None:
    with pytest.raises(ConfigError, match=smallest):
        LeNet5(shape, 10, padding=padding)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_pooling_before_squashing_changes_nothing(activation: str) -> None:
    model = LeNet5((1, 28, 28), 10, activation=activation)  # type: ignore[arg-type]
    squash: nn.Module = {"relu": nn.ReLU(), "tanh": nn.Tanh(), "sigmoid": nn.Sigmoid()}[activation]
    maps = torch.randn(2, 6, 8, 8)
    assert torch.equal(model.s2(maps), nn.functional.max_pool2d(squash(maps), 2))


def test_average_pooling_squashes_first() -> None:
    model, maps = LeNet5((1, 28, 28), 10, pooling="average", activation="tanh"), torch.randn(2, 6, 8, 8)
    torch.testing.assert_close(model.s2(maps), nn.functional.avg_pool2d(maps.tanh(), 2))


@pytest.mark.parametrize(("shape", "classes"), [((1, 30, 30), 10), ((3, 32, 32), 10), ((1, 28, 28), 26)])
def test_the_network_of_1998_takes_grey_digits_only(shape: tuple[int, ...], classes: int) -> None:
    with pytest.raises(ConfigError) as refused:
        models.create("lenet5_1998", input_shape=shape, num_classes=classes)
    assert "lenet5 for" in str(refused.value.help)


def test_28_pixels_are_extended_with_their_border() -> None:
    torch.manual_seed(0)
    small, large = LeNet51998((1, 28, 28), 10), LeNet51998((1, 32, 32), 10)
    large.load_state_dict(small.state_dict())
    digit = torch.full((1, 1, 28, 28), -0.1)
    digit[..., 5:20, 10:15] = 1.175
    framed = torch.full((1, 1, 32, 32), -0.1)
    framed[..., 2:30, 2:30] = digit
    assert torch.equal(small(digit), large(framed))


def test_subsampling_is_the_paper_s_sum_times_coefficient_plus_bias() -> None:
    layer, inputs = Subsampling(3), torch.randn(2, 3, 6, 4)
    coefficients, biases = layer.coefficient.tolist(), layer.bias.tolist()
    expected = torch.empty(2, 3, 3, 2)
    for n in range(2):
        for c in range(3):
            for y in range(3):
                for x in range(2):
                    total = sum(float(inputs[n, c, 2 * y + dy, 2 * x + dx]) for dy in (0, 1) for dx in (0, 1))
                    expected[n, c, y, x] = total * coefficients[c] + biases[c]
    torch.testing.assert_close(layer(inputs), expected)


def test_each_map_of_c3_sees_the_maps_of_the_table_and_no_other() -> None:
    assert [len(row) for row in TABLE] == [3] * 6 + [4] * 9 + [6]
    assert len(set(TABLE)) == 16
    assert [sum(seen in row for row in TABLE) for seen in range(6)] == [10] * 6
    layer = PartialConvolution(6, TABLE, 5)
    inputs = torch.randn(1, 6, 5, 5, requires_grad=True)
    for output, row in enumerate(TABLE):
        (gradient,) = torch.autograd.grad(layer(inputs)[0, output, 0, 0], inputs)
        assert [c for c in range(6) if gradient[0, c].abs().sum() > 0] == list(row)


def test_the_partial_convolution_equals_loops_over_its_connections() -> None:
    layer, inputs = PartialConvolution(3, ((0, 2), (1,), (0, 1, 2)), 2), torch.randn(2, 3, 4, 3)
    expected = layer.bias.detach()[None, :, None, None].repeat(2, 1, 3, 2)
    pairs = [(output, seen) for output, row in enumerate(((0, 2), (1,), (0, 1, 2))) for seen in row]
    for kernel, (output, seen) in zip(layer.weight.detach(), pairs, strict=True):
        for y in range(3):
            for x in range(2):
                window = inputs[:, seen, y : y + 2, x : x + 2]
                expected[:, output, y, x] += (window * kernel).sum((1, 2))
    torch.testing.assert_close(layer(inputs), expected)


def test_the_output_is_minus_the_squared_distance_to_each_picture() -> None:
    layer = RadialBasis("#. ##\n.# ..")
    assert layer.bitmaps.tolist() == [[1, -1, -1, 1], [1, 1, -1, -1]]
    inputs = torch.randn(3, 4)
    expected = [
        [-sum((float(v) - w) ** 2 for v, w in zip(row, b, strict=True)) for b in layer.bitmaps.tolist()]
        for row in inputs
    ]
    torch.testing.assert_close(layer(inputs), torch.tensor(expected))


def test_the_ten_pictures_are_7_by_12_and_far_apart() -> None:
    bitmaps = LeNet51998((1, 28, 28), 10).output.bitmaps
    assert bitmaps.shape == (10, 84)
    assert set(bitmaps.unique().tolist()) == {-1.0, 1.0}
    different = (bitmaps[:, None] != bitmaps[None]).sum(2) + 84 * torch.eye(10, dtype=torch.int64)
    assert different.min() >= 10


def test_a_picture_itself_is_the_surest_answer() -> None:
    layer = LeNet51998((1, 28, 28), 10).output
    logits = layer(layer.bitmaps)
    assert logits.argmax(1).tolist() == list(range(10))
    assert torch.equal(logits.diagonal(), torch.zeros(10))


def test_cross_entropy_over_the_logits_is_equation_9_without_its_constant() -> None:
    distances = torch.rand(5, 10) * 50
    labels = torch.tensor([0, 3, 9, 1, 1])
    expected = (
        sum(float(d[k]) + math.log(sum(math.exp(-float(v)) for v in d)) for d, k in zip(distances, labels, strict=True))
        / 5
    )
    assert float(nn.functional.cross_entropy(-distances, labels)) == pytest.approx(expected, rel=1e-5)


def test_the_squashing_passes_through_one_and_bends_most_there() -> None:
    squash = ScaledTanh()
    assert float(squash(torch.tensor(1.0))) == pytest.approx(1.0, abs=1e-4)
    assert float(squash(torch.tensor(-1.0))) == pytest.approx(-1.0, abs=1e-4)
    at = torch.linspace(0, 3, 301, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(squash(at).sum(), at, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), at)
    assert float(at.detach()[bend.abs().argmax()]) == pytest.approx(1.0, abs=0.02)


def test_weights_start_within_the_paper_s_range() -> None:
    torch.manual_seed(0)
    model = LeNet51998((1, 28, 28), 10)

    def reach(parameter: Tensor) -> float:
        return float(parameter.detach().abs().max())

    assert 0.5 * 2.4 / 25 < reach(model.c1[0].weight) <= 2.4 / 25
    assert 0.9 * 2.4 / 400 < reach(model.c5[0].weight) <= 2.4 / 400
    first, last = model.c3[0].weight[:3], model.c3[0].weight[-6:]
    assert reach(first) <= 2.4 / 75
    assert reach(last) <= 2.4 / 150
