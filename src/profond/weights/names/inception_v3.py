"""InceptionV3 in Keras and in torchvision.

Keras gives no layer but the last a name: it numbers them, and the numbers go on through a session. So they mean
something only against each other, within a class; see `profond.weights.names.numbering`.
"""

from __future__ import annotations

from typing import Any

from profond.models.inception_v3 import InceptionV3
from profond.nn.convolution import ConvNorm
from profond.weights.names import tensor_names
from profond.weights.names.numbering import Numbering

KERAS: dict[str, Any] = {"norm_scale": False, "count_padding": False, "norm_momentum": 0.01, "dropout": 0.0}
TORCHVISION: dict[str, Any] = {}
"""torchvision's way is the default; its published files hold the auxiliary head, too (``AuxLogits``)."""

STEM = {"conv1": "1a_3x3", "conv2": "2a_3x3", "conv3": "2b_3x3", "conv4": "3b_1x1", "conv5": "4a_3x3"}
# Ours to torchvision's, in the modules that they stand in; those not named here are called ``<branch>_<number>``.
SINGLE = {"one": "branch1x1", "pooled.1": "branch_pool", "three": "branch3x3"}
SPREAD = {"flat": "a", "tall": "b"}
BRANCHES = {
    "three": "branch3x3",
    "five": "branch5x5",
    "two_threes": "branch3x3dbl",
    "seven": "branch7x7",
    "two_sevens": "branch7x7dbl",
    "seven_three": "branch7x7x3",
}
AUXILIARY = {"auxiliary.1.convolution": "conv0.conv", "auxiliary.1.norm": "conv0.bn"} | {
    "auxiliary.2.convolution": "conv1.conv",
    "auxiliary.2.norm": "conv1.bn",
    "auxiliary.5": "fc",
}


def keras_layers(model: InceptionV3) -> list[tuple[str, str]]:
    """(Keras layer, our module), in Keras's order, numbered as in a fresh session, in which layers were made."""
    numbering = Numbering()
    layers = [row for stage in model.stages for row in numbering.layers(model.get_submodule(stage), stage)]
    return [*layers, ("predictions", "output")]


def torchvision_names(model: InceptionV3) -> dict[str, str]:
    """torchvision's key of each tensor: ours."""
    modules = []
    for stage in model.stages:
        prefix = f"Conv2d_{STEM[stage]}" if stage in STEM else f"Mixed_{stage.removeprefix('mixed')}"
        for path, part in model.get_submodule(stage).named_modules(prefix=stage):
            if isinstance(part, ConvNorm):
                theirs = prefix if stage in STEM else f"{prefix}.{branch(path.removeprefix(stage + '.'))}"
                modules += [(f"{theirs}.conv", f"{path}.convolution"), (f"{theirs}.bn", f"{path}.norm")]
    if model.auxiliary is not None:
        modules += [(f"AuxLogits.{theirs}", ours) for ours, theirs in AUXILIARY.items()]
    return tensor_names(model, [*modules, ("fc", "output")])


def branch(path: str) -> str:
    """``two_threes.2.flat`` to ``branch3x3dbl_3a``."""
    if path in SINGLE:
        return SINGLE[path]
    name, number, *spread = path.split(".")
    return f"{BRANCHES[name]}_{int(number) + 1}{SPREAD[spread[0]] if spread else ''}"
