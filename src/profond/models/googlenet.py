"""GoogLeNet: 22 layers with the parameters of three.

Notable features:
- nine Inception modules: 1×1, 3×3, wide and pooled paths side by side; a 1×1 convolution narrows each path first
- no large fully connected layer: an average over all positions, then one layer of logits
- two auxiliary heads in training, because in 2014 the gradient hardly reached the lower layers
- BatchNorm after each convolution, which is younger than the paper and makes the heads nearly superfluous
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from profond.core.config import Share
from profond.models import register_model
from profond.models.shape import check_classes, check_input
from profond.nn.auxiliary import Logits
from profond.nn.branches import Branches
from profond.nn.convolution import ConvNorm

# Widths: 1×1 path; 3×3 path (narrowed to, out); wide path (narrowed to, out); pooled path.
MODULES: dict[str, tuple[int, tuple[int, int], tuple[int, int], int]] = {
    "3a": (64, (96, 128), (16, 32), 32),
    "3b": (128, (128, 192), (32, 96), 64),
    "4a": (192, (96, 208), (16, 48), 64),
    "4b": (160, (112, 224), (24, 64), 64),
    "4c": (128, (128, 256), (24, 64), 64),
    "4d": (112, (144, 288), (32, 64), 64),
    "4e": (256, (160, 320), (32, 128), 128),
    "5a": (256, (160, 320), (32, 128), 128),
    "5b": (384, (192, 384), (48, 128), 128),
}


@register_model("googlenet")
class GoogLeNet(nn.Module):
    """GoogLeNet (Inception v1) with BatchNorm: 6,624,904 parameters at 1,000 classes.

    Args:
        input_shape: (channels, height, width); 15×15 pixels or more.
        num_classes: number of logits.
        auxiliary: two more heads, after 4a and 4d, of which training gets `Logits(main, auxiliary)`. In eval mode they
            are not run, and their parameters are not in the count above.
        wide_kernel: of the wide path. The paper has 5; torchvision's weights, converted from another library, have 3.
        dropout: before the logits, in [0, 1).
        auxiliary_dropout: in the auxiliary heads, in [0, 1).
        norm_epsilon, norm_momentum: BatchNorm's.

    Raises: ConfigError for an image that the poolings would use up.

    Source: C. Szegedy et al., Going deeper with convolutions, CVPR 2015, table 1; BatchNorm as in S. Ioffe, C. Szegedy,
        Batch normalization, ICML 2015. Deviations, all of them torchvision's: BatchNorm instead of local response
        normalisation; ``wide_kernel``; dropout 0.2 instead of 0.4; auxiliary heads average to 4×4 whatever the size.
    """

    example_shape: ClassVar[tuple[int, ...]] = (3, 32, 32)
    stages = ("conv1", "conv3", *(f"inception{name}" for name in MODULES))
    head = "output"

    def __init__(
        self,
        input_shape: tuple[int, ...] = (3, 224, 224),
        num_classes: int = 1000,
        auxiliary: bool = False,
        wide_kernel: Literal[3, 5] = 3,
        dropout: Share = 0.2,
        auxiliary_dropout: Share = 0.7,
        norm_epsilon: float = 1e-3,
        norm_momentum: float = 0.1,
    ) -> None:
        super().__init__()
        check_input("googlenet", input_shape, 2, smallest=15)
        check_classes("googlenet", num_classes)

        def convolution(channels: int, width: int, kernel: int, stride: int = 1) -> ConvNorm:
            return ConvNorm(channels, width, kernel, stride, epsilon=norm_epsilon, momentum=norm_momentum)

        def inception(name: str, channels: int) -> Branches:
            one, (narrow3, three), (narrow5, wide), pooled = MODULES[name]
            return Branches(
                one=convolution(channels, one, 1),
                three=nn.Sequential(convolution(channels, narrow3, 1), convolution(narrow3, three, 3)),
                wide=nn.Sequential(convolution(channels, narrow5, 1), convolution(narrow5, wide, wide_kernel)),
                pooled=nn.Sequential(nn.MaxPool2d(3, 1, padding=1), convolution(channels, pooled, 1)),
            )

        def halve(kernel: int) -> nn.Module:
            return nn.MaxPool2d(kernel, 2, ceil_mode=True)

        def head(channels: int) -> AuxiliaryHead | None:
            if not auxiliary:
                return None
            return AuxiliaryHead(num_classes, auxiliary_dropout, convolution(channels, 128, 1))

        self.conv1 = convolution(input_shape[0], 64, 7, 2)
        self.pool1 = halve(3)
        self.conv2 = convolution(64, 64, 1)
        self.conv3 = convolution(64, 192, 3)
        self.pool2 = halve(3)
        self.inception3a = inception("3a", 192)
        self.inception3b = inception("3b", 256)
        self.pool3 = halve(3)
        self.inception4a = inception("4a", 480)
        self.auxiliary1 = head(512)
        self.inception4b = inception("4b", 512)
        self.inception4c = inception("4c", 512)
        self.inception4d = inception("4d", 512)
        self.auxiliary2 = head(528)
        self.inception4e = inception("4e", 528)
        self.pool4 = halve(2)
        self.inception5a = inception("5a", 832)
        self.inception5b = inception("5b", 832)
        self.summary = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(1024, num_classes)

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"] | Logits:
        maps = self.pool2(self.conv3(self.conv2(self.pool1(self.conv1(inputs)))))
        maps = self.pool3(self.inception3b(self.inception3a(maps)))
        lower = self.inception4a(maps)
        upper = self.inception4d(self.inception4c(self.inception4b(lower)))
        maps = self.inception5b(self.inception5a(self.pool4(self.inception4e(upper))))
        logits: Tensor = self.output(self.dropout(self.flatten(self.summary(maps))))
        if self.training and self.auxiliary1 is not None and self.auxiliary2 is not None:
            return Logits(logits, torch.stack([self.auxiliary1(lower), self.auxiliary2(upper)]))
        return logits


class AuxiliaryHead(nn.Sequential):
    """Average to 4×4, 1×1 convolution to 128 maps, 1,024 units, dropout, logits.

    Args:
        num_classes: number of logits.
        dropout: share of the 1,024 units that is left out in training.
        convolution: to 128 maps.
    """

    def __init__(self, num_classes: int, dropout: float, convolution: ConvNorm) -> None:
        super().__init__()
        self.summary = nn.AdaptiveAvgPool2d(4)
        self.convolution = convolution
        self.flatten = nn.Flatten()
        self.hidden = nn.Linear(128 * 16, 1024)
        self.activation = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(1024, num_classes)
