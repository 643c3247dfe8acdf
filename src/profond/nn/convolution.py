"""Convolution, BatchNorm, activation: the brick of nearly every network since 2015, with its padding conventions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.nn.depthwise import DepthwiseConv2d, Pair

Padding = Literal["torch", "same"] | int | tuple[int, int, int, int]


class SamePadding(nn.Module):
    """TensorFlow's "SAME": the output has ceil(side / stride) rows and columns.

    Where the sum is odd, the greater half is below and on the right; so with stride 2 an even side is extended on one
    side only, which no symmetric padding can do.

    Args:
        kernel, stride, dilation: of the convolution or pooling that follows, (vertical, horizontal) or one number.
        value: what is padded with: 0 before a convolution, ``-math.inf`` before a max pooling.
    """

    def __init__(self, kernel: Pair, stride: Pair = 1, dilation: Pair = 1, value: float = 0.0) -> None:
        super().__init__()
        self.kernel, self.stride, self.dilation, self.value = pair(kernel), pair(stride), pair(dilation), value

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
        (top, bottom), (left, right) = (
            halves(side, *window)
            for side, *window in zip(inputs.shape[-2:], self.kernel, self.stride, self.dilation, strict=True)
        )
        return F.pad(inputs, (left, right, top, bottom), value=self.value)

    def extra_repr(self) -> str:
        return f"kernel={self.kernel}, stride={self.stride}"


class ConvNorm(nn.Sequential):
    """Padding where the convolution cannot do it itself, convolution, BatchNorm, activation.

    Args:
        in_channels, out_channels: of the convolution.
        kernel, stride, dilation: (vertical, horizontal) or one number.
        padding: ``"torch"``: dilation·(kernel - 1) // 2 zeros on each side; ``"same"``: TensorFlow's, which differs
            from it when the stride is not 1; a number for each side; or (left, right, top, bottom).
        groups: of the convolution; ``in_channels`` is depthwise.
        activation: called as ``activation(inplace=True)``; None is none.
        bias: of the convolution. A BatchNorm that follows takes any bias away; Keras keeps one in places.
        norm: False leaves BatchNorm out.
        epsilon, momentum: BatchNorm's; momentum is PyTorch's, 1 - momentum of Keras.
        norm_scale: False is a BatchNorm with a shift and no scale (Keras's ``scale=False``).

    Its parts are ``padding`` (only where it is a step of its own), ``convolution``, ``norm``, ``activation``; a part
    that is switched off is not there. Weights start as He et al., 2015, eq. 10.
    """

    convolution: nn.Conv2d
    norm: nn.BatchNorm2d
    activation: nn.Module

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: Pair,
        stride: Pair = 1,
        *,
        padding: Padding = "torch",
        groups: int = 1,
        dilation: Pair = 1,
        activation: Callable[..., nn.Module] | None = nn.ReLU,
        bias: bool = False,
        norm: bool = True,
        epsilon: float = 1e-5,
        momentum: float = 0.1,
        norm_scale: bool = True,
    ) -> None:
        super().__init__()
        before, inside = split_padding(padding, kernel, stride, dilation)
        if before is not None:
            self.add_module("padding", before)
        self.convolution = (
            DepthwiseConv2d(in_channels, kernel, stride, inside, dilation)
            if groups == in_channels == out_channels and not bias
            else nn.Conv2d(in_channels, out_channels, kernel, stride, inside, dilation, groups, bias=bias)
        )
        start_convolution(self.convolution)
        if norm:
            self.add_module("norm", batch_norm(out_channels, epsilon, momentum, norm_scale))
        if activation is not None:
            self.add_module("activation", activation(inplace=True))


def batch_norm(channels: int, epsilon: float = 1e-5, momentum: float = 0.1, scale: bool = True) -> nn.BatchNorm2d:
    """BatchNorm; without ``scale`` it shifts only, and has no ``weight``."""
    norm = nn.BatchNorm2d(channels, epsilon, momentum)
    if not scale:
        norm.register_parameter("weight", None)
    return norm


def centred_convolution(
    channels: int, out_channels: int, kernel: int, stride: int = 1, bias: bool = False
) -> nn.Conv2d:
    """A convolution that keeps the size, or divides it by its stride, with fresh weights."""
    convolution = nn.Conv2d(channels, out_channels, kernel, stride, kernel // 2, bias=bias)
    start_convolution(convolution)
    return convolution


def start_convolution(convolution: nn.Conv2d) -> None:
    """Fresh weights that keep the variance through a ReLU.

    Source: K. He, X. Zhang, S. Ren, J. Sun, Delving deep into rectifiers, ICCV 2015, eq. 10.
    """
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)


def split_padding(
    padding: Padding, kernel: Pair, stride: Pair = 1, dilation: Pair = 1, value: float = 0.0
) -> tuple[nn.Module | None, tuple[int, int]]:
    """What must be padded before, and what the convolution or pooling can pad itself (vertical, horizontal).

    Raises: ConfigError for an unknown convention.
    """
    kernels, strides, dilations = pair(kernel), pair(stride), pair(dilation)
    reach = [step * (length - 1) for length, step in zip(kernels, dilations, strict=True)]
    centred = (reach[0] // 2, reach[1] // 2)
    if padding == "torch":
        return None, centred
    if padding == "same":
        if strides == (1, 1) and reach[0] % 2 == reach[1] % 2 == 0:
            return None, centred
        return SamePadding(kernel, stride, dilation, value), (0, 0)
    if isinstance(padding, int):
        return None, (padding, padding)
    if isinstance(padding, tuple) and len(padding) == 4:
        return nn.ConstantPad2d(padding, value), (0, 0)
    raise ConfigError(f"padding is {padding!r}", "use torch, same, a number, or (left, right, top, bottom)")


def halves(side: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """TensorFlow's "SAME" padding of one axis: (before, after)."""
    total = max(0, ((side + stride - 1) // stride - 1) * stride + dilation * (kernel - 1) + 1 - side)
    return total // 2, total - total // 2


def pair(value: Pair) -> tuple[int, int]:
    """One number for both axes, or the two as they are."""
    return (value, value) if isinstance(value, int) else value
