"""EfficientNet-Lite.

Notable features:
- EfficientNet without what small devices run badly: no squeeze-and-excitation, ReLU6 instead of swish
- inverted residuals of MobileNetV2, with 3×3 and 5×5 depthwise convolutions
- depth and width grow together from one variant to the next; stem, first and last stage and the last layer stay
- 4,652,008 parameters (Lite0), 5,416,680 (Lite1), 6,092,072 (Lite2)
"""

from __future__ import annotations

import math
from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor, nn

from profond.core.config import Positive, Share
from profond.models import register_model
from profond.models.shape import check_classes, check_input
from profond.nn.clipped import ReLU6
from profond.nn.convolution import ConvNorm
from profond.nn.inverted import InvertedResidual, divisible

# Table 1 of EfficientNet-B0: blocks, kernel, stride of the first block, expansion, output channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM, LAST = 32, 1280


@register_model("efficientnet_lite0", width=1.0, depth=1.0, dropout=0.2)
@register_model("efficientnet_lite1", width=1.0, depth=1.1, dropout=0.2)
@register_model("efficientnet_lite2", width=1.1, depth=1.2, dropout=0.3)
class EfficientNetLite(nn.Module):
    """EfficientNet-Lite: 4.7 to 6.1 million parameters, published for 224 (Lite0), 240 and 260 pixels.

    Args:
        input_shape: (channels, height, width).
        num_classes: number of logits.
        width: multiplies the channels of all stages.
        depth: multiplies the blocks of each stage but the first and the last, rounded up.
        dropout: before the output, in [0, 1).
        padding: where the stride is 2: ``"same"`` as TensorFlow, in which the published weights were trained, or
            ``"torch"``, the same number on both sides. Weights fit both, outputs do not.
        norm_epsilon, norm_momentum: BatchNorm's, as published (0.99 in TensorFlow is 0.01 here).

    Raises: ConfigError for an impossible shape, multiplier or share.

    Source: M. Tan, Q. Le, EfficientNet: rethinking model scaling for convolutional neural networks, ICML 2019, table 1;
        R. Liu, EfficientNet-Lite, TensorFlow blog, March 2020. Deviation: no stochastic depth in training.
    """

    example_shape = (3, 32, 32)
    head = "output"

    def __init__(
        self,
        input_shape: tuple[int, ...] = (3, 224, 224),
        num_classes: int = 1000,
        width: Positive = 1.0,
        depth: Positive = 1.0,
        dropout: Share = 0.2,
        padding: Literal["torch", "same"] = "same",
        norm_epsilon: float = 1e-3,
        norm_momentum: float = 0.01,
    ) -> None:
        super().__init__()
        check_classes("efficientnet_lite", num_classes)
        check_input("efficientnet_lite", input_shape, 2)
        norm: dict[str, Any] = {"epsilon": norm_epsilon, "momentum": norm_momentum}
        channels = STEM
        self.stem = ConvNorm(input_shape[0], channels, 3, 2, padding=padding, activation=ReLU6, **norm)
        self.body = nn.Sequential()
        for index, (count, kernel, stride, expansion, out_channels) in enumerate(STAGES):
            if 0 < index < len(STAGES) - 1:
                count = math.ceil(count * depth)
            stage = nn.Sequential()
            for block in range(count):
                stride = stride if block == 0 else 1
                target = divisible(out_channels * width)
                stage.append(InvertedResidual(channels, target, expansion, kernel, stride, padding, **norm))
                channels = target
            self.body.append(stage)
        self.last = ConvNorm(channels, LAST, 1, activation=ReLU6, **norm)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(LAST, num_classes)
        self.stages = ("stem", *(f"body.{index}" for index in range(len(STAGES))), "last")

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        maps = self.last(self.body(self.stem(inputs)))
        logits: Tensor = self.output(self.dropout(self.flatten(self.pool(maps))))
        return logits
