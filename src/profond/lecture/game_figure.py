"""Figures of a game of two players on points: the critic's map as it moves, and what each player changes alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from profond.core.lettering import FONT
from profond.explain.draw.drawing import DOTS, INK, MUTED, PAPER
from profond.lecture.game import Moment
from profond.lecture.words import Words
from profond.measures.points_figure import Limits, draw_points

_SIDE, _COLUMNS = 2.75, 4  # inches of one map, and maps in a row


def draw_maps(
    title: str, moments: Sequence[tuple[str, Moment]], real: Tensor, limits: Limits, words: Words, *, arrows: int = 0
) -> Figure:
    """A map for each moment, with real points and made ones.

    Args:
        moments: each with what is written above it.
        real: points (n, 2).
        arrows: made points that have an arrow, the way in which the critic pushes them; the others are left out.
    """
    columns = min(_COLUMNS, len(moments))
    rows = -(-len(moments) // columns)
    width, height = columns * _SIDE + 0.3, 0.86 + rows * (_SIDE + 0.32)
    figure = Figure(figsize=(width, height), dpi=DOTS, facecolor=PAPER)
    figure.text(0.2 / width, 1 - 0.12 / height, title, va="top", color=INK, weight="bold", family=FONT, fontsize=13)
    legend = words("L20.drawing.legend_arrows" if arrows else "L20.drawing.legend")
    figure.text(0.2 / width, 1 - 0.42 / height, legend, va="top", color=MUTED, family=FONT, fontsize=9.5)
    for number, (above, moment) in enumerate(moments):
        row, column = divmod(number, columns)
        left, bottom = 0.2 + column * _SIDE, height - 0.8 - (row + 1) * (_SIDE + 0.32) + 0.1
        axes = figure.add_axes(
            (left / width, bottom / height, (_SIDE - 0.1) / width, (_SIDE - 0.1) / height),
        )
        made, push = moment.made, moment.push
        draw_points(
            axes,
            limits,
            real=real,
            made=made[:arrows] if arrows else made,
            scores=moment.scores,
            push=push[:arrows] if arrows else None,
        )
        axes.tick_params(length=0, labelleft=False, labelbottom=False)
        axes.set_title(above, loc="left", color=INK, family=FONT, fontsize=10.5, pad=4)
    return figure


def moved_by_push(made: Tensor, push: Tensor, reach: float) -> Tensor:
    """Points moved the way they are pushed, those that are pushed most by ``reach``, as arrows are drawn."""
    length = float(torch.quantile(push.norm(dim=1), 0.95)) or 1.0
    return made + push / length * reach
