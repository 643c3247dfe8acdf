"""One sheet of paper for every picture here: rows of panels, placed to the pixel, in quiet colours."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image

from profond.core.errors import StorageError, UsageError
from profond.core.files import atomic_path
from profond.core.lettering import FONT, drawable, lettered, text_width, visible
from profond.explain.draw.numbers import Array, write_number

DOTS = 100  # pixels an inch; every length below is in pixels
INK, MUTED, FAINT, PAPER = "#1f2933", "#5f6c7b", "#d3dae2", "#ffffff"
ACCENT = "#d55e00"
# Okabe and Ito's colours, told apart by every kind of colour vision.
COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#0072b2", "#f0e442", "#d55e00", "#999999")
POSITIVE, NEGATIVE = "#e69f00", "#0072b2"
_MARGIN, _GAP = 40, 36
_TITLE, _NOTE, _LINE = 15, 13, 20


@dataclass
class Panel:
    """A box on the sheet.

    Args:
        width, height: of the box that ``draw`` fills.
        draw: receives Matplotlib axes without frame or ticks.
        title: above the box, in one line.
        note: below the box, broken into lines as wide as the box, or as ``room`` when that is wider.
        below: pixels that drawing needs under the box, for tick labels.
        room: least width of the column that the box stands in.
    """

    width: float
    height: float
    draw: Callable[[Axes], None]
    title: str = ""
    note: str = ""
    below: float = 0
    room: float = 0

    def __post_init__(self) -> None:
        self.title = drawable(visible(self.title))

    @property
    def column(self) -> float:
        return max(self.width, self.room, text_width(self.title, _TITLE))

    @property
    def notes(self) -> list[str]:
        return broken(self.note, self.column, _NOTE)

    @property
    def full(self) -> float:
        return self.height + self.below + (len(self.notes) * _LINE + 8 if self.note else 0)


@dataclass
class Row:
    """Panels side by side. ``centred`` puts their middles in line, for formulas made of grids."""

    panels: list[Panel]
    gap: float = _GAP
    centred: bool = False

    @property
    def head(self) -> float:
        return 28 if any(panel.title for panel in self.panels) else 0

    @property
    def box(self) -> float:
        return max(panel.height for panel in self.panels)

    @property
    def width(self) -> float:
        return sum(panel.column for panel in self.panels) + self.gap * (len(self.panels) - 1)

    def offset(self, panel: Panel) -> float:
        return (self.box - panel.height) / 2 if self.centred else 0

    @property
    def height(self) -> float:
        return self.head + max(self.offset(panel) + panel.full for panel in self.panels)


@dataclass
class Sheet:
    """Title, then rows from top to bottom; ``figure()`` is as large as they need."""

    title: str
    subtitle: str = ""
    rows: list[Row | list[str]] = field(default_factory=list)

    def row(self, *panels: Panel, gap: float = _GAP, centred: bool = False) -> None:
        self.rows.append(Row(list(panels), gap, centred))

    def text(self, *lines: str) -> None:
        self.rows.append(list(lines))

    def figure(self) -> Figure:
        lines = [text_width(drawable(line), 14) for row in self.rows if not isinstance(row, Row) for line in row]
        inner = max(
            [560.0, min(900.0, max(lines, default=0.0) + 2), *(r.width for r in self.rows if isinstance(r, Row))]
        )
        title = broken(drawable(self.title), inner, 22, "bold")
        subtitle = broken(drawable(self.subtitle), inner, 14)
        rows = [row if isinstance(row, Row) else _wrapped(row, inner) for row in self.rows]
        heights = [row.height if isinstance(row, Row) else len(row) * 22 for row in rows]
        head = len(title) * 32 + len(subtitle) * 22
        total = 2 * _MARGIN + head + sum(heights) + 30 * len(rows)
        width = inner + 2 * _MARGIN
        figure = Figure(figsize=(width / DOTS, total / DOTS), dpi=DOTS, facecolor=PAPER)

        def write(x: float, y: float, text: str, size: float, colour: str, weight: str = "normal") -> None:
            style: dict[str, Any] = {"fontsize": size * 72 / DOTS, "color": colour, "weight": weight, "family": FONT}
            figure.text(x / width, 1 - y / total, text, va="top", parse_math=False, **style)

        y: float = _MARGIN - 8
        for line in title:
            write(_MARGIN, y, line, 22, INK, "bold")
            y += 32
        for line in subtitle:
            write(_MARGIN, y, line, 14, MUTED)
            y += 22
        for row, height in zip(rows, heights, strict=True):
            y += 30 if row is not rows[0] else 22
            if not isinstance(row, Row):
                for index, line in enumerate(row):
                    write(_MARGIN, y + 22 * index, line, 14, INK)
                y += height
                continue
            x: float = _MARGIN
            for panel in row.panels:
                top = y + row.head + row.offset(panel)
                if panel.title:
                    write(x, top - 26, panel.title, _TITLE, INK)
                box = (x / width, 1 - (top + panel.height) / total, panel.width / width, panel.height / total)
                axes = figure.add_axes(box)
                axes.set_axis_off()
                panel.draw(axes)
                for index, line in enumerate(panel.notes):
                    write(x, top + panel.height + panel.below + 8 + _LINE * index, line, _NOTE, MUTED)
                x += panel.column + row.gap
            y += height
        return lettered(figure)


def text_panel(text: str, size: float = 26, colour: str = MUTED, height: float = 40) -> Panel:
    """A sign or a few words between other panels."""

    def draw(axes: Axes) -> None:
        style: dict[str, Any] = {"fontsize": size * 72 / DOTS, "color": colour, "family": FONT}
        axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, parse_math=False, **style)

    lines = text.split("\n")
    return Panel(max(text_width(line, size) for line in lines) + 4, max(height, len(lines) * size * 1.3), draw)


def cell_size(*tables: Array, least: float = 40, digits: int = 4) -> float:
    """Pixels that a square cell needs so that each table's longest number can be read."""
    return cell_for([write_number(value, digits) for table in tables for value in table.ravel()], least)


def cell_for(texts: Iterable[str], least: float = 40) -> float:
    """Pixels that a square cell needs so that each of the texts can be read."""
    return max(least, max(text_width(text, 14) for text in texts) + 14)


def grid(
    axes: Axes,
    values: Array,
    *,
    fill: Callable[[int, int], str] | None = None,
    ink: Callable[[int, int], str] | None = None,
    bold: Callable[[int, int], bool] | None = None,
    write: Callable[[int, int], str] | None = None,
    size: float = 14,
    lines: str = FAINT,
) -> None:
    """A table of numbers in square cells; one unit of the axes is one cell, row 0 at the top.

    Args:
        write: how the number of a cell is written; by default with four digits.
    """
    height, width = values.shape
    axes.set(xlim=(0, width), ylim=(height, 0))
    for y in range(height):
        for x in range(width):
            colour = fill(y, x) if fill else PAPER
            axes.add_patch(Rectangle((x, y), 1, 1, facecolor=colour, edgecolor=lines, linewidth=0.8, clip_on=False))
            text = ink(y, x) if ink else readable_on(colour)
            weight = "bold" if bold and bold(y, x) else "normal"
            style: dict[str, Any] = {"fontsize": size * 72 / DOTS, "color": text, "family": FONT, "weight": weight}
            axes.text(
                x + 0.5,
                y + 0.52,
                write(y, x) if write else write_number(values[y, x]),
                ha="center",
                va="center",
                **style,
            )


def outline(
    axes: Axes, x: float, y: float, width: float, height: float, colour: str = ACCENT, thick: float = 2
) -> None:
    """A frame in the axes' own units."""
    box = Rectangle((x, y), width, height, fill=False, edgecolor=colour, linewidth=thick, clip_on=False, zorder=5)
    axes.add_patch(box)


def tint(colour: str, strength: float) -> str:
    """The colour thinned towards white; strength 0 to 1."""
    red, green, blue = (round(255 * (1 - strength * (1 - part))) for part in to_rgb(colour))
    return f"#{red:02x}{green:02x}{blue:02x}"


def signed_tint(value: float, most: float) -> str:
    """Orange above zero, blue below, white at zero."""
    if most == 0 or value == 0:
        return PAPER
    return tint(POSITIVE if value > 0 else NEGATIVE, 0.15 + 0.4 * min(1.0, abs(value) / most))


def readable_on(colour: str) -> str:
    red, green, blue = to_rgb(colour)
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else PAPER


def fit(width: int, height: int, box: tuple[float, float]) -> tuple[float, float]:
    """The picture's size on the sheet: as large as the box allows, never thinner than 24 pixels."""
    scale = min(box[0] / width, box[1] / height)
    return max(24.0, width * scale), max(24.0, height * scale)


def show(axes: Axes, image: Image.Image, size: tuple[float, float]) -> None:
    """An image with a thin frame; the axes' units become its pixels, the first one at 0 to 1."""
    target = (max(1, round(size[0])), max(1, round(size[1])))
    grows = target[0] >= image.width and target[1] >= image.height
    shown = image.resize(target, Image.Resampling.NEAREST if grows else Image.Resampling.LANCZOS, reducing_gap=2.0)
    axes.imshow(
        np.asarray(shown), extent=(0, image.width, image.height, 0), aspect="auto", cmap="gray", vmin=0, vmax=255
    )
    outline(axes, 0, 0, image.width, image.height, FAINT, 0.8)


def colour_strip(
    axes: Axes, colours: NDArray[np.uint8], ticks: Sequence[float], size: tuple[float, float], across: float
) -> None:
    """A strip of colours with its numbers, below a panel that leaves 44 pixels for it.

    Args:
        colours: from the first tick to the last.
        ticks: numbers along it.
        size: of the panel.
        across: the strip's length in widths of the panel.
    """
    bar = axes.inset_axes((0.0, -22 / size[1], across, 12 / size[1]))
    bar.imshow(colours[None], aspect="auto", extent=(ticks[0], ticks[-1], 0, 1))
    bar.set(yticks=(), xticks=ticks)
    bar.set_xticklabels([write_number(tick) for tick in ticks])
    bar.tick_params(length=3, labelsize=12 * 72 / DOTS, colors=MUTED, labelfontfamily=FONT)
    labels = bar.get_xticklabels()
    labels[0].set_horizontalalignment("left")
    labels[-1].set_horizontalalignment("right")
    for spine in bar.spines.values():
        spine.set_visible(False)


def broken(text: str, width: float, size: float, weight: str = "normal") -> list[str]:
    """Text in lines that fit, broken at spaces, or anywhere in a word that is longer than a line.

    A no-break space, as French has in its numbers, is part of a word.
    """
    lines: list[str] = []
    line = ""
    for word in re.findall(r"[^ \t\n]+", text):
        joined = f"{line} {word}".strip()
        if text_width(joined, size, weight) <= width:
            line = joined
            continue
        lines += [line] if line else []
        while text_width(word, size, weight) > width and len(word) > 1:
            cut = next((n for n in range(len(word), 1, -1) if text_width(word[:n], size, weight) <= width), 1)
            lines.append(word[:cut])
            word = word[cut:]
        line = word
    return [*lines, line] if line else lines


def save_figure(figure: Figure, path: Path | str) -> Path:
    """Write a picture, whole or not at all; the suffix says which kind (png, jpg, webp, svg, pdf).

    Raises: UsageError for another suffix; StorageError where it cannot be written.
    """
    path = Path(path)
    check_picture_name(path)
    try:
        with atomic_path(path) as temporary:
            lettered(figure).savefig(temporary, format=path.suffix[1:].lower())
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(f"cannot write to {path}: {error.strerror}", "choose another place with --out") from None
    return path


def check_picture_name(path: Path) -> None:
    """Raises: UsageError when the suffix is not one that pictures can be written as."""
    formats = (".png", ".jpg", ".jpeg", ".webp", ".svg", ".pdf")
    if path.suffix.lower() not in formats:
        raise UsageError(f"{path} does not say what kind of picture to write", f"end it in {', '.join(formats)}")


def _wrapped(lines: list[str], width: float) -> list[str]:
    return [part for line in lines for part in broken(drawable(line), width, 14)]
