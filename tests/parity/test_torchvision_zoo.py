"""Our networks equal torchvision's, with its weights and random BatchNorm statistics."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from profond import models

SIDES = (64, 97)
# torchvision's name: our name, our settings, the mean scale of random BatchNorms
NETWORKS: dict[str, tuple[str, dict[str, Any], float]] = {
    "alexnet": ("alexnet", {}, 1.0),
    **{f"vgg{depth}": (f"vgg{depth}", {}, 1.0) for depth in (11, 13, 16, 19)},
    **{f"vgg{depth}_bn": (f"vgg{depth}", {"batch_norm": True}, 1.0) for depth in (11, 13, 16, 19)},
    **{f"resnet{depth}": (f"resnet{depth}", {}, 0.5) for depth in (18, 34, 50, 101, 152)},
    "squeezenet1_1": ("squeezenet1_1", {}, 1.0),
}


def names_of(model: nn.Module) -> ModuleType:
    """The file of names that belongs to a model's file."""
    return importlib.import_module(f"profond.weights.names.{type(model).__module__.rpartition('.')[2]}")


@pytest.mark.parametrize("theirs", NETWORKS)
def test_every_tensor_of_torchvisions_has_its_place(theirs: str, torchvision_models: ModuleType) -> None:
    name, settings, _ = NETWORKS[theirs]
    with torch.device("meta"):
        model, original = models.create(name, **settings), getattr(torchvision_models, theirs)()
    names = names_of(model).torchvision_names(model)
    ours, stored = model.state_dict(), original.state_dict()
    assert {*names} == {*stored}
    assert sorted(names.values()) == sorted(ours)
    assert {key: ours[own].shape for key, own in names.items()} == {key: one.shape for key, one in stored.items()}


@pytest.mark.parametrize("theirs", NETWORKS)
def test_it_gives_torchvisions_logits(
    theirs: str,
    torchvision_models: ModuleType,
    randomise: Callable[..., None],
    relative_error: Callable[..., float],
) -> None:
    name, settings, gain = NETWORKS[theirs]
    original = getattr(torchvision_models, theirs)(num_classes=10).eval()
    randomise(original, gain)
    with torch.device("meta"):
        model = models.create(name, num_classes=10, **settings).eval()
    names = names_of(model).torchvision_names(model)
    model.load_state_dict({names[key]: value for key, value in original.state_dict().items()}, assign=True)
    for side in SIDES:
        inputs = torch.randn(2, 3, side, side + 3, generator=torch.Generator().manual_seed(side))
        with torch.no_grad():
            error = relative_error(model(inputs), original(inputs))
        print(f"{theirs} {side}", f"{error:.1e}")  # seen with -rP
        assert error < 1e-4
