"""MobileNet in Keras."""

from __future__ import annotations

from typing import Any

from profond.models.mobilenet import MobileNet

KERAS: dict[str, Any] = {}
"""Keras's way is the default."""


def keras_layers(model: MobileNet) -> list[tuple[str, str]]:
    """(Keras layer, our module), in Keras's order. Its output, ``conv_preds``, is a 1×1 convolution of one pixel."""
    layers = [("conv1", "stem.convolution"), ("conv1_bn", "stem.norm")]
    for index in range(len(model.blocks)):
        for part, ours in (("dw", "depthwise"), ("pw", "pointwise")):
            name = f"conv_{part}_{index + 1}"
            layers += [(name, f"blocks.{index}.{ours}.convolution"), (f"{name}_bn", f"blocks.{index}.{ours}.norm")]
    return [*layers, ("conv_preds", "output")]
