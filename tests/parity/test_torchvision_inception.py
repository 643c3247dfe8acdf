"""GoogLeNet and InceptionV3 equal torchvision's, auxiliary heads included, with random weights and statistics."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from profond import models
from profond.nn.auxiliary import Logits
from profond.weights.torchvision import load_torch

SIDES = {"googlenet": ((64, 64), (97, 130)), "inception_v3": ((75, 75), (107, 130))}
every_network = pytest.mark.parametrize("name", SIDES)
Fixture = Callable[..., Any]


def original(torchvision_models: ModuleType, name: str) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its slow initialisation, which is not run
        model: nn.Module = getattr(torchvision_models, name)(num_classes=10, init_weights=False)
    return model.eval()


def counterpart(theirs: nn.Module, name: str, **settings: Any) -> nn.Module:
    """Our model with the tensors of theirs, by the list of names."""
    names = importlib.import_module(f"profond.weights.names.{name}")
    with torch.device("meta"):
        model = models.create(name, num_classes=10, **names.TORCHVISION, **settings).eval()
    keys, stored = names.torchvision_names(model), theirs.state_dict()
    model.load_state_dict({ours: stored[key] for key, ours in keys.items()}, assign=True)
    return model


@every_network
def test_every_tensor_of_torchvisions_has_its_place(name: str, torchvision_models: ModuleType) -> None:
    with torch.device("meta"):
        theirs, model = original(torchvision_models, name), models.create(name, num_classes=10, auxiliary=True)
    names = importlib.import_module(f"profond.weights.names.{name}").torchvision_names(model)
    ours, stored = model.state_dict(), theirs.state_dict()
    assert sorted(names.values()) == sorted(ours)
    assert {key: ours[own].shape for key, own in names.items()} == {key: one.shape for key, one in stored.items()}


@every_network
def test_it_gives_torchvisions_logits(
    name: str,
    torchvision_models: ModuleType,
    randomise: Fixture,
    relative_error: Fixture,
) -> None:
    theirs = original(torchvision_models, name)
    randomise(theirs)
    model = counterpart(theirs, name)
    for size in SIDES[name]:
        inputs = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(size[1]))
        with torch.no_grad():
            error = relative_error(model(inputs), theirs(inputs))
        print(f"{name} {size}", f"{error:.1e}")  # seen with -rP
        assert error < 1e-4


@every_network
def test_its_auxiliary_heads_are_torchvisions(
    name: str,
    torchvision_models: ModuleType,
    randomise: Fixture,
    relative_error: Fixture,
) -> None:
    theirs = original(torchvision_models, name)
    randomise(theirs)
    model = counterpart(theirs, name, auxiliary=True)
    for network in (theirs, model):
        network.train()
        for part in network.modules():
            if isinstance(part, nn.BatchNorm2d | nn.Dropout):  # nothing random, and no statistics of the batch
                part.eval()
    inputs = torch.randn(1, 3, 299, 299, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours, expected = model(inputs), theirs(inputs)
    assert isinstance(ours, Logits)
    # Theirs has the second, upper head before the first.
    heads = [expected.aux_logits1, expected.aux_logits2] if name == "googlenet" else [expected.aux_logits]
    assert len(ours.auxiliary) == len(heads)
    for found, target in zip([ours.main, *ours.auxiliary], [expected.logits, *heads], strict=True):
        error = relative_error(found, target)
        print(name, f"{error:.1e}")  # seen with -rP
        assert error < 1e-4


@every_network
def test_a_file_with_auxiliary_heads_fits_a_model_without_them(
    name: str, torchvision_models: ModuleType, randomise: Fixture, tmp_path: Path
) -> None:
    theirs = original(torchvision_models, name)
    randomise(theirs)
    torch.save(theirs.state_dict(), tmp_path / "theirs.pth")
    model = models.create(name, num_classes=10).eval()
    placed = load_torch(model, tmp_path / "theirs.pth")
    assert placed.fresh == ()
    assert {key.split(".")[0] for key in placed.unused} == ({"aux1", "aux2"} if name == "googlenet" else {"AuxLogits"})
    inputs = torch.randn(1, 3, 80, 80, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(model(inputs), counterpart(theirs, name)(inputs))
