"""The average of a model's weights, and what is validated when."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from profond.training import Progress, Training, fit
from profond.training.average import MovingAverage


def one_weight(value: float) -> nn.Linear:
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, value)
    return model


@pytest.mark.parametrize("start", [100, 1000])
def test_a_weight_counts_half_after_the_share_of_the_steps_that_is_asked_for(start: int) -> None:
    average, share = MovingAverage(one_weight(0.0), half_life=0.2), 0.2
    ones, steps = one_weight(1.0), round(start * share)
    for step in range(start, start + steps):
        average.update(ones, step)
    # Half of it is new after a fifth of the steps done at the start; a little less, for the half-life grows meanwhile.
    assert average.model.weight.item() == pytest.approx(1 - 0.5 ** (5 * torch.log(torch.tensor(1.2)).item()), abs=3e-3)


def test_of_the_first_steps_it_is_the_weights_themselves() -> None:
    average = MovingAverage(one_weight(0.0), half_life=0.01)
    average.update(one_weight(1.0), 1)
    assert average.model.weight.item() == pytest.approx(1.0)


class Watching:
    """What it saw of the model that is kept, and at which steps there was a validation."""

    def __init__(self) -> None:
        self.kept: list[bool] = []
        self.validated: list[int] = []

    started = finished = lambda self, progress: None

    def stepped(self, progress: Progress) -> None:
        self.kept.append(progress.kept is progress.model)

    def logged(self, progress: Progress, record: Any) -> None:
        if record["split"] == "valid":
            self.validated.append(record["step"])


def watched(**settings: Any) -> Watching:
    watching, batches = Watching(), DataLoader(TensorDataset(torch.ones(8, 1), torch.ones(8, 1)), 2)
    fit(one_weight(0.0), nn.MSELoss(), batches, Training(**settings), valid=batches, observers=[watching])
    return watching


def test_who_watches_sees_the_weights_that_are_kept() -> None:
    assert set(watched(steps=2).kept) == {True}
    assert set(watched(steps=2, ema_half_life=0.1).kept) == {False}


def test_a_validation_comes_every_so_many_steps_and_at_the_end() -> None:
    assert watched(steps=7, validate_every_steps=3).validated == [3, 6, 7]
