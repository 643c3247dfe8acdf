"""CycleGAN.

Notable features:
- learns from two heaps of pictures without pairs: horses here, zebras there
- two generators, A to B and B to A; a picture that goes there and back must come out as it was
- the generators keep the size, so any picture will do: two halvings, residual blocks, two doublings, instance norm
- two critics that score patches of 70×70 pixels, not whole pictures
- 11,372,931 parameters in each generator of 9 blocks with 64 maps, 2,763,841 in each critic
"""

from __future__ import annotations

from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from profond.core.config import Count
from profond.models import register_model
from profond.nn.translation import Downsampling, PatchCritic, ResNetGenerator, Upsampling, check_sides


@register_model("cyclegan", width=32, blocks=6, critic_width=32, upsample="resize")
@register_model("cyclegan_256")
class CycleGAN(nn.Module):
    """Two generators and two critics of pictures of two kinds, A and B; a call translates A to B.

    The generators stand in ``generators.to_b`` and ``generators.to_a``, the critics in ``critics.b`` and ``critics.a``.

    Args:
        input_shape: (channels, height, width); what it was made for, while it takes any size of 8×8 or more.
        width: maps after the first convolution of a generator.
        blocks: residual blocks of a generator.
        critic_width: maps after the first convolution of a critic.
        critic_layers: halvings of a critic: it looks at patches of 16×16 pixels with 1, of 34×34 with 2, 70×70 with 3.
        upsample: ``"transposed"`` as published, or ``"resize"`` against checkerboards.
        downsample: ``"strided"`` as published, or ``"blurred"``.
        one_way: the generator from A to B alone, without critics: for published weights; it cannot be trained.

    Raises: ConfigError for too small a picture.

    Source: J.-Y. Zhu, T. Park, P. Isola, A. A. Efros, Unpaired image-to-image translation using cycle-consistent
        adversarial networks, ICCV 2017, arXiv:1703.10593, section 7. Deviation: convolutions before an instance norm
        have no bias, which the norm would subtract again; the authors' files still fit.
    """

    family = "translator"
    value_range: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    example_shape: ClassVar[tuple[int, ...]] = (3, 24, 24)
    example_settings: ClassVar[dict[str, int]] = {"width": 4, "blocks": 2, "critic_width": 4}
    stages = ("generators.to_b.stem", "generators.to_b.down", "generators.to_b.body", "generators.to_b.up")
    head = "generators.to_b.output"

    def __init__(
        self,
        input_shape: tuple[int, ...] = (3, 256, 256),
        width: Count = 64,
        blocks: Count = 9,
        critic_width: Count = 64,
        critic_layers: Count = 3,
        upsample: Upsampling = "transposed",
        downsample: Downsampling = "strided",
        one_way: bool = False,
    ) -> None:
        super().__init__()
        check_sides("cyclegan", input_shape, critic_layers)
        channels = input_shape[0]

        def generator() -> nn.Module:
            return ResNetGenerator(channels, width, blocks, upsample, downsample)

        self.generators = nn.ModuleDict({name: generator() for name in (("to_b",) if one_way else ("to_b", "to_a"))})
        critics = "" if one_way else "ba"
        self.critics = nn.ModuleDict({name: PatchCritic(channels, critic_width, critic_layers) for name in critics})

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        translated: Tensor = self.generators["to_b"](images)
        return translated
