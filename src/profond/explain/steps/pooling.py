"""Pooling: every window becomes one number, its greatest or its mean (L6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from profond.core.errors import ConfigError, UnknownName
from profond.explain.draw.numbers import Array
from profond.explain.steps.sliding import (
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

KINDS = ("max", "average")


@dataclass(frozen=True)
class PoolingResult:
    """What came out, and everything needed to explain it.

    Args:
        input: the plane, float64 ``h w``.
        output: float64 ``oh ow``.
        kind: ``"max"`` or ``"average"``.
        rows, columns: the geometry of each axis.
        count_padding: an average divides by the whole window, padding included.
    """

    input: Array
    output: Array
    kind: str
    rows: Axis
    columns: Axis
    count_padding: bool = True

    @property
    def overlapping(self) -> bool:
        return self.rows.stride < self.rows.window or self.columns.stride < self.columns.window

    def window(self, row: int, column: int) -> list[tuple[int, int]]:
        """The input pixels (row, column) under one window, without padding. Raises: ConfigError."""
        check_position((row, column), self.output.shape)
        return [
            (y, x)
            for y in self.rows.pixels(row)
            for x in self.columns.pixels(column)
            if 0 <= y < self.rows.size and 0 <= x < self.columns.size
        ]

    def winner(self, row: int, column: int) -> tuple[int, int]:
        """Where in the input the greatest number of one window stands; the first of equals."""
        return max(self.window(row, column), key=lambda position: self.input[position])

    def words(self) -> str:
        """What was asked for, in one line."""
        stride = f"stride {self.rows.stride}"
        if self.rows.stride != self.columns.stride:
            stride += f" down, {self.columns.stride} across"
        words = f"{self.kind} pooling, window {self.rows.window} × {self.columns.window}, {stride}"
        if self.rows.padding or self.columns.padding:
            words += f", padding {self.rows.padding}"
            if self.rows.padding != self.columns.padding:
                words += f" down, {self.columns.padding} across"
        return words + (", overlapping" if self.overlapping else "")

    def lines(self, is_image: bool = False) -> list[str]:
        """Sizes and result, for a terminal; of a picture, or of a table of numbers."""
        lines = [self.words()]
        if self.rows.padding or self.columns.padding:
            if self.kind == "max":
                lines.append("padding never wins: it counts as less than any number")
            elif self.count_padding:
                lines.append("padding counts as zeros, in the mean too")
            else:
                lines.append("padding is left out of the mean")
        for axis in (self.rows, self.columns):
            lines += [f"{axis.name}: {axis.formula()}", f"  {axis.words()}"]
        return lines + summary(self.output, is_image)

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "input_size": list(self.input.shape),
            "output_size": list(self.output.shape),
            "size": [self.rows.window, self.columns.window],
            "stride": [self.rows.stride, self.columns.stride],
            "padding": [self.rows.padding, self.columns.padding],
            "count_padding": self.count_padding,
            "overlapping": self.overlapping,
            "formula": {axis.name: axis.formula() for axis in (self.rows, self.columns)},
            "output": as_json(self.output),
        }


def pool(
    plane: ArrayLike,
    size: Pair = 2,
    stride: Pair | None = None,
    padding: Pair = 0,
    *,
    kind: str = "max",
    count_padding: bool = True,
) -> PoolingResult:
    """Reduce every window of a plane to one number.

    Args:
        plane: any real numbers, ``h w``.
        size: the window; one number, or (height, width).
        stride: from one window to the next; as large as the window when left out, smaller makes windows overlap.
        padding: pixels on each side; they never win a maximum, and are zeros in an average.
        kind: ``"max"`` or ``"average"``.
        count_padding: divide an average by the whole window; False divides by the pixels that are not padding.

    Raises: UnknownName for the kind; DataError for a table that is not a rectangle of numbers; ConfigError for sizes
        that do not fit, with what would.
    """
    if kind not in KINDS:
        raise UnknownName("kind of pooling", kind, KINDS)
    pixels = as_plane(plane)
    sizes, paddings = both(size, "size"), both(padding, "padding")
    strides = sizes if stride is None else both(stride, "stride")
    # NOTE a window without one pixel of the picture would have no maximum.
    for amount, window in zip(paddings, sizes, strict=True):
        if window >= 1 and amount > window // 2:
            raise ConfigError(
                f"a padding of {amount} is more than half the window of {window}: some would see little else",
                f"use a padding of at most {window // 2}, or a larger window",
            )
    rows, columns = (
        Axis(name, pixels.shape[i], sizes[i], paddings[i], strides[i]) for i, name in enumerate(("height", "width"))
    )
    if kind == "max":
        output = sliding_windows(pad(pixels, paddings, fill=-np.inf), rows, columns).max(axis=(2, 3))
    else:
        total = sliding_windows(pad(pixels, paddings), rows, columns).sum(axis=(2, 3))
        output = total / (sizes[0] * sizes[1] if count_padding else _inside(rows)[:, None] * _inside(columns)[None, :])
    return PoolingResult(pixels, output, kind, rows, columns, count_padding)


def _inside(axis: Axis) -> Array:
    """How many of a window's pixels are not padding, for each window."""
    return np.array([sum(0 <= i < axis.size for i in axis.pixels(k)) for k in range(axis.count)], dtype=np.float64)
