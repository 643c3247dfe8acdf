"""The picture of pooling: windows in colours on a small table, or a photo before and after."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from profond.explain.draw.colour_scale import Scale, are_levels
from profond.explain.draw.drawing import (
    COLOURS,
    FAINT,
    INK,
    MUTED,
    PAPER,
    Panel,
    Sheet,
    cell_size,
    fit,
    grid,
    outline,
    show,
    text_panel,
    tint,
)
from profond.explain.draw.numbers import Array, read_number, write_number
from profond.explain.steps.convolution_figure import SMALL
from profond.explain.steps.pooling import PoolingResult
from profond.explain.steps.sliding import Axis, pad, size_in_words
from profond.explain.steps.sums import digits_for

_PADDING = "#eef1f4"
_MOST_COPIES = 16


def draw_pooling(*results: PoolingResult, title: str | None = None) -> Figure:
    """Draw a pooling.

    Args:
        results: one from ``pool``, or three: red, green and blue, each pooled alike.
        title: above the picture.
    """
    assert len(results) in (1, 3), "one plane, or red, green and blue"
    result = results[0]
    small = len(results) == 1 and max(result.rows.padded, result.columns.padded) <= SMALL
    bold = " · in bold: the greatest of its window" if small and result.kind == "max" else ""
    sheet = Sheet(title or "Pooling", result.words() + bold)
    if small:
        cell = max(cell_size(result.input, digits=_digits(result)), cell_size(result.output))
        sheet.row(_table(result, cell), text_panel("→"), _output(result, cell), gap=28, centred=True)
        if result.overlapping and result.output.size <= _MOST_COPIES:
            sheet.text("Each window by itself:")
            for row in range(result.output.shape[0]):
                sheet.row(*(_copy(result, row, column) for column in range(result.output.shape[1])), gap=48)
    else:
        _image_panels(sheet, results)
    sheet.text(*(f"{axis.name}: {axis.formula()}" for axis in (result.rows, result.columns)))
    return sheet.figure()


def _colour(row: int, column: int, columns: int) -> str:
    # NOTE windows side by side or one above the other must differ, whatever their number in a row.
    return COLOURS[(row * (columns if columns % len(COLOURS) else columns + 3) + column) % len(COLOURS)]


def _padded(result: PoolingResult) -> Array:
    return pad(result.input, (result.rows.padding, result.columns.padding))


def _table(result: PoolingResult, cell: float) -> Panel:
    padded = _padded(result)
    down, across = result.rows.padding, result.columns.padding
    height, width = result.input.shape
    digits = _digits(result)
    owner: dict[tuple[int, int], str] = {}
    winners = set()
    for row, column in np.ndindex(*result.output.shape):
        if result.kind == "max":
            winners.add(result.winner(row, column))
        if not result.overlapping:
            owner |= dict.fromkeys(result.window(row, column), _colour(row, column, result.output.shape[1]))

    def fill(y: int, x: int) -> str:
        position = (y - down, x - across)
        if not (0 <= position[0] < height and 0 <= position[1] < width):
            return _PADDING
        return tint(owner[position], 0.75 if position in winners else 0.3) if position in owner else PAPER

    def ink(y: int, x: int) -> str:
        return INK if 0 <= y - down < height and 0 <= x - across < width else _ghost(result)

    def draw(axes: Axes) -> None:
        bold = {(y + down, x + across) for y, x in winners}
        grid(
            axes,
            padded,
            fill=fill,
            ink=ink,
            bold=lambda y, x: (y, x) in bold,
            write=lambda y, x: write_number(padded[y, x], digits),
            lines=PAPER if owner else FAINT,
        )
        outline(axes, across, down, width, height, INK, 1.2)

    title = f"input {size_in_words(result.input, False)}" + (", with its padding" if down or across else "")
    return Panel(padded.shape[1] * cell, padded.shape[0] * cell, draw, title)


def _digits(result: PoolingResult) -> int:
    """With which the input must be written so that the means of its windows are those that are shown."""
    if result.kind == "max":
        return 4

    def check(digits: int, tolerance: Decimal) -> bool:
        for position in np.ndindex(*result.output.shape):
            window = [read_number(write_number(float(result.input[at]), digits)) for at in result.window(*position)]
            many = result.rows.window * result.columns.window if result.count_padding else len(window)
            shown = read_number(write_number(float(result.output[position])))
            unit = Decimal(1).scaleb(int(shown.as_tuple().exponent))
            if abs(sum(window, Decimal(0)) / many - shown) > tolerance * unit:
                return False
        return True

    return digits_for(check)


def _output(result: PoolingResult, cell: float) -> Panel:
    height, width = result.output.shape

    def draw(axes: Axes) -> None:
        grid(axes, result.output, fill=lambda y, x: tint(_colour(y, x, width), 0.75 if result.kind == "max" else 0.5))
        outline(axes, 0, 0, width, height, INK, 1.2)

    return Panel(width * cell, height * cell, draw, f"output {size_in_words(result.output, False)}")


def _copy(result: PoolingResult, row: int, column: int) -> Panel:
    """The input once more, one window of it in colour."""
    padded, digits = _padded(result), _digits(result)
    down, across = result.rows.padding, result.columns.padding
    window = {(y + down, x + across) for y, x in result.window(row, column)}
    best = result.winner(row, column)
    winner = (best[0] + down, best[1] + across)
    colour = _colour(row, column, result.output.shape[1])

    def fill(y: int, x: int) -> str:
        if (y, x) not in window:
            return PAPER
        return tint(colour, 0.75 if result.kind == "max" and (y, x) == winner else 0.35)

    def draw(axes: Axes) -> None:
        bold = result.kind == "max"
        grid(
            axes, padded, fill=fill, ink=lambda y, x: INK if (y, x) in window else "#a3aebb",
            bold=lambda y, x: bold and (y, x) == winner,
            write=lambda y, x: write_number(padded[y, x], digits), size=12,
        )  # fmt: skip

    cell = cell_size(result.input, least=28, digits=digits)
    value = result.output[row, column]
    return Panel(padded.shape[1] * cell, padded.shape[0] * cell, draw, f"→ {write_number(value)}")


def _image_panels(sheet: Sheet, results: tuple[PoolingResult, ...]) -> None:
    """Before and after, in one scale of lengths and of light; then a few windows of the middle, seen close."""
    inputs, outputs = [one.input for one in results], [one.output for one in results]
    scale = Scale.of(*inputs, levels=all(are_levels(plane) for plane in inputs))
    height, width = inputs[0].shape
    rows, columns = outputs[0].shape
    size = fit(width, height, (520, 460))
    ratio = size[0] / width

    def panel(planes: list[Array], shown: tuple[float, float], title: str, note: str = "") -> Panel:
        return Panel(*shown, lambda axes: show(axes, scale.image(*planes), shown), title, note, room=120)

    smaller = fit(columns, rows, (max(24.0, columns * ratio), max(24.0, rows * ratio)))
    sheet.row(
        panel(inputs, size, f"input {size_in_words(inputs[0], True)}", scale.note),
        panel(outputs, smaller, f"output {size_in_words(outputs[0], True)}"),
    )
    down, across = _middle_windows(results[0].rows), _middle_windows(results[0].columns)
    taken = _pixels(results[0].rows, down), _pixels(results[0].columns, across)
    before = [plane[taken[0], taken[1]] for plane in inputs]
    after = [plane[down, across] for plane in outputs]
    tall, wide = before[0].shape
    sheet.text(
        f"Seen close: rows {taken[0].start} to {taken[0].stop - 1}, columns {taken[1].start} to {taken[1].stop - 1}"
        " of the input, and what becomes of them"
    )
    cell = min(24.0, 480 / max(tall, wide))
    step = cell * results[0].rows.stride, cell * results[0].columns.stride
    shown = (after[0].shape[1] * step[1], after[0].shape[0] * step[0])
    sheet.row(
        panel(before, (wide * cell, tall * cell), f"input {size_in_words(before[0], True)}"),
        text_panel("→"),
        panel(after, shown, f"output {size_in_words(after[0], True)}"),
        gap=28,
        centred=True,
    )


def _middle_windows(axis: Axis) -> slice:
    """About 20 input pixels' worth of windows from the middle of the picture, at least three where there are."""
    many = min(axis.count, max(3, 20 // axis.stride))
    first = (axis.count - many) // 2
    return slice(first, first + many)


def _pixels(axis: Axis, span: slice) -> slice:
    """The input pixels under these windows."""
    first, last = axis.pixels(span.start)[0], axis.pixels(span.stop - 1)[-1]
    return slice(max(0, first), min(axis.size, last + 1))


def _ghost(result: PoolingResult) -> str:
    """Padding of a maximum has no number to show."""
    return _PADDING if result.kind == "max" else MUTED
