"""The inverted residual: widen with 1×1, filter each map by itself, narrow with 1×1; the shortcut joins narrow ends."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from profond.nn.clipped import ReLU6
from profond.nn.convolution import ConvNorm, Padding


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution, linear projection; an addition where shape and stride allow it.

    Args:
        in_channels, out_channels: of the narrow ends.
        expansion: width of the middle, in input widths; 1 leaves the expanding convolution out.
        kernel, stride: of the depthwise convolution.
        padding: ``"torch"`` or ``"same"``, as in ConvNorm.
        epsilon, momentum: BatchNorm's.

    The projection has no activation: a ReLU there would throw information away that few maps cannot carry twice.

    Source: M. Sandler et al., MobileNetV2: inverted residuals and linear bottlenecks, CVPR 2018, section 3.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        expansion: int,
        kernel: int = 3,
        stride: int = 1,
        padding: Padding = "torch",
        epsilon: float = 1e-5,
        momentum: float = 0.1,
    ) -> None:
        super().__init__()
        width = in_channels * expansion
        self.shortcut = stride == 1 and in_channels == out_channels
        self.expand = (
            ConvNorm(in_channels, width, 1, activation=ReLU6, epsilon=epsilon, momentum=momentum)
            if expansion != 1
            else nn.Identity()
        )
        self.depthwise = ConvNorm(
            width,
            width,
            kernel,
            stride,
            padding=padding,
            groups=width,
            activation=ReLU6,
            epsilon=epsilon,
            momentum=momentum,
        )
        self.project = ConvNorm(width, out_channels, 1, activation=None, epsilon=epsilon, momentum=momentum)

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h2 w2"]:
        maps: Tensor = self.project(self.depthwise(self.expand(inputs)))
        return inputs + maps if self.shortcut else maps


def divisible(width: float, by: int = 8) -> int:
    """The nearest multiple of ``by``, never under ``by`` nor more than a tenth below ``width``."""
    rounded = max(by, int(width + by / 2) // by * by)
    return rounded if rounded >= 0.9 * width else rounded + by
