"""GoogLeNet: counts, sizes, and its auxiliary heads."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from profond import models
from profond.core.errors import ConfigError
from profond.models import create
from profond.models.googlenet import MODULES, GoogLeNet
from profond.nn.auxiliary import Logits
from profond.tasks.classify import Classify
from profond.tasks.task import Phase
from profond.weights.names.googlenet import torchvision_names


def count(model: nn.Module) -> int:
    return sum(one.numel() for one in model.parameters())


def meta(**settings: Any) -> nn.Module:
    with torch.device("meta"):
        return models.create("googlenet", **settings)


def test_it_has_as_many_parameters_as_torchvision_s_with_its_heads_and_without() -> None:
    assert count(meta()) == 6_624_904
    assert count(meta(auxiliary=True)) == 13_004_888


def test_the_wide_path_of_the_paper_has_25_weights_a_map_instead_of_9() -> None:
    more = sum(16 * narrow * wide for _, _, (narrow, wide), _ in MODULES.values())
    assert count(meta(wide_kernel=5)) == count(meta()) + more


def test_every_tensor_has_a_name_in_torchvision() -> None:
    for auxiliary in (False, True):
        model = meta(auxiliary=auxiliary)
        assert sorted(torchvision_names(model).values()) == sorted(model.state_dict())


def test_the_smallest_image_leaves_one_pixel_and_a_smaller_one_is_refused() -> None:
    model = GoogLeNet((2, 15, 15), 3).eval()
    with torch.no_grad():
        assert model(torch.zeros(1, 2, 15, 15)).shape == (1, 3)
    with pytest.raises(ConfigError, match="15×15"):
        GoogLeNet((2, 15, 14), 3)


def test_training_gets_the_logits_of_all_heads_and_eval_those_of_the_main_one() -> None:
    torch.manual_seed(0)
    model, image = GoogLeNet((1, 32, 32), 5, auxiliary=True), torch.randn(2, 1, 32, 32)
    output = model.train()(image)
    assert isinstance(output, Logits)
    assert (output.main.shape, output.auxiliary.shape) == ((2, 5), (2, 2, 5))
    with torch.no_grad():
        assert model.eval()(image).shape == (2, 5)


def test_the_task_teaches_the_auxiliary_heads_too() -> None:
    torch.manual_seed(0)
    model, batch = GoogLeNet((1, 32, 32), 5, auxiliary=True).train(), (torch.randn(4, 1, 32, 32), torch.arange(4))
    loss = Classify().loss(model, batch, Phase())
    loss.value.backward()
    assert loss.value > loss.report["main_loss"] > 0
    without = [name for name, one in model.named_parameters() if one.grad is None or not one.grad.abs().sum() > 0]
    assert without == []


@pytest.mark.parametrize("settings", [{"dropout": 1.0}, {"auxiliary_dropout": -0.1}])
def test_a_dropout_that_leaves_nothing_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="dropout"):
        create("googlenet", **settings)
