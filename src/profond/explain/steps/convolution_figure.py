"""The picture of a convolution: input, kernel, output, and the arithmetic of one output pixel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from profond.explain.draw.colour_scale import Scale, are_levels
from profond.explain.draw.drawing import (
    ACCENT,
    INK,
    MUTED,
    PAPER,
    Panel,
    Sheet,
    cell_for,
    cell_size,
    colour_strip,
    fit,
    grid,
    outline,
    readable_on,
    show,
    signed_tint,
    text_panel,
)
from profond.explain.draw.numbers import Array, write_number
from profond.explain.steps.convolution import ConvolutionResult, OutputPixel
from profond.explain.steps.kernels import cancels
from profond.explain.steps.sliding import pad, size_in_words
from profond.explain.steps.sums import added, factors

SMALL = 12  # rows and columns of a table that is drawn with its numbers
_BOX = (440.0, 460.0)
_PADDING = "#eef1f4"


def draw_convolution(
    *results: ConvolutionResult, at: tuple[int, int] | None = None, title: str | None = None
) -> Figure:
    """Draw a convolution.

    Args:
        results: one from ``convolve``, or three: red, green and blue, each convolved with the same kernel.
        at: (row, column) of the output pixel whose arithmetic is drawn.
        title: above the picture.
    """
    assert len(results) in (1, 3), "one plane, or red, green and blue"
    result = results[0]
    pixels = [one.at(*at) for one in results] if at else []
    pixel = pixels[0] if pixels else None
    sheet = Sheet(title or "Convolution", "mathematical convolution" if result.flipped else "cross-correlation")
    small = max(result.rows.padded, result.columns.padded) <= SMALL and max(result.kernel.shape) <= SMALL
    if small and len(results) == 1:
        cell = cell_size(result.input, result.output)
        sheet.row(
            _table_input(result, pixel, cell), text_panel("∗"), _kernel(result), text_panel("="),
            _table_output(result, pixel, cell), gap=24, centred=True,
        )  # fmt: skip
    else:
        height, width = result.input.shape
        shown = fit(width, height, _BOX)
        sheet.row(
            _image_panel([one.input for one in results], shown, f"input {size_in_words(result.input, True)}", pixel),
            _kernel(result),
            _photo_output(results, shown[0] / width, pixel),
        )
    sheet.text(*(f"{axis.name}: {axis.formula()}" for axis in (result.rows, result.columns)))
    names = ("red", "green", "blue") if len(pixels) == 3 else ("",)
    for one, name in zip(pixels, names, strict=False):
        _arithmetic(sheet, one, name, not small and are_levels(result.input))
    return sheet.figure()


def _kernel(result: ConvolutionResult) -> Panel:
    values = result.kernel
    size = " × ".join(str(n) for n in values.shape)
    title = f"kernel {size}" + (", turned" if result.flipped else "")
    if max(values.shape) > SMALL:
        shown = fit(values.shape[1], values.shape[0], (240, 240))
        scale = Scale.of(values)
        return Panel(*shown, lambda axes: show(axes, scale.image(values), shown), title, scale.note)
    cell = cell_size(values)
    panel = _signed_table(values, cell, title)
    words = [f"stride {_pair(result.rows.stride, result.columns.stride)}"]
    words.append(f"padding {_pair(result.rows.padding, result.columns.padding)}")
    if result.rows.padding or result.columns.padding:
        words[-1] += f" ({result.padding_mode})"
    if (result.rows.dilation, result.columns.dilation) != (1, 1):
        words.append(f"dilation {_pair(result.rows.dilation, result.columns.dilation)}")
    if result.bias:
        words.append(f"bias {write_number(result.bias)}")
    panel.note, panel.room = ", ".join(words), 150
    return panel


def _pair(down: int, across: int) -> str:
    return str(down) if down == across else f"{down} down, {across} across"


def _signed_table(values: Array, cell: float, title: str = "", write: Callable[[int, int], str] | None = None) -> Panel:
    most = float(np.abs(values).max())

    def draw(axes: Axes) -> None:
        grid(axes, values, fill=lambda y, x: signed_tint(values[y, x], most), write=write, lines="#b8c2cc")

    return Panel(values.shape[1] * cell, values.shape[0] * cell, draw, title)


def _table_input(result: ConvolutionResult, pixel: OutputPixel | None, cell: float) -> Panel:
    down, across = result.rows.padding, result.columns.padding
    padded = pad(result.input, (down, across), result.padding_mode)
    height, width = result.input.shape

    def inside(y: int, x: int) -> bool:
        return bool(down <= y < down + height and across <= x < across + width)

    taken = {(y + down, x + across) for y in pixel.rows for x in pixel.columns} if pixel else set()

    def fill(y: int, x: int) -> str:
        if (y, x) in taken:
            return "#fde3cd"
        return PAPER if inside(y, x) else _PADDING

    def draw(axes: Axes) -> None:
        grid(axes, padded, fill=fill, ink=lambda y, x: INK if inside(y, x) else MUTED)
        outline(axes, across, down, width, height, INK, 1.2)
        if pixel:
            top, left = pixel.rows[0] + down, pixel.columns[0] + across
            outline(axes, left, top, result.columns.span, result.rows.span)

    title = f"input {size_in_words(result.input, False)}" + (", with its padding" if down or across else "")
    return Panel(padded.shape[1] * cell, padded.shape[0] * cell, draw, title)


def _table_output(result: ConvolutionResult, pixel: OutputPixel | None, cell: float) -> Panel:
    height, width = result.output.shape

    def draw(axes: Axes) -> None:
        grid(axes, result.output, fill=lambda y, x: PAPER)
        outline(axes, 0, 0, width, height, INK, 1.2)
        if pixel:
            outline(axes, pixel.column, pixel.row, 1, 1)

    return Panel(width * cell, height * cell, draw, f"output {size_in_words(result.output, False)}")


def _image_panel(planes: list[Array], size: tuple[float, float], title: str, pixel: OutputPixel | None) -> Panel:
    scale = Scale.of(*planes, levels=all(are_levels(plane) for plane in planes))

    def draw(axes: Axes) -> None:
        show(axes, scale.image(*planes), size)
        if pixel:
            unit = planes[0].shape[1] / size[0]
            width, height = (ends[-1] - ends[0] + 1 for ends in (pixel.columns, pixel.rows))
            grow = max(0.0, 8 * unit - min(width, height) / 2)  # a window of 3 pixels would not be seen
            _mark(axes, pixel.columns[0] - grow, pixel.rows[0] - grow, width + 2 * grow, height + 2 * grow)

    return Panel(*size, draw, title, scale.note)


def _photo_output(results: tuple[ConvolutionResult, ...], ratio: float, pixel: OutputPixel | None) -> Panel:
    """The output on the input's own scale of lengths, so that a stride is seen as a smaller picture."""
    outputs = [one.output for one in results]
    kernel = results[0].kernel
    keeps_light = abs(float(kernel.sum()) - 1) < 1e-9 and results[0].bias == 0
    levels = keeps_light and all(are_levels(one.input) for one in results)
    scale = Scale.of(*outputs, levels=levels, difference=cancels(kernel))
    height, width = outputs[0].shape
    size = fit(width, height, (min(max(width * ratio, 120.0), 600.0), min(max(height * ratio, 120.0), 600.0)))

    def draw(axes: Axes) -> None:
        show(axes, scale.image(*outputs), size)
        if pixel:
            reach = max(0.5, 8 * width / size[0])
            _mark(axes, pixel.column + 0.5 - reach, pixel.row + 0.5 - reach, 2 * reach, 2 * reach)
        if len(results) == 1:
            ticks = [scale.low, 0.0, scale.high] if scale.signed else [scale.low, scale.high]
            colour_strip(axes, scale.colours(), ticks, size, max(1.0, 260 / size[0]))

    below = 44 if len(results) == 1 else 0
    return Panel(*size, draw, f"output {size_in_words(outputs[0], True)}", scale.note, below=below, room=260)


def _mark(axes: Axes, x: float, y: float, width: float, height: float) -> None:
    outline(axes, x, y, width, height, "white", 4.0)
    outline(axes, x, y, width, height, ACCENT, 2.0)


def _arithmetic(sheet: Sheet, pixel: OutputPixel, name: str, levels: bool) -> None:
    """Patch × kernel = products → sum, as grids, then the sums row by row."""
    words = f"{name + ': ' if name else ''}the output pixel at row {pixel.row}, column {pixel.column}"
    if max(pixel.kernel.shape) > SMALL:
        sheet.text(f"{words} = {write_number(pixel.value)}")
        return
    products, taps = pixel.products, pixel.products.size
    written = added([*products.ravel(), pixel.bias], pixel.value, part=taps)
    shown = np.array(written.terms[:taps]).reshape(products.shape)
    pairs = (pixel.patch.ravel(), pixel.kernel.ravel())
    digits = factors(*pairs, written.terms[:taps], written.unit)
    cell = max(cell_size(pixel.patch, pixel.kernel, digits=digits), cell_for(written.terms))

    def fill(y: int, x: int) -> str:
        if not pixel.inside[y, x]:
            return _PADDING
        return _grey(pixel.patch[y, x]) if levels else PAPER

    def ink(y: int, x: int) -> str:
        return readable_on(fill(y, x)) if pixel.inside[y, x] else MUTED

    def draw(axes: Axes) -> None:
        grid(
            axes,
            pixel.patch,
            fill=fill,
            ink=ink,
            write=lambda y, x: write_number(pixel.patch[y, x], digits),
            lines="#b8c2cc",
        )
        outline(axes, 0, 0, pixel.patch.shape[1], pixel.patch.shape[0])

    patch = Panel(pixel.patch.shape[1] * cell, pixel.patch.shape[0] * cell, draw, "patch")
    total = f"sum {written.part(0, taps)}"
    total += f"\n+ bias {written.terms[taps]}" if pixel.bias else ""
    sheet.text(f"Step by step, {words}")
    sheet.row(
        patch,
        text_panel("×"),
        _signed_table(pixel.kernel, cell, "kernel", lambda y, x: write_number(pixel.kernel[y, x], digits)),
        text_panel("="),
        _signed_table(products, cell, "products", lambda y, x: str(shown[y, x])),
        text_panel("→"),
        text_panel(total, 18, INK),
        text_panel("="),
        text_panel(written.total, 26, ACCENT),
        gap=18,
        centred=True,
    )


def _grey(level: float) -> str:
    return "#" + f"{round(float(level)):02x}" * 3
