"""Figures of L24: signs as a car passes them, what is confused and what that costs, weather, and mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from profond.core.lettering import FONT, lettered, text_width
from profond.data.images.adverse import SEVERITIES
from profond.evaluation.adverse import Adverse
from profond.explain.draw.drawing import COLOURS, DOTS, FAINT, INK, MUTED, PAPER
from profond.lecture.values import count, share, text
from profond.lecture.words import Words

if TYPE_CHECKING:
    from profond.explain.why.attribution import Attribution

_WIDE, _SMALL = 8.6, 8.5
_COLUMNS, _CELL = 3, 0.36
_DEAREST = 8
_MARKS = "os^vDPX"


class Mistaken(Protocol):
    """A picture, uint8 (c, h, w), what it is, what it was taken for, and where that comes from."""

    @property
    def picture(self) -> Tensor: ...
    @property
    def true(self) -> int: ...
    @property
    def predicted(self) -> int: ...
    @property
    def why(self) -> Attribution: ...


def draw_signs(frames: Sequence[Sequence[Tensor]], names: Sequence[str], title: str) -> Figure:
    """Of every class some frames of one sign, each row with its name; in columns."""
    rows = -(-len(frames) // _COLUMNS)
    high = rows * _CELL + 0.6
    figure = _figure(_WIDE, high, title)
    across = _WIDE / _COLUMNS
    for at, pictures in enumerate(frames):
        column, row = divmod(at, rows)
        bottom = high - 0.5 - (row + 1) * _CELL
        for place, picture in enumerate(pictures):
            left = 0.1 + column * across + place * _CELL
            axes = figure.add_axes((left / _WIDE, bottom / high, 0.94 * _CELL / _WIDE, 0.94 * _CELL / high))
            axes.imshow(_levels(picture), interpolation="antialiased", cmap="gray", vmin=0, vmax=255)
            axes.set_axis_off()
        left = 0.16 + column * across + len(pictures) * _CELL
        _name(figure, names[at], left, bottom + _CELL / 2, across - len(pictures) * _CELL - 0.25)
    return figure


def draw_dearest(
    confusion: NDArray[np.int64], costs: NDArray[np.float64], names: Sequence[str], words: Words
) -> Figure:
    """The confusions that cost most in all, as bars."""
    whole = confusion * costs
    cells = [divmod(int(cell), len(costs)) for cell in np.argsort(-whole, axis=None, kind="stable")[:_DEAREST]]
    cells = [cell for cell in cells if whole[cell] > 0]
    height = 1.1 + 0.42 * max(1, len(cells))
    figure = _figure(_WIDE, height, words("L24.drawing.dearest"))
    if not cells:
        figure.text(0.5, 0.4, words("L24.drawing.nothing"), ha="center", color=INK, family=FONT, fontsize=10)
        return figure
    labels = [f"{names[true]}\n→ {names[predicted]}" for true, predicted in cells]
    margin = min(5.6, (1.06 * max(text_width(label, 9) for label in labels) + 14) / 72)
    axes = figure.add_axes((margin / _WIDE, 0.5 / height, (_WIDE - margin - 1.5) / _WIDE, (height - 1.0) / height))
    axes.barh(range(len(cells)), [whole[cell] for cell in cells], color=COLOURS[4], height=0.62)
    for at, cell in enumerate(cells):
        written = f" {words.write(count(int(confusion[cell])))} × {words.numbers_in(f'{costs[cell]:g}')}"
        axes.text(whole[cell], at, written, va="center", color=MUTED, family=FONT, fontsize=9)
    axes.set_yticks(range(len(cells)), labels)
    axes.invert_yaxis()
    axes.set_xlabel(words("L24.drawing.count_times_cost"), color=INK, family=FONT, fontsize=9)
    _plain(axes)
    return lettered(figure)


def draw_confusions(confusion: NDArray[np.int64], costs: NDArray[np.float64], words: Words) -> Figure:
    """Counts of confusions and what each costs, class by class in the benchmark's order."""
    height = 4.6
    figure = _figure(_WIDE, height, words("L24.drawing.confusions"))
    off = confusion * (1 - np.eye(len(confusion), dtype=np.int64))
    for place, (name, values) in enumerate((("counts", np.sqrt(off)), ("costs", costs))):
        axes = figure.add_axes(((0.55 + 4.2 * place) / _WIDE, 0.5 / height, 3.5 / _WIDE, 3.5 / height))
        axes.imshow(values, cmap="Reds", interpolation="nearest")
        axes.set_title(words(f"L24.drawing.{name}"), loc="left", color=MUTED, family=FONT, fontsize=9)
        axes.set_xlabel(words("L24.drawing.taken_for"), color=INK, family=FONT, fontsize=9)
        axes.set_ylabel(words("L24.drawing.class"), color=INK, family=FONT, fontsize=9)
        axes.tick_params(labelsize=8, colors=MUTED, length=2)
        for spine in axes.spines.values():
            spine.set_color(FAINT)
    return figure


def draw_weather(adverse: Adverse, words: Words) -> Figure:
    """The share that is read, by what is done to the pictures and how badly."""
    height = 3.9
    figure = _figure(_WIDE, height, words("L24.drawing.weather"))
    axes = figure.add_axes((0.75 / _WIDE, 0.55 / height, 5.6 / _WIDE, (height - 1.05) / height))
    for number, (name, values) in enumerate(adverse.found.items()):
        heights = [one.value for one in (adverse.clean, *values)]
        label = words(f"word.weather_{name.replace(' ', '_')}")
        colour = COLOURS[number % len(COLOURS)]
        axes.plot((0, *SEVERITIES), heights, marker=_MARKS[number % 7], label=label, color=colour, markersize=5)
    axes.set_ylim(0, 1.03)
    ticks = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    axes.set_yticks(ticks, [words.write(share(tick, digits=0)) for tick in ticks])
    axes.set_xticks((0, *SEVERITIES), [words("L24.drawing.none"), *map(str, SEVERITIES)])
    axes.set_xlabel(words("L24.drawing.severity"), color=INK, family=FONT, fontsize=9)
    axes.grid(color=FAINT, linewidth=0.5)
    _plain(axes)
    axes.legend(frameon=False, bbox_to_anchor=(1.02, 1), loc="upper left", prop={"family": FONT, "size": 9})
    return figure


def draw_mistakes(mistakes: Sequence[Mistaken], names: Sequence[str], words: Words) -> Figure:
    """Pictures that were read wrongly, each beside what of it spoke for the wrong class (red) and against it (blue)."""
    columns = 3
    rows = max(1, -(-len(mistakes) // columns))
    side, across = 1.25, _WIDE / columns
    height = 0.6 + rows * (side + 0.55)
    figure = _figure(_WIDE, height, words("L24.drawing.mistakes"))
    if not mistakes:
        figure.text(0.5, 0.4, words("L24.drawing.nothing"), ha="center", color=INK, family=FONT, fontsize=10)
    for at, mistake in enumerate(mistakes):
        row, column = divmod(at, columns)
        left, bottom = 0.1 + column * across, height - 0.5 - row * (side + 0.55) - side
        heat = mistake.why.plane(tuple(mistake.picture.shape[1:]))
        most = float(np.abs(heat).max()) or 1.0
        for place in range(2):
            x = left + place * (side + 0.06)
            axes = figure.add_axes((x / _WIDE, bottom / height, side / _WIDE, side / height))
            axes.imshow(_levels(mistake.picture), cmap="gray", vmin=0, vmax=255, alpha=1.0 if place == 0 else 0.45)
            if place:
                axes.imshow(heat, cmap="RdBu_r", vmin=-most, vmax=most, alpha=0.55, interpolation="bilinear")
            axes.set_axis_off()
        for line, (key, label) in enumerate((("is", mistake.true), ("read_as", mistake.predicted))):
            said = words(f"L24.drawing.{key}", {"name": text(names[label])})
            size = min(_SMALL, _SMALL * 72 * (across - 0.15) / max(1.0, text_width(said, _SMALL)))
            y = (bottom - 0.07 - 0.17 * line) / height
            figure.text(left / _WIDE, y, said, va="top", color=INK if line else MUTED, family=FONT, fontsize=size)
    return figure


def _name(figure: Figure, name: str, left: float, middle: float, wide: float) -> None:
    """A name beside its pictures, in two lines where one is too narrow; all in inches."""
    size, lines = _SMALL, 1
    if 1.06 * text_width(name, size) > 72 * wide:
        first, rest = _halved(name)
        name, size, lines = f"{first}\n{rest}", 7.5, 2
        size = min(size, size * 68 * wide / max(text_width(first, size), text_width(rest, size)))
    width, height = figure.get_size_inches()
    style: dict[str, Any] = {"color": INK, "family": FONT, "fontsize": size, "linespacing": 1.0 if lines > 1 else None}
    figure.text(left / width, middle / height, name, va="center", **style)


def _halved(name: str) -> tuple[str, str]:
    """Two lines, as equal as words allow."""
    words = name.split(" ")
    ways = [(" ".join(words[:at]), " ".join(words[at:])) for at in range(1, len(words))] or [(name, "")]
    return min(ways, key=lambda way: max(map(len, way)))


def _levels(picture: Tensor) -> NDArray[np.uint8]:
    levels: NDArray[np.uint8] = picture.permute(1, 2, 0).numpy()
    return levels[:, :, 0] if levels.shape[2] == 1 else levels


def _plain(axes: object) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)  # type: ignore[attr-defined]
    axes.tick_params(labelsize=9, labelcolor=INK, labelfontfamily=FONT, color=FAINT)  # type: ignore[attr-defined]


def _figure(wide: float, high: float, title: str) -> Figure:
    figure = Figure(figsize=(wide, high), dpi=DOTS, facecolor=PAPER)
    figure.text(0.1 / wide, 1 - 0.12 / high, title, va="top", color=INK, weight="bold", family=FONT, fontsize=13)
    return figure
