"""Which processor, and which arithmetic it does well."""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from profond.core import processor
from profond.core.errors import DeviceError
from profond.core.processor import usable_cores as usable_cores  # many ask for it here, beside the devices

Precision = Literal["auto", "fp32", "bf16", "fp16"]


@dataclass(frozen=True)
class Arithmetic:
    """A precision and the reason for it, in one line.

    Args:
        precision: ``"fp32"``, ``"bf16"`` (autocast) or ``"fp16"`` (autocast with loss scaling).
        reason: why, for people.
    """

    precision: Literal["fp32", "bf16", "fp16"]
    reason: str

    def __str__(self) -> str:
        return f"{self.precision} ({self.reason})"


AT_ONCE = 2_500_000
"""Numbers that go into a network together on a CPU, 16 photos of 224×224: with more, what is in between is too large
for its caches, and a photo takes twice as long or more."""


def together(sample: Sequence[int], device: torch.device) -> int:
    """How many samples of this shape should go through a network at once, where nothing depends on the number."""
    return max(1, AT_ONCE // max(1, math.prod(sample))) if device.type == "cpu" else sys.maxsize


def choose_device(name: str = "auto") -> torch.device:
    """``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps`` to a device that is here.

    Raises: DeviceError when it is not.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise DeviceError(f"no such device: {name!r}", "use auto, cpu, cuda, cuda:0 or mps") from None
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not here.get(device.type, False):
        raise DeviceError(f"this machine has no {device.type!r} device", "use --device cpu, or leave it out")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceError(f"{name} was asked for, but there are {torch.cuda.device_count()} CUDA devices")
    return device


def device_of(model: nn.Module) -> torch.device:
    """Where a model's parameters are; the CPU for a model without any."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


def choose_precision(device: torch.device, asked: Precision = "auto") -> Arithmetic:
    """What the device does well, unless something else was asked for."""
    if asked != "auto":
        return Arithmetic(asked, "as asked")
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return Arithmetic("bf16", f"{torch.cuda.get_device_name(device)} has bf16 matrix units")
        return Arithmetic("fp32", f"{torch.cuda.get_device_name(device)} has no bf16")
    if device.type == "cpu":
        found = processor.bf16()
        return Arithmetic("bf16" if found.instructions else "fp32", found.reason)
    return Arithmetic("fp32", f"the default on {device.type}")


def memory_bytes() -> int:
    """What this machine has of memory, or what the container that this runs in may use of it."""
    try:
        found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    except (AttributeError, ValueError, OSError):  # a system that does not say
        return sys.maxsize
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            found.append(int(Path(limit).read_text()))
    return min(found)


def processes_here() -> int:
    """How many processes of one training share this machine, as their launcher says."""
    told = os.environ.get("LOCAL_WORLD_SIZE", "")
    return max(1, int(told)) if told.isdecimal() else 1
