"""DCGAN: a generator and a critic made of convolutions alone.

Notable features:
- no pooling: transposed 4×4 convolutions of stride 2 double a picture, strided ones halve it
- batch normalisation everywhere but at the pictures themselves: the generator's last layer and the critic's first
- ReLU in the generator, tanh at its end; leaky ReLU of slope 0.2 in the critic
- weights start as normal numbers of deviation 0.02
- spectral normalisation of the critic, instead of batch normalisation, as an option
- of a class: its embedding beside the latent, its projection in the critic (not in the paper)
- any size, rectangular too: odd sizes are halved rounding up, and doubled with the last row and column left out

Source: A. Radford, L. Metz and S. Chintala, "Unsupervised representation learning with deep convolutional generative
adversarial networks", ICLR 2016; of the option, T. Miyato et al., "Spectral normalization for generative adversarial
networks", ICLR 2018. The paper's networks are twice as wide: 128 to 1,024 channels at 64×64.
"""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from profond.core.config import Count
from profond.models import register_model
from profond.models.shape import check_picture
from profond.nn.adversarial import SLOPE, Labelled, Projection, conditional_classes, cropped, even, levels, widths

Size = tuple[int, int]


def _started(module: nn.Module) -> None:
    """The paper's section 3: normal numbers of deviation 0.02."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(part.weight, std=0.02)
        elif isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(part.weight, mean=1.0, std=0.02)


class Up(nn.Module):
    """To twice the size; normalised and rectified unless it is the last."""

    def __init__(self, inputs: int, outputs: int, size: Size, last: bool) -> None:
        super().__init__()
        self.size = size
        self.convolution = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=last)
        self.norm = None if last else nn.BatchNorm2d(outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        doubled = cropped(self.convolution(inputs), self.size)
        return doubled.tanh() if self.norm is None else F.relu(self.norm(doubled))


class Down(nn.Module):
    """To half the size; the first is not normalised, and with spectral normalisation none is."""

    def __init__(self, inputs: int, outputs: int, first: bool, spectral: bool) -> None:
        super().__init__()
        plain = first or spectral
        convolution = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=plain)
        nn.init.normal_(convolution.weight, std=0.02)
        self.convolution = spectral_norm(convolution) if spectral else convolution
        self.norm = None if plain else nn.BatchNorm2d(outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        halved = self.convolution(even(inputs))
        return F.leaky_relu(halved if self.norm is None else self.norm(halved), SLOPE)


class DCGenerator(nn.Module):
    """Latents (n, z) to pictures (n, c, h, w)."""

    def __init__(self, channels: int, sizes: list[Size], wide: list[int], latent_size: int, num_classes: int) -> None:
        super().__init__()
        (height, width), labelled = sizes[0], Labelled(latent_size, num_classes)
        self.start = (wide[0], height, width)
        self.project = nn.Linear(labelled.size, wide[0] * height * width, bias=False)
        self.norm = nn.BatchNorm2d(wide[0])
        outputs = [*wide[1:], channels]
        self.body = nn.Sequential(
            *(
                Up(before, after, size, size is sizes[-1])
                for before, after, size in zip(wide, outputs, sizes[1:], strict=False)
            )
        )
        _started(self)
        self.labelled = labelled

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        first = self.project(self.labelled(latents, labels)).view(-1, *self.start)
        pictures: Tensor = self.body(F.relu(self.norm(first)))
        return pictures


class DCCritic(nn.Module):
    """Pictures (n, c, h, w) to scores (n,)."""

    def __init__(self, channels: int, sizes: list[Size], wide: list[int], num_classes: int, spectral: bool) -> None:
        super().__init__()
        outwards = [channels, *wide[::-1]]
        self.body = nn.Sequential()
        for before, after in itertools.pairwise(outwards):
            self.body.append(Down(before, after, first=not len(self.body), spectral=spectral))
        if not spectral:
            _started(self.body)
        height, width = sizes[0]
        self.score = Projection(outwards[-1] * height * width, num_classes, divided=not spectral)
        if spectral:
            spectral_norm(self.score.direction)

    def forward(self, pictures: Tensor, labels: Tensor | None = None) -> Tensor:
        scores: Tensor = self.score(self.body(pictures).flatten(1), labels)
        return scores


@register_model("dcgan")
class DCGAN(nn.Module):
    """Generator and critic of DCGAN, 64 to 512 channels wide by default.

    Args:
        input_shape: of one picture: (channels, height, width), 16 pixels a side at least.
        num_classes: of the data; 0 for none.
        conditional: whether samples of a class can be asked for; None where the data have classes.
        latent_size: numbers that a picture is made from, and of a class's embedding.
        width: channels at half of the full size; twice as many at a quarter, and so on.
        widest: greatest number of channels.
        smallest: the side at which there is no smaller size.
        spectral: the critic is kept from being steep by spectral normalisation, and has no batch normalisation.

    Raises: ConfigError for samples that are no pictures, or too small ones.
    """

    family = "generator"
    value_range = (-1.0, 1.0)
    usual: ClassVar[dict[str, Any]] = {
        "task.loss": "non_saturating",
        "training.betas": (0.5, 0.999),
        "training.learning_rate": 2e-4,
    }
    example_shape: ClassVar[tuple[int, ...]] = (1, 28, 28)
    example_settings: ClassVar[dict[str, Any]] = {"width": 4, "latent_size": 8}

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int = 0,
        conditional: bool | None = None,
        latent_size: Count = 100,
        width: Count = 64,
        widest: Count = 512,
        smallest: Count = 4,
        spectral: bool = False,
    ) -> None:
        super().__init__()
        check_picture("dcgan", input_shape)
        self.latent_size = latent_size
        self.num_classes = conditional_classes(num_classes, conditional)
        self.forward_shape = (latent_size,)
        channels, height, across = input_shape
        sizes = levels(height, across, smallest)
        wide = widths(len(sizes) - 1, width, widest)
        self.generator = DCGenerator(channels, sizes, wide, latent_size, self.num_classes)
        self.critic = DCCritic(channels, sizes, wide, self.num_classes, spectral)
        stages = len(sizes) - 1
        self.stages = tuple(f"{part}.body.{stage}" for part in ("generator", "critic") for stage in range(stages))
        self.head = "critic.score"

    def forward(
        self, latents: Float[Tensor, "n z"], labels: Int[Tensor, " n"] | None = None
    ) -> Float[Tensor, "n c h w"]:
        """Pictures made from latents."""
        pictures: Tensor = self.generator(latents, labels)
        return pictures
