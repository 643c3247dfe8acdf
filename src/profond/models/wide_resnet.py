"""Wide ResNet: few residual blocks with many maps each, for small pictures.

Notable features:
- BatchNorm and ReLU before each convolution, and dropout between the two of a block
- three stages whose widths are multiples of 16, 32 and 64: width instead of depth
- a small one, WRN-10-2, has 307,963 parameters with 43 classes
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from profond.core.config import Count, Share
from profond.core.errors import ConfigError
from profond.models import register_model
from profond.models.shape import check_classes, check_input
from profond.nn.convolution import batch_norm, centred_convolution

WIDTHS = (16, 32, 64)


@register_model("wide_resnet")
class WideResNet(nn.Module):
    """Wide ResNet for small pictures: WRN-10-2 unless other numbers are given.

    Args:
        input_shape: (channels, height, width); one pixel or more.
        num_classes: number of logits.
        depth: 6 n + 4, where n is the number of blocks in each of the three stages.
        widen: by how much the maps of each stage are multiplied: 16, 32 and 64 of them times this.
        stem_stride: of the first convolution; the paper has 1, for 32×32. With 2, the blocks see maps of half the side.
        dropout: between the two convolutions of a block, in [0, 1).

    Raises: ConfigError for an impossible setting.

    Source: S. Zagoruyko, N. Komodakis, Wide residual networks, BMVC 2016, table 1. Deviation: ``stem_stride``.
    """

    example_shape: ClassVar[tuple[int, ...]] = (3, 48, 48)
    stages = ("stem", "body.stage1", "body.stage2", "body.stage3", "last")
    head = "output"

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        depth: Count = 10,
        widen: Count = 2,
        stem_stride: Literal[1, 2] = 1,
        dropout: Share = 0.0,
    ) -> None:
        super().__init__()
        check_input("wide_resnet", input_shape, 2)
        check_classes("wide_resnet", num_classes)
        if depth < 10 or (depth - 4) % 6:
            raise ConfigError(f"wide_resnet cannot have a depth of {depth}", "give 6 n + 4: 10, 16, 22, 28, …")
        channels = WIDTHS[0]
        self.stem = centred_convolution(input_shape[0], channels, 3, stem_stride)
        self.body = nn.Sequential()
        for index, width in enumerate(WIDTHS):
            stage = nn.Sequential()
            for number in range((depth - 4) // 6):
                stage.append(Block(channels, widen * width, 2 if index > 0 and number == 0 else 1, dropout))
                channels = widen * width
            self.body.add_module(f"stage{index + 1}", stage)
        self.last = nn.Sequential(batch_norm(channels), nn.ReLU(inplace=True))
        self.average = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.output = nn.Linear(channels, num_classes)

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        logits: Tensor = self.output(self.flatten(self.average(self.last(self.body(self.stem(inputs))))))
        return logits


class Block(nn.Module):
    """Normalised, 3×3, normalised, dropout, 3×3; added to the input, or to a 1×1 convolution of what was normalised.

    Args:
        channels, width: maps that come in, and that go out.
        stride: of the first convolution.
        dropout: before the second.
    """

    def __init__(self, channels: int, width: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.norm = batch_norm(channels)
        self.branch = nn.Sequential(
            centred_convolution(channels, width, 3, stride),
            batch_norm(width),
            nn.ReLU(inplace=True),
            *([nn.Dropout(dropout)] if dropout else []),
            centred_convolution(width, width, 3),
        )
        self.shortcut = centred_convolution(channels, width, 1, stride) if stride > 1 or channels != width else None

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h2 w2"]:
        normalised = F.relu(self.norm(inputs), inplace=True)
        maps: Tensor = self.branch(normalised) + (inputs if self.shortcut is None else self.shortcut(normalised))
        return maps
