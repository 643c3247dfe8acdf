"""Whether samples are copies of training pictures: are they nearer to these than held-out pictures are?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from profond.measures.intervals import LEVEL, wilson
from profond.measures.measured import SHARE, Measured

OTHERS = 5
"""Training pictures after the nearest, whose mean distance the nearest one's is divided by."""
NEAR = 0.05
"""The share of held-out pictures that a sample has to be nearer than."""
_SIDE = 32


@dataclass(frozen=True)
class Nearest:
    """The training picture that is nearest to each of some pictures.

    Args:
        index: of the training picture, int64 (n).
        apart: its distance, that of the next ones being 1 (n): near 0 for a copy, and near 1 for what looks a little
            like many, such as a new picture or a blurred one.
    """

    index: NDArray[np.int64]
    apart: NDArray[np.float64]


@dataclass(frozen=True)
class Memorised:
    """Samples beside held-out pictures, by how near both are to the training pictures.

    Args:
        share: of the samples, nearer to a training picture than all but ``NEAR`` of the held-out pictures.
        chance: the greatest share that is not rare for as many held-out pictures.
        near: of each sample, whether it is among them.
    """

    share: Measured
    chance: float
    near: NDArray[np.bool_]

    @property
    def found(self) -> bool:
        """Whether more samples are so near than chance would bring."""
        return self.share.low is not None and self.share.low > self.chance

    @property
    def words(self) -> str:
        share = f"{100 * self.share.value:.1f} % of the samples are nearer to a training picture than"
        of_chance = f"{100 * (1 - NEAR):.0f} % of held-out pictures ({100 * NEAR:.0f} % would be chance)"
        if not self.found:
            return f"{share} {of_chance}"
        return f"{share} {of_chance}: some are copies; more data, augmentation or fewer steps help"


def nearest(pictures: Tensor, training: Iterable[Tensor]) -> Nearest:
    """The nearest training picture of each picture, by the pixels of both at 32 × 32 at most, mirrored or not.

    Args:
        pictures: uint8 (n, c, h, w).
        training: batches of the same kind, 6 pictures or more in all.

    Source: that the distance is told beside those of the next ones: N. Carlini et al., Extracting training data from
        diffusion models, 2023, section 5.1.
    """
    looked_for, first = _small(pictures), 0
    kept = torch.full((len(pictures), OTHERS + 1), torch.inf)
    index = torch.zeros(kept.shape, dtype=torch.int64)
    for batch in training:
        apart = torch.minimum(*(torch.cdist(looked_for, _small(one)) for one in (batch, batch.flip(3))))
        here = torch.arange(first, first + len(batch)).expand_as(apart)
        kept, order = torch.cat([kept, apart], 1).topk(OTHERS + 1, largest=False)
        index = torch.cat([index, here], 1).gather(1, order)
        first += len(batch)
    assert first > OTHERS, first
    distances = kept.double().numpy()
    others = distances[:, 1:].mean(1)
    relative = np.divide(distances[:, 0], others, out=np.zeros(len(others)), where=others > 0)
    return Nearest(index[:, 0].numpy(), relative)


def memorised(made: Nearest, held_out: Nearest) -> Memorised:
    """Whether samples are nearer to training pictures than held-out pictures are.

    The quantile of few held-out pictures is uncertain: samples have to be more often below it than is likely for other
    held-out pictures, by the distribution of its order.
    """
    from scipy.special import betaincinv  # not above: half a second that `--help` should not pay

    total = len(held_out.apart)
    rank = max(1, round(NEAR * total))
    near = made.apart <= np.sort(held_out.apart)[rank - 1]
    chance = float(betaincinv(rank, total + 1 - rank, (1 + LEVEL) / 2))
    share = wilson(int(near.sum()), len(near)).called("nearer than held-out", unit=SHARE, better="lower")
    return Memorised(share, chance, near)


def _small(pictures: Tensor) -> Tensor:
    """(n, d) from 0 to 1, at ``_SIDE`` pixels a side at most."""
    values = pictures.float() / 255
    tall, wide = (min(side, _SIDE) for side in pictures.shape[-2:])
    if (tall, wide) != tuple(pictures.shape[-2:]):
        values = F.interpolate(values, (tall, wide), mode="bilinear", align_corners=False, antialias=True)
    return values.flatten(1)
