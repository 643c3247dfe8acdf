"""Many small pictures in one panel, each with a word or two below it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from PIL import Image

from profond.core.lettering import FONT, drawable, text_width, visible
from profond.explain.draw.colour_scale import Scale
from profond.explain.draw.drawing import DOTS, FAINT, INK, MUTED, Panel, colour_strip, fit, outline
from profond.explain.draw.numbers import Array

_GAP, _LINE = 14, 17


@dataclass(frozen=True)
class Tile:
    """One small picture.

    Args:
        image: any mode that Matplotlib shows.
        words: lines below it; the first is dark.
        frame: colour of a thick frame, or none.
    """

    image: Image.Image
    words: tuple[str, ...] = ()
    frame: str = ""


def mosaic(tiles: Sequence[Tile], columns: int, side: float, *, title: str = "", note: str = "") -> Panel:
    """Tiles from left to right, row by row, each fitted into a square of ``side`` pixels."""
    columns = max(1, min(columns, len(tiles)))
    lines = max((len(tile.words) for tile in tiles), default=0)
    down = side + lines * _LINE + (6 if lines else 0) + _GAP
    across = side + _GAP
    rows = math.ceil(len(tiles) / columns)
    width, height = columns * across - _GAP, rows * down - _GAP

    def draw(axes: Axes) -> None:
        axes.set(xlim=(0, width), ylim=(height, 0))
        for position, tile in enumerate(tiles):
            left, top = position % columns * across, position // columns * down
            wide, tall = fit(*tile.image.size, (side, side))
            x, y = left + (side - wide) / 2, top + (side - tall) / 2
            colour = tile.image if tile.image.mode in ("RGB", "L") else tile.image.convert("RGB")
            target = (max(1, round(wide)), max(1, round(tall)))
            grows = target[0] >= colour.width and target[1] >= colour.height
            shown = colour.resize(target, Image.Resampling.NEAREST if grows else Image.Resampling.LANCZOS)
            axes.imshow(np.asarray(shown), extent=(x, x + wide, y + tall, y), cmap="gray", vmin=0, vmax=255)
            outline(axes, x, y, wide, tall, tile.frame or FAINT, 2.5 if tile.frame else 0.8)
            for index, words in enumerate(tile.words):
                style: dict[str, Any] = {"fontsize": 12 * 72 / DOTS, "family": FONT, "va": "top", "ha": "center"}
                text = clipped(words, side + _GAP - 4)
                y_text = top + side + 5 + _LINE * index
                axes.text(left + side / 2, y_text, text, color=MUTED if index else INK, parse_math=False, **style)
        axes.set(xlim=(0, width), ylim=(height, 0), aspect="auto")

    return Panel(width, height, draw, title, note)


def colour_bar(
    axes: Axes, scale: Scale, size: tuple[float, float], *, low: float | None = None, length: float = 260
) -> None:
    """A scale's colours with their numbers, below a panel that leaves 44 pixels for it.

    Args:
        low: where the bar begins, such as zero on a scale that is used above zero only.
        size: of the panel.
    """
    least = scale.low if low is None else low
    first = round(255 * (least - scale.low) / (scale.high - scale.low))
    ticks = [least, 0.0, scale.high] if least < 0 < scale.high else [least, scale.high]
    colour_strip(axes, scale.colours()[first:], ticks, size, min(1.0, length / size[0]))


def scale_bar(scale: Scale, width: float = 260) -> Panel:
    """The colours of a scale as a panel of their own."""

    def draw(axes: Axes) -> None:
        axes.set(xlim=(0, 1), ylim=(0, 1))
        colour_bar(axes, scale, (width, 1.0), length=width)

    return Panel(width, 1, draw, below=44)


def shown(values: Array, scale: Scale) -> Image.Image:
    """A plane, or a vector as a nearly square block of numbers in reading order."""
    if values.ndim == 1:
        values = block(values)
    return scale.image(values)


def block(vector: Array) -> Array:
    """A vector in rows of nearly equal number; what is left of the last row is zero."""
    wide = math.ceil(math.sqrt(2 * len(vector)))
    whole = np.zeros(math.ceil(len(vector) / wide) * wide)
    whole[: len(vector)] = vector
    return whole.reshape(-1, wide)


def clipped(text: str, width: float, size: float = 12) -> str:
    """As much of the text as fits, with a sign where it goes on."""
    text = drawable(visible(text))
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text + "…"
