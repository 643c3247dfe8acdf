"""MobileNetV2 in Keras and in torchvision."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from profond.models.mobilenet_v2 import MobileNetV2
from profond.weights.names import tensor_names

KERAS: dict[str, Any] = {"padding": "same", "norm_epsilon": 1e-3, "norm_momentum": 0.001, "dropout": 0.0}
TORCHVISION: dict[str, Any] = {}
"""torchvision's way is the default."""


def keras_layers(model: MobileNetV2) -> list[tuple[str, str]]:
    """(Keras layer, our module), in Keras's order."""
    layers = [("Conv1", "stem.convolution"), ("bn_Conv1", "stem.norm")]
    for index, (path, parts) in enumerate(blocks(model)):
        prefix = f"block_{index}" if index else "expanded_conv"
        for part in parts:
            layers += [
                (f"{prefix}_{part}", f"{path}.{part}.convolution"),
                (f"{prefix}_{part}_BN", f"{path}.{part}.norm"),
            ]
    return [*layers, ("Conv_1", "last.convolution"), ("Conv_1_bn", "last.norm"), ("predictions", "output")]


def torchvision_names(model: MobileNetV2) -> dict[str, str]:
    """torchvision's key of each tensor: ours."""
    modules = [("features.0.0", "stem.convolution"), ("features.0.1", "stem.norm")]
    count = 0
    for count, (path, parts) in enumerate(blocks(model), start=1):
        prefix = f"features.{count}.conv"
        for index, part in enumerate(parts[:-1]):
            modules += [
                (f"{prefix}.{index}.0", f"{path}.{part}.convolution"),
                (f"{prefix}.{index}.1", f"{path}.{part}.norm"),
            ]
        # The projection has no activation, and so no Sequential of its own.
        modules += [
            (f"{prefix}.{len(parts) - 1}", f"{path}.project.convolution"),
            (f"{prefix}.{len(parts)}", f"{path}.project.norm"),
        ]
    last = f"features.{count + 1}"
    modules += [(f"{last}.0", "last.convolution"), (f"{last}.1", "last.norm"), ("classifier.1", "output")]
    return tensor_names(model, modules)


def blocks(model: MobileNetV2) -> Iterator[tuple[str, list[str]]]:
    """Each inverted residual: its path, and the names of its convolutions in order."""
    for number, stage in enumerate(model.body):
        for index, block in enumerate(stage.children()):
            parts = ["expand", "depthwise", "project"]
            if isinstance(block.expand, nn.Identity):
                parts.remove("expand")
            yield f"body.{number}.{index}", parts
