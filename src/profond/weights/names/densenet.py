"""DenseNet in Keras and in torchvision."""

from __future__ import annotations

from typing import Any

from profond.models.densenet import DenseBlock, DenseNet
from profond.weights.names import tensor_names

KERAS: dict[str, Any] = {"norm_epsilon": 1.001e-5, "norm_momentum": 0.01}
TORCHVISION: dict[str, Any] = {}
"""torchvision's way is the default."""


def keras_layers(model: DenseNet) -> list[tuple[str, str]]:
    """(Keras layer, our module), in Keras's order."""
    layers = [("conv1_conv", "stem.convolution"), ("conv1_bn", "stem.norm")]
    for name, part in model.body.named_children():
        number = int(name[-1]) + 1  # the stem is Keras's first
        if isinstance(part, DenseBlock):
            for index in range(len(part)):
                layer, path = f"conv{number}_block{index + 1}", f"body.{name}.{index}"
                layers += [
                    (f"{layer}_0_bn", f"{path}.squeeze.norm"),
                    (f"{layer}_1_conv", f"{path}.squeeze.convolution"),
                    (f"{layer}_1_bn", f"{path}.grow.norm"),
                    (f"{layer}_2_conv", f"{path}.grow.convolution"),
                ]
        else:
            layers += [(f"pool{number}_bn", f"body.{name}.norm"), (f"pool{number}_conv", f"body.{name}.convolution")]
    return [*layers, ("bn", "norm"), ("predictions", "output")]


def torchvision_names(model: DenseNet) -> dict[str, str]:
    """torchvision's key of each tensor: ours.

    NOTE torchvision's published files are older than its code: they write ``norm.1`` for ``norm1``.
    """
    modules = [("features.conv0", "stem.convolution"), ("features.norm0", "stem.norm")]
    for name, part in model.body.named_children():
        if isinstance(part, DenseBlock):
            for index in range(len(part)):
                theirs, ours = f"features.dense{name}.denselayer{index + 1}", f"body.{name}.{index}"
                modules += [
                    (f"{theirs}.norm1", f"{ours}.squeeze.norm"),
                    (f"{theirs}.conv1", f"{ours}.squeeze.convolution"),
                    (f"{theirs}.norm2", f"{ours}.grow.norm"),
                    (f"{theirs}.conv2", f"{ours}.grow.convolution"),
                ]
        else:
            modules += [
                (f"features.{name}.norm", f"body.{name}.norm"),
                (f"features.{name}.conv", f"body.{name}.convolution"),
            ]
    blocks = sum(isinstance(part, DenseBlock) for part in model.body)
    last = f"features.norm{blocks + 1}"
    return tensor_names(model, [*modules, (last, "norm"), ("classifier", "output")])
