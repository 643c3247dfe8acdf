"""AlexNet in torchvision."""

from __future__ import annotations

from typing import Any

from profond.models.alexnet import AlexNet
from profond.weights.names import tensor_names

TORCHVISION: dict[str, Any] = {}
"""torchvision's way is the default."""


def torchvision_names(model: AlexNet) -> dict[str, str]:
    """torchvision's key of each tensor: ours."""
    modules = [
        ("features.0", "body.stage1.0.convolution"),
        ("features.3", "body.stage2.0.convolution"),
        ("features.6", "body.stage3.0.convolution"),
        ("features.8", "body.stage3.1.convolution"),
        ("features.10", "body.stage3.2.convolution"),
        ("classifier.1", "classifier.hidden1.linear"),
        ("classifier.4", "classifier.hidden2.linear"),
        ("classifier.6", "classifier.output"),
    ]
    return tensor_names(model, modules)
