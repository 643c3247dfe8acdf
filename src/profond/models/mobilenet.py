"""MobileNet (version 1).

Notable features:
- every 3×3 convolution but the first is split: one 3×3 filter for each map, then 1×1 across maps, an eighth of the cost
- BatchNorm and ReLU6 after both halves
- stride instead of pooling; one multiplier makes all layers narrower
- 4,231,976 parameters at width 1 (Keras counts 4,253,864, with BatchNorm's running statistics)
"""

from __future__ import annotations

from typing import Annotated, Any

from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from profond.core.config import Number, Share
from profond.models import register_model
from profond.models.shape import check_classes, check_input
from profond.nn.clipped import ReLU6
from profond.nn.convolution import ConvNorm, Padding

# Table 1: output channels and stride of each depthwise separable convolution.
BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))


@register_model("mobilenet")
class MobileNet(nn.Module):
    """MobileNet: depthwise separable convolutions, 4.2 million parameters.

    Args:
        input_shape: (channels, height, width); 31×31 pixels or more.
        num_classes: number of logits.
        width: multiplies the channels of every layer (the paper's α); 0.25, 0.5, 0.75 and 1 are published.
        dropout: before the output, in [0, 1).
        norm_epsilon, norm_momentum: BatchNorm's; as Keras has them (its momentum of 0.99 is 0.01 here).

    Raises: ConfigError for too small an image, or an impossible width or share.

    Source: A. Howard et al., MobileNets: efficient convolutional neural networks for mobile vision applications,
        arXiv:1704.04861, table 1. Deviations, all Keras's: the last block has stride 1 (the table says 2, and keeps the
        size); ReLU6; the first convolution is padded as TensorFlow's "SAME", but those with stride 2 after it always
        below and on the right, so that an odd side is rounded down there.
    """

    example_shape = (3, 32, 32)
    head = "output"

    def __init__(
        self,
        input_shape: tuple[int, ...] = (3, 224, 224),
        num_classes: int = 1000,
        width: Annotated[Number, Field(ge=1 / 32)] = 1.0,
        dropout: Share = 1e-3,
        norm_epsilon: float = 1e-3,
        norm_momentum: float = 0.01,
    ) -> None:
        super().__init__()
        check_classes("mobilenet", num_classes)
        check_input("mobilenet", input_shape, 2, smallest=31)
        usual: dict[str, Any] = {"activation": ReLU6, "epsilon": norm_epsilon, "momentum": norm_momentum}
        channels = int(32 * width)
        self.stem = ConvNorm(input_shape[0], channels, 3, 2, padding="same", **usual)
        self.blocks = nn.Sequential()
        for out_channels, stride in BLOCKS:
            block = nn.Sequential()
            # NOTE (left, right, top, bottom) whether the side is even or odd: not TensorFlow's "SAME", see Source.
            padding: Padding = (0, 1, 0, 1) if stride == 2 else "torch"
            block.add_module(
                "depthwise", ConvNorm(channels, channels, 3, stride, padding=padding, groups=channels, **usual)
            )
            block.add_module("pointwise", ConvNorm(channels, int(out_channels * width), 1, **usual))
            self.blocks.append(block)
            channels = int(out_channels * width)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(channels, num_classes)
        self.stages = ("stem", *(f"blocks.{index}" for index in range(len(self.blocks))))

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        maps = self.blocks(self.stem(inputs))
        logits: Tensor = self.output(self.dropout(self.flatten(self.pool(maps))))
        return logits
