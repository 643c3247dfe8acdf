"""A learning rate from one short sweep and a trial against the one that is set, on copies of the model."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from torch import Tensor, nn

from profond.core.errors import NonFiniteLoss
from profond.tasks.plain import as_task
from profond.tasks.task import Task
from profond.training.feed import count
from profond.training.loop import fit
from profond.training.observers import Losses, Progress
from profond.training.settings import Training

FARTHEST = 10.0
"""By what factor the suggestion may differ from the rate that is set: what a short look says reaches no further."""
TRIAL_STEPS = 60
SMOOTHED_OVER = 5  # steps on each side


@dataclass(frozen=True)
class Found:
    """A sweep, a trial, and the rate to use.

    Args:
        rates: that the sweep tried.
        losses: at each of them, smoothed.
        suggestion: the rate to use.
        trial: the loss that a short training ended with, by rate: the one that is set and the one that the sweep found.
            Infinite where the training diverged.
    """

    rates: Sequence[float]
    losses: Sequence[float]
    suggestion: float
    trial: Mapping[float, float] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """The rate and why, on one line."""
        ends = " and ".join(f"{loss:.3g} at {rate:.2g}" for rate, loss in self.trial.items())
        return f"learning rate {self.suggestion:.2g}, after a sweep of {len(self.rates)} steps; a trial's loss: {ends}"


def find_learning_rate(
    model: nn.Module,
    task: Task | Callable[[Any, Tensor], Tensor] | str,
    batches: Iterable[Any],
    training: Training | None = None,
    *,
    lowest: float = 1e-5,
    highest: float = 1.0,
    steps: int = 100,
) -> Found:
    """Raise the rate exponentially from step to step until the loss explodes; the model is not changed.

    The rate at which the smoothed loss falls fastest is tried against the one that is set, ``training.learning_rate``,
    in a short training each, on the same batches; the better of the two is the suggestion. It is at most `FARTHEST`
    times higher or lower than the one that is set, unless that one diverges. Parameters that would be unfrozen later
    stay frozen in the sweep.

    NOTE Where the loss is *lowest* says little about the rate: on few samples a sweep learns them by heart on its way,
    and from there on every rate has a low loss.

    Source: Smith, "Cyclical Learning Rates for Training Neural Networks", 2017, arXiv 1506.01186; the steepest fall
    after Smith, "A disciplined approach to neural network hyper-parameters", 2018, arXiv 1803.09820, and fastai's
    rate finder. Deviation: the trial, and the bound.
    """
    task, training = as_task(task), training or Training()
    given = training.learning_rate
    watch = _Sweep(lowest, highest, steps)
    _fit_a_copy(model, task, batches, _swept(training, lowest, highest, steps), watch)
    smooth = _smoothed(watch.losses)
    steepest = watch.rates[_steepest(smooth)]

    def ends_at(rate: float) -> float:
        return _tried(model, task, batches, replace(training, learning_rate=rate))

    trial = {given: ends_at(given)}
    if math.isfinite(trial[given]):
        steepest = float(np.clip(steepest, given / FARTHEST, given * FARTHEST))
    trial[steepest] = ends_at(steepest)
    return Found(watch.rates[: len(smooth)], smooth, min(trial, key=trial.__getitem__), trial)


def _swept(training: Training, lowest: float, highest: float, steps: int) -> Training:
    later = (pattern for _, patterns in training.unfreeze for pattern in patterns)
    return replace(
        _alone(training),
        steps=steps,
        learning_rate=1.0,
        phases={},
        freeze=(*training.freeze, *later),
        unfreeze=(),
        schedule="constant",
        warmup=0.0,
        rate_sweep=(lowest, highest),
        accumulate=1,
    )


def _alone(training: Training) -> Training:
    """Without what needs validation, and without what costs time and does not decide how the loss falls."""
    schedule = "constant" if training.schedule == "plateau" else training.schedule
    return replace(
        training,
        epochs=None,
        steps=1,
        schedule=schedule,
        patience=None,
        keep="last",
        ema=None,
        compile=False,
        log_every_steps=1,
    )


def _tried(model: nn.Module, task: Task, batches: Iterable[Any], training: Training) -> float:
    """The mean loss of the last quarter of a short training; infinite when it diverged."""
    steps = training.steps
    if steps is None and (length := count(batches)) is not None and training.epochs is not None:
        steps = max(1, round(training.epochs * -(-length // training.accumulate)))
    steps = min(TRIAL_STEPS, steps or TRIAL_STEPS)
    watch = _FiniteLosses()
    _fit_a_copy(model, task, batches, replace(_alone(training), steps=steps), watch)
    if len(watch.losses) < steps:
        return math.inf
    return float(np.mean(watch.losses[-max(1, steps // 4) :]))


def _fit_a_copy(model: nn.Module, task: Task, batches: Iterable[Any], training: Training, watch: Losses) -> None:
    with contextlib.suppress(_Exploded, NonFiniteLoss):
        fit(copy.deepcopy(model), task, batches, training, observers=(watch,))


def _smoothed(losses: Sequence[float]) -> list[float]:
    """The mean of each loss and its neighbours, so that noise of single batches moves no step sideways."""
    reach = SMOOTHED_OVER
    return [float(np.mean(losses[max(0, i - reach) : i + reach + 1])) for i in range(len(losses))]


def _steepest(smooth: Sequence[float]) -> int:
    """Where the loss falls most from one rate to the next; the steps are equally long in the rate's logarithm."""
    lowest = min(range(len(smooth)), key=smooth.__getitem__)
    return 0 if lowest == 0 else int(np.argmin(np.gradient(smooth[: lowest + 1])))


class _Exploded(Exception):
    pass


class _FiniteLosses(Losses):
    """Ends the training at the first loss that is no number, and does not keep it."""

    def logged(self, progress: Progress, record: Mapping[str, Any]) -> None:
        super().logged(progress, record)
        if not math.isfinite(self.losses[-1]):
            self.losses.pop()
            raise _Exploded


class _Sweep(_FiniteLosses):
    """Ends the sweep when a running mean of the loss is four times its best."""

    def __init__(self, lowest: float, highest: float, steps: int) -> None:
        super().__init__()
        self.rates = [lowest * (highest / lowest) ** (step / max(1, steps - 1)) for step in range(steps)]
        self._sum, self._best = 0.0, math.inf

    def logged(self, progress: Progress, record: Mapping[str, Any]) -> None:
        super().logged(progress, record)
        self._sum = 0.9 * self._sum + 0.1 * self.losses[-1]
        mean = self._sum / (1 - 0.9 ** len(self.losses))
        self._best = min(self._best, mean)
        if mean > 4 * self._best:
            self.losses.pop()
            raise _Exploded
