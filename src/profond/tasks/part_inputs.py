"""What a network takes, as the inputs of a graph that leaves Python, and examples of it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.core.spec import Spec
from profond.core.tokens import SPECIAL
from profond.tasks.task import Tensors

_NAMES = {"chw": "pictures", "ct": "series", "cthw": "clips", "t": "tokens", "c": "points"}
TIME = "time"
"""The axis of steps, where a network takes any number of them."""


def network_input(model: nn.Module, spec: Spec) -> Tensors:
    """The input that a network takes of one sample, without the batch axis: pictures, series, clips, tokens or points.

    Raises: ConfigError for samples of another kind.
    """
    if spec.axes not in _NAMES:
        raise ConfigError(
            f"samples with the axes {spec.axes!r} are of no kind that can be given to an exported file",
            "pictures, series, clips, tokens and points are",
        )
    shape: tuple[int | str, ...] = tuple(spec.shape)
    if "t" in spec.axes and (getattr(model, "any_length", False) or spec.axes == "t"):
        place = spec.axes.index("t")
        shape = (*shape[:place], TIME, *shape[place + 1 :])
    return Tensors(_NAMES[spec.axes], shape, "int64" if spec.axes == "t" else "float32")


def network_examples(model: nn.Module, spec: Spec) -> Callable[[int, int], tuple[Tensor, ...]]:
    """From a number of samples and a length to so many inputs; of any length, all but the first are shorter ones.

    The same numbers give the same inputs.
    """
    wanted = network_input(model, spec)
    vocabulary = 0 if spec.tokens is None else len(spec.tokens)

    def examples(count: int, length: int) -> tuple[Tensor, ...]:
        random = torch.Generator().manual_seed(1000 * count + length)
        sides = [axis if isinstance(axis, int) else length for axis in wanted.shape]
        if wanted.dtype == "int64":
            found = torch.randint(min(len(SPECIAL), vocabulary - 1), vocabulary, (count, *sides), generator=random)
        else:
            found = torch.randn(count, *sides, generator=random)
        if TIME in wanted.shape:
            axis = 1 + wanted.shape.index(TIME)
            for number in range(1, count):
                ends = 1 + (length - 1) * number // count  # 0 and NaN stand behind a shorter sample's end
                behind = found[number].narrow(axis - 1, ends, length - ends)
                behind.fill_(0 if wanted.dtype == "int64" else torch.nan)
        return (found,)

    return examples
