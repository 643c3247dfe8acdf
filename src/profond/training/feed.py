"""Batches in the order and from the position that the loop asks for, from our loaders and from anybody's."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from lightning_utilities.core.apply_func import apply_to_collection
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from profond.core.errors import ConfigError
from profond.core.randomness import seed_here
from profond.training.position import Position
from profond.training.processes import Processes
from profond.training.settings import Training


@runtime_checkable
class Positioned(Protocol):
    """A loader that can start anywhere: batch k depends on (seed, epoch, k) alone."""

    def __len__(self) -> int: ...

    def at(
        self, epoch: int, start: int = 0, rank: int = 0, world_size: int = 1, stop: int | None = None
    ) -> Iterator[Any]: ...


@runtime_checkable
class Extendable(Protocol):
    """A loader that can join a small last batch to the one before it."""

    def joined(self, least: int) -> Iterable[Any]: ...


def enough_for_each(batches: Iterable[Any], model: nn.Module, freeze_norms: bool | None, processes: int = 1) -> Any:
    """Our own batches, none of them too small: a last one that is belongs to the one before it.

    A network that takes statistics from its batches needs two samples in each; for all others a batch of one is as good
    as any. Several processes need two each.
    """
    norms = any(isinstance(part, _BatchNorm) for part in model.modules()) and not freeze_norms
    least = 2 * processes if processes > 1 else 2 if norms else 1
    return batches.joined(least) if least > 1 and isinstance(batches, Extendable) else batches


def count(batches: Iterable[Any]) -> int | None:
    """Batches in an epoch, or None when the iterable does not know."""
    try:
        length = len(batches)  # type: ignore[arg-type]
    except TypeError:
        return None
    if length == 0:
        raise ConfigError("there is no batch to train on", "use a smaller batch size or more data")
    return length


def epoch_batches(
    batches: Iterable[Any], epoch: int, start: int, *, seed: int, rank: int = 0, world_size: int = 1
) -> Iterator[Any]:
    """Batches ``start``, ``start + 1``, … of an epoch.

    NOTE For any other iterable than our own, torch's random state is set before each batch is drawn, skipped ones
    included, so that a `DataLoader` shuffles and augments alike in a run that was stopped and one that was not.
    """
    if isinstance(batches, Positioned):
        yield from batches.at(epoch, start, rank, world_size)
        return
    sampler = getattr(batches, "sampler", None)
    if sampler is not None and hasattr(sampler, "set_epoch"):
        sampler.set_epoch(epoch)
    seed_here(seed, "order", epoch)
    iterator = iter(batches)
    for index in itertools.count():
        seed_here(seed, "batch", epoch, index, rank)
        try:
            batch = next(iterator)
        except StopIteration:
            return
        if index >= start:
            yield batch


def own_part(batches: Iterable[Any], processes: Processes) -> Iterable[Any]:
    """What one of several processes measures of a split: a part of its batches as they are, the parts in order of rank.

    So nothing is counted twice, and what is measured is, to the bit, what one process measures.

    Args:
        batches: of ours, `Positioned`.
    """
    assert isinstance(batches, Positioned)
    first, last = (len(batches) * rank // processes.size for rank in (processes.rank, processes.rank + 1))
    return batches.at(0, first, stop=last)


def groups(
    batches: Iterable[Any], position: Position, training: Training, processes: Processes, channels_last: bool
) -> Iterator[tuple[int, int, list[Any]]]:
    """From a position on: the epoch, the batches of it used by then, and the batches of a step, on the device."""
    used = position.batch
    for epoch in itertools.count(position.epoch):
        stream = epoch_batches(batches, epoch, used, seed=training.seed, rank=processes.rank, world_size=processes.size)
        before = used
        while group := list(itertools.islice(stream, training.accumulate)):
            used += len(group)
            yield epoch, used, [placed(batch, processes.device, channels_last) for batch in group]
        if used == 0 and before == 0:
            return
        used = 0


def placed(batch: Any, device: torch.device, channels_last: bool) -> Any:
    """The batch on the device, NumPy's arrays as tensors, pictures in the layout that convolutions prefer."""
    if not (isinstance(batch, tuple) and all(isinstance(part, Tensor) and part.device == device for part in batch)):
        batch = apply_to_collection(batch, np.ndarray | np.generic, _tensor)
        batch = apply_to_collection(batch, _Movable, lambda part: _moved(part, device))
    return apply_to_collection(batch, Tensor, _arranged) if channels_last else batch


@runtime_checkable
class _Movable(Protocol):
    """A tensor, or a batch of a person's own kind that says how it moves."""

    def to(self, device: torch.device) -> Any: ...


def _moved(part: Any, device: torch.device) -> Any:
    if not isinstance(part, Tensor):
        return part.to(device)
    return part.to(device, non_blocking=device.type == "cuda")


def _tensor(array: np.ndarray | np.generic) -> Any:
    """An array as a tensor; float64, which is NumPy's ordinary kind, as float32, which is the networks'."""
    if array.dtype.kind not in "biuf":
        return array
    array = np.asarray(array, dtype=np.float32 if array.dtype == np.float64 else None)
    return torch.as_tensor(array.astype(np.int64) if array.dtype.kind == "u" and array.itemsize > 1 else array.copy())


def _arranged(part: Tensor) -> Tensor:
    if part.ndim == 4 and part.is_floating_point():
        return part.contiguous(memory_format=torch.channels_last)
    return part
