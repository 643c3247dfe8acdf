"""CUT and FastCUT.

Notable features:
- one generator and one critic: half of CycleGAN, for one direction
- no way back: a patch of the result must be told from the other patches of the input as the one at its own place
  (PatchNCE), by what the generator's own first half makes of both
- a small head of two layers on each of five layers' maps projects patches to 256 numbers of length 1
- CUT also translates B to B, which must change nothing; FastCUT leaves that out, and mirrors half of the inputs
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from profond.core.config import Count
from profond.core.errors import ConfigError
from profond.models import register_model
from profond.nn.translation import ColourCritic, Downsampling, PatchCritic, ResNetGenerator, Upsampling, check_sides


@register_model("fastcut", fast=True, width=32, blocks=6, critic_width=32, downsample="strided")
@register_model("cut")
class CUT(nn.Module):
    """A generator from A to B, heads on its first half, and a critic of B; a call translates.

    The generator stands in ``generators.to_b``, its heads in ``generators.heads``, the critic in ``critics.b``, and the
    one of colours, where there is one, in ``critics.b_colours``.

    Args:
        input_shape: (channels, height, width); what it was made for, while it takes any size of 8×8 or more.
        fast: FastCUT: it is trained without translating B to B, and with mirror images.
        width: maps after the first convolution of the generator.
        blocks: residual blocks of the generator.
        critic_width: maps after the first convolution of the critic.
        critic_layers: halvings of the critic, which looks at patches of 16×16 pixels with 1, 34×34 with 2, 70×70 for 3.
        colours: sides of squares whose mean colours a second critic looks at, wherever they are (`ColourCritic`); none
            leaves it out. For few pictures: a critic of patches learns these by heart.
        upsample: ``"resize"``, or ``"transposed"`` convolutions.
        downsample: ``"blurred"`` as published, or ``"strided"``.
        looked_at: numbers of the residual blocks whose maps have a head; besides them the picture itself and the two
            halvings have one.
        head_width: numbers that a head makes of a patch.
        skips: the generator adds again what was there before each halving: for pictures whose lines stay where they
            are.

    Raises: ConfigError for too small a picture.

    Source: T. Park, A. A. Efros, R. Zhang, J.-Y. Zhu, Contrastive learning for unpaired image-to-image translation,
        ECCV 2020, arXiv:2007.15651, section 3 and appendix C.1. Deviation: sizes are doubled by repeating pixels, where
        the authors' code interpolates.
    """

    family = "translator"
    value_range: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    example_shape: ClassVar[tuple[int, ...]] = (3, 24, 24)
    example_settings: ClassVar[dict[str, int]] = {"width": 4, "blocks": 2, "critic_width": 4, "head_width": 8}
    stages = ("generators.to_b.stem", "generators.to_b.down", "generators.to_b.body", "generators.to_b.up")
    head = "generators.to_b.output"

    def __init__(
        self,
        input_shape: tuple[int, ...] = (3, 256, 256),
        fast: bool = False,
        width: Count = 64,
        blocks: Count = 9,
        critic_width: Count = 64,
        critic_layers: Count = 3,
        colours: tuple[Count, ...] = (),
        upsample: Upsampling = "resize",
        downsample: Downsampling = "blurred",
        looked_at: tuple[Count, ...] = (1, 5),
        head_width: Count = 256,
        skips: bool = False,
    ) -> None:
        super().__init__()
        check_sides("cut", input_shape, critic_layers)
        if not looked_at or list(looked_at) != sorted(set(looked_at)):
            raise ConfigError(f"looked_at of cut is {list(looked_at)}", "give numbers of blocks, rising: [1, 5]")
        self.fast, self.looked_at = fast, looked_at
        generator = ResNetGenerator(input_shape[0], width, blocks, upsample, downsample, skips)
        heads = PatchHeads(generator.feature_channels(looked_at), head_width)
        self.generators = nn.ModuleDict({"to_b": generator, "heads": heads})
        self.critics = nn.ModuleDict({"b": PatchCritic(input_shape[0], critic_width, critic_layers)})
        if colours:
            if max(colours) > min(input_shape[1:]):
                raise ConfigError(f"colours of cut is {list(colours)}", "no side is longer than the pictures': [1, 4]")
            self.critics["b_colours"] = ColourCritic(input_shape[0], colours)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        translated: Tensor = self.generators["to_b"](images)
        return translated


class PatchHeads(nn.Module):
    """Two layers on each of several maps: a place becomes numbers whose squares sum to 1.

    Args:
        channels: of each of the maps.
        width: numbers in the middle and at the end.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(count, width), nn.ReLU(), nn.Linear(width, width)) for count in channels
        )
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, 0.0, 0.02)
                nn.init.zeros_(layer.bias)

    def forward(self, maps: Sequence[Tensor], places: Sequence[Tensor]) -> list[Tensor]:
        """What each head makes of its map at some places: (n, p, width) of each.

        Args:
            maps: (n, c, h, w), one for each head.
            places: of each map, which places of its rows laid end to end, int64 (p).
        """
        projected = []
        for head, one, chosen in zip(self.heads, maps, places, strict=True):
            patches = one.permute(0, 2, 3, 1).flatten(1, 2)[:, chosen]
            projected.append(F.normalize(head(patches).float(), dim=2, eps=1e-7))
        return projected
