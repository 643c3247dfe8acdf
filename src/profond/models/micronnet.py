"""MicronNet, a very small network for traffic signs.

Notable features:
- a 1×1 convolution turns the colours into a few planes first: one in the paper
- three convolutions of 5×5, 3×3 and 3×3, each followed by overlapping 3×3 pooling with stride 2
- odd numbers of channels (29, 59, 74) and 300 hidden units: they were cut down one by one while the accuracy stayed
"""

from __future__ import annotations

from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from profond.core.config import Count, Share
from profond.core.errors import ConfigError
from profond.models import register_model
from profond.models.shape import check_classes, check_input

KERNELS = (5, 3, 3)
SMALLEST = 24


@register_model("micronnet")
class MicronNet(nn.Module):
    """MicronNet for traffic signs: 424,491 parameters on 3×48×48 with 43 classes, as in the paper but BatchNorm.

    Args:
        input_shape: (channels, height, width); 24×24 pixels or more.
        num_classes: number of logits.
        colours: planes that the first 1×1 convolution makes of the colours; the paper has 1.
        widths: channels of the three convolutions.
        hidden: units of the fully connected layer.
        dropout: before the fully connected layer and before the output, in [0, 1); the paper has none.

    Raises: ConfigError for an image that the poolings would use up, or an impossible setting.

    Source: A. Wong, M. J. Shafiee, M. St. Jules, MicronNet: a highly compact deep convolutional neural network
        architecture for real-time embedded traffic sign classification, IEEE Access 6, 2018, table 1. Deviations:
        BatchNorm after the first convolution, each pooling and the fully connected layer; poolings round sizes up, as
        Caffe's do, which the paper used. The paper counts about 510,000 parameters.
    """

    example_shape: ClassVar[tuple[int, ...]] = (3, 48, 48)
    stages = ("colours", "body.0", "body.1", "body.2", "hidden")
    head = "output"

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        colours: Count = 1,
        widths: tuple[int, ...] = (29, 59, 74),
        hidden: Count = 300,
        dropout: Share = 0.0,
    ) -> None:
        super().__init__()
        if len(widths) != len(KERNELS) or min(widths) < 1:
            raise ConfigError(f"micronnet cannot have widths {list(widths)}", "give three numbers of 1 or more")
        check_input("micronnet", input_shape, 2, smallest=SMALLEST)
        check_classes("micronnet", num_classes)
        channels, *sides = input_shape
        self.colours = nn.Sequential(nn.Conv2d(channels, colours, 1), nn.BatchNorm2d(colours), nn.ReLU(inplace=True))
        self.body = nn.Sequential()
        before = colours
        for width, kernel in zip(widths, KERNELS, strict=True):
            # The greatest of nine and ReLU commute, and after the pooling there is a quarter to be normalised.
            self.body.append(
                nn.Sequential(
                    nn.Conv2d(before, width, kernel, bias=False),
                    nn.MaxPool2d(3, 2, ceil_mode=True),
                    nn.BatchNorm2d(width),
                    nn.ReLU(inplace=True),
                )
            )
            sides = [-(-(side - kernel + 1 - 3) // 2) + 1 for side in sides]
            before = width
        self.flatten = nn.Flatten()
        self.hidden = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(before * sides[0] * sides[1], hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
        )
        self.output = nn.Linear(hidden, num_classes)

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        logits: Tensor = self.output(self.hidden(self.flatten(self.body(self.colours(inputs)))))
        return logits
