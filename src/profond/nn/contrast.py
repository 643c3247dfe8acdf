"""Contrast made alike: of a whole picture, or of what is around each of its pixels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

LEAST = 1e-4
"""A deviation below this, in units of what comes in, is noise of a plain surface: nothing is divided by less."""


def picture_contrast(inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
    """Each picture with mean 0 and standard deviation 1 over all its pixels and colours."""
    axes = tuple(range(1, inputs.ndim))
    centred = inputs - inputs.mean(axes, keepdim=True)
    return centred / (centred.square().mean(axes, keepdim=True) + LEAST**2).sqrt()


def local_contrast(inputs: Float[Tensor, "n c h w"], size: int = 7) -> Float[Tensor, "n c h w"]:
    """Each pixel less the mean of its surroundings, divided by their standard deviation, over all channels.

    What is divided by is never less than its mean over the picture, so that plain surfaces stay plain.

    Args:
        size: odd side of the Gaussian window; beyond a border the pixels at the border go on.

    Source: K. Jarrett, K. Kavukcuoglu, M. Ranzato, Y. LeCun, What is the best multi-stage architecture for object
        recognition?, ICCV 2009, section 2.1.
    """
    window = _gaussian(size, inputs)
    centred = inputs - _blurred(inputs.mean(1, keepdim=True), window)
    variance = _blurred(centred.square().mean(1, keepdim=True), window)
    deviation = (variance + LEAST**2).sqrt()
    return centred / torch.maximum(deviation, deviation.mean((2, 3), keepdim=True))


class LocalContrast(nn.Module):
    """`local_contrast` as a layer."""

    def __init__(self, size: int = 7) -> None:
        super().__init__()
        self.size = size

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        return local_contrast(inputs, self.size)

    def extra_repr(self) -> str:
        return f"size={self.size}"


def _gaussian(size: int, like: Tensor) -> Tensor:
    """Weights (1, 1, size, size) whose sum is 1; the window ends at two standard deviations."""
    places = torch.arange(size, dtype=like.dtype, device=like.device) - size // 2
    row = torch.exp(-((places / (size / 4)) ** 2) / 2)
    window = row[:, None] * row[None, :]
    return (window / window.sum())[None, None]


def _blurred(plane: Tensor, window: Tensor) -> Tensor:
    border = window.shape[-1] // 2
    return F.conv2d(F.pad(plane, (border,) * 4, mode="replicate"), window)
