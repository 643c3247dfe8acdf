"""Learning-rate schedules as pure functions of the step, so that resuming needs no scheduler state."""

from __future__ import annotations

import math

from profond.training.settings import Training

_LOWEST = 1e-4  # of the highest rate: where one-cycle ends, and where every warm-up starts


def rate_factor(training: Training, step: int, total_steps: int) -> float:
    """The share of the highest learning rate to use in one step.

    Args:
        training: its ``schedule``, ``warmup`` and ``rate_sweep``; ``plateau`` and ``constant`` differ only in what
            validation does to them, elsewhere.
        step: 0 for the first step.
        total_steps: of the whole run.

    Returns: a factor, in (0, 1] unless a sweep is asked for.

    Source: one-cycle after Smith and Topin, "Super-Convergence", 2018, arXiv 1708.07120. Deviation: the rise is
    linear and the fall a cosine; momentum is left alone.
    """
    schedule = training.schedule
    if training.rate_sweep is not None:
        lowest, highest = training.rate_sweep
        return lowest * (highest / lowest) ** (step / max(1, total_steps - 1))
    rising = _rising(training, total_steps)
    if step < rising:
        return _LOWEST + (1 - _LOWEST) * (step + 1) / rising
    if schedule in ("constant", "plateau"):
        return 1.0
    progress = (step - rising) / max(1, total_steps - rising)
    cosine = 0.5 * (1 + math.cos(math.pi * progress))
    falling = {"linear": 1 - progress, "late_linear": min(1.0, 2 - 2 * progress), "cosine": cosine}
    if schedule in falling:
        return training.lowest_rate + (1 - training.lowest_rate) * falling[schedule]
    return _LOWEST + (1 - _LOWEST) * cosine


def late_factor(training: Training, step: int, start: int, total_steps: int) -> float:
    """The factor of a warm-up of their own, besides, for parameters that are trained from ``start`` on."""
    rising = _rising(training, total_steps)
    return min(1.0, max(_LOWEST, (step - start + 1) / rising)) if rising else 1.0


def _rising(training: Training, total_steps: int) -> int:
    return max(1, round(training.warmup * total_steps)) if training.warmup > 0 else 0
