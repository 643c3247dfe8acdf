"""VGG.

Notable features:
- nothing but 3×3 convolutions and 2×2 max pooling: two 3×3 see as far as one 5×5, with fewer weights
- five stages, each of which halves the image; three fully connected layers hold most of the parameters
- parameters: 132,863,336 (11 layers), 133,047,848 (13), 138,357,544 (16), 143,667,240 (19)
"""

from __future__ import annotations

from collections import OrderedDict
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from profond.core.config import Count, Share
from profond.core.errors import ConfigError
from profond.models import register_model
from profond.models.shape import check_classes, check_input
from profond.nn.convolution import ConvNorm

WIDTHS = (64, 128, 256, 512, 512)


@register_model("vgg11", layers=[1, 1, 2, 2, 2])
@register_model("vgg13", layers=[2, 2, 2, 2, 2])
@register_model("vgg16", layers=[2, 2, 3, 3, 3])
@register_model("vgg19", layers=[2, 2, 4, 4, 4])
class VGG(nn.Module):
    """VGG: 3×3 convolutions only; 133 to 144 million parameters.

    Args:
        input_shape: (channels, height, width); 32×32 pixels or more.
        num_classes: number of logits.
        layers: convolutions in each of the five stages.
        batch_norm: BatchNorm after each convolution, which the paper did not have yet; it trains far more easily.
        hidden: units in each of the two hidden layers of the classifier.
        dropout: after each of them, in [0, 1); Keras has none.
        any_size: True averages the last maps to 7×7, so that one classifier takes images of every size (torchvision);
            False sizes it for ``input_shape`` (Keras). For 224×224 the two are equal.

    Raises: ConfigError for too small an image, or an impossible setting.

    Source: K. Simonyan, A. Zisserman, Very deep convolutional networks for large-scale image recognition, ICLR 2015,
        table 1, columns A, B, D, E. Deviation: weights start as He et al., 2015, without which 16 layers do not train.
    """

    example_shape: ClassVar[tuple[int, ...]] = (3, 32, 32)
    example_settings: ClassVar[dict[str, int]] = {"hidden": 64}
    head = "classifier.output"
    stages = ("body.stage1", "body.stage2", "body.stage3", "body.stage4", "body.stage5", "classifier.hidden2")

    def __init__(
        self,
        input_shape: tuple[int, ...] = (3, 224, 224),
        num_classes: int = 1000,
        layers: tuple[int, int, int, int, int] = (2, 2, 3, 3, 3),
        batch_norm: bool = False,
        hidden: Count = 4096,
        dropout: Share = 0.5,
        any_size: bool = True,
    ) -> None:
        super().__init__()
        check_input("vgg", input_shape, 2, smallest=32)
        check_classes("vgg", num_classes)
        if len(layers) != len(WIDTHS) or min(layers) < 1:
            raise ConfigError(f"vgg cannot have stages of {list(layers)} convolutions", "give five, each of 1 or more")
        channels, *sides = input_shape
        self.body = nn.Sequential()
        for index, (width, count) in enumerate(zip(WIDTHS, layers, strict=True)):
            stage = nn.Sequential()
            for _ in range(count):
                stage.append(ConvNorm(channels, width, 3, bias=True, norm=batch_norm))
                channels = width
            stage.append(nn.MaxPool2d(2))
            self.body.add_module(f"stage{index + 1}", stage)
        height, width = (7, 7) if any_size else (side // 32 for side in sides)
        self.resize: nn.Module = nn.AdaptiveAvgPool2d(7) if any_size else nn.Identity()
        self.flatten = nn.Flatten()
        self.classifier = nn.Sequential(
            OrderedDict(
                hidden1=fully_connected(channels * height * width, hidden),
                dropout1=nn.Dropout(dropout),
                hidden2=fully_connected(hidden, hidden),
                dropout2=nn.Dropout(dropout),
                output=nn.Linear(hidden, num_classes),
            )
        )
        self.flattened = (channels, height, width)

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        logits: Tensor = self.classifier(self.flatten(self.resize(self.body(inputs))))
        return logits


def fully_connected(features: int, out_features: int) -> nn.Sequential:
    """A linear layer and ReLU, with weights that start as He et al., 2015, eq. 10."""
    linear = nn.Linear(features, out_features)
    nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
    nn.init.zeros_(linear.bias)
    return nn.Sequential(OrderedDict(linear=linear, activation=nn.ReLU(inplace=True)))
