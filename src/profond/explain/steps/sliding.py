"""Where a window can stand on a picture: the size formula that convolution and pooling share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from profond.core.errors import ConfigError, DataError, UnknownName
from profond.explain.draw.numbers import Array, rows_of_text, write_number

Pair: TypeAlias = int | tuple[int, int]
PaddingMode: TypeAlias = Literal["zeros", "reflect", "replicate", "circular"]

PADDING_MODES: dict[str, str] = {
    "zeros": "zeros around the picture",
    "reflect": "the picture mirrored at its border, the border itself not repeated",
    "replicate": "the border pixel repeated",
    "circular": "the opposite side of the picture",
}
_NUMPY_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
_SMALL = 16  # rows and columns that are still pleasant to read as numbers
_MOST_PIXELS = 2**28  # two GiB of float64: more is a mistyped padding, not a picture


@dataclass(frozen=True)
class Axis:
    """One axis of a sliding window, in pixels.

    Args:
        name: ``"height"`` or ``"width"``.
        size: the picture's, without padding (H or W).
        window: how many pixels the window takes from the picture (k).
        padding: pixels added on either side (p).
        stride: from one stop to the next (s).
        dilation: from one pixel that is taken to the next (d); 1 is without gaps.
        noun: what people call the window, for sentences.

    Raises: ConfigError when no window fits, saying what would.
    """

    name: str
    size: int
    window: int
    padding: int = 0
    stride: int = 1
    dilation: int = 1
    noun: str = "window"

    def __post_init__(self) -> None:
        if self.window < 1:
            raise ConfigError(f"a {self.noun} of {self.window} pixels is empty", "use a size of 1 or more")
        if self.stride < 1:
            raise ConfigError(
                f"a stride of {self.stride} never moves the {self.noun} forward", "use a stride of 1 or more"
            )
        if self.dilation < 1:
            raise ConfigError(
                f"a dilation of {self.dilation} takes the same pixel again", "use a dilation of 1 (no gaps) or more"
            )
        if self.padding < 0:
            raise ConfigError(f"a padding of {self.padding} is less than nothing", "use a padding of 0 or more")
        if self.span > self.padded:
            reach = f"a {self.noun} of {self.window}"
            if self.dilation > 1:
                reach += f" with dilation {self.dilation} reaches over {self.span} pixels and"
            across = "high" if self.name == "height" else "wide"
            picture = f"a picture {self.size} {across}" + (f", {self.padded} with its padding" if self.padding else "")
            smallest = -(-(self.span - self.size) // 2)
            largest = (self.padded - 1) // self.dilation + 1
            raise ConfigError(
                f"{reach} does not fit into {picture}",
                f"use a {self.noun} of at most {largest}, or a padding of at least {smallest}",
            )

    @property
    def padded(self) -> int:
        return self.size + 2 * self.padding

    @property
    def span(self) -> int:
        """From the window's first pixel to its last: d(k − 1) + 1."""
        return self.dilation * (self.window - 1) + 1

    @property
    def count(self) -> int:
        """The output's size: ⌊(H + 2p − d(k − 1) − 1) / s⌋ + 1."""
        return (self.padded - self.span) // self.stride + 1

    @property
    def unreached(self) -> int:
        """Pixels at the end of the padded picture that no window reaches."""
        return (self.padded - self.span) % self.stride

    def formula(self) -> str:
        """The size formula with its numbers put in."""
        letter = "H" if self.name == "height" else "W"
        room = self.padded - self.span
        if self.dilation == 1:
            words, numbers = f"{letter} + 2p − k", f"{self.size} + 2·{self.padding} − {self.window}"
        else:
            words = f"{letter} + 2p − d(k − 1) − 1"
            numbers = f"{self.size} + 2·{self.padding} − {self.dilation}·({self.window} − 1) − 1"
        return (
            f"⌊({words}) / s⌋ + 1 = ⌊({numbers}) / {self.stride}⌋ + 1"
            f" = ⌊{room} / {self.stride}⌋ + 1 = {room // self.stride} + 1 = {self.count}"
        )

    def words(self) -> str:
        """The same in a sentence."""
        unit = "row" if self.name == "height" else "column"
        text = f"{_many(self.size, unit)}"
        if self.padding:
            sides = "above and below" if unit == "row" else "left and right"
            text += f" and {self.padding} of padding {sides} make {self.padded}"
        text += f"; the {self.noun} covers {self.span}"
        if self.dilation > 1:
            text += f" (takes {self.window}, every {_ordinal(self.dilation)})"
        move = "one at a time" if self.stride == 1 else f"{self.stride} at a time"
        text += f" and moves {move}, so it stands in {_many(self.count, 'place')}"
        if self.unreached:
            last = f"the last {unit} is" if self.unreached == 1 else f"the last {self.unreached} {unit}s are"
            text += f"; {last} never reached"
        return text

    def pixels(self, index: int) -> list[int]:
        """The picture's indices under window number ``index``; below 0 or from ``size`` on they are padding."""
        start = index * self.stride - self.padding
        return [start + self.dilation * step for step in range(self.window)]


def as_plane(values: ArrayLike, what: str = "the picture") -> Array:
    """Any rectangular table of numbers as float64 ``h w``.

    Raises: DataError when it is empty, ragged, not two-dimensional, or holds something that is not a finite number.
    """
    try:
        plane = np.asarray(values, dtype=np.float64)
    except (ValueError, TypeError):
        raise DataError(
            f"{what} is not a rectangle of numbers", "give rows of equal length, such as [[1, 2], [3, 4]]"
        ) from None
    if plane.ndim != 2:
        raise DataError(f"{what} has {plane.ndim} axes, not 2", "give rows of numbers, such as [[1, 2], [3, 4]]")
    if plane.size == 0:
        raise DataError(f"{what} is empty", "give at least one number, such as [[1]]")
    if not np.isfinite(plane).all():
        raise DataError(f"{what} holds a value that is not a finite number")
    return plane


def both(value: Pair, what: str) -> tuple[int, int]:
    """One number for both axes, or one for each (height, width). Raises: ConfigError."""
    pair = value if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2 or not all(isinstance(one, int | np.integer) and not isinstance(one, bool) for one in pair):
        raise ConfigError(f"{what} {value!r} is not a whole number or a pair of them", f"such as {what} 1")
    return int(pair[0]), int(pair[1])


def pad(plane: Array, padding: tuple[int, int], mode: str = "zeros", fill: float = 0.0) -> Array:
    """The picture with its border. ``h w`` to ``h+2p w+2p``.

    Raises: UnknownName for the mode; ConfigError when the picture is too small to take its border from.
    """
    if mode not in PADDING_MODES:
        raise UnknownName("padding mode", mode, PADDING_MODES)
    if padding == (0, 0):
        return plane
    for amount, size, side in zip(padding, plane.shape, ("high", "wide"), strict=True):
        most = {"reflect": size - 1, "circular": size}.get(mode, amount)
        if amount > most:
            raise ConfigError(
                f"padding {mode!r} takes its {amount} pixels from the picture, which is only {size} {side}",
                f"use a padding of at most {most}, or padding mode 'zeros' or 'replicate'",
            )
    padded = [size + 2 * amount for size, amount in zip(plane.shape, padding, strict=True)]
    if padded[0] * padded[1] > _MOST_PIXELS:
        raise ConfigError(f"with a padding of {max(padding)} the picture would be {padded[0]} × {padded[1]} pixels")
    widths = [(amount, amount) for amount in padding]
    if mode == "zeros":
        return np.pad(plane, widths, constant_values=fill)
    return np.pad(plane, widths, mode=_NUMPY_MODES[mode])  # type: ignore[call-overload, no-any-return]


def sliding_windows(padded: Array, rows: Axis, columns: Axis) -> Array:
    """Every window of the padded picture, a view without a copy: ``oh ow kh kw``."""
    view = sliding_window_view(padded, (rows.span, columns.span))
    return view[:: rows.stride, :: columns.stride, :: rows.dilation, :: columns.dilation]


def check_position(at: tuple[int, int], shape: tuple[int, int]) -> tuple[int, int]:
    """Raises: ConfigError when the output has no such pixel."""
    for index, size, name in zip(at, shape, ("row", "column"), strict=True):
        if not 0 <= index < size:
            raise ConfigError(
                f"the result has no {name} {index}: it is {shape[0]} high and {shape[1]} wide",
                f"give a {name} from 0 to {size - 1}",
            )
    return at


def _many(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _ordinal(count: int) -> str:
    return {2: "second", 3: "third"}.get(count, f"{count}th")


def size_in_words(values: Array, is_image: bool) -> str:
    """A picture's size is said as width × height everywhere, a table's by rows and columns."""
    height, width = values.shape
    if is_image:
        return f"{width} × {height} pixels"
    return f"{height} {'row' if height == 1 else 'rows'} × {width} {'column' if width == 1 else 'columns'}"


def summary(output: Array, is_image: bool = False) -> list[str]:
    """The result for a terminal: all of it when it is small, else its size and range."""
    height, width = output.shape
    lines = [f"result {size_in_words(output, is_image)}"]
    if max(height, width) <= _SMALL:
        return lines + rows_of_text(output)
    low, mean, high = (write_number(value) for value in (output.min(), output.mean(), output.max()))
    return [f"{lines[0]}, from {low} to {high}, mean {mean}"]


def as_json(output: Array) -> dict[str, Any]:
    """Its range, and every number when it is small."""
    report: dict[str, Any] = {"min": output.min(), "mean": output.mean(), "max": output.max()}
    report = {name: float(value) for name, value in report.items()}
    if max(output.shape) <= _SMALL:
        report["values"] = output.tolist()
    return report
