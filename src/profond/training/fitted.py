"""What a training gives back."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from profond.core.device import Arithmetic


@dataclass
class Fitted:
    """What `fit` gives back.

    Args:
        model: the same object as was given, with its final weights: the moving average's where there is one,
            the best validation's where ``keep="best"``.
        metrics: the last value of each logged metric, by split.
        seconds: of training, validation and checkpoints left out.
        steps: optimizer steps done.
        arithmetic: the precision used and why.
    """

    model: nn.Module
    metrics: dict[str, dict[str, float]]
    seconds: float
    steps: int
    arithmetic: Arithmetic
