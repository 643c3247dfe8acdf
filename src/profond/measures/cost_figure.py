"""Which confusions are dear: counts times costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from profond.core.lettering import class_names, families, lettered, text_width
from profond.measures.class_figures import Confused
from profond.measures.samples_figure import FAINT, INK, across, annotate, blank

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLASSES = 40
"""At most so many classes are shown, those whose confusions cost most."""


def cost_matrix(found: Confused, costs: NDArray[np.float64], title: str = "") -> Figure:
    """In every cell what its confusions cost in all; classes whose confusions cost nothing are left out.

    Args:
        costs: of one confusion, (true, predicted).
    """
    whole = found.confusion * costs
    of_class = whole.sum(1) + whole.sum(0)
    dear = np.sort(np.argsort(-of_class, kind="stable")[: min(CLASSES, int((of_class > 0).sum()))])
    if not len(dear):
        figure = blank(5.0, 1.6)
        line = f"No mistake in {int(found.confusion.sum()):,} samples costs anything."
        figure.text(0.5, 0.5, line, ha="center", va="center", fontsize=13, color=INK)
        return figure
    names, note = class_names([found.classes[index] for index in dear])
    size = len(dear)
    cell = min(0.7, max(0.24, 5.6 / size))  # inches
    letter = min(9.5, max(6.0, 40 * cell))  # points
    widest = 1.05 * max(text_width(name, letter) for name in names) / 72
    left, below, side = 0.5 + widest, 0.5 + widest + (0.3 if note else 0), max(cell * size, 1.2)
    heading = f"{title}\nwhat confusions cost in all: {whole.sum():,.6g}" if title else "what confusions cost in all"
    lines = heading.split("\n")
    figure = blank(
        max(side + left + 1.15, left + max(across(line) for line in lines) + 0.1),
        side + below + 0.35 + 0.2 * len(lines),
    )
    width, height = figure.get_size_inches()
    axes = figure.add_axes((left / width, below / height, side / width, side / height))
    shown = whole[np.ix_(dear, dear)]
    drawn = axes.imshow(shown, cmap="Reds", vmin=0, interpolation="nearest", aspect="equal")
    style: dict[str, Any] = {"fontsize": letter, "fontfamily": families(*names), "parse_math": False}
    axes.set_xticks(range(size), names, rotation=90, **style)
    axes.set_yticks(range(size), names, **style)
    axes.tick_params(length=0)
    axes.set_xlabel("predicted", fontsize=10)
    axes.set_ylabel("true", fontsize=10)
    axes.set_title(heading, loc="left", fontsize=11, pad=9, parse_math=False)
    axes.set_xticks(np.arange(size - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(size - 1) + 0.5, minor=True)
    axes.grid(which="minor", color=FAINT, linewidth=0.2, alpha=0.4)
    axes.tick_params(which="minor", length=0)
    for row, column in zip(*np.nonzero(shown), strict=True):
        colour = "white" if shown[row, column] > 0.6 * shown.max() else INK
        number = f"{shown[row, column]:.3g}"
        axes.text(column, row, number, ha="center", va="center", fontsize=min(9.0, 26 * cell), color=colour)
    bar = figure.add_axes(((left + side + 0.15) / width, below / height, 0.13 / width, side / height))
    figure.colorbar(drawn, cax=bar).set_label("count × cost", fontsize=10)
    annotate(figure, note)
    return lettered(figure)
