"""Small convolutional networks for signals, images and clips.

Notable features:
- one network in one, two or three dimensions; only the kind of convolution changes
- each stage: convolution that keeps the size, BatchNorm, ReLU, max pooling
- the dilation can differ from stage to stage, for a wider view at the same cost
- global average pooling before the output, or flattening, which keeps where things are
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.models import register_model
from profond.models.shape import check_classes, check_input, check_positive

CONVOLUTION: dict[int, type[nn.Module]] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
NORMALISATION: dict[int, type[nn.Module]] = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
POOLING: dict[int, type[nn.Module]] = {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d}
AVERAGE: dict[int, type[nn.Module]] = {1: nn.AdaptiveAvgPool1d, 2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d}


@register_model("convnet1d", dimensions=1, widths=[16, 32, 64], kernel=9, pool=4)
@register_model("convnet2d", dimensions=2, widths=[16, 32, 64], kernel=3, pool=2)
@register_model("convnet3d", dimensions=3, widths=[16, 32, 64], kernel=3, pool=2)
class ConvNet(nn.Module):
    """Small convolutional network, in one, two or three dimensions.

    Args:
        input_shape: channels first: (c, t), (c, h, w) or (c, t, h, w). In one dimension an image or a clip is read
            as a signal, one row of pixels after the other.
        num_classes: number of logits.
        dimensions: 1, 2 or 3.
        widths: channels of each stage.
        kernel: odd length of a kernel's side.
        dilation: distance between a kernel's taps: one number, or one for each stage.
        pool: side of the max pooling that ends each stage; 1 is none.
        batch_norm: BatchNorm between convolution and ReLU.
        summary: ``"average"`` over all positions, or ``"flatten"``.

    Raises: ConfigError for an input that the poolings would use up, or an impossible setting.
    """

    head = "output"

    @staticmethod
    def example_shape(dimensions: int, widths: Sequence[int], pool: int, **settings: Any) -> tuple[int, ...]:
        """A small input for these settings."""
        return (1, *[2 * pool ** len(widths)] * dimensions)

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        dimensions: Literal[1, 2, 3] = 2,
        widths: tuple[int, ...] = (16, 32, 64),
        kernel: int = 3,
        dilation: int | tuple[int, ...] = 1,
        pool: int = 2,
        batch_norm: bool = True,
        summary: Literal["average", "flatten"] = "average",
    ) -> None:
        super().__init__()
        name = f"convnet{dimensions}d"
        dilations = (dilation,) * len(widths) if isinstance(dilation, int) else tuple(dilation)
        check_settings(name, widths, kernel, dilations, pool)
        check_classes(name, num_classes)
        channels, *sides = input_shape or (0,)
        if dimensions == 1 and len(sides) > 1:
            check_positive(name, input_shape)
            sides = [math.prod(sides)]
        smallest = pool ** len(widths)
        check_input(name, (channels, *sides), dimensions, smallest, _shorter(sides, len(widths), smallest))

        self.signal = nn.Flatten(2) if dimensions == 1 and len(input_shape) > 2 else nn.Identity()
        self.body = nn.Sequential()
        for width, distance in zip(widths, dilations, strict=True):
            padding = distance * (kernel - 1) // 2
            convolution = CONVOLUTION[dimensions](
                channels, width, kernel, padding=padding, dilation=distance, bias=not batch_norm
            )
            stage = nn.Sequential(convolution)
            if batch_norm:
                stage.append(NORMALISATION[dimensions](width))
            stage.append(nn.ReLU())
            if pool > 1:
                stage.append(POOLING[dimensions](pool))
            self.body.append(stage)
            channels = width
            sides = [side // pool for side in sides]
        self.summary = AVERAGE[dimensions](1) if summary == "average" else nn.Identity()
        self.flatten = nn.Flatten()
        features = channels if summary == "average" else channels * math.prod(sides)
        self.output = nn.Linear(features, num_classes)
        self.stages = tuple(f"body.{index}" for index in range(len(widths)))

    def forward(self, inputs: Float[Tensor, "n c ..."]) -> Float[Tensor, "n k"]:
        logits: Tensor = self.output(self.flatten(self.summary(self.body(self.signal(inputs)))))
        return logits


def _shorter(sides: Sequence[int], stages: int, smallest: int) -> str:
    """What to do about a series that the poolings would use up."""
    if len(sides) != 1:
        return ""
    fits = max(size for size in range(1, max(2, smallest)) if size == 1 or size**stages <= sides[0])
    return f"; `train --set pool={fits}` pools less, `train --set data.length={smallest}` makes your own series longer"


def check_settings(name: str, widths: Sequence[int], kernel: int, dilations: Sequence[int], pool: int) -> None:
    """Raises: ConfigError for a network that cannot be built."""
    if not widths or min(widths) < 1:
        raise ConfigError(f"{name} cannot have widths {list(widths)}", "give at least one stage, each of 1 or more")
    if kernel < 1 or kernel % 2 == 0:
        raise ConfigError(f"kernel of {name} is {kernel}", "use an odd number, so that the size is kept")
    if len(dilations) != len(widths) or min(dilations) < 1:
        raise ConfigError(
            f"dilation of {name} is {list(dilations)} for {len(widths)} stages", "use one number, or one a stage"
        )
    if pool < 1:
        raise ConfigError(f"pool of {name} is {pool}", "use 1 (none), 2, 3 …")
