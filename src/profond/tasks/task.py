"""The words of learning: a task has phases, each phase has a loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor, nn


@dataclass(frozen=True)
class Phase:
    """One kind of step: which part of the model it updates.

    Ordinary training has one phase; a GAN has two.

    Args:
        name: shown in the metrics when there are several.
        module: dotted path of the sub-module whose parameters it updates; empty for the whole model.
        every: the phase runs on every n-th step.
    """

    name: str = "train"
    module: str = ""
    every: int = 1


@dataclass
class Loss:
    """A scalar to differentiate, and what to report by name.

    Args:
        value: the loss.
        report: detached, one number or one for each sample; the mean of a step is averaged over steps.
    """

    value: Tensor
    report: Mapping[str, Tensor] = field(default_factory=dict)


class Meter(Protocol):
    """Collects predictions over a split and gives named scalars."""

    def update(self, prediction: Any, batch: Any) -> None: ...

    def compute(self) -> dict[str, float]: ...


class Task(Protocol):
    """What is learned: loss and prediction; the same code in training, evaluation, command line and server."""

    @property
    def phases(self) -> Sequence[Phase]:
        """The phases of one step, in order."""
        ...

    def loss(self, model: nn.Module, batch: Any, phase: Phase) -> Loss:
        """The loss of one batch in one phase; the model is in training mode, under autocast."""
        ...

    def predict(self, model: nn.Module, inputs: Any) -> Any:
        """What the model says of a batch of inputs; the model is in eval mode, without gradients."""
        ...

    def inputs(self, batch: Any) -> Any:
        """The part of a batch that ``predict`` takes."""
        ...

    def meter(self) -> Meter:
        """A fresh meter for one pass over a split."""
        ...
