"""Figures of clothes that were asked for: in grids with a name for each row, and as a judge reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from profond.core.lettering import FONT, text_width
from profond.explain.draw.drawing import DOTS, INK, MUTED, PAPER, readable_on
from profond.lecture.words import Words
from profond.measures.generated_figures import mosaic
from profond.measures.on_demand import OnDemand

_WIDE, _SMALL = 8.6, 9.5  # inches, points
_LETTERS = 10.5


def draw_sheets(sheets: Mapping[str, Sequence[Tensor]], rows: Sequence[str], title: str) -> Figure:
    """Grids of pictures side by side, each below its name; the rows of all have the same names.

    Args:
        sheets: by name, rows of uint8 (n, c, h, w).
        rows: names.
    """
    margin = (max(text_width(name, _LETTERS) for name in rows) + 18) / 72
    columns = {name: max(map(len, sheet)) for name, sheet in sheets.items()}
    apart = 0.22
    cell = (_WIDE - margin - 0.15 - apart * (len(sheets) - 1)) / sum(columns.values())
    cell = min(cell, 0.6)
    high = cell * len(rows)
    height = high + 0.95
    figure = _figure(margin + sum(columns.values()) * cell + apart * (len(sheets) - 1) + 0.15, height, title)
    wide, left = figure.get_figwidth(), margin
    for name, sheet in sheets.items():
        across = columns[name] * cell
        axes = figure.add_axes((left / wide, 0.1 / height, across / wide, high / height))
        axes.imshow(mosaic([row.numpy() for row in sheet], columns[name]), aspect="auto", interpolation="antialiased")
        axes.set_axis_off()
        figure.text(left / wide, (high + 0.17) / height, name, va="bottom", color=MUTED, family=FONT, fontsize=_SMALL)
        left += across + apart
    for number, name in enumerate(rows):
        y = (0.1 + high - (number + 0.5) * cell) / height
        figure.text((margin - 0.12) / wide, y, name, ha="right", va="center", color=INK, family=FONT, fontsize=_LETTERS)
    return figure


def draw_confusion(found: OnDemand, words: Words, title: str) -> Figure:
    """Which class a judge takes samples for, by the class that was asked for; and real pictures, by their own."""
    size = len(found.classes)
    height = 5.5
    figure = _figure(_WIDE, height, title)
    for place, (name, table) in enumerate((("made", found.made), ("real", found.real))):
        axes = figure.add_axes((0.125 + 0.445 * place, 0.195, 0.42, 0.42 * _WIDE / height))
        _table(axes, table / np.maximum(table.sum(1, keepdims=True), 1))
        axes.set_xticks(range(size), found.classes, rotation=60, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(size), found.classes if place == 0 else [""] * size)
        axes.tick_params(length=0, labelsize=8.5, labelcolor=INK, labelfontfamily=FONT)
        axes.set_title(words(f"L23.drawing.{name}"), loc="left", color=MUTED, family=FONT, fontsize=_SMALL)
    return figure


def _table(axes: Axes, shares: NDArray[Any]) -> None:
    axes.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1)  # a confusion of one in a hundred is seen as a tint
    for (row, column), share in np.ndenumerate(shares):
        if share >= 0.005:
            colour = readable_on("#08306b" if share > 0.3 else "#ffffff")
            axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", color=colour, fontsize=7.5)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _figure(wide: float, high: float, title: str) -> Figure:
    figure = Figure(figsize=(wide, high), dpi=DOTS, facecolor=PAPER)
    figure.text(0.1 / wide, 1 - 0.12 / high, title, va="top", color=INK, weight="bold", family=FONT, fontsize=13)
    return figure
