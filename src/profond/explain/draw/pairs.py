"""Before and after: pictures beside what became of them, on one sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from profond.core.lettering import FONT
from profond.explain.draw.drawing import DOTS, FAINT, INK, Panel, Sheet, fit, outline
from profond.explain.draw.mosaic import clipped

MOST = 48
"""Pairs on a sheet."""
_WIDE = 1040
_LARGEST, _SMALLEST = 360.0, 150.0
_BETWEEN, _GAP, _WORDS = 6, 30, 30


@dataclass(frozen=True)
class Pair:
    """A picture and what became of it, of one size; transparent places are shown white."""

    name: str
    before: Image.Image
    after: Image.Image

    def small(self) -> Pair:
        """The same, no larger than a sheet shows it."""
        side = round(2 * _LARGEST)
        return Pair(self.name, *(_thumbnail(image, side) for image in (self.before, self.after)))


def draw_pairs(pairs: Sequence[Pair], title: str, words: tuple[str, str], subtitle: str = "") -> Figure:
    """A sheet of pairs, each with its name below it.

    Args:
        pairs: at least one; of more than `MOST` the first.
        words: what the pictures are on the left and on the right, such as ``("photos", "drawings")``.
    """
    shown = [pair.small() for pair in pairs[:MOST]]
    columns = 1 if len(shown) == 1 else 2 if len(shown) <= 6 else 3
    box = min(_LARGEST, (_WIDE - _GAP * (columns - 1)) / columns / 2 - _BETWEEN)
    sizes = [fit(*pair.before.size, (max(_SMALLEST, box), box)) for pair in shown]
    across = max(wide for wide, _ in sizes)
    rows = [range(start, min(start + columns, len(shown))) for start in range(0, len(shown), columns)]
    heights = [max(sizes[place][1] for place in row) + _WORDS for row in rows]
    column = 2 * across + _BETWEEN
    width = columns * column + (columns - 1) * _GAP
    height = sum(heights) + _GAP * (len(rows) - 1)

    def draw(axes: Axes) -> None:
        top = 0.0
        for row, tall in zip(rows, heights, strict=True):
            for place in row:
                left = (place - row.start) * (column + _GAP)
                _draw_pair(axes, shown[place], left, top, sizes[place], across)
            top += tall + _GAP
        axes.set(xlim=(0, width), ylim=(height, 0), aspect="auto")

    sheet = Sheet(title, f"left: {words[0]}, as given; right: {words[1]}, as made of it. {subtitle}".rstrip())
    sheet.row(Panel(width, math.ceil(height), draw))
    return sheet.figure()


def _draw_pair(axes: Axes, pair: Pair, left: float, top: float, size: tuple[float, float], across: float) -> None:
    """The two pictures against each other's side, and their name below them, in the middle of their column."""
    wide, high = size
    for image, x in ((pair.before, left + across - wide), (pair.after, left + across + _BETWEEN)):
        target = (max(1, round(wide)), max(1, round(high)))
        grows = target[0] >= image.width and target[1] >= image.height
        picture = image.resize(target, Image.Resampling.NEAREST if grows else Image.Resampling.LANCZOS)
        axes.imshow(np.asarray(picture), extent=(x, x + wide, top + high, top), cmap="gray", vmin=0, vmax=255)
        outline(axes, x, top, wide, high, FAINT, 0.8)
    style: dict[str, Any] = {"fontsize": 13 * 72 / DOTS, "family": FONT, "va": "top", "ha": "center"}
    middle = left + across + _BETWEEN / 2
    text = clipped(pair.name, 2 * across, 13)
    axes.text(middle, top + high + 8, text, color=INK, parse_math=False, **style)


def _thumbnail(image: Image.Image, side: int) -> Image.Image:
    """At most so many pixels, in grey or colour, laid on white."""
    image = image.copy()
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", colours.size, "white"), colours)
    return image if image.mode == "L" else image.convert("RGB")
