"""How well numbers are estimated: errors with intervals, beside those of always saying the mean."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from profond.core.spec import Quantity
from profond.measures.intervals import CELLS_AT_ONCE, mean_interval
from profond.measures.measured import Measured

HEADLINE = "mae"
DEVIATIONS = "standard deviations"
"""Unit of an error over several quantities: each is divided by its standard deviation in train."""
_ACCELERATED = 2000
"""Samples up to which the bootstrap leaves each out in turn to correct itself."""
_FEWEST = 5


@dataclass(frozen=True)
class Estimates:
    """What a model said of some samples, and what is true, in the data's units.

    Args:
        quantities: what the k numbers are.
        true: (n, k).
        said: (n, k).
        mean: of each quantity in train, which is what one would say without looking; None where it is not known.
        scale: the standard deviation of each in train, or 1.
    """

    quantities: tuple[Quantity, ...]
    true: Float[NDArray[np.float64], "n k"]
    said: Float[NDArray[np.float64], "n k"]
    mean: Sequence[float] | None
    scale: Sequence[float]

    def __len__(self) -> int:
        return len(self.true)

    @property
    def unit(self) -> str:
        return self.quantities[0].unit if len(self.quantities) == 1 else DEVIATIONS

    @property
    def errors(self) -> Float[NDArray[np.float64], "n k"]:
        """How much too high."""
        return self.said - self.true

    @property
    def distances(self) -> Float[NDArray[np.float64], " n"]:
        """One error a sample: its size in the data's unit; of several quantities, the mean in standard deviations."""
        return self._distances(self.said)

    @property
    def constant(self) -> Float[NDArray[np.float64], " k"]:
        """What would be said without looking: the mean of train, or of these samples where that is not known."""
        return np.asarray(self.true.mean(0) if self.mean is None else self.mean, dtype=np.float64)

    def quick(self) -> Measured:
        """The mean distance, without an interval: for each validation."""
        return Measured(float(self.distances.mean()), unit=self.unit, better="lower", title="MAE")

    def distances_of_constant(self) -> Float[NDArray[np.float64], " n"]:
        return self._distances(np.broadcast_to(self.constant, self.true.shape))

    def _distances(self, said: NDArray[np.float64]) -> NDArray[np.float64]:
        scale = 1.0 if len(self.quantities) == 1 else np.asarray(self.scale)
        distances: NDArray[np.float64] = (np.abs(said - self.true) / scale).mean(1)
        return distances


def value_metrics(found: Estimates, seed: int = 0) -> Iterator[tuple[str, Measured]]:
    """Errors by name with their 95 % intervals, and beside them those of always saying the mean."""
    yield HEADLINE, _mean(found.distances, found.unit, "MAE")
    constant = found.distances_of_constant()
    if len(found.quantities) == 1:
        yield from _of_quantity(found, 0, "", seed)
        yield "baseline_mae", Measured(float(constant.mean()), unit=found.unit, title="MAE of the mean")
        spread = float(np.sqrt(np.square(found.true[:, 0] - found.constant[0]).mean()))
        yield "baseline_rmse", Measured(spread, unit=found.unit, title="RMSE of the mean")
        return
    yield "baseline_mae", Measured(float(constant.mean()), unit=found.unit, title="MAE of the mean")
    for number, quantity in enumerate(found.quantities):
        name = "_".join(quantity.name.split())
        yield f"mae_{name}", _mean(np.abs(found.errors[:, number]), quantity.unit, f"{quantity.name}: MAE")
        yield from _of_quantity(found, number, quantity.name, seed)


def _of_quantity(found: Estimates, number: int, name: str, seed: int) -> Iterator[tuple[str, Measured]]:
    """Root mean squared error and R² of one quantity."""
    true, said, unit = found.true[:, number], found.said[:, number], found.quantities[number].unit
    suffix, prefix = ("_" + "_".join(name.split()), f"{name}: ") if name else ("", "")
    low, high = _bootstrapped(_rmse, (true, said), seed)
    yield f"rmse{suffix}", Measured(float(_rmse(true, said)), low, high, unit, "lower", f"{prefix}RMSE")
    if np.ptp(true) > 0:
        low, high = _bootstrapped(_r2, (true, said), seed)
        yield f"r2{suffix}", Measured(float(_r2(true, said)), low, high, "", "higher", f"{prefix}R²")


def _mean(values: NDArray[np.float64], unit: str, title: str) -> Measured:
    deviation = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    within = mean_interval(float(values.mean()), deviation, len(values), least=0.0)
    return Measured(within.value, within.low, within.high, unit, "lower", title)


def _rmse(true: NDArray[np.float64], said: NDArray[np.float64], axis: int = -1) -> Any:
    return np.sqrt(np.square(said - true).mean(axis))


def _r2(true: NDArray[np.float64], said: NDArray[np.float64], axis: int = -1) -> Any:
    """Share of the variance that is explained; the mean is that of these samples."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1 - np.square(said - true).mean(axis) / true.var(axis)


def _bootstrapped(
    statistic: Callable[..., Any], data: tuple[NDArray[np.float64], ...], seed: int
) -> tuple[float | None, float | None]:
    """The ends of a 95 % bootstrap interval over samples; None where there are too few, or all are alike.

    Source: Efron, "Better bootstrap confidence intervals", 1987 (BCa); of many samples the percentiles.
    """
    total = len(data[0])
    if total < _FEWEST:
        return None, None
    from scipy import stats  # not above: it takes a second

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of resamples that are all alike, which end as None below
        found = stats.bootstrap(
            data,
            statistic,
            paired=True,
            n_resamples=1000,
            batch=max(1, CELLS_AT_ONCE // total),
            method="BCa" if total <= _ACCELERATED else "percentile",
            random_state=np.random.default_rng(seed),
        ).confidence_interval
    return (float(found.low), float(found.high)) if np.isfinite([found.low, found.high]).all() else (None, None)
