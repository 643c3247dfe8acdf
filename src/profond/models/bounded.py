"""A network is only built where its weights have room: settings from a damaged file, or mistyped, ask for anything."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from profond.core.device import memory_bytes
from profond.core.errors import ConfigError, DeviceError

MOST_TENSORS = 20_000
"""Ten times what the deepest of the published networks have."""


class Bounded(TorchFunctionMode):
    """Within this context tensors are counted before they are made.

    NOTE asking the system is not enough: it promises more memory than there is, and ends the process that uses it.

    Raises: DeviceError for tensors that together are larger than the machine's memory; ConfigError for too many.
    """

    _MAKERS = frozenset({torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn})
    _DRAWS = frozenset({torch.Tensor.normal_, torch.Tensor.uniform_})

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what
        self.tensors = 0
        self.bytes = 0
        self.limit = memory_bytes()

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function in self._DRAWS and args[0].is_meta:
            return args[0]  # PyTorch draws nothing either, and loads its compiler for that: seconds
        if function in self._MAKERS:
            size = args[0] if args and isinstance(args[0], tuple | list) else kwargs.get("size", args)
            self._count([side for side in size if isinstance(side, int)])
        return function(*args, **kwargs)

    def _count(self, size: list[int]) -> None:
        self.tensors += 1
        self.bytes += 4 * math.prod(size)
        if self.bytes > self.limit:
            raise DeviceError(
                f"{self.what} needs more than {self.limit / 2**30:.0f} GiB for its weights, all that this machine has",
                "make it smaller: `profond models show` lists its settings",
            )
        if self.tensors > MOST_TENSORS:
            raise ConfigError(f"{self.what} has more than {MOST_TENSORS:,} tensors of weights", "make it less deep")
