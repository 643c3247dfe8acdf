"""NASNet in Keras."""

from __future__ import annotations

from typing import Any

from torch import nn

from profond.models.nasnet import Halving, NASNet, NormalCell, Projection, ReductionCell

KERAS: dict[str, Any] = {}
"""Keras's way is the default."""

# Keras orders layers by their distance from the output, so paths of one cell that run side by side come in turns.
NORMAL = ("left1", "right1", "left2", "right2", "left5")


def keras_layers(model: NASNet) -> list[tuple[str, str]]:
    """(Keras layer, our module), in Keras's order."""
    layers = [("stem_conv1", "stem.convolution"), ("stem_bn1", "stem.norm")]
    cells = len(model.cells) // 3 - 1
    for name, cell in model.cells.named_children():
        number = int(name.removeprefix("reduction").removeprefix("normal"))
        path = f"cells.{name}"
        if isinstance(cell, ReductionCell):
            block = f"stem_{number}" if number < 3 else f"reduce_{cells * (number - 2)}"
            layers += reduction(cell, path, block)
        elif isinstance(cell, NormalCell):
            # Keras counts from 0, and leaves one number out, after the first group only.
            layers += normal(cell.adjust, path, str(number - 1 + (number > cells)))
    return [*layers, ("predictions", "output")]


def normal(adjust: nn.Module, path: str, block: str) -> list[tuple[str, str]]:
    """The layers of a cell that keeps the size."""
    convolutions, norm = adjustment(adjust, path, block)
    layers = [
        *convolutions,
        (f"normal_conv_1_{block}", f"{path}.squeeze.convolution"),
        *norm,
        (f"normal_bn_1_{block}", f"{path}.squeeze.norm"),
    ]
    for number in ("1", "2"):
        layers += [separable(number, f"normal_{part}_{block}", f"{path}.{part}") for part in NORMAL]
        layers += [separable_norm(number, f"normal_{part}_{block}", f"{path}.{part}") for part in NORMAL]
    return layers


def reduction(cell: ReductionCell, path: str, block: str) -> list[tuple[str, str]]:
    """The layers of a cell that halves the size."""
    convolutions, norm = adjustment(cell.adjust, path, block)
    squeeze = (f"reduction_conv_1_{block}", f"{path}.squeeze.convolution")
    layers = [*convolutions, squeeze] if isinstance(cell.adjust, Halving) else [squeeze, *convolutions]
    layers += [(f"reduction_bn_1_{block}", f"{path}.squeeze.norm"), *norm]
    # NOTE our left5 is Keras's reduction_left4, a name that it gives to the average pooling as well.
    names = {part: (f"reduction_{part}_{block}", f"{path}.{part}") for part in ("left1", "right1", "right2", "right3")}
    names["left5"] = (f"reduction_left4_{block}", f"{path}.left5")
    for number in ("1", "2"):
        layers += [separable(number, *names[part]) for part in ("left1", "right1")]
        layers += [separable_norm(number, *names[part]) for part in ("left1", "right1")]
    for number in ("1", "2"):
        layers += [separable(number, *names["right2"]), separable_norm(number, *names["right2"])]
        layers += [separable(number, *names[part]) for part in ("right3", "left5")]
        layers += [separable_norm(number, *names[part]) for part in ("right3", "left5")]
    return layers


def adjustment(adjust: nn.Module, path: str, block: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Convolutions and BatchNorm that fit the cell before last to the others."""
    if isinstance(adjust, Halving):
        convolutions = [
            (f"adjust_conv_1_{block}", f"{path}.adjust.even"),
            (f"adjust_conv_2_{block}", f"{path}.adjust.odd"),
        ]
    elif isinstance(adjust, Projection):
        convolutions = [(f"adjust_conv_projection_{block}", f"{path}.adjust.convolution")]
    else:
        return [], []
    return convolutions, [(f"adjust_bn_{block}", f"{path}.adjust.norm")]


def separable(number: str, name: str, path: str) -> tuple[str, str]:
    """The first or second separable convolution of a pair; our module holds ``depthwise`` and ``pointwise``."""
    return f"separable_conv_{number}_{name}", f"{path}.{'first' if number == '1' else 'second'}"


def separable_norm(number: str, name: str, path: str) -> tuple[str, str]:
    """Its BatchNorm."""
    return f"separable_conv_{number}_bn_{name}", f"{path}.{'first' if number == '1' else 'second'}.norm"
