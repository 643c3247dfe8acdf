"""VGG in Keras and in torchvision."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from profond.models.vgg import VGG
from profond.nn.convolution import ConvNorm
from profond.weights.names import tensor_names

KERAS: dict[str, Any] = {"dropout": 0.0, "any_size": False}
TORCHVISION: dict[str, Any] = {}
"""torchvision's way is the default."""


def keras_layers(model: VGG) -> list[tuple[str, str, tuple[int, int, int] | None]]:
    """(Keras layer, our module, shape before a flattening), in Keras's order."""
    layers: list[tuple[str, str, tuple[int, int, int] | None]] = []
    for stage, number, path, _ in convolutions(model):
        layers.append((f"block{stage}_conv{number}", f"{path}.convolution", None))
    return [
        *layers,
        ("fc1", "classifier.hidden1.linear", model.flattened),
        ("fc2", "classifier.hidden2.linear", None),
        ("predictions", "classifier.output", None),
    ]


def torchvision_names(model: VGG) -> dict[str, str]:
    """torchvision's key of each tensor: ours. It numbers every step, poolings and ReLUs too."""
    modules, step, before = [], 0, 1
    for stage, _, path, block in convolutions(model):
        step += stage - before  # the pooling
        before = stage
        modules.append((f"features.{step}", f"{path}.convolution"))
        if hasattr(block, "norm"):
            modules.append((f"features.{step + 1}", f"{path}.norm"))
        step += len(block)
    modules += [
        ("classifier.0", "classifier.hidden1.linear"),
        ("classifier.3", "classifier.hidden2.linear"),
        ("classifier.6", "classifier.output"),
    ]
    return tensor_names(model, modules)


def convolutions(model: VGG) -> Iterator[tuple[int, int, str, ConvNorm]]:
    """Each convolution: number of its stage from 1, its own from 1, its path, itself."""
    for stage, (name, part) in enumerate(model.body.named_children(), start=1):
        for number, block in enumerate(part.children()):
            if isinstance(block, ConvNorm):
                yield stage, number + 1, f"body.{name}.{number}", block
