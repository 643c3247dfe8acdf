"""A digital image is three planes of numbers, each on 256 levels (L1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from profond.core.errors import ConfigError, UnknownName
from profond.data.images.decoding import conversions, eight_bit, is_grey

LEVELS = 256


@dataclass(frozen=True)
class Space:
    """A colour space: three numbers a pixel, each 0 to 255.

    Args:
        name: what a person types.
        mode: Pillow's name for it.
        planes: the names of the three numbers.
        neutral: the levels of the other two while one plane is shown in colour; None shows it in grey.
        words: what the levels mean.
    """

    name: str
    mode: str
    planes: tuple[str, str, str]
    neutral: tuple[tuple[int, int, int] | None, tuple[int, int, int] | None, tuple[int, int, int] | None]
    words: str

    def colours(self, index: int) -> NDArray[np.uint8]:
        """The colour in which each level of one plane is shown: ``256 3``, RGB."""
        neutral = self.neutral[index]
        levels = np.arange(LEVELS, dtype=np.uint8)
        if neutral is None:
            return np.stack([levels] * 3, axis=1)
        bands = [Image.new("L", (LEVELS, 1), level) for level in neutral]
        bands[index] = Image.fromarray(levels[None])
        line: NDArray[np.uint8] = np.asarray(Image.merge(self.mode, bands).convert("RGB"))[0]
        return line


SPACES: dict[str, Space] = {
    space.name: space
    for space in (
        Space(
            "rgb",
            "RGB",
            ("red", "green", "blue"),
            ((0, 0, 0), (0, 0, 0), (0, 0, 0)),
            "0 is none of that light, 255 all of it",
        ),
        Space(
            "hsv",
            "HSV",
            ("hue", "saturation", "value"),
            ((0, 255, 255), None, None),
            "hue goes once round the colour circle (and says nothing where saturation is 0);"
            " saturation runs from grey to pure, value from black to bright",
        ),
        Space(
            "ycbcr",
            "YCbCr",
            ("luma Y", "blue difference Cb", "red difference Cr"),
            (None, (128, 128, 128), (128, 128, 128)),
            "Y is brightness; Cb and Cr are 128 where there is no colour",
        ),
        Space(
            "lab",
            "LAB",
            ("lightness L*", "a* green–red", "b* blue–yellow"),
            (None, (170, 128, 128), (190, 128, 128)),
            "L* 0 to 100 stands on 256 levels; a* and b* are shifted by 128, which is no colour (CIE 1976)",
        ),
    )
}


@dataclass(frozen=True)
class Plane:
    """One number for every pixel.

    Args:
        name: such as ``"red"``.
        values: uint8 ``h w``.
        colours: the colour that shows each level, uint8 ``256 3``.
    """

    name: str
    values: NDArray[np.uint8]
    colours: NDArray[np.uint8] = field(repr=False)

    @cached_property
    def histogram(self) -> NDArray[np.int64]:
        """How many pixels stand on each of the 256 levels."""
        return np.bincount(self.values.ravel(), minlength=LEVELS)

    @property
    def minimum(self) -> int:
        return int(np.flatnonzero(self.histogram)[0])

    @property
    def maximum(self) -> int:
        return int(np.flatnonzero(self.histogram)[-1])

    @property
    def mean(self) -> float:
        return float(self.histogram @ np.arange(LEVELS) / self.values.size)

    def as_pixels(self) -> NDArray[np.uint8]:
        """The plane in its own colours: uint8 ``h w 3``."""
        return self.colours[self.values]


@dataclass(frozen=True)
class Planes:
    """An image taken apart.

    Args:
        image: the image in 8-bit RGB.
        space: the colour space of the planes.
        planes: three of them.
        mode: Pillow's mode of the image as it was given, such as ``"CMYK"``.
        notes: what had to be converted first, in words; empty for ordinary colour.
    """

    image: Image.Image
    space: Space
    planes: tuple[Plane, ...]
    mode: str
    notes: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        return self.image.width

    @property
    def height(self) -> int:
        return self.image.height

    def pixel(self, row: int, column: int) -> tuple[int, ...]:
        """The three numbers of one pixel; (0, 0) is top left. Raises: ConfigError outside the image."""
        for value, size, name in ((row, self.height, "row"), (column, self.width, "column")):
            if not 0 <= value < size:
                raise ConfigError(
                    f"there is no pixel in row {row}, column {column}: the image is {self.width} wide and"
                    f" {self.height} high",
                    f"give a {name} from 0 to {size - 1}: the row comes first",
                )
        return tuple(int(plane.values[row, column]) for plane in self.planes)

    def to_json(self) -> dict[str, Any]:
        return {
            "width": self.width,
            "height": self.height,
            "mode": self.mode,
            "notes": list(self.notes),
            "space": self.space.name,
            "planes": [
                {
                    "name": plane.name,
                    "min": plane.minimum,
                    "mean": plane.mean,
                    "max": plane.maximum,
                    "histogram": plane.histogram.tolist(),
                }
                for plane in self.planes
            ],
        }

    def lines(self) -> list[str]:
        """What there is to say about it, for a terminal."""
        wide = max(len(plane.name) for plane in self.planes)
        lines = [f"{self.width} × {self.height} pixels, mode {self.mode}, {self.space.name} planes"]
        lines += [f"note: {'; '.join(self.notes)}"] if self.notes else []
        lines.append(f"{'plane':<{wide}}   min    mean   max")
        for plane in self.planes:
            lines.append(f"{plane.name:<{wide}}   {plane.minimum:>3}  {plane.mean:>6.1f}   {plane.maximum:>3}")
        return lines


def split_planes(image: Image.Image, space: str = "rgb") -> Planes:
    """Take an image apart into its three planes.

    Args:
        image: any Pillow image; grey, palette, CMYK, 16-bit and transparent ones are converted first, and noted.
        space: ``rgb``, ``hsv``, ``ycbcr`` or ``lab``.

    Raises: UnknownName for the colour space.
    """
    if space not in SPACES:
        raise UnknownName("colour space", space, SPACES)
    chosen = SPACES[space]
    notes = list(conversions(image))
    if is_grey(image):
        notes.append("grey: red, green and blue are equal")
    colour = eight_bit(image, "RGB")
    # NOTE by bands: as one array, Pillow would give a* and b* with their sign bit turned.
    bands = colour.convert(chosen.mode).split()
    planes = tuple(
        Plane(name, np.asarray(band), chosen.colours(index))
        for index, (name, band) in enumerate(zip(chosen.planes, bands, strict=True))
    )
    return Planes(colour, chosen, planes, image.mode, tuple(notes))


def grey_plane(image: Image.Image) -> NDArray[np.uint8]:
    """Any Pillow image as one plane of brightness, 0.299 R + 0.587 G + 0.114 B: uint8 ``h w``."""
    return np.asarray(eight_bit(image, "L"))
