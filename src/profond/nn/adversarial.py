"""What the two networks of a generator and its critic are made of, whatever they look like in between."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

SLOPE = 0.2
"""Of leaky ReLU below zero, in nearly all that has been published."""


def levels(height: int, width: int, smallest: int) -> list[tuple[int, int]]:
    """Sizes from the smallest to (height, width), each half of the next, rounded up, until one side is ``smallest``."""
    found = [(height, width)]
    while min(found[0]) > smallest:
        found.insert(0, tuple(-(-side // 2) for side in found[0]))  # type: ignore[arg-type]
    return found


def widths(count: int, finest: int, widest: int) -> list[int]:
    """Channels at so many levels, from the smallest size to the full one: twice as many at half of it, to a limit."""
    return [min(widest, finest * 2**steps) for steps in reversed(range(count))]


def cropped(pictures: Float[Tensor, "n c h w"], size: tuple[int, int]) -> Float[Tensor, "n c a b"]:
    """Without the row and the column that doubling an odd size, rounded up, made too many."""
    return pictures[:, :, : size[0], : size[1]]


def even(pictures: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c a b"]:
    """With a row and a column of nothing where their number is odd, so that half of it is rounded up."""
    height, width = pictures.shape[2:]
    return F.pad(pictures, (0, width % 2, 0, height % 2)) if height % 2 or width % 2 else pictures


def scaled(weight: Tensor, inputs: int, gain: float | None = None) -> None:
    """Fill a weight with normal numbers, so that a sum over so many inputs is as large as one of them.

    Args:
        gain: by default what a leaky ReLU behind it loses.

    Source: K. He et al., "Delving deep into rectifiers", ICCV 2015.
    """
    nn.init.normal_(weight, std=(math.sqrt(2 / (1 + SLOPE**2)) if gain is None else gain) / math.sqrt(inputs))


class Labelled(nn.Module):
    """Latents with the embedding of a class behind them, as the first layer of a generator takes them.

    Args:
        latent_size: numbers of a latent, and of an embedding.
        num_classes: 0 for none.
    """

    def __init__(self, latent_size: int, num_classes: int) -> None:
        super().__init__()
        self.size = latent_size * (2 if num_classes else 1)
        self.embedding = nn.Embedding(num_classes, latent_size) if num_classes else None

    def forward(self, latents: Float[Tensor, "n z"], labels: Int[Tensor, " n"] | None = None) -> Float[Tensor, "n s"]:
        """Without labels, where there are classes, each sample is of the mean of all of them."""
        if self.embedding is None:
            return latents
        mean = self.embedding.weight.mean(0).expand(latents.shape[0], -1)
        return torch.cat((latents, mean if labels is None else self.embedding(labels)), 1)


class Projection(nn.Module):
    """What a critic says of a sample's features x, of class y or of none: x · (w + v_y) / √features, in float32.

    It has no bias: where two scores are compared, that would have no gradient.

    Args:
        features: how many.
        num_classes: 0 for none.
        divided: by √features; not where spectral normalisation makes w as short as that.

    Source: T. Miyato and M. Koyama, "cGANs with projection discriminator", ICLR 2018, equation 3.
    """

    def __init__(self, features: int, num_classes: int, divided: bool = True) -> None:
        super().__init__()
        self.scale = 1 / math.sqrt(features) if divided else 1.0
        self.direction = nn.Linear(features, 1, bias=False)
        nn.init.normal_(self.direction.weight)
        self.classes = nn.Embedding(num_classes, features) if num_classes else None

    def forward(self, features: Float[Tensor, "n f"], labels: Int[Tensor, " n"] | None = None) -> Float[Tensor, " n"]:
        # NOTE not as a layer, which autocast would let say its number in bf16: two scores would differ by steps
        direction = self.direction.weight
        if self.classes is not None and labels is not None:
            direction = direction + self.classes(labels)
        return (features.float() * direction).sum(1) * self.scale


def conditional_classes(num_classes: int, conditional: bool | None) -> int:
    """How many classes a pair of networks tells apart: those of the data, unless it is not to."""
    return num_classes if conditional or conditional is None else 0
