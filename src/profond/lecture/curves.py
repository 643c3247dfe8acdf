"""Curves side by side, such as an error by the length of a sequence: a panel for each, one legend below all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from profond.core.lettering import FONT
from profond.explain.draw.drawing import COLOURS, DOTS, FAINT, INK, MUTED, PAPER
from profond.lecture.words import MINUS, Words

_WIDE, _HIGH = 8.6, 3.0  # inches: of a figure, and of one row of panels
_NAMES_A_ROW = 4
CELL_WORDS = {"rnn": "cell_rnn", "lstm": "cell_lstm", "gru": "cell_gru", "mingru": "cell_mingru"}
"""What networks are called in the catalogue of words."""
LINES = (COLOURS[4], COLOURS[6], COLOURS[2], COLOURS[3], COLOURS[0], COLOURS[1], COLOURS[7])
_STYLE: dict[str, Any] = {"family": FONT, "fontsize": 9.5}


@dataclass(frozen=True)
class Curve:
    """One line of a panel.

    Args:
        label: for the legend; lines of one label have one colour in all panels.
        x, y: of its points.
        low, high: of a band around it, or none.
        line: Matplotlib's style: ``"-"``, ``"--"``, ``":"``.
        marked: a dot at each point.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    line: str = "-"
    marked: bool = False


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Args:
        title, across, up: above it, and along its axes.
        curves: in the order of the legend.
        levels: horizontal lines with their words.
        marks: vertical lines at these places.
        log_x, log_y: logarithmic axes.
        range: of the axis upwards, or as the curves need.
    """

    title: str
    across: str
    up: str
    curves: Sequence[Curve]
    levels: Mapping[str, float] = field(default_factory=dict)
    marks: Sequence[float] = ()
    log_x: bool = False
    log_y: bool = False
    range: tuple[float, float] | None = None


def draw_curves(title: str, panels: Sequence[Panel], words: Words, *, rows: int = 1) -> Figure:
    """All panels in so many rows."""
    every = [curve for panel in panels for curve in panel.curves]
    # What is drawn beside, in dashes, comes last: so the same names have the same colours in other figures too.
    labels = list(dict.fromkeys(curve.label for curve in sorted(every, key=lambda curve: curve.line != "-")))
    names = -(-len(labels) // _NAMES_A_ROW)
    height = 0.73 + 0.22 * names + rows * _HIGH
    figure = Figure(figsize=(_WIDE, height), dpi=DOTS, facecolor=PAPER)
    figure.text(0.03, 1 - 0.14 / height, title, va="top", color=INK, weight="bold", family=FONT, fontsize=13)
    grid = figure.add_gridspec(
        rows,
        -(-len(panels) // rows),
        left=0.085,
        right=0.975,
        top=1 - 0.75 / height,
        bottom=(0.64 + 0.22 * names) / height,
        wspace=0.24,
        hspace=0.42,
    )
    handles: dict[str, Any] = {}
    for number, panel in enumerate(panels):
        axes = figure.add_subplot(grid[number])
        _draw(axes, panel, labels, words)
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="lower center",
        ncols=min(_NAMES_A_ROW, len(handles)),
        frameon=False,
        prop={"family": FONT, "size": 9.5},
        handlelength=1.8,
    )
    return figure


def _draw(axes: Axes, panel: Panel, labels: Sequence[str], words: Words) -> None:
    for curve in panel.curves:
        colour = LINES[labels.index(curve.label) % len(LINES)]
        if len(curve.low):
            axes.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=0.15, linewidth=0)
        marker = "o" if curve.marked else ""
        axes.plot(
            curve.x, curve.y, curve.line, color=colour, linewidth=1.7, marker=marker, markersize=4, label=curve.label
        )
    if panel.log_x:
        axes.set_xscale("log")
        places = sorted({float(x) for curve in panel.curves for x in curve.x})
        axes.xaxis.set_major_locator(FixedLocator(places))
        axes.xaxis.set_minor_locator(NullLocator())
    if panel.log_y:
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _written(value, words)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _written(value, words)))
    if panel.range is not None:
        axes.set_ylim(*panel.range)
    for label, level in panel.levels.items():
        axes.axhline(level, color=MUTED, linewidth=1, linestyle=":")
        axes.annotate(
            label, (0.99, level), xycoords=("axes fraction", "data"), ha="right", va="bottom", color=MUTED, **_STYLE
        )
    for mark in panel.marks:
        axes.axvline(mark, color=MUTED, linewidth=1, linestyle=":")
    axes.grid(axis="y", color=FAINT, linewidth=0.7)
    axes.set_axisbelow(True)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(FAINT)
    axes.tick_params(length=3, labelsize=9, labelcolor=MUTED, color=FAINT, labelfontfamily=FONT)
    axes.set_xlabel(panel.across, color=MUTED, **_STYLE)
    axes.set_ylabel(panel.up, color=MUTED, **_STYLE)
    axes.set_title(panel.title, loc="left", color=INK, family=FONT, fontsize=10.5)


def _written(value: float, words: Words) -> str:
    return words.numbers_in(f"{value:g}").replace("-", MINUS)
