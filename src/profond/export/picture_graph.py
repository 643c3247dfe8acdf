"""The preprocessing of pictures as a graph: of any size to what a network takes, each level as Pillow resizes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import PIL
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from profond.data.preprocessing import Preprocessing

_BITS = 22
"""Of the whole numbers that Pillow takes for weights: 1 is 2 to the 22nd."""


_TALL_FIRST = int(PIL.__version__.partition(".")[0]) >= 13
"""Whether Pillow resizes columns before rows where a picture loses far more of its height than of its width."""


class Normalised(nn.Module):
    """Raw samples (n, c, …) to what the network takes: `Preprocessing.normalise`, in a graph.

    Args:
        channels: of a sample.
    """

    outside: Tensor

    def __init__(self, preprocessing: Preprocessing, channels: int) -> None:
        super().__init__()
        self.standardise = preprocessing.standardise
        # NOTE which padding it is depends on numbers, and a graph must not ask: it is decided here.
        self.border = preprocessing.padding
        self.rest = replace(preprocessing, padding=0)
        outside = preprocessing.outside(channels)
        self.alike = float(outside[0]) if bool((outside == outside[0]).all()) else None
        self.register_buffer("outside", outside, persistent=False)

    def forward(self, raw: Tensor) -> Tensor:
        inputs = self.standardise(raw)
        border = (self.border,) * 4
        if self.border and self.alike is not None:
            inputs = nn.functional.pad(inputs, border, value=self.alike)
        elif self.border:
            outside = self.outside.view(1, -1, *(1,) * (inputs.ndim - 2))
            inputs = nn.functional.pad(inputs - outside, border) + outside
        return self.rest.arrange(inputs)

    def undone(self, inputs: Tensor) -> Tensor:
        """Raw samples that become these inputs; tokens as they are."""
        if not inputs.is_floating_point():
            return inputs
        offset = self.standardise(torch.zeros_like(inputs))
        return (inputs - offset) / (self.standardise(torch.ones_like(inputs)) - offset)


@dataclass(frozen=True)
class _Axis:
    """How one axis of a picture becomes one of another length; 0-dimensional float64 tensors.

    Args:
        low, high: the part of it that is taken.
        count: the pixels that this part becomes.
        first: where these begin in the result; what is before and after is background.
    """

    low: Tensor
    high: Tensor
    count: Tensor
    first: Tensor


class Resized(nn.Module):
    """Pictures uint8 (n, height, width, c) of any size to uint8 (n, c, h, w), each level that of Pillow.

    Two passes, over rows first, rounded to 8 bits between them. The weights of a pass are a matrix, made of the size
    when it is known; like Pillow's they are whole numbers, so that sums in float64 are exact in whatever order.

    Args:
        size: height and width of the result.
        how: ``"crop"``, ``"stretch"`` or ``"pad"``, as `profond.data.images.decoding.resize` has them.
        interpolation: ``"nearest"``, ``"bilinear"`` or ``"bicubic"``.
        crop: with ``"crop"``, the share of the sides that is kept.
        background: 0 to 255 for each channel, around what is padded; None is black.

    Source: Pillow, src/libImaging/Resample.c and Geometry.c, and ImageOps.fit, contain and pad.
    """

    wanted: Tensor
    bleed: Tensor
    background: Tensor

    def __init__(
        self,
        size: tuple[int, int],
        how: str,
        interpolation: str,
        crop: float = 1.0,
        background: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__()
        self.size, self.how, self.interpolation = size, how, interpolation
        self.whole = how != "crop" or crop == 1.0
        # NOTE constants are float64 tensors: a number in the code would become float32 in the graph.
        self.register_buffer("wanted", torch.tensor(size, dtype=torch.float64), persistent=False)
        self.register_buffer("bleed", torch.tensor((1 - crop) / 2, dtype=torch.float64), persistent=False)
        colour = torch.tensor(background or (0,), dtype=torch.uint8)
        self.register_buffer("background", colour.view(1, -1, 1, 1), persistent=False)

    def forward(self, pictures: UInt8[Tensor, "n height width c"]) -> UInt8[Tensor, "n c h w"]:
        planes = pictures.permute(0, 3, 1, 2)
        height, width = planes.shape[2:]
        if not self.whole:
            return self._resized(planes)
        same = (torch.tensor(height) == self.size[0]) & (torch.tensor(width) == self.size[1])
        return _either(same, self._untouched, self._resized, (planes,))

    def _untouched(self, planes: Tensor) -> Tensor:
        """Of pictures that have the size already; picked, for the graph must see which size it is."""
        rows, columns = (torch.arange(side, device=planes.device) for side in self.size)
        return planes.index_select(2, rows).index_select(3, columns) * 1

    def _resized(self, planes: Tensor) -> Tensor:
        height, width = (torch.scalar_tensor(side, dtype=torch.float64) for side in planes.shape[2:])
        down, across = self._axes(height, width)
        if self.interpolation == "nearest":
            found = planes.index_select(3, self._nearest(across, 1)).index_select(2, self._nearest(down, 0))
        else:
            before, after = self._weights(down, planes.shape[2], 0), self._weights(across, planes.shape[3], 1).mT
            tall = (height > down.count) & (height - down.count > 2 * (width - across.count))
            found = _either(tall & _TALL_FIRST, _down_first, _across_first, (planes.double(), before, after))
        if self.how != "pad":
            return found
        inside = self._inside(down, 0)[:, None] & self._inside(across, 1)
        return torch.where(inside, found, self.background)

    def _axes(self, height: Tensor, width: Tensor) -> tuple[_Axis, _Axis]:
        """Of the height and of the width."""
        high, wide = self.wanted.unbind()
        nothing = torch.zeros_like(height)
        if self.how == "stretch":
            return _Axis(nothing, height, high, nothing), _Axis(nothing, width, wide, nothing)
        if self.how == "pad":
            ratio, aim = width / height, wide / high
            rows = torch.where(ratio > aim, torch.round(height / width * wide), high)
            columns = torch.where(ratio < aim, torch.round(width / height * high), wide)
            top, left = torch.round((high - rows) * 0.5), torch.round((wide - columns) * 0.5)
            return _Axis(nothing, height, rows, top), _Axis(nothing, width, columns, left)
        side, end = self.bleed * width, self.bleed * height
        live_width, live_height = width - side * 2, height - end * 2
        ratio, aim = live_width / live_height, wide / high
        kept_width = torch.where(ratio > aim, aim * live_height, live_width)
        kept_height = torch.where(ratio < aim, live_width / aim, live_height)
        left, top = side + (live_width - kept_width) * 0.5, end + (live_height - kept_height) * 0.5
        return _cut(top, kept_height, high), _cut(left, kept_width, wide)

    def _places(self, axis: _Axis, number: int) -> Tensor:
        """Of each pixel of the result: which it is of those that the part becomes; outside of it, the nearest."""
        places = torch.arange(self.size[number], dtype=torch.float64) - axis.first
        return torch.minimum(places.clamp(min=0), (axis.count - 1).clamp(min=0))

    def _inside(self, axis: _Axis, number: int) -> Tensor:
        places = torch.arange(self.size[number], dtype=torch.float64) - axis.first
        return (places >= 0) & (places < axis.count)

    def _weights(self, axis: _Axis, length: int, number: int) -> Tensor:
        """What each pixel of the axis counts in each of the result (out, in), in 2 to the -22nd: whole numbers."""
        scale = (axis.high - axis.low) / axis.count.clamp(min=1)
        centres = axis.low + (self._places(axis, number) + 0.5) * scale
        pixels = torch.arange(length, dtype=torch.float64)
        distances = ((pixels - centres[:, None] + 0.5) * (1 / scale.clamp(min=1))).abs()
        shares = _bilinear(distances) if self.interpolation == "bilinear" else _bicubic(distances)
        shares = shares / shares.sum(1, keepdim=True) * 2**_BITS
        return torch.sign(shares) * torch.floor(shares.abs() + 0.5)

    def _nearest(self, axis: _Axis, number: int) -> Tensor:
        """Which pixel of the axis each one of the result is: int64."""
        step = (axis.high - axis.low) / axis.count.clamp(min=1)
        start = (axis.low + step * 0.5)[None]
        # NOTE added up one by one as Pillow does: a product would be rounded otherwise, and take another pixel.
        found = torch.cat((start, step.expand(self.size[number] - 1))).cumsum(0)
        return found.index_select(0, self._places(axis, number).long()).long()


class Prepared(nn.Module):
    """Pictures uint8 (n, height, width, c) to what a network takes: what decoding and `normalise` give in Python."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        super().__init__()
        assert preprocessing.mode is not None, "only images are prepared here"
        self.resize = (
            None
            if preprocessing.size is None or preprocessing.fixed_size
            else Resized(
                preprocessing.size,
                preprocessing.resize,
                preprocessing.interpolation,
                preprocessing.crop,
                preprocessing.background,
            )
        )
        self.normalise = Normalised(preprocessing, len(preprocessing.mode))

    def forward(self, pictures: UInt8[Tensor, "n height width c"]) -> Float[Tensor, "n c h w"]:
        planes = pictures.permute(0, 3, 1, 2) if self.resize is None else self.resize(pictures)
        prepared: Tensor = self.normalise(planes)
        return prepared


def _cut(first: Tensor, kept: Tensor, count: Tensor) -> _Axis:
    """Pillow takes the box of a part in float32, and its length as their difference."""
    low, high = first.float(), (first + kept).float()
    return _Axis(low.double(), low.double() + (high - low).double(), count, torch.zeros_like(first))


def _either(
    which: Tensor, yes: Callable[..., Tensor], no: Callable[..., Tensor], operands: tuple[Tensor, ...]
) -> Tensor:
    """A choice that a graph makes when it is computed.

    NOTE annotations that are checked while the tests run must not stand on what is called here: torch traces it.
    """
    if torch.compiler.is_compiling():
        chosen: Tensor = torch.cond(which, yes, no, operands)
        return chosen
    return yes(*operands) if bool(which) else no(*operands)  # else torch would compile anew for each size


def _across_first(levels: Tensor, down: Tensor, across: Tensor) -> Tensor:
    return _rounded(down @ _rounded(levels @ across)).to(torch.uint8)


def _down_first(levels: Tensor, down: Tensor, across: Tensor) -> Tensor:
    return _rounded(_rounded(down @ levels) @ across).to(torch.uint8)


def _rounded(sums: Tensor) -> Tensor:
    """Sums of levels times weights to levels, 0 to 255, still float64."""
    return torch.floor((sums + 2 ** (_BITS - 1)) / 2**_BITS).clamp(0, 255)


def _bilinear(distances: Tensor) -> Tensor:
    return (1 - distances).clamp(min=0)


def _bicubic(distances: Tensor) -> Tensor:
    near = (1.5 * distances - 2.5) * distances * distances + 1
    far = (((distances - 5) * distances + 8) * distances - 4) * -0.5
    return torch.where(distances < 1, near, torch.where(distances < 2, far, torch.zeros_like(far)))
