"""ResNet v2.

Notable features:
- BatchNorm and ReLU before each convolution, so that the sum along the shortcuts is never squashed
- one BatchNorm and ReLU at the end, in place of those that closed the blocks
- parameters with BatchNorm's running statistics: 25,613,800 (50), 44,675,560 (101), 60,380,648 (152)
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from profond.models import register_model
from profond.models.resnet import check_layers
from profond.models.shape import check_classes, check_input
from profond.nn.convolution import ConvNorm, batch_norm, centred_convolution

plain = partial(centred_convolution, bias=True)


@register_model("resnet50v2", layers=[3, 4, 6, 3])
@register_model("resnet101v2", layers=[3, 4, 23, 3])
@register_model("resnet152v2", layers=[3, 8, 36, 3])
class ResNetV2(nn.Module):
    """ResNet v2: normalised before each convolution; 26 to 60 million parameters.

    Args:
        input_shape: (channels, height, width); one pixel or more.
        num_classes: number of logits.
        layers: blocks in each stage; each stage but the last halves the image.
        small_images: a 3×3 stem with stride 1 and no pooling, for 32×32.
        norm_epsilon, norm_momentum: BatchNorm's; by default Keras's (its momentum is 1 - ours).

    Raises: ConfigError for an impossible setting.

    Source: K. He, X. Zhang, S. Ren, J. Sun, Identity mappings in deep residual networks, ECCV 2016, as Keras has it.
        Deviations, Keras's: the last block of a stage halves the image, not the first of the next; the stem and the
        convolutions that no BatchNorm follows directly have biases.
    """

    example_shape: ClassVar[tuple[int, ...]] = (3, 32, 32)
    head = "output"

    def __init__(
        self,
        input_shape: tuple[int, ...] = (3, 224, 224),
        num_classes: int = 1000,
        layers: tuple[int, ...] = (3, 4, 6, 3),
        small_images: bool = False,
        norm_epsilon: float = 1.001e-5,
        norm_momentum: float = 0.01,
    ) -> None:
        super().__init__()
        check_input("resnet_v2", input_shape, 2)
        check_classes("resnet_v2", num_classes)
        check_layers("resnet_v2", layers)
        norm: dict[str, Any] = {"epsilon": norm_epsilon, "momentum": norm_momentum}
        channels, width = 64, 64
        if small_images:
            self.stem = plain(input_shape[0], channels, 3)
            self.pool: nn.Module = nn.Identity()
        else:
            self.stem = plain(input_shape[0], channels, 7, 2)
            # NOTE The stem's numbers can be negative: here zeros around them are not what MaxPool2d's padding is.
            self.pool = nn.Sequential(nn.ZeroPad2d(1), nn.MaxPool2d(3, 2))
        self.body = nn.Sequential()
        for index, count in enumerate(layers):
            stage = nn.Sequential()
            for number in range(count):
                stride = 2 if number == count - 1 and index < len(layers) - 1 else 1
                stage.append(Residual(channels, width, stride, number == 0, norm))
                channels = 4 * width
            self.body.add_module(f"stage{index + 1}", stage)
            width *= 2
        self.last = before(channels, norm)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.output = nn.Linear(channels, num_classes)
        self.stages = ("stem", *(f"body.stage{index + 1}" for index in range(len(layers))), "last")

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        maps = self.last(self.body(self.pool(self.stem(inputs))))
        logits: Tensor = self.output(self.flatten(self.average(maps)))
        return logits


class Residual(nn.Module):
    """Normalised, then a bottleneck; its output added to the input.

    Args:
        channels: of the input.
        width: of the 3×3 convolution; a quarter of the output's channels.
        stride: of the 3×3 convolution.
        project: the shortcut is a 1×1 convolution of the normalised input, not the input itself.
        norm: epsilon and momentum of BatchNorm.
    """

    def __init__(self, channels: int, width: int, stride: int, project: bool, norm: dict[str, Any]) -> None:
        super().__init__()
        self.before = before(channels, norm)
        self.branch = nn.Sequential(
            ConvNorm(channels, width, 1, **norm), ConvNorm(width, width, 3, stride, **norm), plain(width, 4 * width, 1)
        )
        self.project = project
        if project:
            self.shortcut: nn.Module = plain(channels, 4 * width, 1, stride)
        else:
            self.shortcut = nn.MaxPool2d(1, stride) if stride > 1 else nn.Identity()

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h2 w2"]:
        normalised = self.before(inputs)
        shortcut = self.shortcut(normalised if self.project else inputs)
        maps: Tensor = self.branch(normalised) + shortcut
        return maps


def before(channels: int, norm: dict[str, Any]) -> nn.Sequential:
    """BatchNorm, ReLU."""
    return nn.Sequential(OrderedDict(norm=batch_norm(channels, **norm), activation=nn.ReLU(inplace=True)))
