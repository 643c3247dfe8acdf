"""Pictures of attributions on signals: each channel over time, on the colours of what raises or lowers the output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from profond.core.lettering import FONT
from profond.explain.draw.colour_scale import Scale
from profond.explain.draw.drawing import DOTS, INK, MUTED, Panel
from profond.explain.draw.mosaic import colour_bar
from profond.explain.why.attribution import Attribution
from profond.explain.why.attribution_figure import UNSIGNED, heat_scale
from profond.explain.why.subject import NAMES, Subject, method_in_words, said_panel

MOST_CHANNELS = 8
_WIDTH = 860.0
_SMALL: dict[str, Any] = {"fontsize": 12 * 72 / DOTS, "color": MUTED, "family": FONT}
_LEAST, _WHOLE = 44.0, 160.0  # height of a channel, and of all of them where they are few


@dataclass(frozen=True)
class Signal:
    """A signal as it was given, and its channels' names.

    Args:
        values: float32 (c t), in the data's own units.
        channels: a name for each, or none.
    """

    values: NDArray[np.float32]
    channels: tuple[str, ...] = ()

    def draw_overview(self, subject: Subject, attributions: Sequence[Attribution]) -> Figure:
        """The signal, what the model says of it, and every method's answer."""
        sheet = subject.sheet()
        sheet.row(said_panel(subject))
        sheet.row(signal_panel(self))
        for one in attributions:
            sheet.row(attribution_panel(subject, self, one))
        return sheet.figure()

    def draw_attribution(self, subject: Subject, attribution: Attribution) -> Figure:
        """One method's answer on the signal, with what the model says below."""
        sheet = subject.sheet()
        sheet.row(attribution_panel(subject, self, attribution))
        sheet.row(said_panel(subject))
        return sheet.figure()


def signal_panel(signal: Signal) -> Panel:
    """The signal alone."""
    count, steps = signal.values.shape
    height = _height(signal)
    title = f"the signal, {steps} steps" + (f" of {count} channels" if count > 1 else "")
    note = f"The first {MOST_CHANNELS} of {count} channels." if count > MOST_CHANNELS else ""
    return Panel(_WIDTH, height, lambda axes: _draw(axes, signal, height), title, note, below=22)


def attribution_panel(subject: Subject, signal: Signal, attribution: Attribution) -> Panel:
    """One method's answer as colours behind the signal, with its scale and what it says in words.

    A method that gives one number for each step, not for each channel, colours all channels alike.
    """
    count, steps = signal.values.shape
    values = attribution.values.astype(np.float64)
    if values.shape != (count, steps):
        values = np.broadcast_to(attribution.plane((steps,)).astype(np.float64), (count, steps))
    elif attribution.method in UNSIGNED:
        values = np.abs(values)
    scale, height = heat_scale(attribution.method, values), _height(signal)
    note = method_in_words(subject, attribution, "a signal of the mean alone", "steps")

    def draw(axes: Axes) -> None:
        _draw(axes, signal, height, values, scale)
        low = 0.0 if attribution.method in UNSIGNED else None
        colour_bar(axes, scale, (_WIDTH, height), low=low, length=260)

    return Panel(_WIDTH, height, draw, NAMES[attribution.method], note, below=44)


def _height(signal: Signal) -> float:
    return max(_WHOLE, _LEAST * min(len(signal.values), MOST_CHANNELS))


def _draw(
    axes: Axes,
    signal: Signal,
    height: float,
    values: NDArray[np.float64] | None = None,
    scale: Scale | None = None,
) -> None:
    """Every channel as a line, one below the other, on the colours of ``values`` (c t)."""
    shown = signal.values[:MOST_CHANNELS]
    share = 1 / len(shown)
    for index, line in enumerate(shown):
        part = axes.inset_axes((0, 1 - (index + 1) * share, 1, 0.94 * share))
        steps = np.arange(len(line)) + 0.5
        part.plot(steps, line, color=INK, linewidth=1.2)
        low, high = part.get_ylim()
        part.set(xlim=(0, len(line)), ylim=(low, high), yticks=(), xticks=())
        if values is not None and scale is not None:
            strength = np.clip((values[index] - scale.low) / (scale.high - scale.low), 0, 1)
            colours = scale.colours()[np.rint(strength * 255).astype(np.uint8)]
            part.imshow(colours[None], extent=(0, len(line), low, high), aspect="auto", alpha=0.75, zorder=0)
        for spine in part.spines.values():
            spine.set_visible(False)
        if len(signal.channels) == len(signal.values) > 1:
            name = signal.channels[index]
            part.text(0.003, 0.96, name, va="top", transform=part.transAxes, parse_math=False, **_SMALL)
    if values is None:
        axes.text(0, -4 / height, "0", va="top", transform=axes.transAxes, **_SMALL)
        axes.text(1, -4 / height, f"{shown.shape[1]}", va="top", ha="right", transform=axes.transAxes, **_SMALL)
