"""A fully convolutional network on a picture of any size, tile by tile, as if it had seen the whole at once.

Notable features:
- an instance norm needs mean and variance of the whole map, which need what all layers before it make of the whole: so
  the network is cut into segments; each is run over all tiles once for each of its norms, and once more for its result
- between segments the whole map is kept, where it fits into the memory that is allowed; where it does not, the segments
  on its two sides are one, and some layers are computed again
- tiles overlap by as much as a pixel reaches through a segment, so that what borders between them do is thrown away
- a network that is a chain of parts is cut between any two; another one is one segment, and as slow as it has norms
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.nn.chain import Step, chain, sizes
from profond.nn.whole_norm import Enough, KnownMoments, Moments

TILE = 512
"""Pixels of a side."""
MEMORY = 1 << 30
"""Bytes for whole maps, where nobody says otherwise."""
_TENSORS = 4
"""Maps of the largest size that are there at one time while a network is run: in, out, and what a convolution needs."""


class Segment(NamedTuple):
    """Steps that are run together on each tile.

    Args:
        shrunk: by how much their input is smaller than the picture.
        reach: pixels of their input, on each side, that a number of their result may depend on.
    """

    steps: tuple[Step, ...]
    shrunk: float
    reach: int

    @property
    def norms(self) -> int:
        return sum(step.norms for step in self.steps)

    def run(self, maps: Tensor) -> Tensor:
        for step in self.steps:
            maps = step.module(maps)
        return maps


class Box(NamedTuple):
    """A part of a map: its first row and column, and those behind the last."""

    top: int
    left: int
    bottom: int
    right: int

    def of(self, maps: Tensor) -> Tensor:
        return maps[..., self.top : self.bottom, self.left : self.right]

    def times(self, scale: float) -> Box:
        return Box(*(round(edge * scale) for edge in self))

    def around(self, border: int, maps: Tensor) -> Box:
        """The box with a border, as far as there is a map."""
        bottom, right = min(maps.shape[2], self.bottom + border), min(maps.shape[3], self.right + border)
        return Box(max(0, self.top - border), max(0, self.left - border), bottom, right)

    def inside(self, other: Box) -> Box:
        """The same place, counted from another box's corner."""
        return Box(self.top - other.top, self.left - other.left, self.bottom - other.top, self.right - other.left)


class Tiles:
    """A network, ready to be run on pictures as a whole or part by part.

    Args:
        network: in eval mode; pictures (1, c, h, w) in, pictures of the same height and width out.
        channels: of the pictures that go in.

    Raises: ConfigError when what comes out has another size than what goes in.
    """

    def __init__(self, network: nn.Module, channels: int) -> None:
        self.network, self.channels = network, channels
        self.device = next((one.device for one in network.parameters()), torch.device("cpu"))
        self.sizes = sizes(network, channels)
        self._steps: list[Step] = []

    @property
    def multiple(self) -> int:
        """What the sides of a picture are multiples of."""
        return self.sizes.multiple

    def needed(self, height: int, width: int) -> int:
        """Bytes that a picture needs while it goes through as a whole."""
        return 4 * _TENSORS * self.sizes.largest * height * width

    def count(self, height: int, width: int, tile: int = TILE) -> int:
        """Into how many tiles a picture is cut."""
        return len(list(self._boxes(height, width, tile)))

    @torch.inference_mode()
    def whole(self, picture: Tensor, prepare: Callable[[Tensor], Tensor], finish: Callable[[Tensor], Tensor]) -> Tensor:
        """As `run`, in one part."""
        return finish(self.network(prepare(picture[None].to(self.device))))[0].cpu()

    @torch.inference_mode()
    def run(
        self,
        picture: Tensor,
        prepare: Callable[[Tensor], Tensor],
        finish: Callable[[Tensor], Tensor],
        *,
        tile: int = TILE,
        memory: int = MEMORY,
        progress: Callable[[float], object] = lambda share: None,
    ) -> Tensor:
        """What the network makes of a picture (c, h, w), whose sides are multiples of ``multiple``: (c, h, w).

        Args:
            prepare: from a part (1, c, h, w) of the picture to what the network takes.
            finish: from what the network gives to what is kept.
            tile: pixels of a side, without what overlaps.
            memory: bytes that whole maps may take, beside picture and result.
            progress: called with the share of all the work that was done since it was last called.

        Raises: ConfigError for a network in which each pixel depends on all others, but for its instance norms.
        """
        height, width = picture.shape[1:]
        segments = self.segments(height, width, memory)
        rounds = sum(segment.norms + 1 for segment in segments)
        boxes = list(self._boxes(height, width, tile))
        maps = picture[None]
        for number, segment in enumerate(segments):
            part = _Parts(
                segment,
                maps,
                self.multiple,
                self.device,
                prepare if number == 0 else None,
                finish if number == len(segments) - 1 else None,
            )
            known: list[Moments] = []
            for _ in range(segment.norms):
                known.append(part.measured(boxes, known))
                progress(1 / rounds)
            result: Tensor | None = None
            for box in boxes:
                made, place = part.made(box, known)
                if result is None:
                    size = (round(height / place.shrunk), round(width / place.shrunk))
                    result = made.new_empty((1, made.shape[1], *size), device="cpu" if part.finish else self.device)
                place.box.of(result).copy_(made)
                progress(1 / rounds / len(boxes))
            assert result is not None
            maps = result
        return maps[0]

    def segments(self, height: int, width: int, memory: int = MEMORY) -> list[Segment]:
        """The network for pictures of one size, cut before what has norms, where the map fits. Raises: ConfigError."""
        self._steps = self._steps or chain(self.network, self.channels)
        found: list[Segment] = []
        waiting: list[Step] = []
        start = before = 1.0
        reach = 0.0
        for step, following in zip(self._steps, [*self._steps[1:], None], strict=True):
            waiting.append(step)
            reach += step.reach * before / start
            before = step.shrunk
            fits = 2 * 4 * step.channels * height * width / step.shrunk**2 <= memory
            if following is None or (step.exact and fits and following.norms):
                found.append(Segment(tuple(waiting), start, math.ceil(reach)))
                waiting, start, reach = [], step.shrunk, 0.0
        return found

    def _boxes(self, height: int, width: int, tile: int) -> Iterator[Box]:
        """Tiles of nearly one size that begin at multiples."""
        rows, columns = (_edges(side, tile, self.multiple) for side in (height, width))
        for top, bottom in pairwise(rows):
            for left, right in pairwise(columns):
                yield Box(top, left, bottom, right)


class _Place(NamedTuple):
    box: Box
    shrunk: float


class _Parts:
    """One segment, and the map that it is run on, part by part. Boxes are those of the picture."""

    def __init__(
        self,
        segment: Segment,
        maps: Tensor,
        multiple: int,
        device: torch.device,
        prepare: Callable[[Tensor], Tensor] | None,
        finish: Callable[[Tensor], Tensor] | None,
    ) -> None:
        self.segment, self.maps, self.device = segment, maps, device
        self.prepare, self.finish = prepare, finish
        aligned = max(1, round(multiple / segment.shrunk))
        self.border = -(-segment.reach // aligned) * aligned

    def measured(self, boxes: Sequence[Box], known: Sequence[Moments]) -> Moments:
        """Of the first norm that is not known, over all boxes."""
        moments = Moments()
        for box in boxes:
            part, core = self._cut(box)

            def take(maps: Tensor, part: Tensor = part, core: Box = core) -> None:
                moments.add(core.times(_scale(part, maps)).of(maps))

            with torch.inference_mode(), KnownMoments(known, take):
                try:
                    self.segment.run(part)
                except Enough:
                    continue
        return moments

    def made(self, box: Box, known: Sequence[Moments]) -> tuple[Tensor, _Place]:
        """What a box becomes, without its border, and where that stands."""
        part, core = self._cut(box)
        with KnownMoments(known):
            made = self.segment.run(part)
        scale = _scale(part, made)
        shrunk = self.segment.shrunk / scale
        inner = core.times(scale).of(made)
        return inner if self.finish is None else self.finish(inner), _Place(box.times(1 / shrunk), shrunk)

    def _cut(self, box: Box) -> tuple[Tensor, Box]:
        """The part with its border, as a tensor of its own, and where the box is in it."""
        core = box.times(1 / self.segment.shrunk)
        outer = core.around(self.border, self.maps)
        part = outer.of(self.maps).to(self.device, copy=True)
        return part if self.prepare is None else self.prepare(part), core.inside(outer)


def _edges(side: int, tile: int, multiple: int) -> list[int]:
    count = max(1, min(-(-side // tile), side // multiple))
    return [round(side / multiple * number / count) * multiple for number in range(count)] + [side]


def _scale(part: Tensor, made: Tensor) -> float:
    """How much larger a map is than the part that it was made of. Raises: ConfigError where it has a border as well."""
    scale = made.shape[3] / part.shape[3]
    if scale != made.shape[2] / part.shape[2] or not math.log2(scale).is_integer():
        raise ConfigError(
            "this network has a norm where its map has a border, so that no part can be translated alone",
            "make the picture smaller",
        )
    return scale
