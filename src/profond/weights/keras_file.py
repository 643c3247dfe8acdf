"""The layers in a Keras file, in any of its three formats, without Keras.

- ``.h5`` of Keras 1 and 2, and of Keras 3 when asked for it: a list of layers by name, each with a list of its weights
- ``.weights.h5`` of Keras 3: ``layers/<class>_<number>/vars/<n>``; newer versions add each layer's name
- ``.keras``: a zip archive with such a file in it

A model that stands as one layer in another, as a backbone under a new head does, is opened up: its layers come in its
place.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from h5py import h5g
from numpy.typing import NDArray

from profond.weights.hdf5 import DEEPEST, MOST_NAMES, File, counted, open_hdf5, weights_inside

_NO_LAYERS = {"vars", "optimizer", "optimizer_weights", "seed_generator", "metrics", "top_level_model_weights"}


class Numbers(Protocol):
    """One weight: its shape, and its numbers when they are wanted."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def read(self) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class Layer:
    """One layer that has weights.

    Args:
        name: that it was given; empty where the file does not say.
        kind: its class in small letters, such as ``"conv2d"``; empty where the file does not say.
        weights: in Keras's order: kernel, bias; scale, shift, mean, variance.
    """

    name: str
    kind: str
    weights: tuple[Numbers, ...]


@contextmanager
def open_layers(path: Path | str) -> Iterator[list[Layer]]:
    """The layers with weights, in the model's order as far as the file has it.

    Raises: ConfigError for what is damaged, hostile, or not written by Keras.
    """
    path = Path(path)
    content = weights_inside(path) if path.suffix == ".keras" else None
    with open_hdf5(path, content) as file:
        root = file.group(file.root, "model_weights") if file.has(file.root, "model_weights") else file.root
        if file.has_attribute(root, "layer_names") or file.has_attribute(root, "layer_names0"):
            yield legacy_layers(file, root)
        else:
            yield list(stored_layers(file, root, "", 0, [0]))


def legacy_layers(file: File, root: h5g.GroupID) -> list[Layer]:
    """The ``.h5`` format. Raises: ConfigError."""
    layers: list[Layer] = []
    for name in file.listed(root, "layer_names"):
        group = file.group(root, name)
        weights = file.listed(group, "weight_names")
        # A weight is called layer/kernel:0, or only kernel or layer_W_1:0 in files of Keras 1.
        owners = [weight.rpartition("/")[0] for weight in weights]
        nested = len(set(owners)) > 1
        by_owner: dict[str, list[Numbers]] = {}
        for owner, weight in zip(owners, weights, strict=True):
            by_owner.setdefault(owner, []).append(file.block(group, weight))
        for owner, blocks in by_owner.items():
            own = owner.rpartition("/")[2] if nested else name
            layers.append(Layer(own, "", tuple(blocks)))
    return layers


def stored_layers(file: File, group: h5g.GroupID, kind: str, depth: int, count: list[int]) -> Iterator[Layer]:
    """The ``.weights.h5`` format. Raises: ConfigError."""
    count[0] += 1
    if depth > DEEPEST or count[0] > MOST_NAMES:  # a group that contains itself
        file.refuse("its groups never end")
    names = file.names(group)
    if "vars" in names:
        own = file.group(group, "vars")
        weights = tuple(file.block(own, number) for number in sorted(file.names(own), key=_number))
        if weights:
            yield Layer(file.text(own, "name"), kind, weights)
    below = [(child, file.group(group, child)) for child in names if child not in _NO_LAYERS]
    # A model in a model comes first: what is put on top of it stands beside it.
    for child, part in sorted(below, key=lambda one: not file.has(one[1], "layers")):
        yield from stored_layers(file, part, counted(child)[0], depth + 1, count)


def _number(name: str) -> int:
    return int(name) if name.isdecimal() and len(name) < 10 else -1
