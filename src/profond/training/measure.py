"""One pass over a split: what validation and evaluation share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn

from profond.core.errors import ConfigError, DataError
from profond.core.spec import Spec
from profond.measures.measured import Measured
from profond.tasks.task import Meter, Task
from profond.training.feed import placed

LOSS = "loss"
"""What every training makes less, and its validations watch where nothing else is asked for."""


@torch.no_grad()
def measure(
    model: nn.Module,
    task: Task,
    batches: Iterable[Any],
    *,
    what: str = "split",
    spec: Spec | None = None,
    device: torch.device,
    channels_last: bool = False,
    around: Callable[[], contextlib.AbstractContextManager[Any]] = contextlib.nullcontext,
    before: Callable[[], None] = lambda: None,
    after: Callable[[int], None] = lambda count: None,
) -> Meter:
    """The task's meter after one pass in eval mode; every part of the model is left in the mode that it came in.

    Args:
        what: how the batches are called in an error.
        spec: what the data decided, as far as known.
        device: where the model is, and the batches are brought.
        channels_last: lay pictures out as convolutions prefer.
        around: a context for each batch, such as autocast.
        before: called before each batch.
        after: called after each batch, with the number of its samples.

    Raises: DataError when there is no batch.
    """
    meter, empty = task.meter(spec), True
    modes = {part: part.training for part in model.modules()}
    model.eval()
    try:
        for batch in batches:
            before()
            with around():
                count = meter.update(model, placed(batch, device, channels_last))
            empty = False
            after(count)
    finally:
        for part, mode in modes.items():  # one by one: a frozen part may stay in eval mode inside a training model
            part.training = mode
    if empty:
        raise DataError(f"there is nothing to measure: the {what} is empty", "give one with samples, or none")
    return meter


def watched_metric(monitor: str, measured: Mapping[str, Measured], headline: str) -> str:
    """The name of the metric that decides which weights are best.

    Args:
        monitor: as asked for; the loss stands for the headline of a task that measures none.

    Raises: ConfigError for a metric that is not measured, or of which neither way is better.
    """
    name = headline if monitor == LOSS and LOSS not in measured else monitor
    if name not in measured:
        raise ConfigError(f"monitor is {monitor!r}", f"validation gives {', '.join(sorted(measured))}")
    if measured[name].better is None:
        others = (
            ", ".join(sorted(other for other, number in measured.items() if number.better)) or "none of its metrics"
        )
        raise ConfigError(f"monitor is {name!r}, of which neither way is better", f"watch another: {others}")
    return name
