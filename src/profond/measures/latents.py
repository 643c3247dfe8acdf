"""Noise that samples are made from, and how they are made of it: each its own, whatever stands beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from profond.core.randomness import generator

AT_ONCE = 64
"""Samples made together, always so many: in batches of another size, last digits would be others."""


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


def made_of(
    generate: Callable[[Tensor, Tensor | None], Tensor],
    noise: Tensor,
    labels: Tensor | None,
    device: torch.device,
) -> Tensor:
    """What a generator makes of noise (n, z), of each the same whatever stands beside it: float32 on the CPU.

    Args:
        generate: from noise (64, z) and labels int64 (64), or None, on ``device``.
        labels: of each its class, int64 (n); None for none.
    """
    made = []
    for start in range(0, len(noise), AT_ONCE):
        rows = torch.arange(start, start + AT_ONCE) % len(noise)
        some = None if labels is None else labels[rows].to(device)
        made.append(generate(noise[rows].to(device), some)[: len(noise) - start].float().cpu())
    return torch.cat(made)
