"""Depthwise convolution whose gradient does not wait for a slow kernel."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

Pair = int | tuple[int, int]


class DepthwiseConv2d(nn.Conv2d):
    """A convolution that filters each channel by itself: `nn.Conv2d` with as many groups as channels, and no bias.

    Its numbers are those of `nn.Conv2d`. Where a processor trains in bf16 with a stride, it is sooner: oneDNN has no
    fast kernel there for the gradient of the inputs, and its slow one takes a third of a training step of MobileNetV2.
    The kernel for stride 1 is given the outputs' gradient with zeros between instead.

    Args:
        channels: of inputs and outputs.
        kernel, stride, padding, dilation: (vertical, horizontal) or one number.
    """

    def __init__(self, channels: int, kernel: Pair, stride: Pair = 1, padding: Pair = 0, dilation: Pair = 1) -> None:
        super().__init__(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False)

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
        if self.stride == (1, 1) or inputs.device.type != "cpu" or not torch.is_grad_enabled():
            return super().forward(inputs)
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else inputs.dtype
        if dtype != torch.bfloat16:
            return super().forward(inputs)
        settings = [list(each) for each in (self.stride, self.padding, self.dilation)]
        outputs: Tensor = _Strided.apply(inputs.to(dtype), self.weight.to(dtype), *settings)  # type: ignore[no-untyped-call]
        return outputs


class _Strided(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any, inputs: Tensor, weight: Tensor, stride: list[int], padding: list[int], dilation: list[int]
    ) -> Tensor:
        context.save_for_backward(inputs, weight)
        context.settings = stride, padding, dilation
        return F.conv2d(inputs, weight, None, stride, padding, dilation, len(weight))

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (inputs, weight), (stride, padding, dilation) = context.saved_tensors, context.settings
        of_inputs = of_weight = None
        if context.needs_input_grad[0]:
            spread = _spread(gradient, inputs, weight, stride, padding, dilation)
            of_inputs = _gradients(spread, inputs, weight, [1, 1], padding, dilation, [True, False, False])[0]
        if context.needs_input_grad[1]:
            of_weight = _gradients(gradient, inputs, weight, stride, padding, dilation, [False, True, False])[1]
        return of_inputs, of_weight, None, None, None


def _spread(
    gradient: Tensor, inputs: Tensor, weight: Tensor, stride: list[int], padding: list[int], dilation: list[int]
) -> Tensor:
    """The gradient where stride 1 has its outputs; zero where only stride 1 has any."""
    sides = [
        side + 2 * pad - step * (length - 1)
        for side, pad, step, length in zip(inputs.shape[2:], padding, dilation, weight.shape[2:], strict=True)
    ]
    by_channels = inputs.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if by_channels else torch.contiguous_format
    spread = torch.empty(*gradient.shape[:2], *sides, dtype=gradient.dtype, memory_format=layout).zero_()
    spread[:, :, :: stride[0], :: stride[1]] = gradient
    return spread


def _gradients(gradient: Tensor, inputs: Tensor, weight: Tensor, *settings: list[Any]) -> tuple[Tensor, ...]:
    *shape, wanted = settings
    gradients: tuple[Tensor, ...] = torch.ops.aten.convolution_backward(
        gradient, inputs, weight, None, *shape, False, [0, 0], len(weight), wanted
    )
    return gradients
