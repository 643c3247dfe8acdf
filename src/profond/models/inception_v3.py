"""InceptionV3: Inception modules with large kernels taken apart.

Notable features:
- 5×5 becomes two 3×3, and 7×7 becomes 1×7 and 7×1: the same view for fewer multiplications
- resolution is halved by a convolution and a pooling side by side, so that nothing is squeezed first
- the last two modules spread: 1×3 and 3×1 side by side instead of one after the other
- one auxiliary head in training
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from profond.core.config import Share
from profond.core.errors import ConfigError
from profond.models import register_model
from profond.models.shape import by, check_classes, check_input
from profond.nn.auxiliary import Logits
from profond.nn.branches import Branches
from profond.nn.convolution import ConvNorm
from profond.nn.depthwise import Pair

SMALLEST = 75
SMALLEST_WITH_AUXILIARY = 299

Convolution = Callable[..., ConvNorm]


@register_model("inception_v3")
class InceptionV3(nn.Module):
    """InceptionV3: 23,834,568 parameters at 1,000 classes; images of 299×299.

    Args:
        input_shape: (channels, height, width); 75×75 pixels or more.
        num_classes: number of logits.
        auxiliary: one more head, after the last module of 17×17, of which training gets `Logits(main, auxiliary)`. In
            eval mode it is not run, and its parameters are not in the count above. It needs 299×299 or more, for its
            5×5 convolution stands on maps that are 17×17 then.
        dropout: before the logits, in [0, 1); Keras has none.
        norm_scale: False is Keras's BatchNorm, which shifts only: the next convolution can scale as well.
        norm_epsilon, norm_momentum: BatchNorm's; Keras's momentum is 0.01.
        count_padding: whether the average pooling of the pooled paths counts the zeros around the maps, as torchvision
            does. Keras divides by the number of true positions.

    Raises: ConfigError for an image that the convolutions would use up.

    Source: C. Szegedy et al., Rethinking the Inception architecture for computer vision, CVPR 2016, table 1 and
        figures 5 to 7 and 10, in the form that both libraries have: the convolutions of the stem as in the authors'
        published code, which differs from the table.
    """

    example_shape: ClassVar[tuple[int, ...]] = (3, SMALLEST, SMALLEST)
    stages = (
        *("conv1", "conv2", "conv3", "conv4", "conv5"),
        *("mixed5b", "mixed5c", "mixed5d", "mixed6a", "mixed6b", "mixed6c", "mixed6d", "mixed6e"),
        *("mixed7a", "mixed7b", "mixed7c"),
    )
    head = "output"

    def __init__(
        self,
        input_shape: tuple[int, ...] = (3, 299, 299),
        num_classes: int = 1000,
        auxiliary: bool = False,
        dropout: Share = 0.5,
        norm_scale: bool = True,
        norm_epsilon: float = 1e-3,
        norm_momentum: float = 0.1,
        count_padding: bool = True,
    ) -> None:
        super().__init__()
        check_input("inception_v3", input_shape, 2, smallest=SMALLEST)
        check_classes("inception_v3", num_classes)
        if auxiliary and min(input_shape[1:]) < SMALLEST_WITH_AUXILIARY:
            raise ConfigError(
                f"the auxiliary head of inception_v3 needs inputs of at least {by([SMALLEST_WITH_AUXILIARY] * 2)}, "
                f"not {by(input_shape[1:])}",
                f"set auxiliary=false; without it inputs are of at least {by([SMALLEST] * 2)}",
            )

        norm: dict[str, Any] = {"epsilon": norm_epsilon, "momentum": norm_momentum, "norm_scale": norm_scale}

        def convolution(channels: int, width: int, kernel: Pair, stride: int = 1, **padding: Any) -> ConvNorm:
            return ConvNorm(channels, width, kernel, stride, **norm, **padding)

        def average() -> nn.Module:
            return nn.AvgPool2d(3, 1, padding=1, count_include_pad=count_padding)

        self.conv1 = convolution(input_shape[0], 32, 3, 2, padding=0)
        self.conv2 = convolution(32, 32, 3, padding=0)
        self.conv3 = convolution(32, 64, 3)
        self.pool1 = nn.MaxPool2d(3, 2)
        self.conv4 = convolution(64, 80, 1)
        self.conv5 = convolution(80, 192, 3, padding=0)
        self.pool2 = nn.MaxPool2d(3, 2)
        self.mixed5b = small_kernels(convolution, average(), 192, 32)
        self.mixed5c = small_kernels(convolution, average(), 256, 64)
        self.mixed5d = small_kernels(convolution, average(), 288, 64)
        self.mixed6a = halve_35(convolution, 288)
        self.mixed6b = large_kernels(convolution, average(), 768, 128)
        self.mixed6c = large_kernels(convolution, average(), 768, 160)
        self.mixed6d = large_kernels(convolution, average(), 768, 160)
        self.mixed6e = large_kernels(convolution, average(), 768, 192)
        self.auxiliary = auxiliary_head(convolution, 768, num_classes) if auxiliary else None
        self.mixed7a = halve_17(convolution, 768)
        self.mixed7b = spread_kernels(convolution, average(), 1280)
        self.mixed7c = spread_kernels(convolution, average(), 2048)
        self.summary = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(2048, num_classes)

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"] | Logits:
        maps = self.pool1(self.conv3(self.conv2(self.conv1(inputs))))
        maps = self.pool2(self.conv5(self.conv4(maps)))
        maps = self.mixed5d(self.mixed5c(self.mixed5b(maps)))
        middle = self.mixed6e(self.mixed6d(self.mixed6c(self.mixed6b(self.mixed6a(maps)))))
        maps = self.mixed7c(self.mixed7b(self.mixed7a(middle)))
        logits: Tensor = self.output(self.dropout(self.flatten(self.summary(maps))))
        if self.training and self.auxiliary is not None:
            return Logits(logits, torch.stack([self.auxiliary(middle)]))
        return logits


def small_kernels(convolution: Convolution, average: nn.Module, channels: int, pooled: int) -> Branches:
    """At 35×35: 5×5, and 5×5 as two 3×3 (figure 5)."""
    return Branches(
        one=convolution(channels, 64, 1),
        five=nn.Sequential(convolution(channels, 48, 1), convolution(48, 64, 5)),
        two_threes=nn.Sequential(convolution(channels, 64, 1), convolution(64, 96, 3), convolution(96, 96, 3)),
        pooled=nn.Sequential(average, convolution(channels, pooled, 1)),
    )


def halve_35(convolution: Convolution, channels: int) -> Branches:
    """From 35×35 to 17×17 (figure 10)."""
    return Branches(
        three=convolution(channels, 384, 3, 2, padding=0),
        two_threes=nn.Sequential(
            convolution(channels, 64, 1), convolution(64, 96, 3), convolution(96, 96, 3, 2, padding=0)
        ),
        pooled=nn.MaxPool2d(3, 2),
    )


def large_kernels(convolution: Convolution, average: nn.Module, channels: int, width: int) -> Branches:
    """At 17×17: 7×7 as 1×7 and 7×1, and twice that (figure 6)."""
    return Branches(
        one=convolution(channels, 192, 1),
        seven=nn.Sequential(
            convolution(channels, width, 1), convolution(width, width, (1, 7)), convolution(width, 192, (7, 1))
        ),
        two_sevens=nn.Sequential(
            convolution(channels, width, 1),
            convolution(width, width, (7, 1)),
            convolution(width, width, (1, 7)),
            convolution(width, width, (7, 1)),
            convolution(width, 192, (1, 7)),
        ),
        pooled=nn.Sequential(average, convolution(channels, 192, 1)),
    )


def halve_17(convolution: Convolution, channels: int) -> Branches:
    """From 17×17 to 8×8."""
    return Branches(
        three=nn.Sequential(convolution(channels, 192, 1), convolution(192, 320, 3, 2, padding=0)),
        seven_three=nn.Sequential(
            convolution(channels, 192, 1),
            convolution(192, 192, (1, 7)),
            convolution(192, 192, (7, 1)),
            convolution(192, 192, 3, 2, padding=0),
        ),
        pooled=nn.MaxPool2d(3, 2),
    )


def spread_kernels(convolution: Convolution, average: nn.Module, channels: int) -> Branches:
    """At 8×8: 1×3 and 3×1 side by side (figure 7)."""

    def spread() -> Branches:
        return Branches(flat=convolution(384, 384, (1, 3)), tall=convolution(384, 384, (3, 1)))

    return Branches(
        one=convolution(channels, 320, 1),
        three=nn.Sequential(convolution(channels, 384, 1), spread()),
        two_threes=nn.Sequential(convolution(channels, 448, 1), convolution(448, 384, 3), spread()),
        pooled=nn.Sequential(average, convolution(channels, 192, 1)),
    )


def auxiliary_head(convolution: Convolution, channels: int, num_classes: int) -> nn.Sequential:
    """Average of 5×5 in steps of 3, two convolutions, average, logits (figure 8)."""
    return nn.Sequential(
        nn.AvgPool2d(5, 3),
        convolution(channels, 128, 1),
        convolution(128, 768, 5, padding=0),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(768, num_classes),
    )
