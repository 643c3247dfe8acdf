"""The matrix product is the convolution, the pooling and the ReLU that it stands for: values and gradients."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from profond.models import create
from profond.models.pooled_convolution import from_blocks, pooled_convolution, to_blocks


def plain(maps: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return F.max_pool2d(F.conv2d(maps, weight, bias), 2).relu()


@pytest.mark.parametrize("side", [1, 2])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("channels", [1, 3])
def test_values_and_gradients_are_those_of_convolution_pooling_and_relu(side: int, kernel: int, channels: int) -> None:
    torch.manual_seed(0)
    maps = torch.randn(2, channels, 16, 24, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(4, channels, kernel, kernel, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(4, dtype=torch.float64, requires_grad=True)
    ours = from_blocks(pooled_convolution(to_blocks(maps, 2 * side), weight, bias, side), side)
    theirs = plain(maps, weight, bias)[:, :, : ours.shape[2], : ours.shape[3]]
    torch.testing.assert_close(ours, theirs)
    direction = torch.randn_like(theirs)
    parts = (maps, weight, bias)
    torch.testing.assert_close(
        torch.autograd.grad(ours, parts, direction), torch.autograd.grad(theirs, parts, direction)
    )


def test_blocks_go_back_to_maps() -> None:
    maps = torch.randn(2, 3, 8, 12)
    assert torch.equal(from_blocks(to_blocks(maps, 4), 4), maps)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shape", [(1, 28, 28), (1, 32, 32), (3, 33, 46), (2, 17, 30)])
def test_lenet5_in_training_is_lenet5_in_evaluation(shape: tuple[int, ...], layout: torch.memory_format) -> None:
    model = create("lenet5", input_shape=shape, num_classes=7).to(memory_format=layout)  # type: ignore[call-overload]
    inputs = torch.randn(3, *shape).contiguous(memory_format=layout)
    trained = model.train()(inputs)
    torch.testing.assert_close(trained, model.eval()(inputs))
    handle = model.get_submodule("c1").register_forward_hook(lambda *_: None)  # stages that are watched are used
    by_stages = model.train()(inputs)
    handle.remove()
    parameters = list(model.parameters())
    torch.testing.assert_close(
        torch.autograd.grad(trained.square().sum(), parameters),
        torch.autograd.grad(by_stages.square().sum(), parameters),
    )


def test_a_watched_stage_is_seen_while_training() -> None:
    model = create("lenet5", input_shape=(1, 28, 28), num_classes=10).train()
    seen: list[torch.Size] = []
    model.get_submodule("s2").register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    model(torch.randn(2, 1, 28, 28))
    assert seen == [(2, 6, 14, 14)]


def test_under_autocast_the_product_is_bf16_and_parameters_keep_float32_gradients() -> None:
    model = create("lenet5", input_shape=(1, 28, 28), num_classes=10).train()
    inputs = torch.randn(4, 1, 28, 28)
    exact = model(inputs)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = model(inputs)
    assert rounded.dtype == torch.bfloat16
    torch.testing.assert_close(rounded.float(), exact, atol=0.02, rtol=0.1)
    rounded.float().sum().backward()
    assert {parameter.grad.dtype for parameter in model.parameters() if parameter.grad is not None} == {torch.float32}
    assert all(parameter.grad is not None for parameter in model.parameters())
