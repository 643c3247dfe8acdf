"""Random changes to pictures that a gradient passes through, so that a critic does not learn a few by heart.

Real and made pictures are changed alike before the critic sees them, and the generator learns through the changes: so
it does not make changed pictures itself.

Source: S. Zhao et al., "Differentiable augmentation for data-efficient GAN training", NeurIPS 2020, and its code.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

KINDS = ("colour", "translation", "cutout")
_SHIFT, _HOLE = 1 / 8, 1 / 2
"""Of a picture's side: how far it is moved at most, and what is cut out of it."""


def changed(pictures: Float[Tensor, "n c h w"], kinds: Sequence[str] = KINDS) -> Float[Tensor, "n c h w"]:
    """Each picture changed at random, by torch's random state; what comes in from outside is 0, as grey as can be."""
    for kind in KINDS:
        if kind in kinds:
            pictures = _CHANGES[kind](pictures)
    return pictures


def _uniform(pictures: Tensor) -> Tensor:
    """One number in [0, 1) for each picture."""
    return torch.rand(len(pictures), 1, 1, 1, device=pictures.device, dtype=pictures.dtype)


def _colour(pictures: Tensor) -> Tensor:
    """Brightness up to half of white more or less, saturation 0 to 2 times, contrast 0.5 to 1.5 times."""
    pictures = pictures + (_uniform(pictures) - 0.5)
    if pictures.shape[1] > 1:
        pictures = torch.lerp(pictures.mean(1, keepdim=True), pictures, 2 * _uniform(pictures))
    middle = pictures.mean((1, 2, 3), keepdim=True)
    return torch.lerp(middle, pictures, 0.5 + _uniform(pictures))


def _translation(pictures: Tensor) -> Tensor:
    """Moved up to an eighth of each side."""
    count, channels, height, width = pictures.shape
    device = pictures.device
    down, across = (int(side * _SHIFT + 0.5) for side in (height, width))
    rows = torch.arange(height, device=device) + torch.randint(0, 2 * down + 1, (count, 1), device=device)
    columns = torch.arange(width, device=device) + torch.randint(0, 2 * across + 1, (count, 1), device=device)
    padded = F.pad(pictures, (across, across, down, down))
    # NOTE gathered along one side after the other: its gradient adds up row by row, and it can be differentiated again
    moved = padded.gather(2, rows[:, None, :, None].expand(-1, channels, -1, padded.shape[3]))
    return moved.gather(3, columns[:, None, None, :].expand(-1, channels, height, -1))


def _cutout(pictures: Tensor) -> Tensor:
    """A rectangle of half of each side, at a random place and partly outside, is 0."""
    count, _, height, width = pictures.shape
    inside = []
    for side in (height, width):
        hole = int(side * _HOLE + 0.5)
        places = torch.arange(side, device=pictures.device)
        start = torch.randint(0, side + (1 - hole % 2), (count, 1), device=pictures.device) - hole // 2
        inside.append((places >= start) & (places < start + hole))
    hidden = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return pictures * ~hidden


_CHANGES = {"colour": _colour, "translation": _translation, "cutout": _cutout}
