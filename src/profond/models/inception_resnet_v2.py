"""Inception-ResNet v2: Inception modules that only add to what they got.

Notable features:
- stem and first module of the InceptionV3 family, then 10, 20 and 10 residual Inception modules at three resolutions
- each residual is scaled by 0.1 to 0.2 before it is added, without which wide networks died early in training
- a 1×1 convolution without activation brings the module's maps back to the width of the sum
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from profond.core.config import Share
from profond.models import register_model
from profond.models.shape import check_classes, check_input
from profond.nn.branches import Branches
from profond.nn.convolution import ConvNorm
from profond.nn.depthwise import Pair

Convolution = Callable[..., ConvNorm]


@register_model("inception_resnet_v2")
class InceptionResNetV2(nn.Module):
    """Inception-ResNet v2: 55,873,736 parameters at 1,000 classes as Keras counts; images of 299×299.

    Args:
        input_shape: (channels, height, width); 75×75 pixels or more.
        num_classes: number of logits.
        dropout: before the logits, in [0, 1). Keras has none; the paper leaves out 0.2.
        norm_scale: True gives BatchNorm a scale too, as in weights that were converted from the authors' for PyTorch.
            Keras, and this by default, only shifts: the next convolution can scale as well.
        norm_epsilon, norm_momentum: BatchNorm's; Keras's momentum is 0.99 in its own sense.
        count_padding: whether the average pooling of the first module counts the zeros around the maps.

    Raises: ConfigError for an image that the convolutions would use up.

    Source: C. Szegedy, S. Ioffe, V. Vanhoucke, A. Alemi, Inception-v4, Inception-ResNet and the impact of residual
        connections on learning, AAAI 2017, figure 15, with the stem and the widths of the authors' published code, as
        in Keras. Deviation: no auxiliary head.
    """

    example_shape: ClassVar[tuple[int, ...]] = (3, 75, 75)
    stages = (
        "conv1",
        "conv2",
        "conv3",
        "conv4",
        "conv5",
        "mixed5",
        "body35",
        "mixed6",
        "body17",
        "mixed7",
        "body8",
        "conv6",
    )
    head = "output"

    def __init__(
        self,
        input_shape: tuple[int, ...] = (3, 299, 299),
        num_classes: int = 1000,
        dropout: Share = 0.0,
        norm_scale: bool = False,
        norm_epsilon: float = 1e-3,
        norm_momentum: float = 0.01,
        count_padding: bool = False,
    ) -> None:
        super().__init__()
        check_input("inception_resnet_v2", input_shape, 2, smallest=75)
        check_classes("inception_resnet_v2", num_classes)

        norm: dict[str, Any] = {"epsilon": norm_epsilon, "momentum": norm_momentum, "norm_scale": norm_scale}

        def convolution(channels: int, width: int, kernel: Pair, stride: int = 1, **padding: Any) -> ConvNorm:
            return ConvNorm(channels, width, kernel, stride, **norm, **padding)

        self.conv1 = convolution(input_shape[0], 32, 3, 2, padding=0)
        self.conv2 = convolution(32, 32, 3, padding=0)
        self.conv3 = convolution(32, 64, 3)
        self.pool1 = nn.MaxPool2d(3, 2)
        self.conv4 = convolution(64, 80, 1)
        self.conv5 = convolution(80, 192, 3, padding=0)
        self.pool2 = nn.MaxPool2d(3, 2)
        self.mixed5 = Branches(
            one=convolution(192, 96, 1),
            five=nn.Sequential(convolution(192, 48, 1), convolution(48, 64, 5)),
            two_threes=nn.Sequential(convolution(192, 64, 1), convolution(64, 96, 3), convolution(96, 96, 3)),
            pooled=nn.Sequential(
                nn.AvgPool2d(3, 1, padding=1, count_include_pad=count_padding), convolution(192, 64, 1)
            ),
        )
        self.body35 = nn.Sequential(*(Residual(residual_35(convolution), 128, 320, 0.17) for _ in range(10)))
        self.mixed6 = halve_35(convolution)
        self.body17 = nn.Sequential(*(Residual(residual_17(convolution), 384, 1088, 0.1) for _ in range(20)))
        self.mixed7 = halve_17(convolution)
        self.body8 = nn.Sequential(*(Residual(residual_8(convolution), 448, 2080, 0.2) for _ in range(9)))
        self.body8.append(Residual(residual_8(convolution), 448, 2080, 1.0, activated=False))
        self.conv6 = convolution(2080, 1536, 1)
        self.summary = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(1536, num_classes)

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        maps = self.pool1(self.conv3(self.conv2(self.conv1(inputs))))
        maps = self.mixed5(self.pool2(self.conv5(self.conv4(maps))))
        maps = self.body17(self.mixed6(self.body35(maps)))
        maps = self.conv6(self.body8(self.mixed7(maps)))
        logits: Tensor = self.output(self.dropout(self.flatten(self.summary(maps))))
        return logits


class Residual(nn.Module):
    """What came in, plus a share of what the branches make of it.

    Args:
        branches: the Inception module.
        inner: channels that it puts out.
        channels: of the sum.
        scale: the share.
        activated: False leaves out the ReLU after the sum.
    """

    def __init__(self, branches: Branches, inner: int, channels: int, scale: float, activated: bool = True) -> None:
        super().__init__()
        self.branches = branches
        self.widen = ConvNorm(inner, channels, 1, bias=True, norm=False, activation=None)
        self.scale = scale
        self.activation = nn.ReLU(inplace=True) if activated else nn.Identity()

    def forward(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        total: Tensor = self.activation(maps + self.scale * self.widen(self.branches(maps)))
        return total

    def extra_repr(self) -> str:
        return f"scale={self.scale}"


def residual_35(convolution: Convolution) -> Branches:
    """Inception-ResNet-A, at 35×35 (figure 16)."""
    return Branches(
        one=convolution(320, 32, 1),
        three=nn.Sequential(convolution(320, 32, 1), convolution(32, 32, 3)),
        two_threes=nn.Sequential(convolution(320, 32, 1), convolution(32, 48, 3), convolution(48, 64, 3)),
    )


def halve_35(convolution: Convolution) -> Branches:
    """Reduction-A, from 35×35 to 17×17 (figure 7)."""
    return Branches(
        three=convolution(320, 384, 3, 2, padding=0),
        two_threes=nn.Sequential(
            convolution(320, 256, 1), convolution(256, 256, 3), convolution(256, 384, 3, 2, padding=0)
        ),
        pooled=nn.MaxPool2d(3, 2),
    )


def residual_17(convolution: Convolution) -> Branches:
    """Inception-ResNet-B, at 17×17 (figure 17)."""
    return Branches(
        one=convolution(1088, 192, 1),
        seven=nn.Sequential(convolution(1088, 128, 1), convolution(128, 160, (1, 7)), convolution(160, 192, (7, 1))),
    )


def halve_17(convolution: Convolution) -> Branches:
    """Reduction-B, from 17×17 to 8×8 (figure 18)."""
    return Branches(
        wide=nn.Sequential(convolution(1088, 256, 1), convolution(256, 384, 3, 2, padding=0)),
        narrow=nn.Sequential(convolution(1088, 256, 1), convolution(256, 288, 3, 2, padding=0)),
        two_threes=nn.Sequential(
            convolution(1088, 256, 1), convolution(256, 288, 3), convolution(288, 320, 3, 2, padding=0)
        ),
        pooled=nn.MaxPool2d(3, 2),
    )


def residual_8(convolution: Convolution) -> Branches:
    """Inception-ResNet-C, at 8×8 (figure 19)."""
    return Branches(
        one=convolution(2080, 192, 1),
        three=nn.Sequential(convolution(2080, 192, 1), convolution(192, 224, (1, 3)), convolution(224, 256, (3, 1))),
    )
