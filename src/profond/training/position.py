"""Where a loop stands, and how that is kept and found again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.training import checkpoint


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


class Window:
    """Sums of reported scalars since the last log line, kept on the device so that nothing waits for it."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}

    def add(self, report: Mapping[str, Tensor], prefix: str = "") -> None:
        for name, value in report.items():
            key = prefix + name
            if value.requires_grad or value.dtype != torch.float32:
                value = value.detach().float()
            self.sums[key] = self.sums[key] + value if key in self.sums else value
            self.counts[key] = self.counts.get(key, 0) + 1

    def means(self) -> dict[str, float]:
        """The mean of each scalar; the window is empty afterwards."""
        means = {key: float(total) / self.counts[key] for key, total in self.sums.items()}
        self.sums, self.counts = {}, {}
        return means


@dataclass
class Learner:
    """Everything that a training changes."""

    model: nn.Module
    average: nn.Module | None
    optimizers: Mapping[str, torch.optim.Optimizer]
    window: Window
    position: Position

    def save(self, path: Path) -> None:
        """Raises: StorageError; the file before stays."""
        tensors = checkpoint.prefixed("model", self.model.state_dict())
        tensors |= checkpoint.prefixed("window", self.window.sums)
        if self.average is not None:
            tensors |= checkpoint.prefixed("average", self.average.state_dict())
        facts: dict[str, Any] = {"position": asdict(self.position), "counts": self.window.counts, "optimizers": {}}
        for name, optimizer in self.optimizers.items():
            packed, facts["optimizers"][name] = checkpoint.pack_optimizer(optimizer)
            tensors |= checkpoint.prefixed(f"optimizer.{name}", packed)
        checkpoint.save_tensors(path, tensors, facts)

    def load(self, path: Path, device: torch.device) -> None:
        """Raises: ConfigError when the file is damaged or belongs to another model or another training."""
        tensors, facts = checkpoint.load_tensors(path)
        checkpoint.restore(self.model, checkpoint.without_prefix("model", tensors), str(path))
        try:
            if self.average is not None:
                checkpoint.restore(self.average, checkpoint.without_prefix("average", tensors), str(path))
            for name, optimizer in self.optimizers.items():
                state = checkpoint.without_prefix(f"optimizer.{name}", tensors)
                checkpoint.unpack_optimizer(optimizer, state, facts["optimizers"][name])
            self.window.sums = {n: t.to(device) for n, t in checkpoint.without_prefix("window", tensors).items()}
            self.window.counts = dict(facts["counts"])
            vars(self.position).update(vars(Position(**facts["position"])))
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, ConfigError):
                raise
            raise ConfigError(f"{path} is of another training: {error}", "train again") from None
