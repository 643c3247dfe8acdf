"""LeNet-5 of 1998, layer by layer as in the paper.

Notable features:
- 60,000 trainable parameters: C1 156, S2 12, C3 1,516, S4 32, C5 48,120, F6 10,164
- C3 sees S2 through a partial connection table (Table I): 60 of 96 pairs of maps
- S2 and S4 add four numbers, multiply by one trainable coefficient a map and add one trainable bias
- every unit up to F6 is squashed by 1.7159·tanh(2a/3)
- the output is a radial basis function for each digit: squared distance to a fixed picture of 7×12 pixels, ±1
"""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.models import register_model
from profond.models.shape import by

# Table I: for each of the 16 maps of C3, the maps of S2 that it sees.
TABLE = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    (0, 1, 2, 3, 4, 5),
)

# Figure 3: the digits 0 to 9 of the ASCII set, side by side; # is +1, a dot is -1.
# NOTE The bars above 0, 2, 4 and 5, and the 4 that hangs below its line, are part of the figure.
BITMAPS = """
.#####. ...##.. .#####. ####### .#####. .#####. ..####. ####### .#####. .#####.
....... ..###.. ....... .....## ....... ....... .##.... .....## ##...## ##..###
..###.. .####.. .#####. ....##. ....... ####### ##..... .....## ##...## ##...##
.##.##. ...##.. ##...## ...##.. .##..## ##..... ##..... ....##. ##...## ##...##
##...## ...##.. #....## ..####. .##..## ##..... ######. ...##.. .#####. ##..###
##...## ...##.. ....##. .....## ###..## .####.. ###..## ...##.. ##...## .######
##...## ...##.. ..###.. .....## ##...## ..####. ##...## ..##... ##...## .....##
##...## ...##.. .##.... .....## ##...## .....## ##...## ..##... ##...## .....##
.##.##. ...##.. ##..... ##...## ##..### ##...## ###..## ..##... ##...## ....##.
..###.. .###### ####### .#####. .###### .#####. .#####. ..##... .#####. .####..
....... ....... ....... ....... .....## ....... ....... ....... ....... .......
....... ....... ....... ....... .....## ....... ....... ....... ....... .......
"""


@register_model("lenet5_1998")
class LeNet51998(nn.Module):
    """LeNet-5 of 1998: 60,000 trainable parameters, partial connections, radial basis functions.

    Args:
        input_shape: (1, 32, 32), or (1, 28, 28), which is extended by 2 pixels on each side.
        num_classes: 10: the pictures in the output layer are the ten digits.

    The logits are minus the squared distances, so that cross-entropy over them is the paper's criterion (eq. 9)
    without its constant e^-j, and their arg max is the paper's answer, the nearest digit.

    Raises: ConfigError for any other input or number of classes.

    Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document recognition,
        Proc. IEEE 86(11), 1998, section II-B; squashing and initial weights, appendix A. Deviations: the loss is
        the task's, so eq. 9 loses its constant; any optimizer instead of stochastic diagonal Levenberg-Marquardt;
        28×28 images are extended by repeating their border, where the paper's files are already 32×32. The
        paper's grey levels are -0.1 (background) and 1.175 (ink).
    """

    example_shape: ClassVar[tuple[int, ...]] = (1, 28, 28)
    stages = ("c1", "s2", "c3", "s4", "c5", "f6")
    head = "output"

    def __init__(self, input_shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__()
        if tuple(input_shape) not in {(1, 28, 28), (1, 32, 32)}:
            raise ConfigError(
                f"lenet5_1998 takes one grey image of 32×32, or of 28×28 at the smallest, not {by(input_shape)}",
                "use lenet5 for other sizes and for colour",
            )
        if num_classes != 10:
            raise ConfigError(
                f"lenet5_1998 has a fixed picture for each of the 10 digits, not for {num_classes} classes",
                "use lenet5 for other classes",
            )
        self.extend = nn.ReplicationPad2d((32 - input_shape[-1]) // 2)
        self.c1 = nn.Sequential(nn.Conv2d(1, 6, 5), ScaledTanh())
        self.s2 = nn.Sequential(Subsampling(6), ScaledTanh())
        self.c3 = nn.Sequential(PartialConvolution(6, TABLE, 5), ScaledTanh())
        self.s4 = nn.Sequential(Subsampling(16), ScaledTanh())
        self.c5 = nn.Sequential(nn.Conv2d(16, 120, 5), ScaledTanh())
        self.flatten = nn.Flatten()
        self.f6 = nn.Sequential(nn.Linear(120, 84), ScaledTanh())
        self.output = RadialBasis(BITMAPS)
        for layer, fan_in in ((self.c1[0], 25), (self.c5[0], 400), (self.f6[0], 120)):
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -2.4 / fan_in, 2.4 / fan_in)

    def forward(self, inputs: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n k"]:
        maps = self.s4(self.c3(self.s2(self.c1(self.extend(inputs)))))
        logits: Tensor = self.output(self.f6(self.flatten(self.c5(maps))))
        return logits


class ScaledTanh(nn.Module):
    """1.7159·tanh(2a/3): about 1 at 1 and -1 at -1, where its second derivative is largest. Source: appendix A."""

    def forward(self, inputs: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(inputs * (2 / 3))


class Subsampling(nn.Module):
    """The sum of each 2×2 square, times one coefficient a map, plus one bias a map. Source: section II-B, S2."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.coefficient = nn.Parameter(torch.empty(maps).uniform_(-2.4 / 4, 2.4 / 4))
        self.bias = nn.Parameter(torch.empty(maps).uniform_(-2.4 / 4, 2.4 / 4))

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h//2 w//2"]:
        sums = F.avg_pool2d(inputs, 2) * 4  # a divisor of 1 would be lost in ONNX
        return sums * self.coefficient[:, None, None] + self.bias[:, None, None]


class PartialConvolution(nn.Module):
    """A convolution whose output maps each see only the input maps that a table names. Source: section II-B, C3.

    Args:
        maps: number of input maps.
        table: for each output map, the input maps that it sees.
        kernel: height and width.
    """

    connections: Tensor

    def __init__(self, maps: int, table: tuple[tuple[int, ...], ...], kernel: int) -> None:
        super().__init__()
        self.shape = (len(table), maps, kernel, kernel)
        pairs = [output * maps + input_map for output, row in enumerate(table) for input_map in row]
        self.register_buffer("connections", torch.tensor(pairs), persistent=False)
        reach = torch.tensor([2.4 / (len(row) * kernel**2) for row in table for _ in row])
        self.weight = nn.Parameter(torch.empty(len(pairs), kernel, kernel).uniform_(-1, 1) * reach[:, None, None])
        reach = torch.tensor([2.4 / (len(row) * kernel**2) for row in table])
        self.bias = nn.Parameter(torch.empty(len(table)).uniform_(-1, 1) * reach)

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h2 w2"]:
        # One dense convolution with zeros where nothing is connected is faster than 16 small ones.
        absent = self.weight.new_zeros(self.shape[0] * self.shape[1], *self.shape[2:])
        weight = absent.index_copy(0, self.connections, self.weight).view(self.shape)
        return F.conv2d(inputs, weight, self.bias)


class RadialBasis(nn.Module):
    """Minus the squared distance to each of a row of pictures of ±1, in float32. Source: section II-B, eq. 7."""

    bitmaps: Float[Tensor, "k d"]

    def __init__(self, pictures: str) -> None:
        super().__init__()
        columns = zip(*(line.split() for line in pictures.split("\n") if line), strict=True)
        signs = [[1.0 if pixel == "#" else -1.0 for line in column for pixel in line] for column in columns]
        self.register_buffer("bitmaps", torch.tensor(signs))

    def forward(self, inputs: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
        # NOTE not as |x|² - 2x·w + |w|²: in bf16 the small difference of large numbers would be lost.
        return -(inputs.float()[:, None] - self.bitmaps).square().sum(2)
