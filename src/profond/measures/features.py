"""What samples are compared by: numbers in which what looks alike is near. Points are such numbers themselves."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

Kernel = Literal["polynomial", "distance"]
SMALL, LARGE = 64, 96
"""Pixels of a side that pictures are brought to: small ones, of 64 at most, and others. At 224 faults are told no
better, and a picture costs ten times as much."""
_AT_ONCE = 32  # more do not fit into the caches and take longer, picture by picture
_REMEMBERED = 4  # sets of samples: those of a validation come again and again


@dataclass
class Features:
    """How samples become numbers, and what that is called.

    Args:
        name: of the features, for people, with all that another needs to compute the same.
        of: samples (n, …), uint8 of pictures, to (n, d).
        kernel: in which two of them are compared by the kernel distance, see `profond.measures.distances`.
        canonical: whether they are those that FID and KID are defined by.
    """

    name: str
    of: Callable[[Tensor], Tensor]
    kernel: Kernel = "polynomial"
    canonical: bool = False
    _remembered: OrderedDict[bytes, NDArray[np.float64]] = field(default_factory=OrderedDict, repr=False)

    @property
    def as_they_are(self) -> bool:
        """Whether the kernel distance takes them as they are, rather than each at mean 0 and deviation 1."""
        return self.canonical or self.kernel == "distance"

    @torch.no_grad()
    def __call__(self, samples: Tensor) -> NDArray[np.float64]:
        """(n, d) in float64; those of samples that were asked for a little while ago are not computed again."""
        key = hashlib.blake2b(samples.contiguous().cpu().numpy().tobytes(), digest_size=16).digest()
        if key not in self._remembered:
            rows = [self.of(part).double().cpu().flatten(1).numpy() for part in samples.split(_AT_ONCE)]
            self._remembered[key] = np.concatenate(rows)
        self._remembered.move_to_end(key)
        while len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        return self._remembered[key]


def of_points() -> Features:
    """Points are compared by their coordinates, as the model takes them."""
    return Features("the coordinates themselves", lambda points: points, kernel="distance")


def of_network(
    name: str,
    network: nn.Module,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    scale: float = 255.0,
    side: int = SMALL,
) -> Features:
    """Pictures as a network sees them that takes pictures in colour.

    Args:
        name: for people.
        network: (n, 3, h, w) to (n, d), or to maps (n, d, …) of which the mean is taken; in eval mode.
        mean, std, scale: what is done to pixels before, as in `profond.data.preprocessing.Preprocessing`.
        side: pixels of the square that pictures are brought to.
    """
    network = network.to(memory_format=torch.channels_last)  # three times as fast where convolutions go by depth
    centre, spread = (torch.tensor(values).view(1, -1, 1, 1) for values in (mean, std))

    def seen(pictures: Tensor) -> Tensor:
        inputs = (resized(pictures, side) / scale - centre) / spread
        maps: Tensor = network(inputs.contiguous(memory_format=torch.channels_last))
        return maps.flatten(2).mean(2) if maps.ndim > 2 else maps

    return Features(f"{name}, at {side}×{side} pixels (bicubic, antialiased)", seen)


def of_inception(network: nn.Module) -> Features:
    """The features that FID and KID are defined by, of the network with the published weights of 2015.

    Args:
        network: (n, 3, 299, 299) from -1 to 1 to (n, 2048); in eval mode.

    Source: M. Heusel et al., GANs trained by a two time-scale update rule, 2017, code; A. Obukhov, torch-fidelity.
    """

    def seen(pictures: Tensor) -> Tensor:
        maps: Tensor = network((as_tensorflow_resizes(in_channels(pictures, 3).float(), 299) - 128) / 128)
        return maps

    return Features("Inception of 2015, at 299×299 pixels (bilinear, as in TensorFlow 1)", seen, canonical=True)


def as_tensorflow_resizes(pictures: Tensor, side: int) -> Tensor:
    """Bilinear, not antialiased, and without the half of a pixel by which others move: what FID was defined with."""
    for axis in (2, 3):
        length = pictures.shape[axis]
        place = torch.arange(side) * (length / side)
        low = place.long()
        share = (place - low).view((-1, 1) if axis == 2 else (-1,))
        high = (low + 1).clamp(max=length - 1)
        pictures = pictures.index_select(axis, low) * (1 - share) + pictures.index_select(axis, high) * share
    return pictures


def resized(pictures: Tensor, side: int, channels: int = 3) -> Tensor:
    """Pictures uint8 (n, c, h, w) as float32 (n, channels, side, side) from 0 to 255; the proportions are not kept."""
    return in_channels(
        F.interpolate(pictures.float(), (side, side), mode="bicubic", align_corners=False, antialias=True).clamp(
            0, 255
        ),
        channels,
    )


def in_channels(pictures: Tensor, channels: int) -> Tensor:
    """Grey pictures in colour, or coloured ones in grey (ITU-R 601-2, as Pillow does it)."""
    if pictures.shape[1] == channels:
        return pictures
    if channels == 3:
        return pictures[:, :1].expand(-1, 3, -1, -1)
    weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    return (pictures.float() * weights).sum(1, keepdim=True)


class _RandomNetwork(nn.Module):
    """Three convolutions that nobody trained; what each sees, averaged, and how much it varies over the picture."""

    def __init__(self, widths: tuple[int, ...] = (24, 48, 96), seed: int = 0) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(seed)
        self.stages = nn.ModuleList()
        channels = 3
        for width in widths:
            stage = nn.Conv2d(channels, width, 5, stride=3, padding=2)
            deviation = (2 / (25 * channels)) ** 0.5
            stage.weight.data = torch.randn(stage.weight.shape, generator=random) * deviation
            stage.bias.data = torch.randn(width, generator=random) * 0.1
            self.stages.append(stage)
            channels = width
        self.eval().requires_grad_(False)

    def forward(self, inputs: Tensor) -> Tensor:
        found, maps = [], inputs
        for stage in self.stages:
            maps = stage(maps).relu()
            found += [maps.mean((2, 3)), maps.std((2, 3))]
        return torch.cat(found, 1)


@cache
def random_features() -> Features:
    """Where no trained network can be had: a small one with random weights, the same for everybody.

    Source: that such features still tell good samples from bad ones: M. F. Naeem et al., Reliable fidelity and
    diversity metrics for generative models, ICML 2020, section 4.
    """
    return of_network("random features (three convolutions, seed 0)", _RandomNetwork(), (0.5,), (0.25,))
