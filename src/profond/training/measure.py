"""One pass over a split: what a task's meter says of a model."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from profond.core.errors import DataError
from profond.tasks.task import Task
from profond.training.feed import placed


@torch.no_grad()
def measure(
    model: nn.Module,
    task: Task,
    batches: Iterable[Any],
    *,
    autocast: Callable[[], contextlib.AbstractContextManager[object]] = contextlib.nullcontext,
    channels_last: bool = False,
    between: Callable[[], None] = lambda: None,
) -> dict[str, float]:
    """One pass over a split in eval mode: the task's meter. The model's mode is put back.

    Raises: DataError when there is no batch.
    """
    device = next(model.parameters()).device
    meter, was_training, empty = task.meter(), model.training, True
    model.eval()
    try:
        for batch in batches:
            between()
            empty = False
            batch = placed(batch, device, channels_last)
            with autocast():
                prediction = task.predict(model, task.inputs(batch))
            meter.update(prediction, batch)
    finally:
        model.train(was_training)
    if empty:
        raise DataError("there is no batch to validate on", "give a valid split with samples, or none")
    return meter.compute()
