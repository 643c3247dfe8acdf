"""The picture of an image taken apart: itself, its three planes in colour, a histogram of each."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from profond.core.lettering import FONT
from profond.explain.draw.drawing import ACCENT, DOTS, FAINT, MUTED, Panel, Sheet, fit, outline, show
from profond.explain.steps.planes import LEVELS, Plane, Planes

_COLUMN, _TALLEST, _HISTOGRAM = 372, 480, 170


def draw_planes(planes: Planes, *, pixel: tuple[int, int] | None = None, title: str | None = None) -> Figure:
    """Draw the planes.

    Args:
        planes: from ``split_planes``.
        pixel: (row, column) of a pixel to mark, with its three numbers.
        title: above the picture, such as the file's name.
    """
    levels = planes.pixel(*pixel) if pixel else (None,) * len(planes.planes)
    subtitle = f"{planes.width} × {planes.height} pixels · mode {planes.mode}"
    subtitle += "".join(f" · {note}" for note in planes.notes)
    sheet = Sheet(title or "Planes", subtitle)
    size = fit(planes.width, planes.height, (_COLUMN, _TALLEST))
    first = "image" if pixel is None else f"image, row {pixel[0]}, column {pixel[1]}"
    panels = [_image_panel(planes.image, size, first, pixel)]
    for plane, level in zip(planes.planes, levels, strict=True):
        name = plane.name if level is None else f"{plane.name} = {level}"
        panels.append(_image_panel(Image.fromarray(plane.as_pixels()), size, name, pixel))
    sheet.row(*panels)
    shares = [plane.histogram / plane.values.size for plane in planes.planes]
    one_scale = planes.space.name == "rgb"  # elsewhere the three numbers are of different kinds
    tops = [_top(shares if one_scale else [share]) for share in shares]
    scale = "one scale" if one_scale else "a scale of its own"
    words = (
        f"256 levels: {planes.space.words}. Each bar is the share of the pixels that stand on one level;"
        f" {'the three histograms have' if one_scale else 'each histogram has'} {scale}."
    )
    histograms = [_histogram(*three) for three in zip(planes.planes, levels, tops, strict=True)]
    sheet.row(Panel(1, 1, lambda axes: None, note=words, room=_COLUMN), *histograms)
    return sheet.figure()


def _image_panel(image: Image.Image, size: tuple[float, float], title: str, pixel: tuple[int, int] | None) -> Panel:
    def draw(axes: Axes) -> None:
        show(axes, image, size)
        if pixel:
            y, x = pixel
            unit = image.width / size[0]  # image pixels in one pixel of the sheet
            reach = max(0.5, 7 * unit)
            for colour, thick in (("white", 4.0), (ACCENT, 2.0)):
                outline(axes, x + 0.5 - reach, y + 0.5 - reach, 2 * reach, 2 * reach, colour, thick)

    return Panel(*size, draw, title, room=_COLUMN)


def _histogram(plane: Plane, level: int | None, top: float) -> Panel:
    share = plane.histogram / plane.values.size

    def draw(axes: Axes) -> None:
        axes.set_axis_on()
        axes.set(xlim=(-0.5, LEVELS - 0.5), ylim=(0, top), xticks=(0, 64, 128, 192, 255), yticks=())
        axes.tick_params(length=3, labelsize=12 * 72 / DOTS, colors=MUTED, labelfontfamily=FONT)
        for side, spine in axes.spines.items():
            spine.set_visible(side in ("bottom", "top"))
            spine.set_color(MUTED if side == "bottom" else FAINT)
        axes.set_facecolor("#f4f6f8")
        draw_levels(axes, np.minimum(share, top), plane.colours)
        edges = np.arange(LEVELS + 1) - 0.5
        axes.stairs(np.minimum(share, top), edges, color=MUTED, linewidth=0.6)  # white bars need an edge
        style: dict[str, Any] = {"fontsize": 12 * 72 / DOTS, "family": FONT, "zorder": 6}
        axes.text(0.02, 0.96, _percent(top), transform=axes.transAxes, va="top", color=MUTED, **style)
        highest = int(np.argmax(share))
        if share[highest] > top:
            text = f"bar cut: {_percent(share[highest])} on {highest}"
            axes.text(1, 1.05, text, transform=axes.transAxes, ha="right", va="bottom", color=MUTED, **style)
        if level is not None:
            axes.axvline(level, color=ACCENT, linewidth=1.5)

    note = f"mean {plane.mean:.1f}, from {plane.minimum} to {plane.maximum}"
    return Panel(_COLUMN, _HISTOGRAM, draw, plane.name, note, below=22)


def _top(shares: list[NDArray[np.float64]]) -> float:
    """The scale's end: a level that holds very many pixels (a white sky) would flatten the others, so it is cut."""
    ordered = np.sort(np.concatenate(shares))
    usual = float(ordered[-2 * len(shares) - 2]) * 1.3  # all but two levels a plane
    highest = min(1.0, float(ordered[-1]) * 1.08)
    return usual if 0 < usual < highest / 2 else highest


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


def draw_levels(axes: Axes, heights: NDArray[Any], colours: NDArray[np.uint8]) -> None:
    """One bar for each level, in its colour: one collection, which is drawn ten times as fast as so many patches.

    Args:
        heights: of the bars, ``256``.
        colours: of the bars, uint8 ``256 3``.
    """
    left = np.arange(LEVELS) - 0.5
    right, zero = left + 1.0, np.zeros(LEVELS)
    corners = np.array([[left, zero], [left, heights], [right, heights], [right, zero]])
    bars = PolyCollection(
        list(corners.transpose(2, 0, 1)), facecolors=colours / 255.0, linewidths=0, antialiaseds=False
    )
    axes.add_collection(bars)
