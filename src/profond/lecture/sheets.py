"""Sheets of small pictures for the lecture: a row for each moment, or each picture beside another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from profond.core.lettering import FONT
from profond.explain.draw.drawing import ACCENT, DOTS, INK, MUTED, PAPER
from profond.measures.generated_figures import mosaic

Pictures = NDArray[np.uint8]
_WIDE, _LEFT = 8.6, 1.5  # inches: of a figure, and of the names at the left
_STYLE: dict[str, Any] = {"family": FONT, "fontsize": 10}


def draw_rows(title: str, rows: Sequence[tuple[str, Pictures]]) -> Figure:
    """Pictures of one size in rows, the name of each row at its left.

    Args:
        rows: names and pictures, uint8 (n, c, h, w), equally many in each.
    """
    columns, (tall, wide) = len(rows[0][1]), rows[0][1].shape[-2:]
    body = _WIDE - _LEFT - 0.2
    high = body / columns * tall / wide
    height = 0.6 + len(rows) * high + 0.12
    figure = _titled(title, height)
    axes = figure.add_axes((_LEFT / _WIDE, 0.12 / height, body / _WIDE, len(rows) * high / height))
    axes.imshow(mosaic([pictures for _, pictures in rows], columns, gap=2), interpolation="antialiased", aspect="auto")
    axes.set_axis_off()
    for number, (name, _) in enumerate(rows):
        y = (0.12 + (len(rows) - number - 0.5) * high) / height
        figure.text((_LEFT - 0.12) / _WIDE, y, name, ha="right", va="center", color=INK, **_STYLE)
    return figure


def draw_pairs(
    title: str, pairs: Sequence[tuple[Pictures, Pictures, str, bool]], legend: str, *, columns: int = 6
) -> Figure:
    """Each picture with another at its right, and a few letters below both.

    Args:
        pairs: two pictures, uint8 (c, h, w), the letters, and whether they are to strike.
        legend: below the title.
    """
    tall, wide = pairs[0][0].shape[-2:]
    cell = (_WIDE - 0.3) / columns
    high = (cell - 0.14) / 2 * tall / wide
    rows = -(-len(pairs) // columns)
    height = 0.9 + rows * (high + 0.32)
    figure = _titled(title, height)
    figure.text(0.25 / _WIDE, 1 - 0.44 / height, legend, va="top", color=MUTED, family=FONT, fontsize=9.5)
    for number, (one, other, letters, strikes) in enumerate(pairs):
        row, column = divmod(number, columns)
        left, bottom = 0.2 + column * cell, height - 0.8 - row * (high + 0.32) - high
        axes = figure.add_axes((left / _WIDE, bottom / height, (cell - 0.14) / _WIDE, high / height))
        axes.imshow(mosaic([np.stack([one, other])], 2), interpolation="antialiased", aspect="auto")
        axes.set_axis_off()
        style: dict[str, Any] = {"color": ACCENT if strikes else MUTED, "family": FONT, "fontsize": 9}
        figure.text((left + (cell - 0.14) / 2) / _WIDE, (bottom - 0.17) / height, letters, ha="center", **style)
    return figure


def _titled(title: str, height: float) -> Figure:
    figure = Figure(figsize=(_WIDE, height), dpi=DOTS, facecolor=PAPER)
    figure.text(0.25 / _WIDE, 1 - 0.12 / height, title, va="top", color=INK, weight="bold", family=FONT, fontsize=13)
    return figure
