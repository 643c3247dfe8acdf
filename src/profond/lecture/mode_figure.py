"""The five modes as the lecture's slide draws them, each with what its network read and wrote here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from numpy.typing import NDArray

from profond.core.lettering import FONT
from profond.explain.draw.drawing import DOTS, INK, MUTED, PAPER
from profond.lecture.words import Words

IN, STATE, OUT = "#f3b8b5", "#b7dcb2", "#b5cdea"
"""Red, green and blue of the slide: what comes in, what is remembered, what goes out."""
STEPS: Mapping[str, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = {
    "one_to_one": ((0,), (0,), (0,)),
    "one_to_many": ((0,), (0, 1, 2), (0, 1, 2)),
    "many_to_one": ((0, 1, 2), (0, 1, 2), (2,)),
    "many_to_many": ((0, 1, 2), (0, 1, 2, 3, 4), (2, 3, 4)),
    "in_step": ((0, 1, 2), (0, 1, 2), (0, 1, 2)),
}
"""At which steps something comes in, is remembered and goes out."""
_LINE = 22  # letters of an example in one line


@dataclass(frozen=True)
class Shown:
    """A sample and what a network says of it.

    Args:
        pictures: what was read, grey (h, w).
        read: or the words that were read.
        said: words, or one for each picture.
    """

    said: tuple[str, ...]
    pictures: tuple[NDArray[np.uint8], ...] = ()
    read: tuple[str, ...] = ()


def draw_modes(shown: Mapping[str, Shown], words: Words) -> Figure:
    """A diagram for each mode, and an example below it."""
    widths = [2.0 + len(STEPS[name][1]) for name in shown]
    figure = Figure(figsize=(12.4, 5.0), dpi=DOTS, facecolor=PAPER)
    figure.text(0.02, 0.965, words("L16.drawing"), va="top", color=INK, weight="bold", family=FONT, fontsize=13)
    figure.text(0.02, 0.905, words("L16.colours"), va="top", color=MUTED, family=FONT, fontsize=9.5)
    left, unit = 0.02, 0.96 / sum(widths)
    for (name, example), width in zip(shown.items(), widths, strict=True):
        box = (left, 0.44, unit * width, 0.38)
        diagram = figure.add_axes(box)
        _diagram(diagram, name, width)
        middle = left + unit * width / 2
        figure.text(middle, 0.845, words(f"word.{name}"), ha="center", va="top", color=INK, family=FONT, fontsize=10.5)
        _example(figure, example, middle, unit * width)
        left += unit * width
    return figure


def _diagram(axes: Axes, name: str, width: float) -> None:
    """Boxes and arrows; time goes to the right, what is computed goes up."""
    axes.set(xlim=(0, width), ylim=(-0.1, 3.0))
    axes.set_axis_off()
    incoming, states, outgoing = STEPS[name]
    start = (width - len(states)) / 2 + 0.5

    def box(step: int, level: float, colour: str) -> None:
        style = "round,pad=0,rounding_size=0.08"
        axes.add_patch(
            FancyBboxPatch(
                (start + step - 0.2, level), 0.4, 0.62, style, facecolor=colour, edgecolor=MUTED, linewidth=0.8
            )
        )

    def arrow(x: float, y: float, to_x: float, to_y: float) -> None:
        axes.annotate(
            "",
            (to_x, to_y),
            (x, y),
            arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 0.9, "shrinkA": 0, "shrinkB": 0},
        )

    for step in states:
        box(step, 1.1, STATE)
        if step + 1 in states:
            arrow(start + step + 0.2, 1.41, start + step + 0.8, 1.41)
    for step in incoming:
        box(step, 0.05, IN)
        arrow(start + step, 0.67, start + step, 1.1)
    for step in outgoing:
        box(step, 2.15, OUT)
        arrow(start + step, 1.72, start + step, 2.15)


def _example(figure: Figure, shown: Shown, middle: float, width: float) -> None:
    """What was read, an arrow, and what was written; of clips each frame with its word."""
    if len(shown.pictures) > 1:
        side = min(0.9 * width / len(shown.pictures), 0.05)
        for at, picture in enumerate(shown.pictures):
            x = middle + (at - len(shown.pictures) / 2) * side
            _picture(figure, picture, x, 0.3, 0.92 * side)
            figure.text(
                x + side / 2, 0.27, shown.said[at], ha="center", va="top", color=INK, family=FONT, fontsize=10.5
            )
        return
    if shown.pictures:
        _picture(figure, shown.pictures[0], middle - 0.035, 0.235, 0.07)
    else:
        quoted = _broken(" ".join(shown.read))
        figure.text(middle, 0.38, quoted, ha="center", va="top", color=INK, family=FONT, fontsize=10)
    figure.text(middle, 0.195, "↓", ha="center", va="center", color=MUTED, family=FONT, fontsize=12)
    said = " ".join(shown.said).replace("- ", "-")
    figure.text(middle, 0.165, _broken(said), ha="center", va="top", color=INK, family=FONT, fontsize=10, weight="bold")


def _picture(figure: Figure, picture: NDArray[np.uint8], left: float, bottom: float, width: float) -> None:
    ratio = figure.get_figwidth() / figure.get_figheight()
    axes = figure.add_axes((left, bottom, width, width * ratio))
    axes.imshow(255 - picture, cmap="gray", vmin=0, vmax=255)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(MUTED)
        spine.set_linewidth(0.8)


def _broken(text: str) -> str:
    lines = [""]
    for piece in text.split():
        if lines[-1] and len(lines[-1]) + len(piece) >= _LINE:
            lines.append("")
        lines[-1] = f"{lines[-1]} {piece}".strip()
    return "\n".join(lines)
