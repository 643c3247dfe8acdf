"""EfficientNet-Lite in the published PyTorch files, which keep TensorFlow's names."""

from __future__ import annotations

from typing import Any

from torch import nn

from profond.models.efficientnet_lite import EfficientNetLite
from profond.nn.inverted import InvertedResidual
from profond.weights.names import tensor_names

PUBLISHED: dict[str, Any] = {}
"""The published way is the default."""


def published_names(model: EfficientNetLite) -> dict[str, str]:
    """The file's key of each tensor: ours."""
    modules = [("_conv_stem", "stem.convolution"), ("_bn0", "stem.norm")]
    blocks = [(path, one) for path, one in model.named_modules() if isinstance(one, InvertedResidual)]
    for index, (path, block) in enumerate(blocks):
        if not isinstance(block.expand, nn.Identity):
            modules += [
                (f"_blocks.{index}._expand_conv", f"{path}.expand.convolution"),
                (f"_blocks.{index}._bn0", f"{path}.expand.norm"),
            ]
        modules += [
            (f"_blocks.{index}._depthwise_conv", f"{path}.depthwise.convolution"),
            (f"_blocks.{index}._bn1", f"{path}.depthwise.norm"),
            (f"_blocks.{index}._project_conv", f"{path}.project.convolution"),
            (f"_blocks.{index}._bn2", f"{path}.project.norm"),
        ]
    modules += [("_conv_head", "last.convolution"), ("_bn1", "last.norm"), ("_fc", "output")]
    return tensor_names(model, modules)
