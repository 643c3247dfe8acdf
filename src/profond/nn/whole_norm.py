"""Instance norms of a picture that is seen part by part: by the mean and variance of the whole, measured one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode


def _zero() -> Tensor:
    return torch.zeros((), dtype=torch.float64)


@dataclass
class Moments:
    """Mean and variance of each channel over parts of a map that are taken in one after the other.

    Source: T. F. Chan, G. H. Golub, R. J. LeVeque, Updating formulae and a pairwise algorithm for computing sample
    variances, 1979.
    """

    count: int = 0
    mean: Tensor = field(default_factory=_zero)
    squares: Tensor = field(default_factory=_zero)

    def add(self, part: Tensor) -> None:
        """Take in a part (1, c, h, w)."""
        count = part.shape[2] * part.shape[3]
        variance, mean = (one[0].double().cpu() for one in torch.var_mean(part, dim=(2, 3), correction=0))
        total = self.count + count
        far = mean - self.mean
        self.squares = self.squares + variance * count + far.square() * (self.count * count / total)
        self.mean = self.mean + far * (count / total)
        self.count = total

    @property
    def variance(self) -> Tensor:
        """Of all that was taken in, as instance norms have it: divided by the count."""
        return self.squares / self.count


class Enough(Exception):
    """The norm that was to be measured is; what comes behind it is not needed."""


class KnownMoments(TorchFunctionMode):
    """Within it, instance norms use given moments, in the order in which they are called.

    A group norm with one channel in each group is an instance norm too.

    Args:
        known: of the first norms; None stands for mean 0 and variance 1 of all of them.
        measure: called with the input of the first norm that is not known, after which `Enough` is raised.
    """

    def __init__(self, known: Sequence[Moments] | None, measure: Callable[[Tensor], None] | None = None) -> None:
        super().__init__()
        self.known, self.measure, self.calls = known, measure, 0

    def __torch_function__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        if function is F.instance_norm and _given(args, named, 5, "use_input_stats", True):
            weight, bias, eps = (_given(args, named, *one) for one in ((3, "weight"), (4, "bias"), (7, "eps", 1e-5)))
        elif function is F.group_norm and _given(args, named, 1, "num_groups") == args[0].shape[1]:
            weight, bias, eps = (_given(args, named, *one) for one in ((2, "weight"), (3, "bias"), (4, "eps", 1e-5)))
        else:
            return function(*args, **named)
        values = self._normed(args[0], eps)
        if weight is not None:
            values.mul_(weight[:, None, None])
        return values if bias is None else values.add_(bias[:, None, None])

    def _normed(self, inputs: Tensor, eps: float) -> Tensor:
        """A tensor of its own. Raises: Enough."""
        number = self.calls
        self.calls += 1
        if self.known is None:
            return inputs.clone()
        if number == len(self.known):
            assert self.measure is not None, "a norm that nobody has measured"
            self.measure(inputs)
            raise Enough
        moments = self.known[number]
        scale = (moments.variance + eps).rsqrt().to(inputs.device, inputs.dtype)
        mean = moments.mean.to(inputs.device, inputs.dtype)
        return (inputs - mean[:, None, None]).mul_(scale[:, None, None])


def _given(args: Sequence[Any], named: Mapping[str, Any], place: int, name: str, default: Any = None) -> Any:
    return args[place] if len(args) > place else named.get(name, default)
