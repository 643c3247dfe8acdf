"""Where a loop stands, and how that is kept and found again."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.measures.measured import Measured
from profond.tasks.task import Remembering
from profond.training import checkpoint
from profond.training.settings import Training


@dataclass
class Position:
    """What a resumed loop needs to know besides tensors; all of it is JSON.

    Args:
        step: steps done.
        epoch: the epoch of the last batch used.
        batch: batches of that epoch that were used.
        lines: of ``metrics.jsonl``.
        validation_due: the last step was to be followed by a validation that was not done yet.
        best: the best validation so far.
        since_best: validations since then.
        since_reduced: validations since then, or since the rate was last reduced.
        rate_reduction: by which ``plateau`` has multiplied the rate.
        seconds: of training.
        metrics: the last value of each, by split.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    lines: int = 0
    validation_due: bool = False
    best: float | None = None
    since_best: int = 0
    since_reduced: int = 0
    rate_reduction: float = 1.0
    stopped_early: bool = False
    seconds: float = 0.0
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)

    def judge(self, measured: Measured, training: Training) -> bool:
        """Count a validation in, and what follows from it. Returns: whether it is the best so far."""
        better = self.best is None or measured.beats(self.best)
        self.best = measured.value if better else self.best
        self.since_best = 0 if better else self.since_best + 1
        self.since_reduced = 0 if better else self.since_reduced + 1
        if training.schedule == "plateau" and self.since_reduced >= training.plateau_patience:
            self.rate_reduction *= 0.1
            self.since_reduced = 0
        self.stopped_early = training.patience is not None and self.since_best >= training.patience
        self.validation_due = False
        return better


class Window:
    """Sums of what was reported since the last log line, each by its weight.

    What is reported is only kept at first, and added up many steps at a time: nothing waits for the device, and a step
    pays for no arithmetic that is not its own. The sums do not depend on when they are made.
    """

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.weights: dict[str, float] = {}
        self._waiting: dict[str, list[tuple[Tensor, float | Tensor]]] = {}

    def add(self, report: Mapping[str, Tensor], prefix: str = "", weight: float | Tensor | None = None) -> None:
        """Keep what a step reports.

        Args:
            report: one number, or one for each sample, by name.
            weight: of those that are one number; of the others each sample weighs 1. None is 1.
        """
        for name, value in report.items():
            key = prefix + name
            waiting = self._waiting.setdefault(key, [])
            weighs = value.numel() if value.ndim else 1.0 if weight is None else weight
            waiting.append((value.detach() if value.requires_grad else value, weighs))
            if len(waiting) >= _MOST_WAITING:
                self._settle(key)

    def means(self) -> dict[str, float]:
        """The mean of each; the window is empty afterwards."""
        self.settle()
        means = {key: total / self.weights[key] for key, total in self.sums.items()}
        self.sums, self.weights = {}, {}
        return means

    def settle(self) -> None:
        """Everything into the sums."""
        for key in list(self._waiting):
            self._settle(key)

    def _settle(self, key: str) -> None:
        values, weights = zip(*self._waiting.pop(key), strict=True)
        numbers = [float(weight) for weight in weights]
        for mean, weight in zip(_means(values), numbers, strict=True):  # one by one: pairs would round otherwise
            self.sums[key] = self.sums.get(key, 0.0) + weight * mean
            self.weights[key] = self.weights.get(key, 0.0) + weight


_MOST_WAITING = 256


def _means(values: Sequence[Tensor]) -> list[float]:
    """Of each, in float64; those of one shape together."""
    found: list[float] = []
    for _, alike in itertools.groupby(values, lambda value: value.shape):
        stacked = torch.stack(list(alike)).double()
        found += stacked.flatten(1).mean(1).tolist() if stacked.ndim > 1 else stacked.tolist()
    return found


@dataclass
class Learner:
    """Everything that a training changes."""

    model: nn.Module
    average: nn.Module | None
    optimizers: Mapping[str, torch.optim.Optimizer]
    window: Window
    position: Position
    remembering: Remembering | None = None

    def save(self, path: Path) -> None:
        """Raises: StorageError; the file before stays."""
        tensors = checkpoint.prefixed("model", self.model.state_dict())
        if self.average is not None:
            tensors |= checkpoint.prefixed("average", self.average.state_dict())
        if self.remembering is not None:
            tensors |= checkpoint.prefixed("task", self.remembering.memory())
        facts: dict[str, Any] = {"position": asdict(self.position), "optimizers": {}}
        self.window.settle()
        facts["window"] = {"sums": self.window.sums, "weights": self.window.weights}
        for name, optimizer in self.optimizers.items():
            packed, facts["optimizers"][name] = checkpoint.pack_optimizer(optimizer)
            tensors |= checkpoint.prefixed(f"optimizer.{name}", packed)
        checkpoint.save_tensors(path, tensors, facts)

    def load(self, path: Path) -> None:
        """Raises: ConfigError when the file is damaged or belongs to another model or another training."""
        tensors, facts = checkpoint.load_tensors(path)
        checkpoint.restore(self.model, checkpoint.without_prefix("model", tensors), str(path))
        try:
            if self.average is not None:
                checkpoint.restore(self.average, checkpoint.without_prefix("average", tensors), str(path))
            if self.remembering is not None:
                self.remembering.remember(checkpoint.without_prefix("task", tensors))
            for name, optimizer in self.optimizers.items():
                state = checkpoint.without_prefix(f"optimizer.{name}", tensors)
                checkpoint.unpack_optimizer(optimizer, state, facts["optimizers"][name])
            window = facts["window"]
            if "weights" in window:  # version 0.1.0 counted steps: its window is not gone on with
                self.window.sums = TypeAdapter(dict[str, float]).validate_python(window["sums"], strict=True)
                self.window.weights = TypeAdapter(dict[str, float]).validate_python(window["weights"], strict=True)
            if self.window.weights.keys() != self.window.sums.keys() or 0 in self.window.weights.values():
                raise ValueError("its sums and weights do not belong together")
            found = TypeAdapter(Position).validate_python(facts["position"], strict=False)
            if min(found.step, found.epoch, found.batch, found.lines) < 0:
                raise ValueError("its position is before the start")
            vars(self.position).update(vars(found))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            if isinstance(error, ConfigError):
                raise
            first = str(error).partition("\n")[0]
            raise ConfigError(f"{path} is damaged, or of another training: {first}", "train again") from None
