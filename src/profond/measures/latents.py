"""Noise that samples are made from: each one's own, whatever others are drawn with it."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from profond.core.randomness import generator


def latents(size: int, indices: Iterable[int], seed: int, truncation: float | None = None) -> Tensor:
    """Normal noise (n, size): that of index i depends on (seed, i) alone.

    Args:
        truncation: noise from a normal distribution that ends at so many deviations on either side: the smaller, the
            more usual and the more alike is what is made. The same seed gives the same noise, moved inwards.

    Source: truncation as in A. Brock et al., "Large scale GAN training for high fidelity natural image synthesis",
    ICLR 2019, section 3.1; drawn by the inverse of the distribution function instead of drawing again.
    """
    noise = torch.stack([torch.randn(size, generator=generator(seed, "latent", index)) for index in indices])
    if truncation is None:
        return noise
    share = torch.special.ndtr(torch.tensor([-truncation, truncation], dtype=torch.float64))
    inside = share[0] + torch.special.ndtr(noise.double()) * (share[1] - share[0])
    moved: Tensor = torch.special.ndtri(inside).clamp(-truncation, truncation).float()
    return moved
