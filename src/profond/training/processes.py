"""One process or many: Lightning Fabric starts them; a GAN's two phases need no wrapper around the model."""

from __future__ import annotations

import atexit
import logging
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from profond.core.device import Arithmetic
from profond.training.settings import Training

# We say the precision and its reason ourselves.
logging.getLogger("lightning_fabric.utilities.rank_zero").setLevel(logging.WARNING)


def open_fabric(training: Training, device: torch.device, arithmetic: Arithmetic) -> Fabric:
    """Fabric for a device and a precision, and its processes, if there are several (by itself, torchrun or SLURM)."""
    several = training.devices * training.nodes > 1
    fabric = Fabric(
        accelerator=device.type,
        devices=training.devices if several or device.type != "cuda" else [device.index or 0],
        num_nodes=training.nodes,
        strategy="ddp" if several else "auto",
        precision=arithmetic.fabric,
    )
    if several:
        fabric.launch()
        _leave_at_exit()
    return fabric


@cache
def _leave_at_exit() -> None:
    """Close the connection before the interpreter ends; once a process.

    NOTE Fabric does so for NCCL alone. Gloo's threads would now and then still run when the process is taken down,
    which then aborts ("terminate called without an active exception") with its work done.
    """
    atexit.register(_leave)


def _leave() -> None:
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def same_start(fabric: Fabric, model: nn.Module) -> None:
    """Give every process the first one's weights and buffers."""
    if fabric.world_size > 1:
        for tensor in model.state_dict().values():
            torch.distributed.broadcast(tensor, 0)


def average_gradients(fabric: Fabric, parameters: Sequence[nn.Parameter], weight: float | Tensor = 1.0) -> None:
    """Average gradients over processes, each by its weight, in one flat message.

    NOTE not DistributedDataParallel, whose hooks expect one forward of the whole module for each backward.
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    share = torch.as_tensor(weight, dtype=flat.dtype, device=flat.device).reshape(1)
    summed = fabric.all_reduce(torch.cat([flat * share, share]), reduce_op="sum")
    assert isinstance(summed, Tensor)
    averaged = summed[:-1] / summed[-1]
    parts = torch.split(averaged, [gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def shared(fabric: Fabric, batches: Iterable[Any]) -> Iterable[Any]:
    """The batches, a `DataLoader`'s dealt out over the processes; our own loaders deal themselves."""
    if fabric.world_size > 1 and isinstance(batches, torch.utils.data.DataLoader):
        dealt: Iterable[Any] = fabric.setup_dataloaders(batches, move_to_device=False)
        return dealt
    return batches
