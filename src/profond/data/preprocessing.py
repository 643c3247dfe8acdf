"""From an image to what the model takes; travels with the run so that serving sees what training saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from typing import Annotated, Any, Literal

import torch
import torch.nn.functional as F
from PIL import Image
from pydantic import Field
from torch import Tensor

from profond.core.config import Count, Factor, Integer, Natural, Positive, bind, check_fields
from profond.core.errors import ConfigError
from profond.core.randomness import generator
from profond.core.tokens import Tokens
from profond.data.clips.preparation import ClipPreparation
from profond.data.images.decoding import Opened, cut, eight_bit, resize, to_tensor
from profond.data.images.view import View
from profond.data.series.preparation import Preparation
from profond.nn.contrast import local_contrast, picture_contrast

Mode = Literal["L", "RGB"]

Contrast = Literal["none", "picture", "local"]
"""What the contrast of pictures is brought to."""

Shade = Annotated[Integer, Field(ge=0, le=255)]

Kind = Literal["images", "series", "texts", "videos"]
"""What is given to a network, as people say it."""


@dataclass(frozen=True)
class Preprocessing:
    """How a raw sample becomes a model's input: decode to uint8, scale, pad, permute.

    Args:
        size: height and width that images are brought to; None leaves them as they are.
        mode: ``"L"`` grey, ``"RGB"`` colour, None when the samples are not images.
        mean: subtracted after division by ``scale``; one for each channel, or one for all.
        std: divided by, likewise.
        scale: greatest raw value: 255 for images, 1 for signals.
        resize: ``"crop"`` keeps the middle, ``"stretch"`` ignores the proportions, ``"pad"`` adds borders of the
            background.
        crop: with ``"crop"``, the side of the part that is kept, as a share of the greatest that fits; 1 keeps it all.
        interpolation: how pixels between pixels are found.
        channels: the order in which the model takes the colours; ``mean`` and ``std`` are in this order too.
        padding: pixels of the background added on each side.
        permutation_seed: None, or the seed of one fixed permutation of each channel's positions (lecture, exercise 2).
        background: 0 to 255 for each of red, green and blue, or for grey: what comes in from outside a picture, here
            and by augmentation; None is black.
        series: how a series' file becomes (c, t); None for images, and for signals that come without files.
        clip: how a video becomes (c, t, h, w); None for other samples.
        text: what texts are written in, which become int64 (t); None for other samples.
        contrast: of pictures, after mean and deviation: ``"picture"`` brings each to mean 0 and deviation 1, and
            ``"local"`` each pixel to that of its surroundings, so that light and shadow count less; ``"none"`` neither.
        fixed_size: the data had this size and mode to begin with, so another image is unlike anything seen in training.
    """

    size: tuple[Count, Count] | None = None
    mode: Mode | None = None
    mean: tuple[float, ...] = (0.0,)
    std: tuple[Positive, ...] = (1.0,)
    scale: Positive = 255.0
    resize: Literal["crop", "stretch", "pad"] = "crop"
    interpolation: Literal["nearest", "bilinear", "bicubic"] = "bilinear"
    padding: Natural = 0
    permutation_seed: int | None = None
    fixed_size: bool = False
    crop: Factor = 1.0
    channels: Literal["RGB", "BGR"] = "RGB"
    background: tuple[Shade, ...] | None = None
    series: Preparation | None = None
    text: Tokens | None = None
    clip: ClipPreparation | None = None
    contrast: Contrast = "none"

    def __post_init__(self) -> None:
        check_fields(self, "preprocessing")
        if len(self.mean) != len(self.std) or not self.mean:
            raise ConfigError(f"{len(self.mean)} means but {len(self.std)} standard deviations", "one for each channel")
        if self.contrast != "none" and (self.takes != "images" or self.mode is None):
            raise ConfigError(f"contrast {self.contrast!r} is of pictures, and these samples are none", "leave it out")

    @property
    def takes(self) -> Kind | None:
        """What it prepares; None for what comes neither in files nor in words, such as an array of signals."""
        if self.series is not None:
            return "series"
        if self.text is not None:
            return "texts"
        if self.clip is not None:
            return "videos"
        return None if self.mode is None else "images"

    @property
    def takes_any_size(self) -> bool:
        """Whether samples of another size are brought to the one that the model takes."""
        return self.takes in ("series", "texts", "videos") or (self.size is not None and not self.fixed_size)

    def decode(self, image: Image.Image) -> Tensor:
        """One picture to uint8 (c, h, w), in this mode and size. Any Pillow mode is accepted."""
        assert self.mode is not None, "only images are decoded"
        image = eight_bit(image, self.mode)
        if self.size is not None:
            image = self._resized(image, self.size)
        return to_tensor(image)

    def _resized(self, image: Image.Image, size: tuple[int, int]) -> Image.Image:
        return resize(image, size, self.resize, self.interpolation, crop=self.crop, background=self.background)

    def decode_view(self, opened: Opened, view: View) -> Tensor:
        """One picture to uint8 (c, h, w) as a step of training wants it: another size, or a part of it."""
        assert self.mode is not None, "only images are decoded"
        image = eight_bit(opened.image, self.mode)
        if not view.draws:
            raw = to_tensor(self._resized(image, view.size))
        else:
            left, top, right, bottom = (round(side / opened.shrunk) for side in view.region(*opened.size))
            box = left, top, max(right, left + 1), max(bottom, top + 1)
            raw = cut(image, box, view.size, self.interpolation)
        return raw.flip(-1) if view.mirrored else raw

    def normalise(self, raw: Tensor) -> Tensor:
        """Raw samples (n, c, …) of any number type to float32 as the model takes them; tokens (n, t) stay int64."""
        return self.arrange(self.standardise(raw))

    def standardise(self, raw: Tensor, *, fresh: bool = False) -> Tensor:
        """The first half of ``normalise``: float32, mean and standard deviation; in place when ``fresh``."""
        if self.text is not None:
            return raw.long()
        factor, offset = self._affine(raw.ndim, raw.device)
        if self.channels == "BGR" and raw.shape[1] == 3:
            raw, fresh = raw.flip(1), True
        # NOTE a conversion makes a tensor of our own, so the two in-place steps touch nobody's data.
        own = raw.to(torch.float32, copy=not fresh)
        return own.mul_(factor).add_(offset)

    def arrange(self, inputs: Tensor) -> Tensor:
        """The second half of ``normalise``: padding, contrast and permutation, which augmentation must come before."""
        if self.padding:
            inputs = self._pad(inputs)
        if self.contrast != "none":
            inputs = picture_contrast(inputs) if self.contrast == "picture" else local_contrast(inputs)
        if self.permutation_seed is not None:
            positions = inputs[0, 0].numel()
            order = permutation(positions, self.permutation_seed).to(inputs.device)
            inputs = inputs.flatten(2).index_select(2, order).view(inputs.shape)
        return inputs

    def black(self, channels: int, device: torch.device | str = "cpu") -> Tensor:
        """What a raw zero becomes, one value for each channel."""
        _, offset = self._affine(1 + 1, torch.device(device))
        return offset.flatten().expand(channels)

    def outside(self, channels: int, device: torch.device | str = "cpu") -> Tensor:
        """What the background becomes, one value for each channel: black where there is none."""
        black = self.black(channels, device)
        if self.background is None or not any(self.background):
            return black
        factor, _ = self._affine(1 + 1, torch.device(device))
        raw = torch.tensor(self.background, dtype=torch.float32, device=device)
        return (raw.flip(0) if self.channels == "BGR" else raw).expand(channels) * factor.flatten() + black

    def _pad(self, inputs: Tensor) -> Tensor:
        border = (self.padding,) * 4
        outside = self.outside(inputs.shape[1], inputs.device)
        if bool((outside == outside[0]).all()):
            return F.pad(inputs, border, value=float(outside[0]))
        shape = (1, -1, *(1,) * (inputs.ndim - 2))
        return F.pad(inputs - outside.view(shape), border) + outside.view(shape)

    def _affine(self, ndim: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """(x / scale - mean) / std as x * factor + offset, shaped to spread over (n, c, …)."""
        return _factors(self.mean, self.std, self.scale, ndim, device)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Preprocessing:
        """Raises: ConfigError for a field that is unknown or does not fit."""
        names = {field.name for field in fields(cls)}
        return cls(**bind(cls, {key: data[key] for key in data if key in names}, what="preprocessing"))


@cache
def _factors(
    mean: tuple[float, ...], std: tuple[float, ...], scale: float, ndim: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    deviation = torch.tensor(std, dtype=torch.float64)
    shape = (len(mean), *(1,) * (ndim - 2))
    factor = (1 / (scale * deviation)).view(shape)
    offset = (-torch.tensor(mean, dtype=torch.float64) / deviation).view(shape)
    return factor.to(device, torch.float32), offset.to(device, torch.float32)


@cache
def permutation(positions: int, seed: int) -> Tensor:
    """One fixed permutation of ``positions``, the same for everybody who uses this seed."""
    return torch.randperm(positions, generator=generator(seed, "pixel permutation"))
