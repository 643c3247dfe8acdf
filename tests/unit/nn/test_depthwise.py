"""Depthwise convolutions and ReLU6 have the numbers of PyTorch's own, whichever way their gradients come."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from profond.nn.clipped import ReLU6
from profond.nn.depthwise import DepthwiseConv2d

CASES: list[tuple[Any, Any, Any, Any, tuple[int, int]]] = [  # kernel, stride, padding, dilation, sides
    (3, 2, 1, 1, (16, 16)),
    (3, 2, 1, 1, (15, 9)),
    (3, 2, 0, 1, (17, 12)),
    (5, 2, 2, 1, (14, 14)),
    ((3, 5), (2, 1), (1, 2), 1, (9, 11)),
    (3, 3, 1, 1, (13, 14)),
    (3, 2, 2, 2, (13, 14)),
    (1, 2, 0, 1, (7, 8)),
    (3, 1, 1, 1, (8, 8)),
]


def pair(*settings: Any, channels: int = 24) -> tuple[DepthwiseConv2d, nn.Conv2d]:
    torch.manual_seed(0)
    ours = DepthwiseConv2d(channels, *settings)
    theirs = nn.Conv2d(channels, channels, *settings, groups=channels, bias=False)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def gradients(model: nn.Module, inputs: Tensor, autocast: bool) -> tuple[Tensor, ...]:
    inputs = inputs.clone(memory_format=torch.preserve_format).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        outputs = model(inputs)
    weights = torch.randn(outputs.shape, generator=torch.Generator().manual_seed(1))
    (outputs.float() * weights).sum().backward()
    assert inputs.grad is not None
    (parameter,) = model.parameters()
    assert parameter.grad is not None
    assert outputs.dtype == (torch.bfloat16 if autocast else inputs.dtype)
    assert (inputs.grad.dtype, parameter.grad.dtype) == (inputs.dtype, parameter.dtype)
    return outputs.detach().float(), inputs.grad.float(), parameter.grad.float()


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize(("kernel", "stride", "padding", "dilation", "sides"), CASES)
def test_a_depthwise_convolution_is_pytorchs(kernel, stride, padding, dilation, sides, layout) -> None:
    ours, theirs = pair(kernel, stride, padding, dilation)
    inputs = torch.randn(4, 24, *sides).contiguous(memory_format=layout)
    for autocast, near in ((False, 1e-5), (True, 1e-2)):
        for mine, its in zip(gradients(ours, inputs, autocast), gradients(theirs, inputs, autocast), strict=True):
            torch.testing.assert_close(mine, its, rtol=near, atol=near * float(its.abs().max()))
        ours.zero_grad()
        theirs.zero_grad()


def test_the_slow_kernel_is_passed_by_in_bf16_with_a_stride_only() -> None:
    def step(stride: int, dtype: torch.dtype) -> str:
        outputs = pair(3, stride, 1)[0].to(dtype)(torch.randn(2, 24, 8, 8, dtype=dtype))
        return type(outputs.grad_fn).__name__

    assert step(2, torch.bfloat16) == "_StridedBackward"
    assert step(1, torch.bfloat16) == step(2, torch.float32) == "ConvolutionBackward0"


def test_a_frozen_depthwise_convolution_passes_gradients_on() -> None:
    ours, theirs = (each.bfloat16().requires_grad_(False) for each in pair(3, 2, 1))
    inputs = torch.randn(2, 24, 8, 8, dtype=torch.bfloat16, requires_grad=True)
    (mine,) = torch.autograd.grad(ours(inputs).sum(), inputs)
    (its,) = torch.autograd.grad(theirs(inputs).sum(), inputs)
    torch.testing.assert_close(mine, its)
    learnt = pair(3, 2, 1)[0].bfloat16()
    learnt(inputs.detach()).sum().backward()
    assert learnt.weight.grad is not None


def test_a_gradient_of_the_gradient_is_pytorchs_too() -> None:
    seconds = []
    for model in (each.bfloat16() for each in pair(3, 2, 1)):
        inputs = torch.linspace(-2, 2, 2 * 24 * 64, dtype=torch.bfloat16).view(2, 24, 8, 8).requires_grad_()
        (first,) = torch.autograd.grad(model(inputs).float().square().sum(), inputs, create_graph=True)
        first.float().square().sum().backward()
        assert inputs.grad is not None
        assert model.weight.grad is not None
        seconds.append((inputs.grad.float(), model.weight.grad.float()))
    for mine, its in zip(*seconds, strict=True):
        torch.testing.assert_close(mine, its, rtol=2e-2, atol=2e-2 * float(its.abs().max()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_relu6_is_pytorchs_and_keeps_only_its_outputs(dtype: torch.dtype) -> None:
    values = torch.tensor([-3, -0.0, 0.0, 1e-6, 3, 5.9, 6, 6.1, 100, float("nan"), float("inf")], dtype=dtype)
    found = []
    for model in (ReLU6(inplace=True), nn.ReLU6()):
        inputs = values.clone().requires_grad_()
        outputs = model(inputs * 1)
        (gradient,) = torch.autograd.grad(outputs, inputs, torch.arange(1, 12, dtype=dtype))
        found.append((outputs.detach(), gradient))
    for mine, its in zip(*found, strict=True):
        torch.testing.assert_close(mine, its, rtol=0, atol=0, equal_nan=True)

    kept: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda each: kept.append(each.data_ptr()) or each, lambda each: each):
        outputs = ReLU6(inplace=True)(values.clone().requires_grad_() * 1)
    assert outputs.data_ptr() in kept

    with torch.no_grad():
        inputs = values.clone()
        assert ReLU6(inplace=True)(inputs).data_ptr() == inputs.data_ptr()
