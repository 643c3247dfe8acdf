"""With the layers below the head frozen, a training leaves them, and their BatchNorms' statistics, bit for bit."""

from __future__ import annotations

import pytest
import torch
from contract.models.feedforward import FEEDFORWARD
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from profond import models
from profond.core.errors import ConfigError
from profond.tasks.classify import Classify
from profond.training import Training, fit
from profond.training.transfer import below_head, staged


def build(name: str) -> nn.Module:
    torch.manual_seed(0)
    return models.create(name, **FEEDFORWARD.small(name))


def batches(name: str) -> DataLoader[tuple[torch.Tensor, ...]]:
    inputs = torch.randn(2, *models.example_shape(name), generator=torch.Generator().manual_seed(1))
    return DataLoader(TensorDataset(inputs, torch.arange(2)), 2)


@pytest.mark.parametrize("name", FEEDFORWARD.lightest())
def test_only_the_head_moves(name: str) -> None:
    model = build(name).train()
    before = {path: value.clone() for path, value in model.state_dict().items()}
    if not any(one.requires_grad for one in model.get_submodule(models.head_of(model)).parameters()):
        with pytest.raises(ConfigError, match="no parameter to train"):
            fit(model, Classify(), batches(name), Training(steps=2, precision="fp32", **staged(model, parts=0)))
        return
    training = Training(steps=2, learning_rate=0.01, precision="fp32", **staged(model, parts=0))
    fit(model, Classify(), batches(name), training, valid=batches(name))
    moved = {path for path, value in model.state_dict().items() if not torch.equal(value, before[path])}
    assert moved
    assert {path for path in moved if not path.startswith(f"{model.head}.")} == set()
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("name", FEEDFORWARD.names())
def test_every_parameter_is_the_heads_or_in_exactly_one_part_below_it(name: str) -> None:
    with torch.device("meta"):
        model = build_any(name)
    parts = below_head(model)
    for path, _ in model.named_parameters():
        own = [
            number
            for number, patterns in enumerate(parts)
            if any(path == one or path.startswith(f"{one}.") for one in patterns)
        ]
        assert len(own) == (0 if path.startswith(f"{model.head}.") else 1), (path, own)


def build_any(name: str) -> nn.Module:
    return models.create(name, input_shape=models.example_shape(name), num_classes=10)
