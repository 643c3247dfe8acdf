"""Separable convolution: each channel is filtered alone, then a 1×1 convolution mixes the channels."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from profond.nn.convolution import Padding, batch_norm, split_padding, start_convolution
from profond.nn.depthwise import DepthwiseConv2d, Pair


class SeparableNorm(nn.Sequential):
    """Padding where the convolution cannot do it itself, depthwise and pointwise convolution, BatchNorm, activation.

    Args:
        in_channels, out_channels: of the pair of convolutions; between them are ``in_channels`` maps.
        kernel, stride, dilation: of the depthwise convolution, (vertical, horizontal) or one number.
        padding: as in `profond.nn.convolution.ConvNorm`.
        activation: called as ``activation(inplace=True)``; None is none.
        norm: False leaves BatchNorm out.
        epsilon, momentum: BatchNorm's; momentum is PyTorch's, 1 - momentum of Keras.

    Its parts are ``padding`` (only where it is a step of its own), ``depthwise``, ``pointwise``, ``norm``,
    ``activation``; a part that is switched off is not there. The two convolutions have no bias and nothing between
    them, as Keras's ``SeparableConv2D(use_bias=False)``: k·k·in + in·out weights instead of k·k·in·out.

    Source: F. Chollet, Xception: deep learning with depthwise separable convolutions, CVPR 2017, section 3.
    """

    depthwise: nn.Conv2d
    pointwise: nn.Conv2d
    norm: nn.BatchNorm2d
    activation: nn.Module

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: Pair = 3,
        stride: Pair = 1,
        *,
        padding: Padding = "torch",
        dilation: Pair = 1,
        activation: Callable[..., nn.Module] | None = nn.ReLU,
        norm: bool = True,
        epsilon: float = 1e-5,
        momentum: float = 0.1,
    ) -> None:
        super().__init__()
        before, inside = split_padding(padding, kernel, stride, dilation)
        if before is not None:
            self.add_module("padding", before)
        self.depthwise = DepthwiseConv2d(in_channels, kernel, stride, inside, dilation)
        self.add_module("pointwise", nn.Conv2d(in_channels, out_channels, 1, bias=False))
        nn.init.kaiming_normal_(self.depthwise.weight, nonlinearity="linear")  # no ReLU follows it
        start_convolution(self.pointwise)
        if norm:
            self.add_module("norm", batch_norm(out_channels, epsilon, momentum))
        if activation is not None:
            self.add_module("activation", activation(inplace=True))
