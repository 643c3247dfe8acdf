"""PatchNCE: a patch of the result belongs to the patch of the input at its own place, and to no other."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def patch_contrast(
    queries: Float[Tensor, "n p k"], keys: Float[Tensor, "n p k"], temperature: float = 0.07
) -> Float[Tensor, " n"]:
    """How far the patches of each picture are from being told apart, in nats.

    −log( exp(qᵢ·kᵢ / τ) / Σⱼ exp(qᵢ·kⱼ / τ) ), the mean over the places i; j goes over all places of the same picture.

    Args:
        queries: of the result's patches; of length 1.
        keys: of the input's, at the same places; what they are made from learns nothing from it.
        temperature: τ.

    Source: T. Park et al., Contrastive learning for unpaired image-to-image translation, ECCV 2020, equations 2 to 4.
    """
    count, places = queries.shape[:2]
    similar = queries @ keys.detach().transpose(1, 2) / temperature
    own = torch.arange(places, device=queries.device).repeat(count)
    return F.cross_entropy(similar.flatten(0, 1), own, reduction="none").view(count, places).mean(1)


def some_places(maps: Sequence[Tensor], most: int) -> list[Tensor]:
    """Of each map (n, c, h, w), at most so many places without repetition, int64; drawn from torch's random state."""
    return [torch.randperm(one.shape[-2] * one.shape[-1])[:most].to(one.device) for one in maps]
