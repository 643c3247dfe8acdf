"""Batches in the order and from the position that the loop asks for, from our loaders and from anybody's."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from lightning_fabric.utilities import move_data_to_device
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from profond.core.errors import ConfigError
from profond.core.randomness import seed_here


@runtime_checkable
class Positioned(Protocol):
    """A loader that can start anywhere: batch k depends on (seed, epoch, k) alone."""

    def __len__(self) -> int: ...

    def at(self, epoch: int, start: int = 0, rank: int = 0, world_size: int = 1) -> Iterator[Any]: ...


@runtime_checkable
class Joinable(Protocol):
    """A loader that can join a small last batch to the one before it."""

    def joined(self, least: int) -> Iterable[Any]: ...


def enough_for_norms(batches: Iterable[Any], model: nn.Module, freeze_norms: bool | None, world_size: int = 1) -> Any:
    """Our own batches, none of them so small that a process gets one sample of it, which has no statistics.

    Only for a network that takes statistics from its batches; for all others a last batch of one is as good as any.
    """
    takes = any(isinstance(part, _BatchNorm) for part in model.modules()) and not freeze_norms
    return batches.joined(2 * world_size) if takes and isinstance(batches, Joinable) else batches


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


def placed(batch: Any, device: torch.device, channels_last: bool) -> Any:
    """The batch on the device, NumPy's arrays as tensors, pictures in the layout that convolutions prefer."""
    if not (isinstance(batch, tuple) and all(isinstance(part, Tensor) and part.device == device for part in batch)):
        batch = move_data_to_device(_tensors(batch), device)
    return _arranged(batch) if channels_last else batch


def _tensors(batch: Any) -> Any:
    """NumPy's arrays as tensors; float64, which is NumPy's ordinary kind, as float32, which is the networks'."""
    if isinstance(batch, np.ndarray | np.generic) and batch.dtype.kind in "biuf":
        array = np.asarray(batch, dtype=np.float32 if batch.dtype == np.float64 else None)
        return torch.as_tensor(
            array.astype(np.int64) if array.dtype.kind == "u" and array.itemsize > 1 else array.copy()
        )
    if isinstance(batch, tuple | list) and not hasattr(batch, "_fields"):
        return type(batch)(_tensors(part) for part in batch)
    if isinstance(batch, dict):
        return {key: _tensors(part) for key, part in batch.items()}
    return batch


def _arranged(batch: Any) -> Any:
    if isinstance(batch, Tensor):
        if batch.ndim == 4 and batch.is_floating_point():
            return batch.contiguous(memory_format=torch.channels_last)
        return batch
    if isinstance(batch, tuple | list) and not hasattr(batch, "_fields"):
        return type(batch)(_arranged(part) for part in batch)
    if isinstance(batch, dict):
        return {key: _arranged(part) for key, part in batch.items()}
    return batch
