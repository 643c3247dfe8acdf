"""Sheets of pictures before and after their translation, beside the known answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from profond.core.lettering import lettered
from profond.measures.report import Draw, Samples
from profond.measures.samples_figure import across, blank, draw_sample

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIDE = 1.3


def translations_figure(rows: Sequence[Sequence[NDArray[Any]]], heads: Sequence[str]) -> Draw:
    """Draws a row for each picture: before, after, and what is known; two rows side by side.

    Args:
        rows: of pictures uint8 (c, h, w), as many in each as there are heads.
        heads: of the columns.
    """

    def draw(samples: Samples, title: str) -> Figure:
        beside = 2 if len(rows) > 1 else 1
        down = -(-len(rows) // beside)
        column = max(_SIDE + 0.1, *(across(head, 8) for head in heads))
        block = column * len(heads) + 0.3
        figure = blank(max(beside * block, across(title)), down * (_SIDE + 0.1) + 0.75)
        width, height = figure.get_size_inches()
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.set_axis_off()
        axes.text(0.12, 0.3, title, fontsize=11, parse_math=False)
        for index, row in enumerate(rows):
            left = (index % beside) * block + 0.15
            for number, (picture, head) in enumerate(zip(row, heads, strict=True)):
                x = left + (number + 0.5) * column
                if index < beside:
                    axes.text(x, 0.6, head, fontsize=8, ha="center", parse_math=False)
                draw_sample(axes, picture, x, 0.7 + (index // beside) * (_SIDE + 0.1), _SIDE)
        return lettered(figure)

    return draw
