"""Samples that a generator makes: the same for the same seed, whatever is made beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from profond.core.device import device_of
from profond.measures.pixels import as_pixels
from profond.nn.modes import evaluating
from profond.tasks.batch import called, check_finite

AT_ONCE = 64
"""Samples made together, always so many: in batches of another size, last digits would be others."""


@dataclass(frozen=True)
class Sample:
    """One sample that was made.

    Args:
        values: as the model gives them: a picture (c, h, w) between -1 and 1, or a point (d,) in the model's numbers.
        seed, index: what it was made from.
        label: the class that was asked for; empty where there are none.
    """

    values: Tensor
    seed: int
    index: int
    label: str = ""

    def line(self) -> str:
        numbers = (
            [f"{value:.4f}" for value in self.values.tolist()]
            if self.values.ndim == 1
            else ["×".join(map(str, self.values.shape))]
        )
        return "\t".join([*([self.label] if self.label else []), *numbers])

    def whole(self) -> str:
        return self.line()

    def row(self) -> dict[str, Any]:
        return {"seed": self.seed, "index": self.index, "label": self.label}

    def to_json(self) -> dict[str, Any]:
        point = {"values": self.values.tolist()} if self.values.ndim == 1 else {}
        return {**self.row(), **point}

    def write(self, folder: Path, name: str) -> list[Path]:
        """A picture as PNG; of a point its line says all."""
        if self.values.ndim == 1:
            return []
        from PIL import Image

        pixels = as_pixels(self.values).cpu().permute(1, 2, 0).squeeze(2).numpy()
        path = folder / f"{name}.png"
        Image.fromarray(pixels).save(path)
        return [path]


@torch.no_grad()
def samples_of(
    model: Any, latents: Float[Tensor, "n z"], labels: Int[Tensor, " n"] | None = None
) -> Float[Tensor, "n ..."]:
    """What the generator makes of latents, in eval mode, of each the same whatever stands behind it; on the CPU.

    Raises: ConfigError where that is not finite.
    """
    network: nn.Module = model.generator
    device = device_of(network)
    made = []
    with evaluating(network):
        for start in range(0, len(latents), AT_ONCE):
            rows = torch.arange(start, start + AT_ONCE) % len(latents)
            some = None if labels is None else labels[rows].to(device)
            made.append(called(network, latents[rows].to(device), some)[: len(latents) - start].float().cpu())
    samples = torch.cat(made)
    check_finite(samples)
    return samples
