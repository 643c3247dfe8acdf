"""GoogLeNet in torchvision. Keras does not have it."""

from __future__ import annotations

from typing import Any

from profond.models.googlenet import GoogLeNet
from profond.nn.convolution import ConvNorm
from profond.weights.names import tensor_names

TORCHVISION: dict[str, Any] = {}
"""torchvision's way is the default; its published file holds the auxiliary heads, too (``aux1``, ``aux2``)."""

BRANCHES = {"one": "branch1", "three": "branch2", "wide": "branch3", "pooled": "branch4"}


def torchvision_names(model: GoogLeNet) -> dict[str, str]:
    """torchvision's key of each tensor: ours."""
    modules = []
    for stage in ("conv1", "conv2", "conv3", *(name for name in model.stages if name.startswith("inception"))):
        for path, part in model.get_submodule(stage).named_modules(prefix=stage):
            if isinstance(part, ConvNorm):
                theirs = ".".join(BRANCHES.get(word, word) for word in path.split("."))
                modules += [(f"{theirs}.conv", f"{path}.convolution"), (f"{theirs}.bn", f"{path}.norm")]
    for number in (1, 2):
        ours, theirs = f"auxiliary{number}", f"aux{number}"
        if getattr(model, ours) is not None:
            modules += [
                (f"{theirs}.conv.conv", f"{ours}.convolution.convolution"),
                (f"{theirs}.conv.bn", f"{ours}.convolution.norm"),
                (f"{theirs}.fc1", f"{ours}.hidden"),
                (f"{theirs}.fc2", f"{ours}.output"),
            ]
    return tensor_names(model, [*modules, ("fc", "output")])
