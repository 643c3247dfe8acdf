"""Checkerboards in pictures that a network made: how much there is at half the sampling frequency."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from profond.core.errors import DataError

MUCH = 5.0
"""Times as much as real pictures have, from which on it is told."""
SMALLEST = 16
"""Pixels of a side, below which there are no frequencies to compare with."""


def checkerboard(pictures: Tensor) -> Tensor:
    """How many times as much energy pictures have at half the sampling frequency as a little below it: float64 (n).

    A pattern that changes from each pixel to the next, across or down, has its energy there. Pictures without one,
    smooth or noisy, have about 1; a transposed convolution of stride 2 whose kernel its stride does not divide leaves
    many times as much.

    Args:
        pictures: (n, c, h, w), of any scale; the mean over the channels is looked at.

    Raises: DataError for pictures smaller than 16×16.

    Source: the pattern and where it comes from: A. Odena, V. Dumoulin, C. Olah, Deconvolution and checkerboard
    artifacts, Distill, 2016. The ratio to the neighbouring frequencies is ours.
    """
    height, width = (side - side % 2 for side in pictures.shape[-2:])
    if pictures.ndim != 4 or min(height, width) < SMALLEST:
        raise DataError(
            f"a spectrum is asked of {'×'.join(map(str, pictures.shape))} numbers",
            f"give pictures (n, c, h, w) of at least {SMALLEST}×{SMALLEST} pixels",
        )
    grey = pictures[..., :height, :width].double().mean(1)
    grey = grey - grey.mean((1, 2), keepdim=True)
    power = torch.fft.fft2(grey).abs().square()
    at_half = power[:, height // 2].sum(1) + power[:, :, width // 2].sum(1)
    below = _below(power, height) + _below(power.transpose(1, 2), width)
    least = torch.finfo(torch.float64).eps * power.sum((1, 2)) + torch.finfo(torch.float64).tiny
    ratio: Tensor = (at_half + least) / (below + least)
    return ratio


@dataclass(frozen=True)
class Checkerboards:
    """Of made pictures and of real ones, the median of `checkerboard`."""

    made: float
    real: float

    @classmethod
    def of(cls, made: Tensor, real: Tensor) -> Checkerboards | None:
        """None where pictures are too small to say."""
        if min(*made.shape[-2:], *real.shape[-2:]) < SMALLEST:
            return None
        return cls(*(float(checkerboard(pictures).median()) for pictures in (made, real)))

    def lines(self) -> list[str]:
        """A sentence where made pictures have far more of it than real ones; else nothing."""
        if self.made <= MUCH * max(self.real, 1.0):
            return []
        return [
            f"what is made has a checkerboard: {self.made:.1f} times as much energy at half the sampling frequency as"
            f" beside it, where real pictures have {self.real:.1f} times; --set model.upsample=resize leaves none"
        ]

    def to_json(self) -> dict[str, float]:
        return {"made": self.made, "real": self.real}


def _below(power: Tensor, length: int) -> Tensor:
    """The mean of a few frequencies just below the half, along the second axis: (n)."""
    count = max(3, length // 16)
    return power[:, length // 2 - 1 - count : length // 2 - 1].sum(2).mean(1)
