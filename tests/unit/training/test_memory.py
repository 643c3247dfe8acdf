"""A task with a memory of its own: a training that was stopped goes on with it."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from profond.core.errors import ConfigError, Interrupted
from profond.core.run import Run
from profond.core.spec import Spec
from profond.tasks.task import Loss, Phase
from profond.training import Training, fit


class Summing:
    """Its loss depends on the outputs of all steps before."""

    phases, headline = (Phase(),), "loss"

    def __init__(self) -> None:
        self.sum = torch.zeros(())
        self.steps: list[int] = []

    def loss(self, model: nn.Module, batch: Any, phase: Phase) -> Loss:
        outputs = model(batch[0])
        self.steps.append(phase.step)
        self.sum = self.sum + outputs.detach().mean()
        return Loss((outputs - batch[1] - self.sum).square().mean())

    def meter(self, spec: Spec | None = None) -> Any:
        raise NotImplementedError("it is not validated")

    def memory(self) -> Mapping[str, Tensor]:
        return {"sum": self.sum}

    def remember(self, memory: Mapping[str, Tensor]) -> None:
        self.sum = memory["sum"]


class StopAt:
    started = finished = lambda self, progress: None
    logged = lambda self, progress, record: None  # noqa: E731

    def stepped(self, progress: Any) -> None:
        if progress.step == 3:
            signal.raise_signal(signal.SIGTERM)


def trained(task: Any, **options: Any) -> Tensor:
    torch.manual_seed(0)
    model, inputs = nn.Linear(1, 1), torch.linspace(-1, 1, 8)[:, None]
    fit(model, task, DataLoader(TensorDataset(inputs, inputs), 2), Training(steps=8), **options)
    return model.weight.detach()


def test_it_is_kept_in_checkpoints_and_the_loss_knows_its_step(tmp_path: Path) -> None:
    task = Summing()
    unbroken = trained(task)
    assert task.steps == list(range(8))
    run = Run.create(tmp_path, "stopped", {})
    with pytest.raises(Interrupted):
        trained(Summing(), run=run, observers=[StopAt()])
    assert torch.equal(trained(Summing(), run=run, resume=True), unbroken)


def test_a_checkpoint_without_it_is_of_another_training(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "stopped", {})
    with pytest.raises(Interrupted):
        trained(nn.MSELoss(), run=run, observers=[StopAt()])
    with pytest.raises(ConfigError, match="of another training"):
        trained(Summing(), run=run, resume=True)
