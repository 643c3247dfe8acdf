"""Building a network and loading its weights, beside reading the file.

The files are written by torchvision and Keras with random weights. Each is then read and loaded in turn, nine times, in
a process of its own, in which neither of them is. It is read by the library that its format belongs to (``torch.load``
with ``weights_only``, safetensors, or every block with h5py) and as bytes, both with the file in the system's cache;
and once more as bytes, and loaded, after the system was told to forget the file, so that it comes from the disk. Behind
each way of reading stands what building and loading takes, in times of it.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.child import measure
from benchmarks.report import spread, table
from benchmarks.zoo import CASES, KERAS_APPLICATIONS, theirs

TITLE = "Loading pretrained weights"
FILES = (
    ("resnet50", ".pth"),
    ("mobilenet_v2", ".pth"),
    ("resnet50", ".safetensors"),
    ("mobilenet_v2", ".safetensors"),
    ("resnet50", ".weights.h5"),
    ("mobilenet_v2", ".weights.h5"),
)


def write(network: str, path: str) -> None:
    if path.endswith(".pth"):
        import torch

        torch.save(theirs(network).state_dict(), path)
        return
    if path.endswith(".safetensors"):
        from safetensors.torch import save_file

        save_file(theirs(network).state_dict(), path)
        return
    import keras

    getattr(keras.applications, KERAS_APPLICATIONS[network])(weights=None).save_weights(path)


def turns(network: str, path: str, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each round."""
    from profond.weights.pretrained import load_pretrained

    side, _ = CASES[network]

    def load() -> Any:
        return load_pretrained(network, path, input_shape=(3, side, side))

    ways = {
        "library": lambda: read_by_library(path),
        "bytes": lambda: Path(path).read_bytes(),
        "load": load,
        "bytes from disk": lambda: Path(path).read_bytes(),
        "load from disk": load,
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            if name.endswith("disk"):
                forget(path)
            began = time.perf_counter()
            result = way()
            if turn:  # the first warms up
                found[name].append(1000 * (time.perf_counter() - began))
            del result
    return found


def forget(path: str) -> None:
    """Let the system's cache drop the file."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_by_library(path: str) -> Any:
    """Every number of the file, by the library of its format."""
    if path.endswith(".h5"):
        return read_hdf5(path)
    if path.endswith(".safetensors"):
        from safetensors.torch import load_file

        return load_file(path)
    import torch

    return torch.load(path, weights_only=True)


def read_hdf5(path: str) -> list[Any]:
    """Every number of the file."""
    import h5py

    blocks: list[Any] = []
    with h5py.File(path) as file:
        file.visititems(lambda _, one: blocks.append(one[()]) if isinstance(one, h5py.Dataset) else None)
    return blocks


def run(quick: bool) -> str:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for network, ending in FILES[1:2] if quick else FILES:
            path = f"{folder}/{network}{ending}"
            measure("loading", "write", network=network, path=path)
            found = measure("loading", "turns", network=network, path=path, rounds=1 if quick else 9)
            row = [f"{network}{ending}", spread(found["load"], 0)]
            for read, load in (("library", "load"), ("bytes", "load"), ("bytes from disk", "load from disk")):
                ratios = [ours / plain for ours, plain in zip(found[load], found[read], strict=True)]
                row.append(f"{spread(found[read], 0)}: {spread(ratios)}×")
            rows.append(row)
    heads = (
        "milliseconds",
        "to build and load",
        "to read by its library",
        "to read the bytes",
        "the same from disk",
    )
    return table(heads, rows)
