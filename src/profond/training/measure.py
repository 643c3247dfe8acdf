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
from profond.nn.modes import evaluating
from profond.tasks.task import Joinable, Marked, Meter, Task
from profond.training.feed import Positioned, own_part, placed
from profond.training.processes import Processes

LOSS = "loss"
"""What every training makes less, and its validations watch where nothing else is asked for."""


class Stopped(Exception):
    """A pass was ended before its time."""


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
    stop: Callable[[], bool] = lambda: False,
    after: Callable[[int], None] = lambda count: None,
    processes: Processes | None = None,
) -> Meter:
    """The task's meter after one pass in eval mode; every part of the model is left in the mode that it came in.

    Args:
        what: how the batches are called in an error.
        spec: what the data decided, as far as known.
        device: where the model is, and the batches are brought.
        channels_last: lay pictures out as convolutions prefer.
        around: a context for each batch, such as autocast.
        stop: asked before each batch; where it says so in any process, all of them stop.
        after: called after each batch, with the number of its samples.
        processes: each of which measures a part, where batches and meter can be parted; all of them get the whole.

    Raises: DataError when there is no batch; Stopped.
    """

    def fresh() -> Meter:
        meter = task.meter(spec)
        if isinstance(meter, Marked):
            meter.marks = getattr(getattr(batches, "split", None), "marks", {})
        return meter

    meter, empty, stopped = fresh(), True, False
    several = processes is not None and processes.size > 1
    parted = several and isinstance(batches, Positioned) and isinstance(meter, Joinable)
    with evaluating(model):
        for batch in own_part(batches, processes) if processes and parted else batches:
            stopped = stop()
            if stopped:
                break
            with around():
                count = meter.update(model, placed(batch, device, channels_last))
            empty = False
            after(count)
    if processes and several:
        stopped = any(processes.everyone(stopped))
        if parted and not stopped:
            meter, empty = _joined(fresh(), None if empty else meter, processes)
    if stopped:
        raise Stopped
    if empty:
        raise DataError(f"there is nothing to measure: the {what} is empty", "give one with samples, or none")
    return meter


def _joined(whole: Any, own: Any, processes: Processes) -> tuple[Meter, bool]:
    """A fresh meter with what those of all processes have seen, and whether that is nothing."""
    everyone = [seen for seen in processes.everyone(None if own is None else own.seen()) if seen is not None]
    for seen in everyone:
        whole.join(seen)
    return whole, not everyone


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
