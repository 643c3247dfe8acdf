"""SqueezeNet in torchvision, and by the authors' names, which Keras's and Caffe's forms have kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from profond.models.squeezenet import SqueezeNet
from profond.weights.names import tensor_names

KERAS: dict[str, Any] = {"ceil_mode": False}
"""Keras has no SqueezeNet of its own; those written in it round down."""
TORCHVISION: dict[str, Any] = {}
"""torchvision's way is the default."""

PARTS = (
    ("squeeze", "squeeze1x1", "squeeze"),
    ("expand1", "expand1x1", "expand1x1"),
    ("expand3", "expand3x3", "expand3x3"),
)


def keras_layers(model: SqueezeNet) -> list[tuple[str, str]]:
    """(the authors' layer, our module), in their order."""
    layers = [("conv1", "stem.convolution")]
    for _, name, path in fires(model):
        layers += [(f"{name}/{theirs}", f"{path}.{ours}.convolution") for ours, theirs, _ in PARTS]
    return [*layers, ("conv10", "output.convolution")]


def torchvision_names(model: SqueezeNet) -> dict[str, str]:
    """torchvision's key of each tensor: ours."""
    modules = [("features.0", "stem.convolution")]
    for step, _, path in fires(model):
        modules += [(f"features.{step}.{theirs}", f"{path}.{ours}.convolution") for ours, _, theirs in PARTS]
    return tensor_names(model, [*modules, ("classifier.1", "output.convolution")])


def fires(model: SqueezeNet) -> Iterator[tuple[int, str, str]]:
    """Each fire module: its step in torchvision's row, where poolings count, its name, its path."""
    step = 2  # after the stem and its ReLU
    for stage, part in model.body.named_children():
        for name, _ in part.named_children():
            if name.startswith("fire"):
                yield step, name, f"body.{stage}.{name}"
            step += 1
