"""MobileNetV2 and the DenseNets beside torchvision's: random weights and statistics, equal outputs."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
import torch

from profond import models
from profond.weights.torchvision import load_torch


@pytest.mark.parametrize("name", ["mobilenet_v2", "densenet121", "densenet169", "densenet201"])
def test_logits_are_those_of_torchvision(torchvision_models: ModuleType, tmp_path: Path, name: str) -> None:
    torch.manual_seed(0)
    theirs = getattr(torchvision_models, name)(num_classes=7).eval()
    for path, values in theirs.state_dict().items():
        if path.endswith("running_var") or (path.endswith("weight") and values.ndim == 1):
            values.uniform_(0.5, 1.5)
        elif values.ndim == 1:
            values.normal_(0, 0.3)
    torch.save(theirs.state_dict(), tmp_path / "theirs.pth")
    model = models.create(name, num_classes=7).eval()
    assert load_torch(model, tmp_path / "theirs.pth").fresh == ()
    assert sum(one.numel() for one in model.parameters()) == sum(one.numel() for one in theirs.parameters())
    for size in ((64, 64), (97, 67)):
        images = torch.randn(2, 3, *size)
        with torch.no_grad():
            found, expected = model(images), theirs(images)
        assert (found - expected).abs().max() < 1e-4 * expected.abs().max()


@pytest.mark.parametrize("width", [0.35, 0.5, 0.75, 1.3, 1.4])
def test_every_published_width_has_the_shapes_of_torchvision(torchvision_models: ModuleType, width: float) -> None:
    with torch.device("meta"):
        theirs = torchvision_models.mobilenet_v2(width_mult=width)
        model = models.create("mobilenet_v2", width=width)
    assert [one.shape for one in model.parameters()] == [one.shape for one in theirs.parameters()]
