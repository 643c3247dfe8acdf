"""DenseNet.

Notable features:
- every layer of a block sees the maps of all layers before it, concatenated, and adds a few of its own (growth)
- normalisation and ReLU before each convolution; a 1×1 bottleneck before each 3×3
- between blocks, half of the maps are kept and the image is halved
- 7,978,856 parameters (121), 14,149,480 (169), 20,013,928 (201); Keras adds BatchNorm's running statistics
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from profond.core.config import Count, Share
from profond.core.errors import ConfigError
from profond.models import register_model
from profond.models.shape import check_classes, check_input
from profond.nn.convolution import ConvNorm, batch_norm, centred_convolution


@register_model("densenet121", layers=[6, 12, 24, 16])
@register_model("densenet169", layers=[6, 12, 32, 32])
@register_model("densenet201", layers=[6, 12, 48, 32])
class DenseNet(nn.Module):
    """DenseNet: each layer sees all before it; 8 to 20 million parameters.

    Args:
        input_shape: (channels, height, width); 29×29 pixels or more, with ``small_images`` 8×8 or more.
        num_classes: number of logits.
        layers: in each dense block.
        growth: maps that each layer adds.
        small_images: a 3×3 stem with stride 1 and no pooling, as the paper has it for CIFAR's 32×32.
        dropout: after each 3×3 convolution, in [0, 1); the paper uses 0.2 where data is not augmented.
        norm_epsilon, norm_momentum: BatchNorm's; torchvision 1e-5 and 0.1, Keras 1.001e-5 and 0.01 (its 0.99).

    Raises: ConfigError for too small an image, or an impossible setting.

    Source: G. Huang, Z. Liu, L. van der Maaten, K. Weinberger, Densely connected convolutional networks, CVPR 2017,
        table 1 and section 3 (DenseNet-BC, compression 0.5).
    """

    example_shape = (3, 32, 32)
    head = "output"

    def __init__(
        self,
        input_shape: tuple[int, ...] = (3, 224, 224),
        num_classes: int = 1000,
        layers: tuple[int, ...] = (6, 12, 24, 16),
        growth: Count = 32,
        small_images: bool = False,
        dropout: Share = 0.0,
        norm_epsilon: float = 1e-5,
        norm_momentum: float = 0.1,
    ) -> None:
        super().__init__()
        check_layers(layers)
        check_classes("densenet", num_classes)
        check_input("densenet", input_shape, 2, smallest=smallest_side(len(layers), small_images))
        norm: dict[str, Any] = {"epsilon": norm_epsilon, "momentum": norm_momentum}
        channels = 2 * growth
        if small_images:
            self.stem = ConvNorm(input_shape[0], channels, 3, **norm)
        else:
            self.stem = ConvNorm(input_shape[0], channels, 7, 2, **norm)
            self.stem.add_module("pool", nn.MaxPool2d(3, 2, 1))
        self.body = nn.Sequential()
        for index, count in enumerate(layers):
            block = DenseBlock(channels, count, growth, dropout, norm)
            channels += count * growth
            last = index == len(layers) - 1
            self.body.add_module(f"block{index + 1}", block)
            if not last:
                self.body.add_module(f"transition{index + 1}", transition(channels, channels // 2, norm))
                channels //= 2
        self.norm = batch_norm(channels, **norm)
        self.activation = nn.ReLU(inplace=True)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.output = nn.Linear(channels, num_classes)
        self.stages = ("stem", *(f"body.{name}" for name, _ in self.body.named_children()), "activation")

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k"]:
        maps = self.activation(self.norm(self.body(self.stem(inputs))))
        logits: Tensor = self.output(self.flatten(self.pool(maps)))
        return logits


class DenseBlock(nn.Sequential):
    """Layers that each see the block's input and what all layers before them have added.

    Args:
        channels: of the input.
        count: of layers.
        growth: maps that each layer adds.
        dropout: after each layer.
        norm: epsilon and momentum of BatchNorm.
    """

    def __init__(self, channels: int, count: int, growth: int, dropout: float, norm: dict[str, Any]) -> None:
        super().__init__(
            *(dense_layer(channels + index * growth, growth, dropout, norm) for index in range(count)),
        )

    def forward(self, inputs: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h w"]:
        maps = inputs
        for layer in self:
            maps = torch.cat([maps, layer(maps)], 1)
        return maps


def dense_layer(channels: int, growth: int, dropout: float, norm: dict[str, Any]) -> nn.Sequential:
    """Normalise, 1×1 to four times the growth, normalise, 3×3 to the growth. Source: section 3, bottleneck layers."""
    parts = [
        ("squeeze", norm_convolution(channels, 4 * growth, 1, norm)),
        ("grow", norm_convolution(4 * growth, growth, 3, norm)),
    ]
    return nn.Sequential(OrderedDict([*parts, ("dropout", nn.Dropout(dropout))] if dropout else parts))


def transition(channels: int, kept: int, norm: dict[str, Any]) -> nn.Sequential:
    """Fewer maps, of half the size. Source: section 3, compression."""
    parts = norm_convolution(channels, kept, 1, norm)
    parts.add_module("pool", nn.AvgPool2d(2))
    return parts


def norm_convolution(channels: int, out_channels: int, kernel: int, norm: dict[str, Any]) -> nn.Sequential:
    """BatchNorm, ReLU, convolution that keeps the size."""
    convolution = centred_convolution(channels, out_channels, kernel)
    return nn.Sequential(
        OrderedDict(norm=batch_norm(channels, **norm), activation=nn.ReLU(inplace=True), convolution=convolution)
    )


def smallest_side(blocks: int, small_images: bool) -> int:
    """Pixels that leave one at the end: each transition halves, rounding down, and the stem quarters, rounding up."""
    side: int = 2 ** (blocks - 1)
    return side if small_images else 4 * side - 3


def check_layers(layers: tuple[int, ...]) -> None:
    """Raises: ConfigError for a network that cannot be built."""
    if not layers or min(layers) < 1:
        raise ConfigError(
            f"densenet cannot have blocks of {list(layers)} layers", "give one or more blocks of 1 or more"
        )
