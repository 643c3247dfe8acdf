"""The last part of each series, its forecast, and the band that the values are to lie in."""

from __future__ import annotations

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from profond.forecasting.forecast import Forecast, Forecasts
from profond.forecasting.words import Words

MOST_PANELS = 6
LEAST_SHOWN, TIMES_SHOWN = 48, 5
"""Steps of the past: as many horizons, or so many steps."""
# Dates in figures, which every language reads: year, month, day, hour, minute, second.
_TICKS = ["%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M", "%S.%f"]
_AT_ZERO = ["", "%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M"]
_BESIDE = ["", "%Y", "%Y", "%Y-%m-%d", "%Y-%m-%d", "%Y-%m-%d %H:%M"]
PAST, AHEAD = "#3d4852", "#0b6e8a"


def draw(forecasts: Forecasts, words: Words) -> bytes:
    """A PNG of the first few series."""
    return _png(forecast_figure(forecasts, words))


def forecast_figure(forecasts: Forecasts, words: Words) -> Figure:
    """The first few series, each with its forecast."""
    shown = forecasts.series[:MOST_PANELS]
    figure = Figure(figsize=(9.5, 4.2 if len(shown) == 1 else 2.3 * len(shown) + 0.6), layout="constrained")
    panels = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    for panel, one in zip(panels, shown, strict=True):
        _panel(panel, forecasts, one, words)
    target = forecasts.table.cells.names[forecasts.table.roles.targets[0]]
    if forecasts.table.roles.layout == "long":
        figure.supylabel(target.replace("$", r"\$"), fontsize=10)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=3, frameon=False, fontsize=9)
    return figure


def draw_test(forecasts: Forecasts, words: Words) -> bytes | None:
    """A PNG of `test_figure`; None where there is none."""
    figure = test_figure(forecasts, words)
    return None if figure is None else _png(figure)


def test_figure(forecasts: Forecasts, words: Words) -> Figure | None:
    """The first tested series: its last windows as they were forecast, and the error at each step ahead.

    None where no series was tested.
    """
    one = next((one for one in forecasts.series if one.backtest is not None), None)
    if one is None or one.backtest is None:
        return None
    test, table = one.backtest, forecasts.table
    figure = Figure(
        figsize=(9.5, 3.4)
    )  # a fixed layout: the report has it twice, and a layout that is found takes half of the time
    left, right = figure.subplots(1, 2, width_ratios=(2, 1))
    figure.subplots_adjust(left=0.075, right=0.99, top=0.9, bottom=0.17, wspace=0.16)
    shown = _last_apart(test.origins, forecasts.horizon)
    first = int(test.origins[shown[0]])
    seen = one.series.values[first:]
    moments = table.wall_clock(one.series.start + first + np.arange(len(seen))).astype("datetime64[s]")
    left.plot(moments, seen, color=PAST, linewidth=1.2, label=words("figure.history"))
    for count, number in enumerate(shown):
        at = int(test.origins[number]) - first
        label = words("figure.tested") if not count else None
        rows = slice(at, at + forecasts.horizon)
        left.plot(moments[rows], test.forecasts[test.best][number], color=AHEAD, linewidth=1.6, label=label)
    _dates(left, words)
    left.set_title(
        words("figure.windows", method=words.method(one.method.name, one.method.steps)), loc="left", fontsize=10
    )
    left.legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1.0, 0.99), ncols=2, borderaxespad=0.2)
    ahead = np.arange(1, forecasts.horizon + 1)
    order = sorted(range(len(test.methods)), key=test.mean_error)
    drawn = list(dict.fromkeys((test.best, test.naive, *(n for n in order if test.methods[n].learns))))[:4]
    for number, style in zip(drawn, ("-", "--", "-.", ":"), strict=False):
        name = words.method(test.methods[number].name, test.methods[number].steps)
        errors = np.ma.masked_invalid(test.errors(number)).mean(0)
        marker = "." if forecasts.horizon <= 31 else None
        right.plot(
            ahead, errors, linestyle=style, marker=marker, label=name, color=AHEAD if number == test.best else PAST
        )
    right.set_ylim(bottom=0)
    right.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    right.set_title(words("figure.errors"), loc="left", fontsize=10)
    right.set_xlabel(words("figure.steps"), fontsize=9)
    right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value, words)))
    right.spines[["top", "right"]].set_visible(False)
    right.grid(axis="y", color="#e5e2dc", linewidth=0.7)
    right.legend(frameon=False, fontsize=8)
    return figure


def _last_apart(origins: NDArray[np.int64], horizon: int, most: int = 5) -> list[int]:
    """The last few windows that do not overlap, first to last."""
    chosen: list[int] = []
    for number in range(len(origins) - 1, -1, -1):
        if len(chosen) < most and (not chosen or origins[chosen[-1]] - origins[number] >= horizon):
            chosen.append(number)
    return chosen[::-1]


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    return file.getvalue()


def _dates(panel: Axes, words: Words) -> None:
    """Dates below, numbers of the language beside."""
    locator = AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
    panel.xaxis.set_major_locator(locator)
    days = ConciseDateFormatter(locator, formats=_TICKS, zero_formats=_AT_ZERO, offset_formats=_BESIDE)  # type: ignore[no-untyped-call]
    panel.xaxis.set_major_formatter(days)
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value, words)))
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(axis="y", color="#e5e2dc", linewidth=0.7)
    panel.set_axisbelow(True)
    panel.margins(x=0.01)


def _panel(panel: Axes, forecasts: Forecasts, one: Forecast, words: Words) -> None:
    table, horizon = forecasts.table, forecasts.horizon
    count = min(len(one.series.values), max(LEAST_SHOWN, TIMES_SHOWN * horizon))
    past = one.series.values[-count:]
    before = table.wall_clock(one.series.end - count + np.arange(count)).astype("datetime64[s]")
    after = table.wall_clock(one.series.end + np.arange(horizon)).astype("datetime64[s]")
    marker = "." if count <= 80 else None
    panel.plot(before, past, color=PAST, linewidth=1.2, marker=marker, label=words("figure.history"))
    point, low, high = one.values.T
    marker = "." if horizon <= 31 else None
    panel.plot(after, point, color=AHEAD, linewidth=1.8, marker=marker, label=words("figure.forecast"))
    level = words.percent(forecasts.level)
    label = words("figure.interval", level=level)
    panel.fill_between(after, low, high, color=AHEAD, alpha=0.18, linewidth=0, label=label)
    panel.axvline(before[-1], color=PAST, linewidth=0.6, linestyle=(0, (2, 3)))
    _dates(panel, words)
    method = words.method(one.method.name, one.method.steps)
    name = f"{one.series.name}, {method}" if one.series.ids else method
    panel.set_title(name.replace("$", r"\$"), loc="left", fontsize=10)


def _tick(value: float, words: Words) -> str:
    text = f"{value:,.10g}" if abs(value) < 1e15 else f"{value:.3g}"
    return text.replace(",", "\u202f").replace(".", ",") if words.language == "fr" else text
