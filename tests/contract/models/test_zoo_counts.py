"""Every network has exactly the parameters that its originals have, however they count.

zoo_counts.csv: what Keras's ``count_params`` and a sum over torchvision's ``parameters()`` print. Keras counts
BatchNorm's running mean and variance too.

NOTE NASNetLarge without its top: Keras 3.15.1 prints 84,916,818 for images of 331 pixels, as here, and 84,887,922 where
no image size is given; see docs/decisions/0005.
"""

from __future__ import annotations

import csv
import functools
import importlib
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from profond import models
from profond.models.nasnet import Halving

ROWS = list(csv.DictReader((Path(__file__).parent / "zoo_counts.csv").read_text(encoding="utf-8").splitlines()))
TOP = {"fc1", "fc2", "predictions", "conv_preds"}


def rows_with(column: str) -> Any:
    chosen = [row for row in ROWS if row[column]]
    return pytest.mark.parametrize("row", chosen, ids=[f"{row['name']}-{row['input_shape']}" for row in chosen])


def names_of(name: str) -> ModuleType | None:
    """The file in which other libraries' names of a model stand, where there is one."""
    found = f"profond.weights.names.{models.registry.entry(name).module.rpartition('.')[2]}"
    return importlib.import_module(found) if importlib.util.find_spec(found) else None


def build(row: dict[str, str], convention: str) -> nn.Module:
    """The network in one library's convention, without memory for its numbers; to be counted, not to be changed."""
    return _built(row["name"], row["input_shape"], int(row["num_classes"]), convention)


@functools.cache
def _built(name: str, input_shape: str, classes: int, convention: str) -> nn.Module:
    settings = getattr(names_of(name), convention, {})
    shape = tuple(int(side) for side in input_shape.split("x"))
    with torch.device("meta"):
        return models.create(name, input_shape=shape, num_classes=classes, **settings)


def trainable(model: nn.Module) -> int:
    return sum(one.numel() for one in model.parameters() if one.requires_grad)


def with_statistics(model: nn.Module) -> int:
    statistics = [one for name, one in model.named_buffers() if name.endswith(("running_mean", "running_var"))]
    return trainable(model) + sum(one.numel() for one in statistics)


@rows_with("torch_parameters")
def test_it_has_as_many_parameters_as_torchvisions(row: dict[str, str]) -> None:
    assert trainable(build(row, "TORCHVISION")) == int(row["torch_parameters"])


@rows_with("keras_total")
def test_it_has_as_many_as_kerass_with_running_statistics(row: dict[str, str]) -> None:
    assert with_statistics(build(row, "KERAS")) == int(row["keras_total"])


@rows_with("keras_trainable")
def test_as_many_of_them_are_trained_as_kerass(row: dict[str, str]) -> None:
    assert trainable(build(row, "KERAS")) == int(row["keras_trainable"])


@rows_with("keras_no_top_total")
def test_without_its_top_it_has_as_many_as_kerass(row: dict[str, str]) -> None:
    model = build(row, "KERAS")
    names = names_of(row["name"])
    assert names is not None
    top = [path for name, path, *_ in names.keras_layers(model) if name in TOP]
    assert top
    rest = with_statistics(model) - sum(trainable(model.get_submodule(path)) for path in top)
    assert rest == int(row["keras_no_top_total"])


def test_keras_counts_nasnet_large_without_a_size_as_if_it_had_one_halving_less() -> None:
    (row,) = [row for row in ROWS if row["name"] == "nasnet_large"]
    halvings = [part for part in build(row, "KERAS").modules() if isinstance(part, Halving)]
    # Keras compares unknown sides, finds them equal, and keeps maps as they are where their number fits too.
    kept = [part for part in halvings if part.even.in_channels == part.norm.num_features]
    assert [with_statistics(part) for part in kept] == [168 * 168 + 4 * 168]
    assert int(row["keras_no_top_total"]) - with_statistics(kept[0]) == 84_887_922
