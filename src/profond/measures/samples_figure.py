"""Samples drawn into a figure, whatever they are, and the words below them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from profond.core.lettering import lettered, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, WRONG = "#20242c", "#8a93a3", "#b3261e"


def samples_sheet(
    samples: Sequence[NDArray[Any]],
    captions: Sequence[Sequence[tuple[str, str]]],
    heading: str,
    *,
    columns: int = 6,
    note: str = "",
) -> Figure:
    """Samples in rows, each with lines of words below it.

    Args:
        samples: as `draw_sample` takes them; at least one.
        captions: of each sample its lines, equally many, each with its colour; what is `FAINT` is smaller.
        heading: one line or two.
        note: at the bottom, in small letters.
    """
    columns = min(columns, len(samples))
    rows = -(-len(samples) // columns)
    tall = 1.45 + 0.17 * len(captions[0]) + 0.02
    head, foot = 0.5 + 0.2 * heading.count("\n"), 0.05 + (0.3 if note else 0)
    widest = max(across(line) for line in heading.split("\n"))
    figure = blank(max(1.5 * columns, 4.2, 0.12 + widest, across(note, 8) + 0.24), tall * rows + head + foot)
    width, height = figure.get_size_inches()
    axes = figure.add_axes((0, foot / height, 1, 1 - (head + foot) / height))
    axes.set(xlim=(0, width), ylim=(tall * rows, 0))
    axes.set_axis_off()
    room = (width / columns - 0.1) * 72
    lines = {line for caption in captions for line, colour in caption if colour != FAINT}
    size = max(5.0, min([9.5, *(9.5 * room / max(1.0, 1.1 * text_width(line, 9.5)) for line in lines)]))
    for index, (sample, caption) in enumerate(zip(samples, captions, strict=True)):
        x, y = (index % columns + 0.5) * width / columns, (index // columns) * tall
        draw_sample(axes, sample, x, y, 1.3)
        for number, (line, colour) in enumerate(caption):
            letters: dict[str, Any] = {"fontsize": 8 if colour == FAINT else size, "color": colour}
            below = y + 1.45 + 0.17 * number
            axes.text(x, below, line, ha="center", va="baseline", parse_math=False, **letters)
    figure.text(0.12 / width, 1 - 0.1 / height, heading, va="top", fontsize=11, parse_math=False)
    annotate(figure, note)
    return lettered(figure)


def across(line: str, points: float = 11) -> float:
    """Inches that a line needs, with a little room beside it."""
    return 1.05 * text_width(line, points) / 72 + 0.15  # a screen's letters stand a little wider than a printer's


def annotate(figure: Figure, note: str) -> None:
    """A line at the bottom: what stands for names that cannot be written."""
    width, height = figure.get_size_inches()
    figure.text(0.12 / width, 0.1 / height, note, va="bottom", fontsize=8, color=FAINT, parse_math=False)


def blank(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure  # a third of a second that `--help` should not pay

    return Figure(figsize=(width, height), facecolor="white")


def draw_sample(axes: Axes, sample: NDArray[Any], x: float, y: float, side: float) -> None:
    """One sample in a square of ``side`` inches whose top is at ``y`` and whose middle is at ``x``."""
    if sample.ndim == 4:  # a clip: its middle frame
        sample = sample[:, sample.shape[1] // 2]
    if sample.ndim == 2:
        _draw_signal(axes, sample, x, y, side)
        return
    pixels = sample.transpose(1, 2, 0).astype(np.float32)
    top = 255.0 if sample.dtype == np.uint8 or pixels.max() > 1 else 1.0
    pixels = np.clip(pixels / top, 0, 1)
    pixels = pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., :1].repeat(3, axis=2)
    tall, wide = pixels.shape[:2]
    scale = side / max(tall, wide)
    half = wide * scale / 2
    extent = (x - half, x + half, y + (side + tall * scale) / 2, y + (side - tall * scale) / 2)
    axes.imshow(
        pixels, extent=extent, interpolation="nearest" if max(tall, wide) < 100 else "antialiased", aspect="auto"
    )


def _draw_signal(axes: Axes, sample: Sequence[Any] | NDArray[Any], x: float, y: float, side: float) -> None:
    values = np.asarray(sample, dtype=np.float64)
    values = values[:, : np.flatnonzero(~np.isnan(values).all(0))[-1] + 1]  # without what is not there
    low, high = np.nanmin(values), np.nanmax(values)
    height = (values - low) / max(high - low, 1e-12)
    across = np.linspace(x - side / 2, x + side / 2, values.shape[1])
    for number, channel in enumerate(height):
        axes.plot(across, y + 0.05 + (1 - channel) * (side - 0.1), linewidth=0.8, color=f"C{number}")
