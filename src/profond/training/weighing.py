"""The mean of several batches is a mean over their samples, or tokens, however these are parted into batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from profond.tasks.task import Loss


class Shares:
    """How much each batch of one step counts; each weighs by what its loss is the mean of.

    Each is weighed against the first while gradients are added up, which leaves equal batches as they are, to the bit;
    what is then too much or too little of unequal ones is put right once, at the end.

    Args:
        batches: how many there are.
        total: adds up over the processes that share each batch; None in one process.
    """

    def __init__(self, batches: int, total: Callable[[float | Tensor], float] | None = None) -> None:
        self.batches, self.total = batches, total
        self.weights: list[float | Tensor] = []

    def of(self, loss: Loss) -> Tensor:
        """What to differentiate: the batch's part of the mean, or this process's part of that."""
        weight = 1.0 if loss.weight is None else loss.weight
        self.weights.append(weight if self.total is None else self.total(weight))
        first = self.weights[0]
        value = loss.value if _equal(weight, first) else loss.value * (weight / first)
        return value if self.batches == 1 else value / self.batches

    def settle(self, parameters: Sequence[nn.Parameter]) -> None:
        """Put right the gradients of a step whose batches do not weigh the same."""
        if all(_equal(weight, self.weights[0]) for weight in self.weights):
            return
        factor = self.batches * self.weights[0] / sum(self.weights)
        torch._foreach_mul_([p.grad for p in parameters if p.grad is not None], factor)


def _equal(one: float | Tensor, other: float | Tensor) -> bool:
    """Whether they are known to be equal; to look into tensors would make the processor wait for the device."""
    return one is other or (not isinstance(one, Tensor) and not isinstance(other, Tensor) and one == other)
