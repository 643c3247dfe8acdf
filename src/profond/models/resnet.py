"""ResNet.

Notable features:
- each block adds to its input what it computes (a shortcut), so that a hundred layers train as well as ten
- BatchNorm after every convolution, no dropout; one fully connected layer, after global average pooling
- "basic" blocks of two 3×3 convolutions (18, 34 layers), "bottleneck" blocks of 1×1, 3×3, 1×1 (50, 101, 152)
- parameters: 11,689,512 (18), 21,797,672 (34), 25,557,032 (50), 44,549,160 (101), 60,192,808 (152)

The network with BatchNorm before the convolutions is in resnet_v2.py.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from jaxtyping import Float
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.models import register_model
from profond.models.shape import check_classes, check_input
from profond.nn.convolution import ConvNorm


@register_model("resnet18", block="basic", layers=[2, 2, 2, 2])
@register_model("resnet34", block="basic", layers=[3, 4, 6, 3])
@register_model("resnet50", block="bottleneck", layers=[3, 4, 6, 3])
@register_model("resnet101", block="bottleneck", layers=[3, 4, 23, 3])
@register_model("resnet152", block="bottleneck", layers=[3, 8, 36, 3])
class ResNet(nn.Module):
    """ResNet: blocks that add to their input; 11 to 60 million parameters.

    Args:
        input_shape: (channels, height, width); one pixel or more.
        num_classes: number of logits.
        block: ``"basic"``, two 3×3 convolutions, or ``"bottleneck"``, 1×1, 3×3, 1×1 to four times the width.
        layers: blocks in each stage; each stage but the first halves the image and doubles the width.
        small_images: a 3×3 stem with stride 1 and no pooling, as the paper has it for CIFAR's 32×32.
        stride_first: where a bottleneck halves the image. False: in its 3×3 convolution ("v1.5"; torchvision, and
            about half a point more accurate on ImageNet). True: in its first 1×1, as the paper and Keras do.
        convolution_bias: True gives the convolutions biases, which the BatchNorm after them takes away: Keras has
            them, and its files store them.
        norm_epsilon, norm_momentum: BatchNorm's; torchvision 1e-5 and 0.1, Keras 1.001e-5 and 0.01 (its 0.99).

    Raises: ConfigError for an impossible setting.

    Source: K. He, X. Zhang, S. Ren, J. Sun, Deep residual learning for image recognition, CVPR 2016, table 1;
        projections where the shape changes (option B). Deviation: ``stride_first`` is False by default.
    """

    example_shape: ClassVar[tuple[int, ...]] = (3, 32, 32)
    head = "output"

    def __init__(
        self,
        input_shape: tuple[int, ...] = (3, 224, 224),
        num_classes: int = 1000,
        block: Literal["basic", "bottleneck"] = "bottleneck",
        layers: tuple[int, ...] = (3, 4, 6, 3),
        small_images: bool = False,
        stride_first: bool = False,
        convolution_bias: bool = False,
        norm_epsilon: float = 1e-5,
        norm_momentum: float = 0.1,
    ) -> None:
        super().__init__()
        check_input("resnet", input_shape, 2)
        check_classes("resnet", num_classes)
        check_layers("resnet", layers)
        settings: dict[str, Any] = {"bias": convolution_bias, "epsilon": norm_epsilon, "momentum": norm_momentum}
        channels, width = 64, 64
        if small_images:
            self.stem = ConvNorm(input_shape[0], channels, 3, **settings)
            self.pool: nn.Module = nn.Identity()
        else:
            self.stem = ConvNorm(input_shape[0], channels, 7, 2, **settings)
            self.pool = nn.MaxPool2d(3, 2, 1)
        self.body = nn.Sequential()
        for index, count in enumerate(layers):
            stage = nn.Sequential()
            for number in range(count):
                stride = 2 if index > 0 and number == 0 else 1
                if block == "basic":
                    branch, out_channels = basic(channels, width, stride, settings), width
                else:
                    branch, out_channels = bottleneck(channels, width, stride, stride_first, settings), 4 * width
                stage.append(Residual(branch, channels, out_channels, stride, settings))
                channels = out_channels
            self.body.add_module(f"stage{index + 1}", stage)
            width *= 2
        self.average = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.output = nn.Linear(channels, num_classes)
        self.stages = ("stem", *(f"body.stage{index + 1}" for index in range(len(layers))))

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        maps = self.body(self.pool(self.stem(inputs)))
        logits: Tensor = self.output(self.flatten(self.average(maps)))
        return logits


class Residual(nn.Module):
    """ReLU of the branch's output added to the input.

    Args:
        branch: from ``channels`` to ``out_channels``, with ``stride``.
        settings: of the 1×1 convolution that fits the input to the branch's output where their shapes differ.
    """

    def __init__(
        self, branch: nn.Module, channels: int, out_channels: int, stride: int, settings: dict[str, Any]
    ) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels != out_channels:
            self.shortcut = ConvNorm(channels, out_channels, 1, stride, activation=None, **settings)
        self.activation = nn.ReLU(inplace=True)

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h2 w2"]:
        maps: Tensor = self.activation(self.branch(inputs) + self.shortcut(inputs))
        return maps


def basic(channels: int, width: int, stride: int, settings: dict[str, Any]) -> nn.Sequential:
    """3×3, 3×3. Source: figure 5, left."""
    return nn.Sequential(
        ConvNorm(channels, width, 3, stride, **settings),
        ConvNorm(width, width, 3, activation=None, **settings),
    )


def bottleneck(channels: int, width: int, stride: int, stride_first: bool, settings: dict[str, Any]) -> nn.Sequential:
    """1×1 to fewer maps, 3×3, 1×1 to four times as many. Source: figure 5, right."""
    first, second = (stride, 1) if stride_first else (1, stride)
    return nn.Sequential(
        ConvNorm(channels, width, 1, first, **settings),
        ConvNorm(width, width, 3, second, **settings),
        ConvNorm(width, 4 * width, 1, activation=None, **settings),
    )


def check_layers(model: str, layers: tuple[int, ...]) -> None:
    """Raises: ConfigError for a network without stages, or a stage without blocks."""
    if not layers or min(layers) < 1:
        raise ConfigError(f"{model} cannot have stages of {list(layers)} blocks", "give one or more, each of 1 or more")
