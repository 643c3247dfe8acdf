"""Samples that a generator makes: the same for the same seed, whatever is made beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from profond.core.device import device_of
from profond.measures.latents import made_of
from profond.measures.picture_sheet import as_picture
from profond.nn.modes import evaluating
from profond.tasks.batch import called, check_finite


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

    def row(self) -> dict[str, Any]:
        return {"seed": self.seed, "index": self.index, "label": self.label}

    def to_json(self) -> dict[str, Any]:
        point = {"values": self.values.tolist()} if self.values.ndim == 1 else {}
        return {**self.row(), **point}

    def write(self, folder: Path, name: str) -> list[Path]:
        """A picture as PNG; of a point its line says all."""
        if self.values.ndim == 1:
            return []
        path = folder / f"{name}.png"
        as_picture(self.values).save(path)
        return [path]


@torch.no_grad()
def samples_of(
    model: Any, latents: Float[Tensor, "n z"], labels: Int[Tensor, " n"] | None = None
) -> Float[Tensor, "n ..."]:
    """What the generator makes of latents, in eval mode, of each the same whatever stands behind it; on the CPU.

    Raises: ConfigError where that is not finite.
    """
    network: nn.Module = model.generator
    with evaluating(network):
        samples = made_of(lambda noise, some: called(network, noise, some), latents, labels, device_of(network))
    check_finite(samples)
    return samples
