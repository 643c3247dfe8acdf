"""ResNet v2 in Keras."""

from __future__ import annotations

from typing import Any

from profond.models.resnet_v2 import ResNetV2
from profond.weights.names.resnet import blocks

KERAS: dict[str, Any] = {}
"""Keras's way is the default."""


def keras_layers(model: ResNetV2) -> list[tuple[str, str]]:
    """(Keras layer, our module), in Keras's order. Keras counts the stem as the first stage."""
    layers = [("conv1_conv", "stem")]
    for stage, number, path, block in blocks(model):
        prefix = f"conv{stage + 1}_block{number + 1}"
        layers += [
            (f"{prefix}_preact_bn", f"{path}.before.norm"),
            (f"{prefix}_1_conv", f"{path}.branch.0.convolution"),
            (f"{prefix}_1_bn", f"{path}.branch.0.norm"),
            (f"{prefix}_2_conv", f"{path}.branch.1.convolution"),
            (f"{prefix}_2_bn", f"{path}.branch.1.norm"),
        ]
        if block.project:
            layers.append((f"{prefix}_0_conv", f"{path}.shortcut"))
        layers.append((f"{prefix}_3_conv", f"{path}.branch.2"))
    return [*layers, ("post_bn", "last.norm"), ("predictions", "output")]
