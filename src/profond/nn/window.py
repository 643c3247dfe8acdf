"""The window that a forecasting network sees: a past to be scaled by itself, and what is known in advance.

A batch is one tensor (n, c, look-back + horizon). Channel 0 is the series; what is not known yet is NaN.

Notable features:
- the past is scaled by its own mean and deviation, and forecasts are scaled back (Kim et al., "Reversible instance
  normalization for accurate time-series forecasting against distribution shift", 2022; without its learned scales)
- what a network may not see, it cannot see: the series' own future is cut off here, whatever stands there
"""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

FLAT = 0.05
"""Added to a window's deviation, in units of the inputs: a window that does not change is not blown up."""


class Window(NamedTuple):
    """What a network computes with, and how its outputs become forecasts.

    Args:
        past: the series up to now, scaled.
        known: (n, k, t + h) the other channels over the whole window; 0 where a value is not known.
        mean: of the past, in the units of the inputs.
        scale: what the past was divided by.
    """

    past: Float[Tensor, "n t"]
    known: Float[Tensor, "n k w"]
    mean: Float[Tensor, "n 1"]
    scale: Float[Tensor, "n 1"]

    def forecast(self, outputs: Float[Tensor, "n h q"]) -> Float[Tensor, "n h q"]:
        """Outputs in the units of the inputs, in float32."""
        return outputs.float() * self.scale[..., None] + self.mean[..., None]


def parted(inputs: Float[Tensor, "n c w"], horizon: int) -> tuple[Float[Tensor, "n t"], Float[Tensor, "n k w"]]:
    """The series up to now, with 0 where a value is missing, and the other channels likewise."""
    return inputs[:, 0, : inputs.shape[2] - horizon].nan_to_num(0.0), inputs[:, 1:].nan_to_num(0.0)


def scaled_window(inputs: Float[Tensor, "n c w"], horizon: int) -> Window:
    """A batch as a network sees it that scales each past by itself."""
    past, known = parted(inputs, horizon)
    mean = past.mean(1, keepdim=True)
    scale = past.std(1, correction=0, keepdim=True) + FLAT
    return Window((past - mean) / scale, known, mean, scale)


def as_steps(outputs: Float[Tensor, "n h q"], quantiles: int) -> Tensor:
    """(n, h) for a network that gives one number a step, (n, h, q) for one that gives quantiles."""
    return outputs if quantiles else outputs[..., 0]
