"""NASNet-A.

Notable features:
- two cells, found by search on small images: one keeps the size, one halves it; the network repeats them
- each cell sees the outputs of the two cells before it
- inside, separable convolutions and 3×3 poolings, added in pairs; all that is left over is concatenated
- 5,289,978 parameters (Mobile), 88,753,150 (Large); Keras counts 5,326,716 and 88,949,818
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from profond.core.config import Count, Share
from profond.models import register_model
from profond.models.shape import check_classes, check_input
from profond.nn.convolution import ConvNorm, SamePadding, batch_norm, start_convolution
from profond.nn.separable import SeparableNorm

NORM: dict[str, Any] = {"epsilon": 1e-3, "momentum": 0.0003}  # TensorFlow's momentum of 0.9997


@register_model("nasnet_mobile", penultimate=1056, cells=4, stem_channels=32, skip_reduction=False)
@register_model("nasnet_large", penultimate=4032, cells=6, stem_channels=96, skip_reduction=True)
class NASNet(nn.Module):
    """NASNet-A: cells found by search, 5.3 million (Mobile, 224 pixels) or 89 million parameters (Large, 331 pixels).

    Args:
        input_shape: (channels, height, width); 19×19 pixels or more.
        num_classes: number of logits.
        penultimate: channels before the output, a multiple of 96 (24 times 2²).
        cells: normal cells in each of the three groups. The paper writes NASNet-A (cells @ penultimate).
        stem_channels: of the first convolution.
        skip_reduction: what the first cell after a halving sees as the cell before last: the halving's own second
            input (True, Large), or its first (False, Mobile).
        dropout: before the output, in [0, 1).

    Raises: ConfigError for too small an image, or an impossible setting.

    Source: B. Zoph, V. Vasudevan, J. Shlens, Q. Le, Learning transferable architectures for scalable image
        recognition, CVPR 2018, figure 4 and appendix A; details that the paper leaves open are Keras's. Deviations:
        no auxiliary output and no dropped paths in training.
    """

    example_shape = (3, 32, 32)
    head = "output"

    def __init__(
        self,
        input_shape: tuple[int, ...] = (3, 224, 224),
        num_classes: int = 1000,
        penultimate: Annotated[Count, Field(multiple_of=96)] = 1056,
        cells: Count = 4,
        stem_channels: Count = 32,
        skip_reduction: bool = False,
        dropout: Share = 0.0,
    ) -> None:
        super().__init__()
        check_classes("nasnet", num_classes)
        # NOTE under 19 pixels the last halving would find a single one and change nothing.
        check_input("nasnet", input_shape, 2, smallest=19)
        self.stem = ConvNorm(input_shape[0], stem_channels, 3, 2, padding=0, activation=None, **NORM)
        self.cells = nn.Sequential()
        self.skips: list[bool] = []
        last, before, halved = stem_channels, stem_channels, False
        for name, reduces, filters, skips in plan(penultimate // 24, cells, skip_reduction):
            cell: NormalCell | ReductionCell
            if reduces:
                # The first cell of all sees the stem twice, and takes it as it is.
                cell = ReductionCell(last, before, filters, halved, adjusted=len(self.cells) > 0)
            else:
                cell = NormalCell(last, before, filters, halved)
            self.cells.add_module(name, cell)
            self.skips.append(skips)
            last, before, halved = cell.out_channels, before if skips else last, reduces
        self.activation = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(last, num_classes)
        self.stages = ("stem", *(f"cells.{name}" for name, _ in self.cells.named_children()), "activation")

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        last = before = self.stem(inputs)
        for cell, skips in zip(self.cells, self.skips, strict=True):
            last, before = cell(last, before), before if skips else last
        logits: Tensor = self.output(self.dropout(self.flatten(self.pool(self.activation(last)))))
        return logits


def plan(width: int, cells: int, skip_reduction: bool) -> Iterator[tuple[str, bool, int, bool]]:
    """Each cell: its name, whether it halves, its filters, and whether the next one looks past its input."""
    yield "reduction1", True, width // 4, False
    yield "reduction2", True, width // 2, False
    for group in range(3):
        if group:
            yield f"reduction{group + 2}", True, width * 2**group, skip_reduction
        for index in range(cells):
            yield f"normal{group * cells + index + 1}", False, width * 2**group, False


class NormalCell(nn.Module):
    """Keeps the size. Source: figure 4, left.

    Args:
        last_channels: of the cell before.
        before_channels: of the cell before that.
        filters: of each operation; six of them are concatenated.
        halved: whether the cell before halved the size, so that the one before it is twice as large.
    """

    def __init__(self, last_channels: int, before_channels: int, filters: int, halved: bool) -> None:
        super().__init__()
        self.out_channels = 6 * filters
        self.adjust = adjustment(before_channels, filters, halved)
        self.squeeze = Projection(last_channels, filters)
        self.left1 = separable_pair(filters, filters, 5)
        self.right1 = separable_pair(filters, filters, 3)
        self.left2 = separable_pair(filters, filters, 5)
        self.right2 = separable_pair(filters, filters, 3)
        self.average = nn.AvgPool2d(3, 1, 1, count_include_pad=False)
        self.left5 = separable_pair(filters, filters, 3)

    def forward(self, last: Float[Tensor, "n c h w"], before: Float[Tensor, "n c2 h2 w2"]) -> Float[Tensor, "n d h w"]:
        before, last = self.adjust(before), self.squeeze(last)
        first = self.left1(last) + self.right1(before)
        second = self.left2(before) + self.right2(before)
        third = self.average(last) + before
        fourth = 2 * self.average(before)
        fifth = self.left5(last) + last
        return torch.cat([before, first, second, third, fourth, fifth], 1)


class ReductionCell(nn.Module):
    """Halves the size, rounding up. Source: figure 4, right.

    Args:
        last_channels, before_channels, filters, halved: as in NormalCell; four are concatenated.
        adjusted: False takes the cell before last as it is.
    """

    def __init__(
        self, last_channels: int, before_channels: int, filters: int, halved: bool, adjusted: bool = True
    ) -> None:
        super().__init__()
        self.out_channels = 4 * filters
        self.adjust = adjustment(before_channels, filters, halved) if adjusted else nn.Identity()
        self.squeeze = Projection(last_channels, filters)
        channels = filters if adjusted else before_channels
        self.left1 = separable_pair(filters, filters, 5, 2)
        self.right1 = separable_pair(channels, filters, 7, 2)
        # NOTE zeros around maps that may be negative: as in the published network, the maximum sees them too.
        self.padding = SamePadding(3, 2)
        self.maximum = nn.MaxPool2d(3, 2)
        self.right2 = separable_pair(channels, filters, 7, 2)
        self.average = nn.AvgPool2d(3, 2)
        self.right3 = separable_pair(channels, filters, 5, 2)
        self.left4 = nn.AvgPool2d(3, 1, 1, count_include_pad=False)
        self.left5 = separable_pair(filters, filters, 3)

    def forward(
        self, last: Float[Tensor, "n c h w"], before: Float[Tensor, "n c2 h2 w2"]
    ) -> Float[Tensor, "n d h3 w3"]:
        before, last = self.adjust(before), self.squeeze(last)
        padded = self.padding(last)
        largest = self.maximum(padded)
        first = self.left1(last) + self.right1(before)
        second = largest + self.right2(before)
        third = self.average(padded) + self.right3(before)
        fourth = second + self.left4(first)
        fifth = self.left5(first) + largest
        return torch.cat([second, third, fourth, fifth], 1)


class Projection(nn.Sequential):
    """ReLU, 1×1 convolution, BatchNorm. The ReLU is not in place: others see the same maps."""

    def __init__(self, channels: int, filters: int) -> None:
        convolution = nn.Conv2d(channels, filters, 1, bias=False)
        start_convolution(convolution)
        super().__init__(
            OrderedDict(activation=nn.ReLU(), convolution=convolution, norm=batch_norm(filters, **NORM)),
        )


class Halving(nn.Module):
    """Every second pixel, and every second pixel from the next one on (zeros beyond the border), each to half the maps.

    Args:
        channels: of the input.
        filters: of the output, an even number.
    """

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.activation = nn.ReLU()
        self.even = nn.Conv2d(channels, filters // 2, 1, bias=False)
        self.odd = nn.Conv2d(channels, filters // 2, 1, bias=False)
        self.norm = batch_norm(filters, **NORM)
        start_convolution(self.even)
        start_convolution(self.odd)

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h2 w2"]:
        maps = self.activation(inputs)
        shifted = F.pad(maps, (0, 1, 0, 1))[:, :, 1::2, 1::2]
        normalised: Tensor = self.norm(torch.cat([self.even(maps[:, :, ::2, ::2]), self.odd(shifted)], 1))
        return normalised


def adjustment(channels: int, filters: int, halved: bool) -> nn.Module:
    """Brings the cell before last to the size and width of the others."""
    if halved:
        return Halving(channels, filters)
    return nn.Identity() if channels == filters else Projection(channels, filters)


def separable_pair(channels: int, filters: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """ReLU, separable convolution, BatchNorm, twice; the first has the stride. Source: appendix A.4."""
    return nn.Sequential(
        OrderedDict(
            activation=nn.ReLU(),
            first=SeparableNorm(channels, filters, kernel, stride, padding="same", **NORM),
            second=SeparableNorm(filters, filters, kernel, activation=None, **NORM),
        )
    )
