"""Xception: the Inception idea taken to its end, one path for each channel.

Notable features:
- every convolution but the first two is separable: channels are filtered alone, then mixed by a 1×1 convolution
- twelve residual blocks of two or three of them, with the activation first
- no activation between the two halves of a separable convolution: there it does harm (figure 10 of the paper)
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar, Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from profond.core.config import Share
from profond.models import register_model
from profond.models.shape import check_classes, check_input
from profond.nn.convolution import ConvNorm
from profond.nn.separable import SeparableNorm


@register_model("xception")
class Xception(nn.Module):
    """Xception: 22,910,480 parameters at 1,000 classes as Keras counts; images of 299×299.

    Args:
        input_shape: (channels, height, width); 7×7 pixels or more (Keras asks for 71×71).
        num_classes: number of logits.
        dropout: before the logits, in [0, 1). Keras has none; the paper leaves out half on ImageNet.
        padding: of the poolings with stride 2. ``"same"`` is TensorFlow's, as in Keras: a side of even length is
            extended on the right and below only. ``"torch"`` extends all sides, as in weights converted for PyTorch.
        norm_epsilon, norm_momentum: BatchNorm's; Keras's momentum is 0.99 in its own sense.

    Raises: ConfigError for an image that the first two convolutions would use up.

    Source: F. Chollet, Xception: deep learning with depthwise separable convolutions, CVPR 2017, figure 5. Deviations,
        both Keras's: a BatchNorm in each residual connection; no dropout.
    """

    example_shape: ClassVar[tuple[int, ...]] = (3, 32, 32)
    stages = (
        *("conv1", "conv2", "entry.0", "entry.1", "entry.2"),
        *(f"middle.{number}" for number in range(8)),
        *("exit.0", "exit.1", "exit.2"),
    )
    head = "output"

    def __init__(
        self,
        input_shape: tuple[int, ...] = (3, 299, 299),
        num_classes: int = 1000,
        dropout: Share = 0.0,
        padding: Literal["torch", "same"] = "same",
        norm_epsilon: float = 1e-3,
        norm_momentum: float = 0.01,
    ) -> None:
        super().__init__()
        check_input("xception", input_shape, 2, smallest=7)
        check_classes("xception", num_classes)
        norm: dict[str, Any] = {"epsilon": norm_epsilon, "momentum": norm_momentum}
        self.conv1 = ConvNorm(input_shape[0], 32, 3, 2, padding=0, **norm)
        self.conv2 = ConvNorm(32, 64, 3, padding=0, **norm)
        self.entry = nn.Sequential(
            Block([64, 128, 128], padding, norm, activated=True),
            Block([128, 256, 256], padding, norm),
            Block([256, 728, 728], padding, norm),
        )
        self.middle = nn.Sequential(*(Block([728, 728, 728, 728], None, norm) for _ in range(8)))
        self.exit = nn.Sequential(
            Block([728, 728, 1024], padding, norm), SeparableNorm(1024, 1536, **norm), SeparableNorm(1536, 2048, **norm)
        )
        self.summary = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(2048, num_classes)

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        maps = self.exit(self.middle(self.entry(self.conv2(self.conv1(inputs)))))
        logits: Tensor = self.output(self.dropout(self.flatten(self.summary(maps))))
        return logits


class Block(nn.Module):
    """ReLU and separable convolution in turn, added to what came in.

    Args:
        widths: channels that come in, then those of each convolution.
        padding: of the pooling that halves the maps at the end; with it, what came in passes a 1×1 convolution with
            stride 2. None keeps the size, and adds what came in as it is.
        norm: BatchNorm's epsilon and momentum.
        activated: what comes in has passed a ReLU, so that the first one is left out.
    """

    def __init__(
        self,
        widths: list[int],
        padding: Literal["torch", "same"] | None,
        norm: dict[str, Any],
        activated: bool = False,
    ) -> None:
        super().__init__()
        self.shortcut = (
            ConvNorm(widths[0], widths[-1], 1, 2, activation=None, **norm) if padding is not None else nn.Identity()
        )
        self.body = nn.Sequential()
        for channels, width in pairwise(widths):
            first = not len(self.body)
            if not (first and activated):
                # NOTE The first must not work in place: what came in is added at the end as it came.
                self.body.append(nn.ReLU(inplace=not first))
            self.body.append(SeparableNorm(channels, width, activation=None, **norm))
        if padding is not None:
            self.body.append(HalvingPool() if padding == "same" else nn.MaxPool2d(3, 2, padding=1))

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c2 h2 w2"]:
        shortcut = self.shortcut(maps)
        total: Tensor = shortcut + self.body(maps)
        return total


class HalvingPool(nn.Module):
    """Max pooling over 3×3 with stride 2 and TensorFlow's padding, without a padded copy.

    A side of odd length is extended by one at both ends, one of even length at the end only, which is what counting
    incomplete windows does.
    """

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
        height, width = maps.shape[-2:]
        pooled: Tensor = F.max_pool2d(maps, 3, 2, padding=(height % 2, width % 2), ceil_mode=True)
        return pooled
