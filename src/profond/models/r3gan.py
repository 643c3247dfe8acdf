"""R3GAN: a generator and a critic of pictures, without tricks.

Notable features:
- no normalisation, no noise inside, no style: a modern residual network on either side, initialised so that each
  residual branch starts at nearly zero (Fix-up)
- the residual body: stages of 1×1, 3×3 in groups, 1×1 with leaky ReLU, twice as wide inside; pictures are doubled and
  halved between stages by bilinear interpolation and means of 2×2
- the first layer is a learned basis of the smallest size, weighted by the latent; the critic's last one is its mirror
- the strided body, with what a DCGAN costs: transposed and strided 4×4 convolutions that double and halve, and one
  residual 3×3 convolution at each size; for machines without bf16 or a GPU. It starts from PyTorch's small weights:
  from He's, of 2.5 times their size, a rate of 1e-3 ended in one picture
- of a class: its embedding beside the latent, its projection in the critic; the critic can also be asked which class a
  picture is of, and then teaches the generator to make what is read as asked
- any size, rectangular too: odd sizes are halved rounding up, and doubled with the last row and column left out

Where this differs from the paper: few groups, whose double backward loops over the groups, instead of many; 2×2 means
instead of a [1, 2, 1] filter; branches start at a hundredth instead of zero, so that a first step moves all of them;
the strided body is ours.

Source: Y. Huang, A. Gokaslan, V. Kuleshov and J. Tompkin, "The GAN is dead; long live the GAN! A modern GAN baseline",
NeurIPS 2024; of Fix-up, H. Zhang et al., ICLR 2019; of the classes that a critic reads, A. Odena, C. Olah and
J. Shlens, "Conditional image synthesis with auxiliary classifier GANs", ICML 2017.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from profond.core.config import Count
from profond.core.errors import ConfigError
from profond.models import register_model
from profond.models.shape import check_picture
from profond.nn.adversarial import (
    SLOPE,
    Labelled,
    Projection,
    conditional_classes,
    cropped,
    even,
    levels,
    scaled,
    widths,
)

Size = tuple[int, int]


def _convolution(inputs: int, outputs: int, kernel: int, gain: float | None = None, groups: int = 1) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups)
    if gain == 0:
        nn.init.zeros_(layer.weight)
    else:
        scaled(layer.weight, inputs // groups * kernel**2, gain)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


# -- the strided body --------------------------------------------------------------------------------------------------


class Residual(nn.Module):
    """x + convolution(leaky(x)), 3×3; it starts as nothing but x."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = _convolution(channels, channels, 3, gain=0)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = inputs + self.convolution(F.leaky_relu(inputs, SLOPE))
        return outputs


class Doubling(nn.Module):
    """Leaky ReLU, a transposed 4×4 convolution to twice the size, what is to be done there, and a residual one."""

    def __init__(self, inputs: int, outputs: int, size: Size) -> None:
        super().__init__()
        self.size = size
        self.convolution = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)
        self.residual = Residual(outputs)

    def forward(self, inputs: Tensor, between: Callable[[Tensor], Tensor]) -> Tensor:
        doubled = cropped(self.convolution(F.leaky_relu(inputs, SLOPE)), self.size)
        outputs: Tensor = self.residual(between(doubled))
        return outputs


class Halving(nn.Module):
    """A residual convolution, leaky ReLU, and a strided 4×4 convolution to half the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.residual = Residual(inputs)
        self.convolution = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.convolution(even(F.leaky_relu(self.residual(inputs), SLOPE)))
        return outputs


def _as_it_is(maps: Tensor, latents: Tensor) -> Tensor:
    return maps


class Modulation(nn.Module):
    """Maps brought to one length at each place, then scaled and shifted as the latent and the class say.

    Source: T. Chen et al., "On self modulation for generative adversarial networks", ICLR 2019; of the length,
    T. Karras et al., "Progressive growing of GANs", ICLR 2018, section 4.2.
    """

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.style = nn.Linear(inputs, 2 * channels)
        nn.init.zeros_(self.style.bias)
        self.style.weight.data.mul_(0.5)

    def forward(self, maps: Tensor, latents: Tensor) -> Tensor:
        scale, shift = self.style(latents)[:, :, None, None].chunk(2, 1)
        outputs: Tensor = maps * (maps.square().mean(1, keepdim=True) + 1e-8).rsqrt() * (1 + scale) + shift
        return outputs


class StridedGenerator(nn.Module):
    def __init__(
        self,
        channels: int,
        sizes: list[Size],
        wide: list[int],
        latent_size: int,
        num_classes: int,
        modulated: bool = False,
    ) -> None:
        super().__init__()
        (height, width), labelled = sizes[0], Labelled(latent_size, num_classes)
        self.start = (wide[0], height, width)
        self.project = nn.Linear(labelled.size, wide[0] * height * width)
        self.labelled = labelled
        self.body = nn.Sequential(Residual(wide[0]))
        for before, after, size in zip(wide, wide[1:], sizes[1:], strict=False):
            self.body.append(Doubling(before, after, size))
        self.output = nn.Conv2d(wide[-1], channels, 3, padding=1)
        self.modulation = nn.ModuleList(Modulation(labelled.size, width) for width in wide if modulated)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        told = self.labelled(latents, labels)
        first, *doublings = self.body
        modulations: list[Callable[..., Tensor]] = [*self.modulation] or [_as_it_is] * len(self.body)
        at_once, *between = modulations
        maps = first(at_once(self.project(told).view(-1, *self.start), told))
        for doubling, modulation in zip(doublings, between, strict=True):
            maps = doubling(maps, functools.partial(modulation, latents=told))
        return self.output(F.leaky_relu(maps, SLOPE)).tanh()  # type: ignore[no-any-return]


class ReadingCritic(nn.Module):
    """A critic that scores the features of pictures, and may say of which class they are besides."""

    score: Projection
    reading: nn.Linear | None

    def seen(self, pictures: Tensor) -> Tensor:
        """Features (n, f)."""
        raise NotImplementedError

    def forward(self, pictures: Tensor, labels: Tensor | None = None, read: bool = False) -> Any:
        """Scores (n); with ``read`` also logits of the classes, (n, k)."""
        features = self.seen(pictures)
        scores = self.score(features, labels)
        if not read:
            return scores
        assert self.reading is not None
        return scores, self.reading(features)


class StridedCritic(ReadingCritic):
    def __init__(self, channels: int, sizes: list[Size], wide: list[int], num_classes: int, reads: bool) -> None:
        super().__init__()
        (height, width), outwards = sizes[0], wide[::-1]
        self.input = nn.Conv2d(channels, outwards[0], 3, padding=1)
        self.body = nn.Sequential(*(Halving(*pair) for pair in itertools.pairwise(outwards)))
        self.body.append(Residual(wide[0]))
        self.features = nn.Linear(wide[0] * height * width, wide[0])
        self.score = Projection(wide[0], num_classes)
        self.reading = nn.Linear(wide[0], num_classes) if reads else None

    def seen(self, pictures: Tensor) -> Tensor:
        maps = F.leaky_relu(self.body(self.input(pictures)), SLOPE)
        return F.leaky_relu(self.features(maps.flatten(1)), SLOPE)


# -- the residual body -------------------------------------------------------------------------------------------------


class Block(nn.Module):
    """x + a branch that is twice as wide inside: 1×1, 3×3 in groups, 1×1, which starts at nearly zero."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        inside = 2 * channels
        groups = groups if inside % groups == 0 else 1
        self.widen = _convolution(channels, inside, 1)
        self.mix = _convolution(inside, inside, 3, groups=groups)
        self.narrow = nn.Conv2d(inside, channels, 1, bias=False)
        scaled(self.narrow.weight, inside, gain=0.01)

    def forward(self, inputs: Tensor) -> Tensor:
        branch = F.leaky_relu(self.mix(F.leaky_relu(self.widen(inputs), SLOPE)), SLOPE)
        outputs: Tensor = inputs + self.narrow(branch)
        return outputs


class Stage(nn.Module):
    """Another size and number of channels, then residual blocks.

    Args:
        size: that the pictures are doubled to; None halves them.
    """

    def __init__(self, inputs: int, outputs: int, size: Size | None, blocks: int, groups: int) -> None:
        super().__init__()
        self.size = size
        self.channels = _convolution(inputs, outputs, 1, gain=1.0) if inputs != outputs else nn.Identity()
        self.blocks = nn.Sequential(*(Block(outputs, groups) for _ in range(blocks)))

    def forward(self, inputs: Tensor) -> Tensor:
        if self.size is None:  # fewer places first: the 1×1 convolution and the mean can change places
            resized = self.channels(F.avg_pool2d(inputs, 2, ceil_mode=True))
        else:
            resized = F.interpolate(self.channels(inputs), self.size, mode="bilinear", align_corners=False)
        outputs: Tensor = self.blocks(resized)
        return outputs


class ResidualGenerator(nn.Module):
    def __init__(
        self,
        channels: int,
        sizes: list[Size],
        wide: list[int],
        latent_size: int,
        num_classes: int,
        block: dict[str, int],
    ) -> None:
        super().__init__()
        labelled = Labelled(latent_size, num_classes)
        self.weigh = nn.Linear(labelled.size, wide[0], bias=False)
        scaled(self.weigh.weight, labelled.size, gain=1.0)
        self.labelled = labelled
        self.basis = nn.Parameter(torch.randn(wide[0], *sizes[0]))
        self.body = nn.Sequential(nn.Sequential(*(Block(wide[0], block["groups"]) for _ in range(block["blocks"]))))
        for before, after, size in zip(wide, wide[1:], sizes[1:], strict=False):
            self.body.append(Stage(before, after, size, **block))
        self.output = _convolution(wide[-1], channels, 1, gain=1.0)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        weights = self.weigh(self.labelled(latents, labels))
        pictures: Tensor = self.output(self.body(weights[:, :, None, None] * self.basis))
        return pictures


class ResidualCritic(ReadingCritic):
    def __init__(
        self, channels: int, sizes: list[Size], wide: list[int], num_classes: int, reads: bool, block: dict[str, int]
    ) -> None:
        super().__init__()
        outwards = wide[::-1]
        self.input = _convolution(channels, outwards[0], 1, gain=1.0)
        self.body = nn.Sequential(nn.Sequential(*(Block(outwards[0], block["groups"]) for _ in range(block["blocks"]))))
        for before, after in itertools.pairwise(outwards):
            self.body.append(Stage(before, after, None, **block))
        self.basis = nn.Parameter(torch.empty(wide[0], *sizes[0]))
        scaled(self.basis, sizes[0][0] * sizes[0][1], gain=1.0)
        self.features = nn.Linear(wide[0], wide[0], bias=False)
        scaled(self.features.weight, wide[0], gain=1.0)
        self.score = Projection(wide[0], num_classes)
        self.reading = nn.Linear(wide[0], num_classes) if reads else None

    def seen(self, pictures: Tensor) -> Tensor:
        features: Tensor = self.features((self.body(self.input(pictures)) * self.basis).sum((2, 3)))
        return features


# -- both together -----------------------------------------------------------------------------------------------------


@register_model("r3gan")
class R3GAN(nn.Module):
    """Generator and critic of R3GAN; its residual body, or a strided one of a DCGAN's cost.

    Args:
        input_shape: of one picture: (channels, height, width), 16 pixels a side at least.
        num_classes: of the data; 0 for none.
        conditional: whether samples of a class can be asked for; None where the data have classes.
        latent_size: numbers that a picture is made from, and of a class's embedding.
        body: ``"residual"``, ``"strided"``, or ``"auto"``: a training takes the residual one where the machine has bf16
            or a GPU, and the strided one elsewhere; without a training it is the strided one.
        width: channels at full size; twice as many at half of it, and so on.
        finest: channels at full size, where they are to be others than ``width``: most of the work is done there.
        widest: greatest number of channels.
        smallest: the side at which there is no smaller size.
        blocks: of the residual body, in each stage.
        groups: of the residual body's 3×3 convolutions.
        modulated: latent and class scale and shift the maps of the strided generator at each size (self-modulation).
        reads_classes: the critic has a second output, which class a picture is of (AC-GAN's); needs classes.

    Raises: ConfigError for samples that are no pictures, or too small ones, and for classes to be read where none are.
    """

    family = "generator"
    value_range = (-1.0, 1.0)
    example_shape: ClassVar[tuple[int, ...]] = (1, 28, 28)
    example_settings: ClassVar[dict[str, Any]] = {"width": 4, "latent_size": 8}

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int = 0,
        conditional: bool | None = None,
        latent_size: Count = 64,
        body: Literal["auto", "residual", "strided"] = "auto",
        width: Count = 32,
        widest: Count = 256,
        smallest: Count = 8,
        blocks: Count = 1,
        groups: Count = 4,
        reads_classes: bool = False,
        finest: Count | None = None,
        modulated: bool = False,
    ) -> None:
        super().__init__()
        check_picture("r3gan", input_shape)
        self.latent_size = latent_size
        self.num_classes = conditional_classes(num_classes, conditional)
        self.forward_shape = (latent_size,)
        if reads_classes and not self.num_classes:
            raise ConfigError("reads_classes needs classes, and this r3gan has none", "--set model.reads_classes=false")
        channels, height, across = input_shape
        sizes = levels(height, across, smallest)
        wide = widths(len(sizes), width, widest)
        wide[-1] = finest or wide[-1]
        if body == "residual":
            block = {"blocks": blocks, "groups": groups}
            self.generator: nn.Module = ResidualGenerator(channels, sizes, wide, latent_size, self.num_classes, block)
            self.critic: nn.Module = ResidualCritic(channels, sizes, wide, self.num_classes, reads_classes, block)
        else:
            self.generator = StridedGenerator(channels, sizes, wide, latent_size, self.num_classes, modulated)
            self.critic = StridedCritic(channels, sizes, wide, self.num_classes, reads_classes)
        self.stages = tuple(f"{part}.body.{stage}" for part in ("generator", "critic") for stage in range(len(sizes)))
        self.head = "critic.score"

    @staticmethod
    def settled(settings: Mapping[str, Any], fast: bool) -> tuple[dict[str, Any], list[str]]:
        """The settings with what the machine decides, and why."""
        if settings.get("body", "auto") != "auto":
            return dict(settings), []
        if fast:
            said = "r3gan takes its residual body: this machine has bf16 or a GPU (--set model.body=strided is lighter)"
        else:
            said = "r3gan takes its strided body: this machine has neither bf16 nor a GPU (--set model.body=residual)"
        return {**settings, "body": "residual" if fast else "strided"}, [said]

    def forward(
        self, latents: Float[Tensor, "n z"], labels: Int[Tensor, " n"] | None = None
    ) -> Float[Tensor, "n c h w"]:
        """Pictures made from latents."""
        pictures: Tensor = self.generator(latents, labels)
        return pictures
