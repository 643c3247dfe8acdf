"""CycleGAN in its authors' files, such as ``latest_net_G_A.pth``: one generator, its layers numbered as in a row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from profond.models.cyclegan import CycleGAN
from profond.weights.names import tensor_names

PUBLISHED: dict[str, Any] = {"one_way": True, "upsample": "transposed", "downsample": "strided"}
"""A file holds the generator of one direction."""

_OF_INSTANCE_NORM = ("running_mean", "running_var", "num_batches_tracked")


def published_names(model: CycleGAN) -> dict[str, str]:
    """The authors' key of each tensor: ours."""
    return tensor_names(model, [(theirs, ours) for theirs, _, ours in layers(model)])


def without_effect(model: CycleGAN) -> set[str]:
    """What a file may hold besides: biases that an instance norm subtracts again, and that norm's running statistics.

    Files of before PyTorch 0.4 have such statistics, which nothing reads.
    """
    names = set()
    for convolution, norm, _ in layers(model):
        if norm:
            names |= {f"{convolution}.bias", *(f"{norm}.{buffer}" for buffer in _OF_INSTANCE_NORM)}
    return names


def layers(model: Any) -> Iterator[tuple[str, str, str]]:
    """Each convolution: its name and that of the norm behind it, which the last one has not, and our path."""
    path, blocks = "generators.to_b", len(model.generators["to_b"].body)
    ends = [("stem", 1), ("down.0", 4), ("down.1", 7), ("up.0", 10 + blocks), ("up.1", 13 + blocks)]
    for part, number in ends:
        yield f"model.{number}", f"model.{number + 1}", f"{path}.{part}.convolution"
    for block in range(blocks):
        for ours, number in ((1, 1), (2, 5)):
            row = f"model.{10 + block}.conv_block"
            yield f"{row}.{number}", f"{row}.{number + 1}", f"{path}.body.{block}.branch.convolution{ours}"
    yield f"model.{17 + blocks}", "", f"{path}.output.convolution"
