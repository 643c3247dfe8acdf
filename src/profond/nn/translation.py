"""What translators of images are built of: generators that keep the size, critics of patches, and their norm."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from profond.core.errors import ConfigError

Upsampling = Literal["transposed", "resize"]
Downsampling = Literal["strided", "blurred"]
MULTIPLE = 4
"""Two halvings: sides of other lengths are extended by reflection, and the result is cut."""
SMALLEST = 8
"""Below this side a reflected border of one pixel has nothing to reflect after two halvings."""


class InstanceNorm(nn.Module):
    """Each map of each picture to mean 0 and standard deviation 1, over its own places; nothing is learned or kept.

    Source: D. Ulyanov, A. Vedaldi, V. Lempitsky, Instance normalization: the missing ingredient for fast stylization,
        arXiv:1607.08022, without scale and shift, as CycleGAN has it.
    """

    epsilon = 1e-5

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        if self.training and maps.device.type == "cpu":  # batch norm of one picture is the same, many times as fast
            # NOTE without a scale in float32, PyTorch would keep the mean and deviation of bf16 maps in bf16 too.
            one, nothing = torch.ones(self.channels), torch.zeros(self.channels)
            each = [F.batch_norm(own, None, None, one, nothing, True, eps=self.epsilon) for own in torch.split(maps, 1)]
            return each[0] if len(each) == 1 else torch.cat(each)
        # NOTE not F.instance_norm: in torch 2.13 its gradient is wrong for one picture whose channels are last.
        return F.group_norm(maps, self.channels, eps=self.epsilon)  # one group for each map is the same

    def extra_repr(self) -> str:
        return str(self.channels)


class Blur(nn.Module):
    """Every second pixel of maps blurred by (1, 2, 1) both ways.

    Source: R. Zhang, Making convolutional networks shift-invariant again, ICML 2019, arXiv:1904.11486.
    """

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        row = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.register_buffer("kernel", (row[:, None] * row)[None, None], persistent=False)

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
        channels = maps.shape[1]
        kernel = self.kernel.to(maps.dtype).expand(channels, 1, 3, 3)
        return F.conv2d(F.pad(maps, (1, 1, 1, 1), mode="reflect"), kernel, stride=2, groups=channels)


class Residual(nn.Module):
    """Two 3×3 convolutions with reflected borders and instance norm, added to what came in.

    Args:
        channels: of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            OrderedDict(
                pad1=nn.ReflectionPad2d(1),
                convolution1=nn.Conv2d(channels, channels, 3, bias=False),
                norm1=InstanceNorm(channels),
                activation=nn.ReLU(),
                pad2=nn.ReflectionPad2d(1),
                convolution2=nn.Conv2d(channels, channels, 3, bias=False),
                norm2=InstanceNorm(channels),
            )
        )

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        branch: Tensor = self.branch(maps)
        return maps + branch


class ResNetGenerator(nn.Module):
    """A picture in, one of the same size out: 7×7 convolution, two halvings, residual blocks, two doublings, 7×7.

    It is fully convolutional, so it takes any size of 8×8 or more.

    Args:
        channels: of the pictures.
        width: maps after the first convolution; the halvings double it.
        blocks: residual blocks; 9 for 256 pixels, 6 for 128 in the paper.
        upsample: ``"transposed"`` convolutions as published; or ``"resize"``: each pixel twice both ways, then a
            convolution, which leaves no checkerboard.
        downsample: convolutions with stride 2; or ``"blurred"`` after convolutions with stride 1.
        skips: what was there before each halving is added again to what the doubling's convolution gives, before the
            norm, so that lines stay where they are. Such a network is one segment for `Tiles`, and slow in tiles.

    The convolutions before an instance norm have no bias: the norm subtracts it again.

    Source: J.-Y. Zhu et al., Unpaired image-to-image translation using cycle-consistent adversarial networks, ICCV
        2017, section 7.2, after J. Johnson et al., 2016; resize-convolution: A. Odena, V. Dumoulin, C. Olah,
        Deconvolution and checkerboard artifacts, Distill 2016; the skips: A. Chaurasia, E. Culurciello, LinkNet,
        VCIP 2017, arXiv:1707.03718.
    """

    def __init__(
        self,
        channels: int,
        width: int = 64,
        blocks: int = 9,
        upsample: Upsampling = "transposed",
        downsample: Downsampling = "strided",
        skips: bool = False,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            OrderedDict(
                pad=nn.ReflectionPad2d(3),
                convolution=nn.Conv2d(channels, width, 7, bias=False),
                norm=InstanceNorm(width),
                activation=nn.ReLU(),
            )
        )
        self.down = Halvings(*(Halving(width * 2**step, downsample) for step in range(2)))
        self.body = nn.Sequential(*(Residual(4 * width) for _ in range(blocks)))
        self.up = Doublings(*(doubling(width * 2**step, upsample) for step in (2, 1)))
        self.output = nn.Sequential(
            OrderedDict(pad=nn.ReflectionPad2d(3), convolution=nn.Conv2d(width, channels, 7), activation=nn.Tanh())
        )
        self.width, self.channels, self.skips = width, channels, skips
        start_small(self)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        before: list[Tensor] = []
        inner = self.down(self.stem(extended(images)), before if self.skips else None)
        return cut(self.output(self.up(self.body(inner), before)), images)

    def with_features(
        self, images: Float[Tensor, "n c h w"], blocks: Sequence[int] = (1, 5)
    ) -> tuple[Float[Tensor, "n c h w"], list[Tensor]]:
        """The translated pictures, and the maps on the way: see `features`."""
        maps, before = self._on_the_way(images, blocks)
        last = maps[-1]
        for block in list(self.body)[max(blocks) :]:
            last = block(last)
        return cut(self.output(self.up(last, before)), images), maps

    def features(self, images: Float[Tensor, "n c h w"], blocks: Sequence[int] = (1, 5)) -> list[Tensor]:
        """The pictures themselves, what each halving's convolution gives, and what some residual blocks give.

        Args:
            blocks: numbers of residual blocks from 1, rising; the last one stands for those that are not there.

        Returns: maps (n, channels, h, w), each of its own size.
        """
        return self._on_the_way(images, blocks)[0]

    def _on_the_way(self, images: Tensor, blocks: Sequence[int]) -> tuple[list[Tensor], list[Tensor]]:
        """`features`, and with skips what was there before each halving."""
        maps, before = [extended(images)], list[Tensor]()
        inner = self.stem(maps[0])
        halved: Any
        for halved in self.down:
            if self.skips:
                before.append(inner)
            convolved = halved.convolution(inner)
            maps.append(convolved)
            inner = halved.rest(convolved)
        wanted = sorted({min(number, len(self.body)) for number in blocks})
        for number, block in enumerate(list(self.body)[: wanted[-1]], start=1):
            inner = block(inner)
            if number in wanted:
                maps.append(inner)
        return maps, before

    def feature_channels(self, blocks: Sequence[int] = (1, 5)) -> list[int]:
        """How many maps each of `features` has."""
        inner = len({min(number, len(self.body)) for number in blocks})
        return [self.channels, 2 * self.width, 4 * self.width, *(4 * self.width,) * inner]


class Halving(nn.Module):
    """A 3×3 convolution that doubles the maps, and what follows it: half the size, norm, ReLU."""

    def __init__(self, channels: int, downsample: Downsampling) -> None:
        super().__init__()
        stride = 2 if downsample == "strided" else 1
        self.convolution = nn.Conv2d(channels, 2 * channels, 3, stride, 1, bias=False)
        parts: list[tuple[str, nn.Module]] = [
            ("norm", InstanceNorm(2 * channels)),
            ("activation", nn.ReLU()),
        ]
        if downsample == "blurred":
            parts.append(("blur", Blur()))
        self.rest = nn.Sequential(OrderedDict(parts))

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h2 w2"]:
        halved: Tensor = self.rest(self.convolution(maps))
        return halved


class Halvings(nn.Sequential):
    """One after the other; what was there before each is kept in a list, where one is given."""

    def forward(self, maps: Tensor, before: list[Tensor] | None = None) -> Tensor:
        for halving in self:
            if before is not None:
                before.append(maps)
            maps = halving(maps)
        return maps


class Doublings(nn.Sequential):
    """One after the other; what was there before each halving, first to last, is added before the norm if given."""

    def forward(self, maps: Tensor, before: Sequence[Tensor] = ()) -> Tensor:
        if not before:
            return super().forward(maps)  # type: ignore[no-any-return, no-untyped-call]
        doubled: Any
        for doubled, known in zip(self, reversed(before), strict=True):
            *first, norm, activation = doubled
            for part in first:
                maps = part(maps)
            maps = activation(norm(maps + known))
        return maps


def doubling(channels: int, upsample: Upsampling = "transposed") -> nn.Sequential:
    """Twice the size, half the maps."""
    half = channels // 2
    parts: list[tuple[str, nn.Module]] = []
    if upsample == "transposed":
        parts.append(("convolution", nn.ConvTranspose2d(channels, half, 3, 2, padding=1, output_padding=1, bias=False)))
    else:
        parts += [("resize", nn.Upsample(scale_factor=2)), ("pad", nn.ReflectionPad2d(1))]
        parts.append(("convolution", nn.Conv2d(channels, half, 3, bias=False)))
    return nn.Sequential(OrderedDict([*parts, ("norm", InstanceNorm(half)), ("activation", nn.ReLU())]))


class PatchCritic(nn.Module):
    """A score for each of many patches that overlap: 70×70 pixels large with three layers, as published.

    Args:
        channels: of the pictures.
        width: maps of the first layer; each layer that follows has twice as many, up to eight times.
        layers: 4×4 convolutions with stride 2; 1 looks at patches of 16×16 pixels, 2 of 34×34, 3 of 70×70.

    Source: P. Isola et al., Image-to-image translation with conditional adversarial networks, CVPR 2017, section 6.1.2;
        CycleGAN's authors' code has instance norm in it.
    """

    def __init__(self, channels: int, width: int = 64, layers: int = 3) -> None:
        super().__init__()
        widths = [width * min(2**step, 8) for step in range(layers + 1)]
        parts: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for number, (before, after) in enumerate(pairwise(widths), start=1):
            stride = 2 if number < layers else 1
            parts += [
                nn.Conv2d(before, after, 4, stride, 1, bias=False),
                InstanceNorm(after),
                nn.LeakyReLU(0.2),
            ]
        self.body = nn.Sequential(*parts)
        self.output = nn.Conv2d(widths[-1], 1, 4, 1, 1)
        start_small(self)

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 1 h2 w2"]:
        scores: Tensor = self.output(self.body(images))
        return scores

    @staticmethod
    def smallest(layers: int) -> int:
        """The side below which no patch is left."""
        return int(3 * 2**layers)


class ColourCritic(nn.Module):
    """A score for a whole picture, by its colours and those of it seen from further away, wherever they are.

    Two layers look at each place by itself, and their mean over all places is what is scored. Seen from further away,
    lines become pale and what is filled stays dark: a critic of patches does not count how much there is of either.

    Args:
        channels: of the pictures.
        sides: of squares whose mean colour is looked at, in pixels; 1 is the picture itself.
        width: maps of the first layer.
    """

    def __init__(self, channels: int, sides: Sequence[int] = (1, 4), width: int = 32) -> None:
        super().__init__()
        self.sides = tuple(sides)
        self.body = nn.Sequential(
            nn.Conv2d(channels, width, 1), nn.LeakyReLU(0.2), nn.Conv2d(width, 2 * width, 1), nn.LeakyReLU(0.2)
        )
        self.output = nn.Sequential(
            nn.Linear(2 * width * len(self.sides), 2 * width), nn.LeakyReLU(0.2), nn.Linear(2 * width, 1)
        )

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 1"]:
        means = [self.body(F.avg_pool2d(images, side) if side > 1 else images).mean((2, 3)) for side in self.sides]
        scores: Tensor = self.output(torch.cat(means, 1))
        return scores


def extended(images: Float[Tensor, "n c h w"], multiple: int = MULTIPLE) -> Float[Tensor, "n c h2 w2"]:
    """Pictures extended below and on the right by reflection, up to sides that are multiples."""
    height, width = images.shape[-2:]
    below, right = -height % multiple, -width % multiple
    return F.pad(images, (0, right, 0, below), mode="reflect") if below or right else images


def cut(images: Float[Tensor, "n c h2 w2"], like: Tensor) -> Float[Tensor, "n c h w"]:
    """The upper left part of pictures, of the size that others have."""
    height, width = like.shape[-2:]
    return images[..., :height, :width]


def start_small(network: nn.Module) -> None:
    """Weights of convolutions from a Gaussian of standard deviation 0.02, biases 0, as the authors' code."""
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(part.weight, 0.0, 0.02)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def check_sides(model: str, input_shape: Sequence[int], layers: int) -> None:
    """Raises: ConfigError for a shape that is no picture, or one too small for generator or critic."""
    if len(input_shape) != 3 or min(input_shape) < 1:
        raise ConfigError(f"{model} takes pictures (channels, height, width), not {tuple(input_shape)}", "3x64x64")
    if layers < 1:
        raise ConfigError(f"critic_layers of {model} is {layers}", "use 1, 2 or 3")
    least = max(SMALLEST, PatchCritic.smallest(layers))
    if min(input_shape[1:]) < least:
        raise ConfigError(
            f"{model} needs pictures of at least {least}×{least}, not {'×'.join(map(str, input_shape[1:]))}",
            f"bring them to that (--set size={least}), or take smaller patches: --set critic_layers=1"
            if layers > 1
            else f"bring them to that: --set size={least}",
        )
