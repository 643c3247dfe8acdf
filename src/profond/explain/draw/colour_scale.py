"""How numbers become colours in a picture, said in words beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from PIL import Image

from profond.explain.draw.numbers import Array, write_number

# Dark blue, blue, white, orange, brown: told apart by every kind of colour vision.
_SIGNED = ("#08306b", "#0072b2", "#a9d0e8", "#ffffff", "#f5d89a", "#d98200", "#6b3000")


@dataclass(frozen=True)
class Scale:
    """How numbers become colours.

    Args:
        low, high: the numbers at the two ends; beyond them the colour stays.
        signed: around zero, in two colours; otherwise from black to white.
        note: the same in words, with the numbers that the picture cuts off.
    """

    low: float
    high: float
    signed: bool
    note: str

    @classmethod
    def of(cls, *planes: Array, levels: bool = False, difference: bool = False) -> Scale:
        """A scale that shows 99 % of the values, or the 256 levels of an image file.

        Around zero for a ``difference``, or when numbers stand on both sides of it alike.
        """
        low, high = _middle(planes)
        least, most = min(float(plane.min()) for plane in planes), max(float(plane.max()) for plane in planes)
        signed = not levels and low < 0 and (difference or -low > 0.35 * abs(high))
        if levels:
            low, high = 0.0, 255.0
        elif signed:
            high = max(abs(low), abs(high))
            low = -high
        elif high <= low:
            low, high = least, most if most > least else least + 1.0
        if signed and len(planes) == 1:
            note = f"colour scale: blue below zero, white at zero, orange above, to ±{write_number(high)}"
        elif signed:
            note = f"scale: middle grey at zero, black at −{write_number(high)}, full light at {write_number(high)}"
        else:
            kind = "grey" if len(planes) == 1 else "colour"
            note = f"{kind} scale: black at {write_number(low)}, full light at {write_number(high)}"
        if least < low or most > high:
            note += f"; the numbers run from {write_number(least)} to {write_number(most)}"
        return cls(low, high, signed, note)

    def image(self, *planes: Array) -> Image.Image:
        """One plane in the scale's colours, or red, green and blue together."""
        shares = [np.clip((plane - self.low) / (self.high - self.low), 0.0, 1.0) for plane in planes]
        levels = [np.rint(share * 255).astype(np.uint8) for share in shares]
        if len(levels) == 3:
            return Image.fromarray(np.stack(levels, axis=-1))
        return Image.fromarray(self.colours()[levels[0]] if self.signed else levels[0])

    def colours(self) -> NDArray[np.uint8]:
        """From the lowest number to the highest: ``256 3``."""
        if not self.signed:
            return np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
        stops = np.array([to_rgb(colour) for colour in _SIGNED]) * 255
        positions = np.linspace(0, 255, len(_SIGNED))
        bands = [np.interp(np.arange(256), positions, stops[:, band]) for band in range(3)]
        table: NDArray[np.uint8] = np.rint(np.stack(bands, axis=1)).astype(np.uint8)
        return table


def _middle(planes: tuple[Array, ...]) -> tuple[float, float]:
    step = max(1, int(np.sqrt(planes[0].size / 5e5)))
    ends = np.percentile(np.stack([plane[::step, ::step] for plane in planes]), (0.5, 99.5))
    return float(ends[0]), float(ends[1])


def are_levels(values: Array) -> bool:
    """Whether numbers look like the 256 levels of an image file."""
    return bool(values.min() >= 0 and 1 < values.max() <= 255)
