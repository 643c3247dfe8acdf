"""Pictures of any size and kind brought to the one size that an engine was made ready for, by Pillow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from profond.core.errors import ConfigError, DataError
from profond.data.images.decoding import MAX_PIXELS, eight_bit, opening, resize, without_colour
from profond.data.locations import FileInMemory

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Pictures:
    """What an exported file says of the pictures that it takes.

    Args:
        mode: ``"L"`` grey or ``"RGB"`` colour.
        size: height and width of the network's input; None where it takes pictures as large as they are.
        resize, crop, interpolation, background: as in `profond.data.images.decoding.resize`.
        fixed_size: all pictures in training had this size and mode, and others are refused.
    """

    mode: Literal["L", "RGB"]
    size: tuple[int, int] | None = None
    resize: str = "crop"
    crop: float = 1.0
    interpolation: str = "bilinear"
    background: tuple[int, ...] | None = None
    fixed_size: bool = False

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Pictures:
        """Raises: ConfigError for what is no such description."""
        try:
            size, background = found["size"], found.get("background")
            return cls(
                found["mode"],
                None if size is None else (int(size[0]), int(size[1])),
                str(found.get("resize", "crop")),
                float(found.get("crop", 1.0)),
                str(found.get("interpolation", "bilinear")),
                None if background is None else tuple(map(int, background)),
                bool(found.get("fixed_size", False)),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ConfigError(f"what the file says of its pictures is damaged: {error}", "export it again") from None

    @property
    def channels(self) -> int:
        return 1 if self.mode == "L" else 3

    @property
    def canvas(self) -> tuple[int, int] | None:
        """Height and width that the graph is given, whose middle is the network's size; None where no size is right.

        The graph cuts the middle out of whatever it is given; there it finds the picture as it is to be, and has
        nothing left to resize.
        """
        if self.size is None or self.resize != "crop" or self.crop == 1.0 or self.fixed_size:
            return self.size
        height, width = (round(side / self.crop) for side in self.size)
        for side, wanted in zip((height, width), self.size, strict=True):
            border = side - wanted
            if border % 2 or abs(side * self.crop - wanted) > _EXACT:
                return None
        return height, width

    def decoded(self, body: bytes, name: str = "the picture") -> Pixels:
        """A file of any format that is read: uint8 (1, height, width, channels), in the size of `canvas`.

        Raises: ImageError, DataError.
        """
        with opening(FileInMemory(body, name)) as opened:
            self._check(opened.image, name)
            return self._fitted(eight_bit(opened.image, self.mode))[None]

    def fitted(self, pictures: NDArray[Any]) -> Pixels:
        """Pictures uint8 (n, height, width, channels) of any size, in the size of `canvas`.

        Raises: DataError.
        """
        if pictures.ndim != 4 or pictures.shape[3] != self.channels or pictures.dtype != np.uint8:
            received = f"{pictures.dtype} {'×'.join(map(str, pictures.shape))}"
            raise DataError(
                f"the pictures are {received}", f"give uint8 (number, height, width, {self.channels}), 0 to 255"
            )
        height, width = pictures.shape[1:3]
        if not pictures.size or height * width > MAX_PIXELS:
            raise DataError(f"a picture is {width}×{height} pixels", f"give 1 to {MAX_PIXELS}")
        if self.fixed_size:
            self._check_size(width, height, "a picture")
        if self.canvas is None or (self.canvas == self.size == (height, width)):
            return np.ascontiguousarray(pictures)
        images = (Image.fromarray(one[..., 0] if self.mode == "L" else one) for one in pictures)
        return np.stack([self._fitted(image) for image in images])

    def _fitted(self, image: Image.Image) -> Pixels:
        """One picture of this mode: (height, width, channels)."""
        if self.canvas is not None:
            assert self.size is not None
            image = resize(
                image, self.size, self.resize, self.interpolation, crop=self.crop, background=self.background
            )
        return self.on_canvas(np.asarray(image, np.uint8).reshape(image.height, image.width, self.channels))

    def on_canvas(self, pixels: Pixels) -> Pixels:
        """One picture (height, width, channels) of the network's size, in the middle of `canvas`."""
        canvas = self.canvas
        if canvas in (None, self.size):
            return pixels
        assert canvas is not None
        whole = np.zeros((*canvas, self.channels), np.uint8)
        top, left = ((side - own) // 2 for side, own in zip(canvas, pixels.shape, strict=False))
        whole[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
        return whole

    def _check(self, image: Image.Image, name: str) -> None:
        if not self.fixed_size:
            return
        self._check_size(image.width, image.height, name)
        if without_colour(image) != (self.mode == "L"):
            colour, wanted = ("colour", "grey") if self.mode == "L" else ("grey", "colour")
            raise DataError(f"{name} is in {colour}, but the network was trained on {wanted}", "convert it first")

    def _check_size(self, width: int, height: int, name: str) -> None:
        if (height, width) != self.size:
            assert self.size is not None
            wanted = f"{self.size[1]}×{self.size[0]}"
            raise DataError(f"{name} is {width}×{height}, but the network was trained on {wanted}", "convert it first")


_EXACT = 1e-6
"""Pixels by which the graph may miss the middle: without effect in 8 bits."""
