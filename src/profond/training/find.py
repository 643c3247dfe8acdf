"""A learning rate from one short sweep, on a copy of the model."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from profond.core.errors import NonFiniteLoss
from profond.tasks.task import Task
from profond.training.loop import fit
from profond.training.observers import Progress
from profond.training.settings import Training


@dataclass(frozen=True)
class Found:
    """A sweep: the rates tried, the smoothed loss at each, and the rate to use."""

    rates: Sequence[float]
    losses: Sequence[float]
    suggestion: float


def find_learning_rate(
    model: nn.Module,
    task: Task,
    batches: Iterable[Any],
    training: Training | None = None,
    *,
    lowest: float = 1e-5,
    highest: float = 1.0,
    steps: int = 100,
) -> Found:
    """Raise the rate exponentially from step to step until the loss explodes; the model is not changed.

    The suggestion is a third of the rate at which the smoothed loss is lowest: still safe, and fast. Parameters that
    would be unfrozen later stay frozen.

    Source: Smith, "Cyclical Learning Rates for Training Neural Networks", 2017, arXiv 1506.01186. Deviation: he takes
    the rate where the accuracy still rises; the lowest smoothed loss, divided, is steadier from seed to seed.
    """
    watch = _Sweep(lowest, highest, steps)
    training = training or Training()
    later = (pattern for _, patterns in training.unfreeze for pattern in patterns)
    sweep = replace(
        training,
        epochs=None,
        steps=steps,
        learning_rate=1.0,
        phases={},
        freeze=(*training.freeze, *later),
        unfreeze=(),
        schedule="constant",
        warmup=0.0,
        rate_sweep=(lowest, highest),
        log_every_steps=1,
        patience=None,
        keep="last",
        ema=None,
        accumulate=1,
        compile=False,
    )
    with contextlib.suppress(_Exploded, NonFiniteLoss):
        fit(copy.deepcopy(model), task, batches, sweep, observers=(watch,))
    smooth = watch.smooth
    best = min(range(len(smooth)), key=smooth.__getitem__)
    return Found(watch.rates[: len(smooth)], smooth, watch.rates[best] / 3)


class _Exploded(Exception):
    pass


class _Sweep:
    """Smooths the loss and ends the sweep when it is four times its best."""

    def __init__(self, lowest: float, highest: float, steps: int) -> None:
        self.rates = [lowest * (highest / lowest) ** (step / max(1, steps - 1)) for step in range(steps)]
        self.smooth: list[float] = []
        self._sum = 0.0

    def started(self, progress: Progress) -> None:
        pass

    def stepped(self, progress: Progress) -> None:
        pass

    def finished(self, progress: Progress) -> None:
        pass

    def logged(self, progress: Progress, record: Mapping[str, Any]) -> None:
        loss = sum(value for name, value in record.items() if name == "loss" or name.endswith("/loss"))
        self._sum = 0.9 * self._sum + 0.1 * loss
        value = self._sum / (1 - 0.9 ** (len(self.smooth) + 1))
        if not math.isfinite(value) or (self.smooth and value > 4 * min(self.smooth)):
            raise _Exploded
        self.smooth.append(value)
