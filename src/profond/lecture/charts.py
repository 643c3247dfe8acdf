"""Dot plots over seeds: every seed a dot, the mean a line with its 95 % interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from profond.evaluation.intervals import Measured
from profond.explain.drawing import COLOURS, DOTS, FAINT, FONT, INK, MUTED, PAPER
from profond.lecture.outcome import share
from profond.lecture.words import Words

_TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_SERIES = (COLOURS[4], COLOURS[6], COLOURS[2])
_MARKS = ("o", "D", "s")


@dataclass(frozen=True)
class Series:
    """Accuracies of one network, one for each seed, and their mean."""

    values: Sequence[float]
    mean: Measured


def error_dots(rows: Mapping[str, Mapping[str, Series]], words: Words, title: str) -> Figure:
    """Wrong answers on a logarithmic axis, best at the right, with the mean accuracy beside.

    Args:
        rows: by row label, then by series label; every row has the same series, or only some of them.
    """
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    height = 1.45 + sum(0.3 * len(row) + 0.26 for row in rows.values())
    figure = Figure(figsize=(8.6, height), dpi=DOTS, facecolor=PAPER)
    axes = figure.add_axes((0.235, 0.62 / height, 0.50, 1 - 1.34 / height))
    style: dict[str, Any] = {"family": FONT, "fontsize": 10}
    y, bottom = 0.0, 0.0
    lowest, highest = 1.0, 0.0
    for label, row in rows.items():
        start = y
        for name, series in row.items():
            index = names.index(name)
            colour, mark = _SERIES[index % 3], _MARKS[index % 3]
            errors = [max(1e-4, 1 - value) for value in series.values]
            mean = 1 - series.mean.value
            axes.scatter(errors, [y] * len(errors), s=26, color=colour, alpha=0.45, marker=mark, linewidths=0, zorder=3)
            if series.mean.low is not None and series.mean.high is not None:
                ends = (max(1e-4, 1 - series.mean.high), max(1e-4, 1 - series.mean.low))
                axes.plot(ends, (y, y), color=colour, linewidth=2.2, solid_capstyle="butt", zorder=2)
                lowest, highest = min(lowest, ends[0]), max(highest, ends[1])
            axes.plot((mean, mean), (y - 0.1, y + 0.1), color=colour, linewidth=2.6, zorder=4)
            lowest, highest = min(lowest, *errors), max(highest, *errors)
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
    axes.set_xscale("log")
    axes.set_xlim(min(1.0, highest * 1.25), lowest / 1.25)
    axes.set_ylim(bottom + 0.3, -0.3)
    inside = [tick for tick in _TICKS if lowest / 1.25 <= tick <= highest * 1.25]
    axes.xaxis.set_major_locator(FixedLocator(inside))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda tick, _: words.write(share(tick, digits=1 if tick < 0.01 else 0)))
    )
    axes.set_yticks([])
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, labelsize=9, labelcolor=MUTED, labelfontfamily=FONT)
    axes.set_xlabel(words("chart.errors"), color=MUTED, **{**style, "fontsize": 9})
    figure.text(0.03, 1 - 0.2 / height, title, va="top", color=INK, weight="bold", family=FONT, fontsize=13)
    x = 0.235
    for index, name in enumerate(names):
        figure.text(
            x, 1 - 0.52 / height, _SYMBOL[_MARKS[index % 3]] + " " + name, va="top", color=_SERIES[index % 3], **style
        )
        x += 0.05 + 0.0105 * len(name)
    figure.text(0.745, 1 - 0.52 / height, words("chart.mean"), va="top", color=MUTED, **{**style, "fontsize": 9})
    return figure


_SYMBOL = {"o": "●", "D": "◆", "s": "■"}
