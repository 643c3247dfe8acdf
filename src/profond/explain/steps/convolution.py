"""Convolution of one plane with one kernel, exact, with the arithmetic of any output pixel (L5).

What deep learning calls convolution is cross-correlation: the kernel is laid on the picture as it is written.
The mathematical convolution turns it by 180° first; ``flip=True`` does that.

Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016), section 2: the size formula.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from profond.core.errors import ConfigError, DataError
from profond.explain.draw.numbers import Array, rows_of_text, write_number
from profond.explain.steps.sliding import (
    PADDING_MODES,
    Axis,
    Pair,
    as_json,
    as_plane,
    both,
    check_position,
    pad,
    sliding_windows,
    summary,
)
from profond.explain.steps.sums import added, factors, signed


@dataclass(frozen=True)
class OutputPixel:
    """The arithmetic of one output pixel.

    Args:
        row, column: which one.
        patch: what the window sees, ``kh kw``.
        kernel: the weights, ``kh kw``.
        rows, columns: where in the input the patch was taken from; outside of it is padding.
        inside: False where the patch is padding, ``kh kw``.
        bias: added at the end.
        value: the output pixel.
    """

    row: int
    column: int
    patch: Array
    kernel: Array
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    inside: NDArray[np.bool_]
    bias: float
    value: float

    @property
    def products(self) -> Array:
        """Patch times kernel, number by number: ``kh kw``."""
        return self.patch * self.kernel

    def lines(self) -> list[str]:
        """Step by step, for a terminal."""
        where = f"rows {_span(self.rows)}, columns {_span(self.columns)} of the input"
        padded = int((~self.inside).sum())
        lines = [
            f"output pixel at row {self.row}, column {self.column}: the kernel lies on {where}"
            + (f" ({padded} of its {self.patch.size} pixels are padding)" if padded else "")
        ]
        rows = len(self.kernel)
        written = added([*self.products.sum(axis=1), self.bias], self.value, part=rows)
        sums = written.terms[:rows]
        digits = factors(self.patch, self.kernel, sums, written.unit)
        for patch, kernel, total in zip(self.patch, self.kernel, sums, strict=True):
            terms = [
                f"{write_number(a, digits)}×{signed(write_number(b, digits))}"
                for a, b in zip(patch, kernel, strict=True)
            ]
            lines.append(f"  {' + '.join(terms)} = {total}")
        following = [sums[0], *(signed(one) for one in sums[1:])]
        lines.append(f"  sum: {' + '.join(following)} = {written.part(0, rows)}")
        lines.append(f"  bias: + {signed(written.terms[rows])}")
        lines.append(f"  value: {written.total}")
        return lines

    def to_json(self) -> dict[str, Any]:
        return {
            "row": self.row,
            "column": self.column,
            "input_rows": list(self.rows),
            "input_columns": list(self.columns),
            "patch": self.patch.tolist(),
            "kernel": self.kernel.tolist(),
            "products": self.products.tolist(),
            "sum": float(self.products.sum()),
            "bias": self.bias,
            "value": self.value,
        }


@dataclass(frozen=True)
class ConvolutionResult:
    """What came out, and everything needed to explain it.

    Args:
        input: the plane, float64 ``h w``.
        kernel: as it was laid on the plane (turned already when ``flipped``), float64 ``kh kw``.
        output: float64 ``oh ow``.
        rows, columns: the geometry of each axis.
        padding_mode: where the border's numbers come from.
        bias: added to every output pixel.
        flipped: the kernel was turned by 180° first.
    """

    input: Array
    kernel: Array
    output: Array
    rows: Axis
    columns: Axis
    padding_mode: str
    bias: float
    flipped: bool

    def at(self, row: int, column: int) -> OutputPixel:
        """The arithmetic of one output pixel. Raises: ConfigError when there is none there."""
        check_position((row, column), self.output.shape)
        rows, columns = self.rows.pixels(row), self.columns.pixels(column)
        down = _sources(self.rows, self.padding_mode)[[index + self.rows.padding for index in rows]]
        across = _sources(self.columns, self.padding_mode)[[index + self.columns.padding for index in columns]]
        has_pixel = (down >= 0)[:, None] & (across >= 0)[None, :]
        inside = _within(rows, self.rows.size)[:, None] & _within(columns, self.columns.size)[None, :]
        patch = np.where(has_pixel, self.input[np.ix_(np.maximum(down, 0), np.maximum(across, 0))], 0.0)
        value = float(self.output[row, column])
        return OutputPixel(row, column, patch, self.kernel, tuple(rows), tuple(columns), inside, self.bias, value)

    def lines(self, is_image: bool = False) -> list[str]:
        """Kernel, sizes and result, for a terminal; of a picture, or of a table of numbers."""
        lines = [f"kernel {self.kernel.shape[0]} × {self.kernel.shape[1]}", *rows_of_text(self.kernel)]
        if self.rows.padding or self.columns.padding:
            lines.append(f"padding: {PADDING_MODES[self.padding_mode]}")
        for axis in (self.rows, self.columns):
            lines += [f"{axis.name}: {axis.formula()}", f"  {axis.words()}"]
        lines += summary(self.output, is_image)
        if self.flipped:
            lines.append("note: mathematical convolution: the kernel was turned by 180° first (shown turned)")
        else:
            lines.append(
                "note: cross-correlation, which deep learning calls convolution: the kernel is not turned"
                " (--flip turns it)"
            )
        return lines

    def to_json(self) -> dict[str, Any]:
        return {
            "input_size": list(self.input.shape),
            "output_size": list(self.output.shape),
            "kernel": self.kernel.tolist(),
            "padding": [self.rows.padding, self.columns.padding],
            "padding_mode": self.padding_mode,
            "stride": [self.rows.stride, self.columns.stride],
            "dilation": [self.rows.dilation, self.columns.dilation],
            "bias": self.bias,
            "flipped": self.flipped,
            "formula": {axis.name: axis.formula() for axis in (self.rows, self.columns)},
            "output": as_json(self.output),
        }


def convolve(
    plane: ArrayLike,
    kernel: ArrayLike,
    padding: Pair | str = 0,
    stride: Pair = 1,
    *,
    dilation: Pair = 1,
    padding_mode: str = "zeros",
    bias: float = 0.0,
    flip: bool = False,
) -> ConvolutionResult:
    """Lay a kernel on every place of a plane; multiply, add up, write down.

    Args:
        plane: any real numbers, ``h w``.
        kernel: the weights, ``kh kw``.
        padding: pixels on each side, ``"valid"`` (none) or ``"same"`` (with stride 1 the output is as large).
        stride: from one place to the next; one number, or (down, across).
        dilation: from one pixel that is taken to the next.
        padding_mode: ``zeros``, ``reflect``, ``replicate`` or ``circular``.
        bias: added to every output pixel.
        flip: turn the kernel by 180° first (mathematical convolution).

    Returns: computed in float64, so that whole numbers stay exact.

    Raises: DataError for tables that are not rectangles of numbers; ConfigError for sizes that do not fit.
    """
    pixels, weights = as_plane(plane), as_plane(kernel, "the kernel")
    if flip:
        weights = weights[::-1, ::-1]
    if not np.isfinite(bias):
        raise ConfigError(f"a bias of {bias} is not a finite number", "give a number, such as 0")
    strides, dilations = both(stride, "stride"), both(dilation, "dilation")
    paddings = _paddings(padding, weights.shape, dilations)
    rows, columns = (
        Axis(name, pixels.shape[i], weights.shape[i], paddings[i], strides[i], dilations[i], "kernel")
        for i, name in enumerate(("height", "width"))
    )
    views = sliding_windows(pad(pixels, paddings, padding_mode), rows, columns)
    with np.errstate(over="ignore", invalid="ignore"):
        output = np.einsum("hwij,ij->hw", views, weights) + bias
    if not np.isfinite(output).all():
        raise DataError("the result is too large to be written as a number", "use smaller numbers")
    return ConvolutionResult(pixels, weights, output, rows, columns, padding_mode, float(bias), flip)


def _paddings(padding: Pair | str, kernel: tuple[int, ...], dilation: tuple[int, int]) -> tuple[int, int]:
    if not isinstance(padding, str):
        return both(padding, "padding")
    if padding == "valid":
        return 0, 0
    if padding != "same":
        raise ConfigError(f"padding {padding!r} is not known", "use 'same', 'valid' or a whole number")
    whole = [step * (size - 1) for step, size in zip(dilation, kernel, strict=True)]
    if any(amount % 2 for amount in whole):
        odd = " × ".join(str(size + 1 - size % 2) for size in kernel)
        raise ConfigError(
            f"padding 'same' needs a kernel with a middle pixel, and {kernel[0]} × {kernel[1]} has none",
            f"use an odd kernel such as {odd}, or give the padding as a number",
        )
    return whole[0] // 2, whole[1] // 2


def _sources(axis: Axis, mode: str) -> NDArray[np.int64]:
    """For each padded position the input's index that its number comes from; -1 for a zero."""
    line = np.arange(axis.size, dtype=np.float64)[None]
    indices: NDArray[np.int64] = pad(line + 1, (0, axis.padding), mode)[0].astype(np.int64) - 1
    return indices


def _within(indices: list[int], size: int) -> NDArray[np.bool_]:
    return np.array([0 <= index < size for index in indices])


def _span(indices: tuple[int, ...]) -> str:
    first, last = write_number(indices[0]), write_number(indices[-1])
    if len(indices) == 1:
        return first
    step = indices[1] - indices[0]
    return f"{first} to {last}" + (f" (every {step})" if step > 1 else "")
