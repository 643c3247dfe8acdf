"""Building a network and loading its weights, beside reading the file: as bytes, and an HDF5 file's numbers with h5py.

The files are written by torchvision and Keras with random weights. Each is then read and loaded in turn in a process of
its own, in which neither of them is, nine times, with the file in the system's cache. Behind each way of reading stands
what building and loading takes, in times of it.
"""

from __future__ import annotations

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
    ("resnet50", ".weights.h5"),
    ("mobilenet_v2", ".weights.h5"),
)


def write(network: str, path: str) -> None:
    if path.endswith(".pth"):
        import torch

        torch.save(theirs(network).state_dict(), path)
        return
    import keras

    getattr(keras.applications, KERAS_APPLICATIONS[network])(weights=None).save_weights(path)


def turns(network: str, path: str, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each round."""
    from profond.weights.pretrained import load_pretrained

    side, _ = CASES[network]
    ways = {"bytes": lambda: Path(path).read_bytes()}
    if path.endswith(".h5"):
        ways["h5py"] = lambda: read_hdf5(path)
    ways["load"] = lambda: load_pretrained(network, path, input_shape=(3, side, side))
    found: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            began = time.perf_counter()
            result = way()
            if turn:  # the first warms up
                found[name].append(1000 * (time.perf_counter() - began))
            del result
    return found


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
            for name in ("bytes", "h5py"):
                if name not in found:
                    row.append("–")
                    continue
                ratios = [ours / plain for ours, plain in zip(found["load"], found[name], strict=True)]
                row.append(f"{spread(found[name], 0)}: {spread(ratios)}×")
            rows.append(row)
    heads = (
        "milliseconds",
        "to build and load",
        "to read the bytes",
        "to read with h5py",
    )
    return table(heads, rows)
