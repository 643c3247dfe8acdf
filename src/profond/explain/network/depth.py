"""How deep a network is: layers with weights on the longest way from input to output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from profond.core.device import device_of

_WEIGHTED: frozenset[Callable[..., Any]] = frozenset(
    {torch.conv1d, torch.conv2d, torch.conv3d, torch.nn.functional.linear, torch.conv_transpose2d}
)


def depth(model: nn.Module, input_shape: Sequence[int]) -> int:
    """Convolutions and dense layers on the longest way; the number by which the field names its networks.

    A depthwise convolution counts, a shortcut's projection does not lengthen the way beside it, and normalisation,
    pooling and activation do not count.

    Args:
        model: on any device, the meta device too.
        input_shape: of one sample, without the batch axis.

    Source: the count of He et al., "Deep Residual Learning", 2015, table 1, and of GoogLeNet's "22 layers".
    """
    device = device_of(model)
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad(), _Ways() as ways:
            output = model(torch.zeros(1, *input_shape, device=device))
    finally:
        model.train(was_training)
    deepest: int = ways.of(output)
    return deepest


class _Ways(TorchFunctionMode):
    """Remembers of every tensor the longest way that led to it."""

    def __init__(self) -> None:
        super().__init__()
        self.lengths: dict[int, int] = {}
        self.alive: list[Tensor] = []  # so that no identity is used twice

    def of(self, value: Any) -> int:
        lengths = [self.lengths.get(id(tensor), 0) for tensor in _tensors(value)]
        return max(lengths, default=0)

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        longest = self.of((args, kwargs)) + int(function in _WEIGHTED)
        result = function(*args, **kwargs)
        for tensor in _tensors(result):
            self.alive.append(tensor)
            self.lengths[id(tensor)] = max(longest, self.lengths.get(id(tensor), 0))
        return result


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _tensors(part)
    elif isinstance(value, dict):
        yield from _tensors(tuple(value.values()))
