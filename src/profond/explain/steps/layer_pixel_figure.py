"""The picture of one output number of a convolution inside a network: where it looks, and its arithmetic as tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from profond.explain.draw.colour_scale import Scale
from profond.explain.draw.drawing import (
    ACCENT,
    INK,
    MUTED,
    PAPER,
    Panel,
    Sheet,
    cell_for,
    cell_size,
    fit,
    grid,
    outline,
    show,
    signed_tint,
    text_panel,
)
from profond.explain.draw.numbers import Array, write_number
from profond.explain.steps.layer_pixel import DIGITS, LayerPixel, exact
from profond.explain.steps.sums import Written, added, factors, signed

_MOST_ROWS, _WITH_NUMBERS = 3, 7
_PADDING = "#eef1f4"
_BOX = (360.0, 360.0)


def draw_layer_pixel(pixel: LayerPixel, image: Image.Image, *, name: str, model: str) -> Figure:
    """Draw the arithmetic.

    Args:
        pixel: of a convolution of images (two axes).
        image: what the network looked at, in the geometry of its input.
    """
    row, column = pixel.position
    sheet = Sheet(
        f"{pixel.layer}, map {pixel.channel}, row {row}, column {column}: {exact(pixel.value)}",
        f"{name} · {model} · {pixel.words()}",
    )
    sheet.row(_input(pixel, image), _map(pixel))
    totals = pixel.products.sum(axis=(1, 2))
    largest = np.argsort(-np.abs(totals), kind="stable")[:_MOST_ROWS]
    order = np.sort(largest) if len(totals) <= _MOST_ROWS else largest
    chosen = [int(index) for index in order]
    rest = float(totals.sum() - totals[chosen].sum())
    terms = [*(float(totals[index]) for index in chosen), rest, pixel.bias]
    written = added(terms, pixel.value, DIGITS, part=len(terms) - 1)
    tables = [added(pixel.products[index].ravel(), float(totals[index]), unit=written.unit).terms for index in chosen]
    patches, kernels = ([one[index].ravel() for index in chosen] for one in (pixel.patch, pixel.kernel))
    digits = factors(
        np.concatenate(patches), np.concatenate(kernels), [one for table in tables for one in table], written.unit
    )
    cell = max(cell_size(*patches, *kernels, digits=digits), cell_for(one for table in tables for one in table))
    for index, products, total in zip(chosen, tables, written.terms, strict=False):
        _products(sheet, pixel, index, products, total, digits, cell)
    sheet.text(*_sums(pixel, written, chosen, len(totals)))
    return sheet.figure()


def _input(pixel: LayerPixel, image: Image.Image) -> Panel:
    size = fit(*image.size, _BOX)
    title = "what the network sees"
    if pixel.field is None:
        return Panel(*size, lambda axes: show(axes, image, size), title)
    (top, bottom), (left, right) = pixel.field
    tall, wide = bottom - top + 1, right - left + 1

    def draw(axes: Axes) -> None:
        show(axes, image, size)
        down, across = image.height / sides[0], image.width / sides[1]
        for colour, thick in ((PAPER, 4.0), (ACCENT, 2.0)):
            outline(axes, left * across, top * down, wide * across, tall * down, colour, thick)

    sides = pixel.sides
    note = f"framed: the {wide} × {tall} pixels that this number depends on"
    return Panel(*size, draw, title, note)


def _map(pixel: LayerPixel) -> Panel:
    scale = Scale.of(pixel.plane, difference=True)
    height, width = pixel.plane.shape
    size = fit(width, height, _BOX)
    row, column = pixel.position

    def draw(axes: Axes) -> None:
        show(axes, scale.image(pixel.plane), size)
        unit = width / size[0]
        reach = max(0.5, 7 * unit)
        for colour, thick in ((PAPER, 4.0), (ACCENT, 2.0)):
            outline(axes, column + 0.5 - reach, row + 0.5 - reach, 2 * reach, 2 * reach, colour, thick)

    return Panel(*size, draw, f"output map {pixel.channel}, {width} × {height}", scale.note, room=300)


def _products(
    sheet: Sheet, pixel: LayerPixel, index: int, written: Sequence[str], total: str, digits: int, cell: float
) -> None:
    """One input map's patch × kernel = products → their sum, so written that they give each other."""
    patch, kernel, products = pixel.patch[index], pixel.kernel[index], pixel.products[index]
    shown = np.array(written).reshape(products.shape)
    if max(kernel.shape) > _WITH_NUMBERS:
        panels = [_colours(one, title) for one, title in ((patch, "patch"), (kernel, "kernel"), (products, "products"))]
    else:
        panels = [
            _patch(patch, pixel.inside, cell, f"input map {pixel.input_channels[index]}", digits),
            _table(kernel, cell, "kernel", lambda y, x: write_number(kernel[y, x], digits)),
            _table(products, cell, "products", lambda y, x: str(shown[y, x])),
        ]
    sheet.row(
        panels[0],
        text_panel("×"),
        panels[1],
        text_panel("="),
        panels[2],
        text_panel("→"),
        text_panel(total, 22, INK),
        gap=18,
        centred=True,
    )


def _patch(values: Array, inside: np.ndarray, cell: float, title: str, digits: int) -> Panel:
    def draw(axes: Axes) -> None:
        grid(
            axes,
            values,
            fill=lambda y, x: PAPER if inside[y, x] else _PADDING,
            ink=lambda y, x: INK if inside[y, x] else MUTED,
            write=lambda y, x: write_number(values[y, x], digits),
            lines="#b8c2cc",
        )
        outline(axes, 0, 0, values.shape[1], values.shape[0])

    return Panel(values.shape[1] * cell, values.shape[0] * cell, draw, title)


def _table(values: Array, cell: float, title: str, write: Callable[[int, int], str]) -> Panel:
    most = float(np.abs(values).max())

    def draw(axes: Axes) -> None:
        grid(axes, values, fill=lambda y, x: signed_tint(values[y, x], most), write=write, lines="#b8c2cc")

    return Panel(values.shape[1] * cell, values.shape[0] * cell, draw, title)


def _colours(values: Array, title: str) -> Panel:
    scale = Scale.of(values, difference=True)
    size = fit(values.shape[1], values.shape[0], (230, 230))
    return Panel(*size, lambda axes: show(axes, scale.image(values), size), title, scale.note)


def _sums(pixel: LayerPixel, written: Written, shown: list[int], maps: int) -> list[str]:
    """The last lines of the sum, with the input maps that are not drawn."""
    channels = [f"map {pixel.input_channels[index]}" for index in shown]
    if rest := maps - len(shown):
        channels.append(f"the other {rest} input maps")
    parts = [f"{signed(term)} ({channel})" for term, channel in zip(written.terms, channels, strict=False)]
    total, bias = written.part(0, len(shown) + 1), written.terms[-1]
    lines = [f"sum: {' + '.join(parts)} = {total}"]
    lines.append(f"with the bias: {total} + {signed(bias)} = {written.total}" if pixel.bias else "no bias")
    lines.append(f"the layer itself put out {exact(pixel.output)}")
    return lines
