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
        half_life: instead, the share of the steps done so far after which a weight counts half: with 0.1 the average
            of step 1,000 is of the last few hundred steps, and that of step 10,000 of the last few thousand.

    Source: the half-life that grows with the training is that of T. Karras et al., "Alias-free generative adversarial
    networks", NeurIPS 2021, code, ``ema_rampup``.
    """

    def __init__(self, model: nn.Module, decay: float | None = None, half_life: float | None = None) -> None:
        assert decay is not None or half_life is not None
        self.model = copy.deepcopy(model).requires_grad_(False).eval()
        self.decay, self.half_life = decay, half_life

    def decay_at(self, step: int) -> float:
        """The share of the average that is kept after step number ``step``."""
        if self.half_life is not None:
            return float(0.5 ** (1 / (self.half_life * step)))
        assert self.decay is not None
        return min(self.decay, (1 + step) / (10 + step))

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move towards the model after step number ``step`` (1 for the first)."""
        decay = self.decay_at(step)
        mine: list[Tensor] = list(self.model.parameters())
        theirs: list[Tensor] = [p.detach() for p in model.parameters()]
        torch._foreach_lerp_(mine, theirs, 1 - decay)
        for own, other in zip(self.model.buffers(), model.buffers(), strict=True):
            own.copy_(other)
