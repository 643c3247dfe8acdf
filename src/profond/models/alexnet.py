"""AlexNet.

Notable features:
- the network that won ImageNet in 2012 by ten points and turned the field to deep learning
- ReLU instead of tanh, dropout in the classifier, overlapping max pooling (3×3, stride 2)
- 61,100,840 parameters, 96 % of them in the three fully connected layers
"""

from __future__ import annotations

from collections import OrderedDict
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from profond.core.config import Count, Share
from profond.models import register_model
from profond.models.shape import check_classes, check_input
from profond.models.vgg import fully_connected
from profond.nn.convolution import ConvNorm


@register_model("alexnet")
class AlexNet(nn.Module):
    """AlexNet: five convolutions, three fully connected layers, 61,100,840 parameters.

    Args:
        input_shape: (channels, height, width); 63×63 pixels or more.
        num_classes: number of logits.
        hidden: units in each of the two hidden layers of the classifier.
        dropout: before each of them, in [0, 1).

    Raises: ConfigError for too small an image, or an impossible setting.

    Source: A. Krizhevsky, I. Sutskever, G. Hinton, ImageNet classification with deep convolutional neural networks,
        NeurIPS 2012, in the one-column form of A. Krizhevsky, One weird trick for parallelizing convolutional neural
        networks, 2014, footnote 1, as torchvision has it. Deviations from 2012: widths 64, 192, 384, 256, 256; no
        groups, as one GPU holds it all; no local response normalisation. The last maps are averaged to 6×6, so that
        images of every size are taken. Weights start as He et al., 2015.
    """

    example_shape: ClassVar[tuple[int, ...]] = (3, 64, 64)
    example_settings: ClassVar[dict[str, int]] = {"hidden": 64}
    head = "classifier.output"
    stages = ("body.stage1", "body.stage2", "body.stage3", "classifier.hidden1", "classifier.hidden2")

    def __init__(
        self,
        input_shape: tuple[int, ...] = (3, 224, 224),
        num_classes: int = 1000,
        hidden: Count = 4096,
        dropout: Share = 0.5,
    ) -> None:
        super().__init__()
        check_input("alexnet", input_shape, 2, smallest=63)
        check_classes("alexnet", num_classes)
        self.body = nn.Sequential(
            OrderedDict(
                stage1=nn.Sequential(convolution(input_shape[0], 64, 11, 4, padding=2), nn.MaxPool2d(3, 2)),
                stage2=nn.Sequential(convolution(64, 192, 5), nn.MaxPool2d(3, 2)),
                stage3=nn.Sequential(
                    convolution(192, 384, 3), convolution(384, 256, 3), convolution(256, 256, 3), nn.MaxPool2d(3, 2)
                ),
            )
        )
        self.resize = nn.AdaptiveAvgPool2d(6)
        self.flatten = nn.Flatten()
        self.classifier = nn.Sequential(
            OrderedDict(
                dropout1=nn.Dropout(dropout),
                hidden1=fully_connected(256 * 6 * 6, hidden),
                dropout2=nn.Dropout(dropout),
                hidden2=fully_connected(hidden, hidden),
                output=nn.Linear(hidden, num_classes),
            )
        )
        self.flattened = (256, 6, 6)

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        logits: Tensor = self.classifier(self.flatten(self.resize(self.body(inputs))))
        return logits


def convolution(channels: int, width: int, kernel: int, stride: int = 1, padding: int | None = None) -> ConvNorm:
    """Convolution with biases, and ReLU."""
    return ConvNorm(
        channels, width, kernel, stride, padding="torch" if padding is None else padding, bias=True, norm=False
    )
