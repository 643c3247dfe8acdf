"""ResNet in Keras and in torchvision."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from profond.models.resnet import ResNet
from profond.nn.convolution import ConvNorm
from profond.weights.names import tensor_names

KERAS: dict[str, Any] = {
    "convolution_bias": True,
    "stride_first": True,
    "norm_epsilon": 1.001e-5,
    "norm_momentum": 0.01,
}
TORCHVISION: dict[str, Any] = {}
"""torchvision's way is the default."""


def keras_layers(model: ResNet) -> list[tuple[str, str]]:
    """(Keras layer, our module), in Keras's order. Keras counts the stem as the first stage."""
    layers = [("conv1_conv", "stem.convolution"), ("conv1_bn", "stem.norm")]
    for stage, number, path, block in blocks(model):
        prefix = f"conv{stage + 1}_block{number + 1}"
        parts = [(str(index + 1), f"{path}.branch.{index}") for index in range(len(block.branch))]
        for part, ours in parts[:-1]:
            layers += [(f"{prefix}_{part}_conv", f"{ours}.convolution"), (f"{prefix}_{part}_bn", f"{ours}.norm")]
        # The projection is as far from the output as the last convolution: Keras names them in turns.
        last = [("0", f"{path}.shortcut")] if isinstance(block.shortcut, ConvNorm) else []
        last.append(parts[-1])
        layers += [(f"{prefix}_{part}_conv", f"{ours}.convolution") for part, ours in last]
        layers += [(f"{prefix}_{part}_bn", f"{ours}.norm") for part, ours in last]
    return [*layers, ("predictions", "output")]


def torchvision_names(model: ResNet) -> dict[str, str]:
    """torchvision's key of each tensor: ours."""
    modules = [("conv1", "stem.convolution"), ("bn1", "stem.norm")]
    for stage, number, path, block in blocks(model):
        prefix = f"layer{stage}.{number}"
        for index in range(len(block.branch)):
            ours = f"{path}.branch.{index}"
            modules += [
                (f"{prefix}.conv{index + 1}", f"{ours}.convolution"),
                (f"{prefix}.bn{index + 1}", f"{ours}.norm"),
            ]
        if isinstance(block.shortcut, ConvNorm):
            modules += [
                (f"{prefix}.downsample.0", f"{path}.shortcut.convolution"),
                (f"{prefix}.downsample.1", f"{path}.shortcut.norm"),
            ]
    return tensor_names(model, [*modules, ("fc", "output")])


def blocks(model: Any) -> Iterator[tuple[int, int, str, Any]]:
    """Each residual block: number of its stage from 1, its number from 0, its path, itself."""
    for stage, (name, part) in enumerate(model.body.named_children(), start=1):
        for number, block in enumerate(part):
            yield stage, number, f"body.{name}.{number}", block
