"""Dot plots over seeds: every seed a dot, the mean a line with its 95 % interval; what is better grows to the right."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator
from scipy.special import logit

from profond.core.lettering import FONT, text_width
from profond.explain.draw.drawing import COLOURS, DOTS, FAINT, INK, MUTED, PAPER
from profond.lecture.values import share
from profond.lecture.words import Words
from profond.measures.measured import Measured

_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
_SMALL = 9  # points
_WIDE = 8.6  # inches
_ACROSS, _APART = 0.5 * _WIDE * DOTS, 6  # pixels: the axis, and between two of its labels
_END = 1e-4  # a logit axis has no place for 0 and 1: what lies beyond is drawn here
_SERIES = (COLOURS[4], COLOURS[6], COLOURS[2])
_MARKS = ("o", "D", "s")


@dataclass(frozen=True)
class Series:
    """Shares, such as the accuracies of one network, one for each seed, and their mean."""

    values: Sequence[float]
    mean: Measured


def share_dots(rows: Mapping[str, Mapping[str, Series]], words: Words, title: str) -> Figure:
    """Shares on a logit axis, which spreads 99 and 99.9 % as it does 90 and 99 %, with their mean beside.

    Args:
        rows: by row label, then by series label; every row has the same series, or only some of them.
    """
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    height = 1.45 + sum(0.3 * len(row) + 0.26 for row in rows.values())
    figure = Figure(figsize=(_WIDE, height), dpi=DOTS, facecolor=PAPER)
    axes = figure.add_axes((0.235, 0.62 / height, 0.50, 1 - 1.34 / height))
    style: dict[str, Any] = {"family": FONT, "fontsize": 10}
    y, bottom = 0.0, 0.0
    lowest, highest = 1.0, 0.0
    for label, row in rows.items():
        start = y
        for name, series in row.items():
            index = names.index(name)
            colour, mark = _SERIES[index % 3], _MARKS[index % 3]
            marks = [_inside(value) for value in series.values]
            mean = _inside(series.mean.value)
            axes.scatter(marks, [y] * len(marks), s=26, color=colour, alpha=0.45, marker=mark, linewidths=0, zorder=3)
            if series.mean.low is not None and series.mean.high is not None:
                ends = (_inside(series.mean.low), _inside(series.mean.high))
                axes.plot(ends, (y, y), color=colour, linewidth=2.2, solid_capstyle="butt", zorder=2)
                lowest, highest = min(lowest, ends[0]), max(highest, ends[1])
            axes.plot((mean, mean), (y - 0.1, y + 0.1), color=colour, linewidth=2.6, zorder=4)
            lowest, highest = min(lowest, *marks), max(highest, *marks)
            written = words.write(share(series.mean.value, series.mean.low, series.mean.high))
            axes.annotate(
                written,
                (1.02, y),
                xycoords=("axes fraction", "data"),
                va="center",
                color=colour,
                annotation_clip=False,
                **style,
            )
            bottom, y = y, y + 0.3
        axes.annotate(
            label,
            (-0.03, (start + bottom) / 2),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="center",
            color=INK,
            annotation_clip=False,
            **{**style, "fontsize": 10.5},
        )
        y += 0.26
    axes.set_xscale("logit", one_half="0.5")
    lowest, highest = _moved(lowest, -0.12), _moved(highest, 0.12)
    axes.set_xlim(lowest, highest)
    axes.set_ylim(bottom + 0.3, -0.3)
    ticks = _ticks(lowest, highest, words)
    axes.xaxis.set_major_locator(FixedLocator(list(ticks)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FixedFormatter(list(ticks.values())))
    axes.set_yticks([])
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, labelsize=_SMALL, labelcolor=MUTED, labelfontfamily=FONT)
    axes.set_xlabel(words("chart.axis"), color=MUTED, **{**style, "fontsize": 9})
    figure.text(0.03, 1 - 0.2 / height, title, va="top", color=INK, weight="bold", family=FONT, fontsize=13)
    x = 0.235
    for index, name in enumerate(names):
        figure.text(
            x, 1 - 0.52 / height, _SYMBOL[_MARKS[index % 3]] + " " + name, va="top", color=_SERIES[index % 3], **style
        )
        x += 0.05 + 0.0105 * len(name)
    figure.text(0.745, 1 - 0.52 / height, words("chart.mean"), va="top", color=MUTED, **{**style, "fontsize": 9})
    return figure


def _inside(share: float) -> float:
    return min(1 - _END, max(_END, share))


def _ticks(lowest: float, highest: float, words: Words) -> dict[float, str]:
    """Round shares with their labels, none in another's way."""
    inside = [tick for tick in _TICKS if lowest <= tick <= highest]
    if len(inside) < 2:
        inside = [float(tick) for tick in MaxNLocator(4).tick_values(lowest, highest) if lowest <= tick <= highest]
    start, reach = logit(lowest), logit(highest) - logit(lowest)
    ticks: dict[float, str] = {}
    free = -math.inf
    for tick in inside:
        digits = next(digits for digits in range(8) if abs(round(100 * tick, digits) - 100 * tick) < 1e-7)
        label = words.write(share(tick, digits=digits))
        position, half = (logit(tick) - start) / reach * _ACROSS, text_width(label, _SMALL * DOTS / 72) / 2
        if position - half >= free:
            ticks[tick] = label
            free = position + half + _APART
    return ticks


def _moved(share: float, decades: float) -> float:
    """A place on the logit axis, so much further to the right."""
    return 1 / (1 + (1 / share - 1) * 10**-decades)


_SYMBOL = {"o": "●", "D": "◆", "s": "■"}
