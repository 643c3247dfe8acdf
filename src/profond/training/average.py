"""An exponential moving average of a model's weights."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class MovingAverage:
    """A shadow copy that follows the weights; buffers are copied.

    The decay starts low, ``(1 + n) / (10 + n)``, so that short trainings are not held back by their first steps.

    Args:
        model: what to follow.
        decay: the share of the average that each step keeps, in (0, 1).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False).eval()
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move towards the model after step number ``step`` (1 for the first)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        mine: list[Tensor] = list(self.model.parameters())
        theirs: list[Tensor] = [p.detach() for p in model.parameters()]
        torch._foreach_lerp_(mine, theirs, 1 - decay)
        for own, other in zip(self.model.buffers(), model.buffers(), strict=True):
            own.copy_(other)
