"""MobileNetV2.

Notable features:
- inverted residuals: the shortcut joins narrow ends, the middle is six times wider and filtered map by map
- no activation at the narrow ends
- widths are multiples of 8, under one multiplier; the last layer is never narrower than 1280
- 3,504,872 parameters at width 1 (Keras counts 3,538,984, with BatchNorm's running statistics)
"""

from __future__ import annotations

from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor, nn

from profond.core.config import Positive, Share
from profond.models import register_model
from profond.models.shape import check_classes, check_input
from profond.nn.clipped import ReLU6
from profond.nn.convolution import ConvNorm
from profond.nn.inverted import InvertedResidual, divisible

# Table 2: expansion, output channels, blocks, stride of the first block.
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


@register_model("mobilenet_v2")
class MobileNetV2(nn.Module):
    """MobileNetV2: inverted residuals, 3.5 million parameters.

    Args:
        input_shape: (channels, height, width).
        num_classes: number of logits.
        width: multiplies the channels; 0.35, 0.5, 0.75, 1, 1.3 and 1.4 are published.
        dropout: before the output, in [0, 1). torchvision has 0.2, Keras none.
        small_images: stem and second stage with stride 1, for images of about 32×32.
        padding: where the stride is 2: ``"torch"`` pads both sides by one as torchvision, ``"same"`` as TensorFlow and
            Keras, one side only when the side is even. Weights fit both, outputs do not.
        norm_epsilon, norm_momentum: BatchNorm's; torchvision 1e-5 and 0.1, Keras 1e-3 and 0.001 (its 0.999).

    Raises: ConfigError for an impossible shape, width or share.

    Source: M. Sandler, A. Howard, M. Zhu, A. Zhmoginov, L.-C. Chen, MobileNetV2: inverted residuals and linear
        bottlenecks, CVPR 2018, table 2.
    """

    example_shape = (3, 32, 32)
    head = "output"

    def __init__(
        self,
        input_shape: tuple[int, ...] = (3, 224, 224),
        num_classes: int = 1000,
        width: Positive = 1.0,
        dropout: Share = 0.2,
        small_images: bool = False,
        padding: Literal["torch", "same"] = "torch",
        norm_epsilon: float = 1e-5,
        norm_momentum: float = 0.1,
    ) -> None:
        super().__init__()
        check_classes("mobilenet_v2", num_classes)
        check_input("mobilenet_v2", input_shape, 2)
        norm: dict[str, Any] = {"epsilon": norm_epsilon, "momentum": norm_momentum}
        channels = divisible(32 * width)
        stride = 1 if small_images else 2
        self.stem = ConvNorm(input_shape[0], channels, 3, stride, padding=padding, activation=ReLU6, **norm)
        self.body = nn.Sequential()
        for index, (expansion, out_channels, count, stride) in enumerate(STAGES):
            if small_images and index == 1:
                stride = 1
            stage = nn.Sequential()
            for block in range(count):
                stage.append(
                    InvertedResidual(
                        channels,
                        divisible(out_channels * width),
                        expansion,
                        stride=stride if block == 0 else 1,
                        padding=padding,
                        **norm,
                    )
                )
                channels = divisible(out_channels * width)
            self.body.append(stage)
        last = divisible(1280 * max(1.0, width))
        self.last = ConvNorm(channels, last, 1, activation=ReLU6, **norm)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(last, num_classes)
        self.stages = ("stem", *(f"body.{index}" for index in range(len(STAGES))), "last")

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        maps = self.last(self.body(self.stem(inputs)))
        logits: Tensor = self.output(self.dropout(self.flatten(self.pool(maps))))
        return logits
