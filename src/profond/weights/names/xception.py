"""Xception in Keras.

The convolutions in the residual connections have no name: Keras numbers them, and the numbers go on through a session.
"""

from __future__ import annotations

from typing import Any

from profond.models.xception import Block, Xception
from profond.nn.convolution import ConvNorm
from profond.nn.separable import SeparableNorm

KERAS: dict[str, Any] = {}
"""Keras's way is the default."""


def keras_layers(model: Xception) -> list[tuple[str, str]]:
    """(Keras layer, our module), in Keras's order, numbered as in a fresh session.

    A separable convolution is one layer there; our module holds ``depthwise`` and ``pointwise``.
    """
    layers = [
        *named("block1_conv1", "conv1.convolution", "conv1"),
        *named("block1_conv2", "conv2.convolution", "conv2"),
    ]
    blocks = [path for path, part in model.named_modules() if isinstance(part, Block)]
    shortcuts = 0
    for number, path in enumerate(blocks, start=2):
        block = model.get_submodule(path)
        assert isinstance(block, Block)
        separables = [name for name, part in block.body.named_children() if isinstance(part, SeparableNorm)]
        for index, name in enumerate(separables, start=1):
            layers += named(f"block{number}_sepconv{index}", f"{path}.body.{name}", f"{path}.body.{name}")
        if isinstance(block.shortcut, ConvNorm):
            suffix = f"_{shortcuts}" if shortcuts else ""
            layers += [
                (f"conv2d{suffix}", f"{path}.shortcut.convolution"),
                (f"batch_normalization{suffix}", f"{path}.shortcut.norm"),
            ]
            shortcuts += 1
    for index in (1, 2):
        layers += named(f"block{len(blocks) + 2}_sepconv{index}", f"exit.{index}", f"exit.{index}")
    return [*layers, ("predictions", "output")]


def named(layer: str, convolution: str, path: str) -> list[tuple[str, str]]:
    """A convolution and its BatchNorm."""
    return [(layer, convolution), (f"{layer}_bn", f"{path}.norm")]
