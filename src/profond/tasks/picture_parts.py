"""Networks that make pictures, as graphs: from latents, or from pictures of any size."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from profond.measures.pixels import as_pixels
from profond.nn.tiles import Tiles
from profond.tasks.task import Part, Tensors

LEAST_SIDE = 32
"""Pixels: smaller pictures are extended to it by reflection, for a network halves them."""


def laid_out(pictures: Float[Tensor, "n c h w"]) -> UInt8[Tensor, "n h w c"]:
    """Pictures between -1 and 1 as files and programs have them."""
    return as_pixels(pictures).permute(0, 2, 3, 1)


class Making(nn.Module):
    """Latents, and classes where there are such, to pictures or to points.

    Args:
        generator: in a form that leaves.
        pictures: or points.
    """

    def __init__(self, generator: nn.Module, pictures: bool) -> None:
        super().__init__()
        self.generator, self.pictures = generator, pictures

    def forward(self, latents: Float[Tensor, "n z"], labels: Int[Tensor, " n"] | None = None) -> Tensor:
        made = self.generator(latents, labels)
        return laid_out(made) if self.pictures else made.float()


class Translating(nn.Module):
    """Pictures of any size to pictures of the same size: extended by reflection to what the network takes, and cut.

    Args:
        network: in a form that leaves.
        channels: of the pictures.
    """

    def __init__(self, network: nn.Module, channels: int) -> None:
        super().__init__()
        self.network, self.multiple = network, Tiles(network, channels).multiple

    def forward(self, pictures: Float[Tensor, "n c h w"]) -> UInt8[Tensor, "n h w c"]:
        height, width = pictures.shape[2:]
        rows, columns = (_reflected(side, self.multiple, pictures.device) for side in (height, width))
        made = self.network(pictures.index_select(2, rows).index_select(3, columns))
        return laid_out(made[:, :, :height, :width])


def _reflected(side: Any, multiple: int, device: torch.device) -> Int[Tensor, " s"]:
    """Which row or column stands at each place of the extended picture, as often reflected as need be."""
    least: Any = torch.sym_max(side, LEAST_SIDE)  # type: ignore[no-untyped-call]
    wanted = (least + multiple - 1) // multiple * multiple
    period = (2 * torch.scalar_tensor(side - 1, dtype=torch.int64, device=device)).clamp_min(1)
    place = torch.remainder(torch.arange(wanted, device=device), period)
    return torch.minimum(place, period - place)


def translating_part(network: nn.Module, channels: int, answer: dict[str, Any], name: str) -> Part:
    """One direction of a network that translates pictures; its examples are of any height, and wider than high."""

    def examples(count: int, length: int) -> tuple[Tensor, ...]:
        random = torch.Generator().manual_seed(1000 * count + length)
        return (torch.rand(count, channels, length, length + 5, generator=random) * 2 - 1,)

    module = Translating(network, channels).eval()
    given = Tensors("pictures", (channels, "height", "width"))
    return Part(module, (given,), (Tensors("made", ("height", "width", channels), "uint8"),), examples, answer, name)
