"""Pictures of a class for each frame: frames of a clip over the time at which they stand, and the classes below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from profond.core.lettering import class_names, families
from profond.measures.samples_figure import FAINT, INK, WRONG, draw_sample

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = 12
"""Frames of a clip that are drawn."""
_FRAME, _BAND, _LEFT, _GAP = 0.78, 0.3, 1.15, 0.42  # inches
_COLOURS = 20


@dataclass(frozen=True)
class Timeline:
    """One clip as it is drawn.

    Args:
        name: of the clip.
        frames: some of its frames (m, c, h, w), evenly spaced; none for a series.
        bands: classes of all steps (t) by what they are called, such as ``"true"`` and ``"predicted"``; -1 for none.
        marks: what else is known of the steps, bool (t) by name.
    """

    name: str
    frames: NDArray[Any] | None
    bands: Mapping[str, NDArray[np.int64]]
    marks: Mapping[str, NDArray[np.bool_]]


def spaced(steps: int, shown: int = SHOWN) -> list[int]:
    """Which of so many steps are drawn: the middles of equal parts of the time."""
    count = min(steps, shown)
    return [int((part + 0.5) * steps / count) for part in range(count)]


def draw_timelines(lines: Sequence[Timeline], classes: Sequence[str], title: str = "", rate: float = 0.0) -> Figure:
    """Clips below each other, each with sample frames and its classes over time; what is wrong is underlined.

    Args:
        rate: steps in a second, for the axis; 0 where it is not known.
    """
    from matplotlib.figure import Figure

    names, note = class_names(classes)
    heights = [
        (_FRAME if line.frames is not None else 0) + _BAND * (len(line.bands) + (0.45 if line.marks else 0)) + _GAP
        for line in lines
    ]
    width = _LEFT + SHOWN * _FRAME + 0.25
    height = sum(heights) + 0.45 + (0.45 if lines else 0) + (0.25 if note else 0)
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.axis("off")
    axes.text(0.12, 0.28, title, fontsize=11, color=INK, family=families(title), parse_math=False)
    top = 0.5
    for number, (line, tall) in enumerate(zip(lines, heights, strict=True)):
        _draw_line(axes, line, top, names, rate if number == len(lines) - 1 else None)
        top += tall
    if note:
        axes.text(0.12, height - 0.1, note, fontsize=8, color=FAINT, parse_math=False)
    axes.set_xlim(0, width)  # pictures move the limits
    axes.set_ylim(height, 0)
    return figure


def _draw_line(axes: Axes, line: Timeline, top: float, names: Sequence[str], rate: float | None) -> None:
    steps = len(next(iter(line.bands.values())))
    across = SHOWN * _FRAME
    axes.text(
        _LEFT,
        top + 0.12,
        line.name,
        fontsize=8.5,
        color=FAINT,
        va="center",
        family=families(line.name),
        parse_math=False,
    )
    top += 0.26
    if line.frames is not None:
        for part, frame in enumerate(line.frames):
            draw_sample(axes, frame, _LEFT + (part + 0.5) / len(line.frames) * across, top, _FRAME - 0.05)
        top += _FRAME
    if line.marks:
        for number, (name, marked) in enumerate(line.marks.items()):
            colour = (FAINT, "#c98a1b", "#5a7fb5")[number % 3]
            for first, last, value in runs(marked.astype(np.int64)):
                if value:
                    axes.fill_betweenx(
                        [top + 0.02, top + 0.09],
                        _LEFT + first / steps * across,
                        _LEFT + last / steps * across,
                        color=colour,
                        linewidth=0,
                    )
            axes.text(0.12 + 0.52 * number, top + 0.09, name, fontsize=6.5, color=colour, parse_math=False)
        top += 0.45 * _BAND
    true = line.bands.get("true")
    for name, labels in line.bands.items():
        axes.text(0.12, top + _BAND / 2, name, fontsize=8.5, va="center", color=INK, parse_math=False)
        _draw_band(axes, labels, top, steps, across, names, None if name == "true" else true)
        top += _BAND
    if rate is not None:
        unit = f"{steps / rate:.2f} s" if rate else f"{steps} steps"
        axes.text(_LEFT, top + 0.14, "0", fontsize=7.5, va="center", color=FAINT)
        axes.text(_LEFT + across, top + 0.14, unit, fontsize=7.5, va="center", ha="right", color=FAINT)


def _draw_band(
    axes: Axes,
    labels: NDArray[np.int64],
    top: float,
    steps: int,
    across: float,
    names: Sequence[str],
    true: NDArray[np.int64] | None,
) -> None:
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    for first, last, label in runs(labels):
        if label < 0:
            continue
        left, wide = _LEFT + first / steps * across, (last - first) / steps * across
        colour = colormaps["tab20"]((2 * label + label // (_COLOURS // 2)) % _COLOURS)
        axes.add_patch(
            Rectangle(
                (left, top + 0.03), wide, _BAND - 0.06, facecolor=(*colour[:3], 0.35), edgecolor="w", linewidth=0.8
            )
        )
        if wide > 0.09 * len(names[label]) + 0.04:
            axes.text(
                left + wide / 2,
                top + _BAND / 2,
                names[label],
                fontsize=8.5,
                ha="center",
                va="center",
                color=INK,
                family=families(names[label]),
                parse_math=False,
            )
    if true is not None:
        for first, last, wrong in runs(((true >= 0) & (true != labels)).astype(np.int64)):
            if wrong:
                axes.plot(
                    [_LEFT + first / steps * across, _LEFT + last / steps * across],
                    [top + _BAND - 0.02] * 2,
                    color=WRONG,
                    linewidth=2,
                    solid_capstyle="butt",
                )


def runs(labels: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Equal labels in a row: first step, the one behind the last, label."""
    if not len(labels):
        return []
    edges = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
    return [(first, last, int(labels[first])) for first, last in pairwise(edges)]
