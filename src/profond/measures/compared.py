"""Samples made beside real ones: every measure of how far they are from each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from profond.core.errors import DataError
from profond.measures.distances import SAMPLES_A_DIMENSION, frechet_distance, kernel_distance, standardised
from profond.measures.features import Features, Kernel
from profond.measures.measured import SHARE, Measured
from profond.measures.neighbourhoods import (
    COVERAGE_NEIGHBOURS,
    PRECISION_NEIGHBOURS,
    enough_neighbours,
    neighbourhoods,
)
from profond.measures.report import Scores

HEADLINE = "kernel_distance"
LEAST = 3
_KERNELS: dict[Kernel, str] = {"polynomial": "(x·y / d + 1)³", "distance": "-|x - y|, as in the energy distance"}


@dataclass(frozen=True)
class Early:
    """Samples of the same noise by the model as it was early in its training.

    Args:
        made: as in `Comparison`.
        when: for people.
    """

    made: Tensor
    when: str


@dataclass(frozen=True)
class Comparison:
    """Real samples and samples made, side by side, in an order that the real samples' content decides.

    Args:
        real, made: (n, …), uint8 of pictures, float32 of points.
        labels: of both, int64 (n); -1 where there are none.
        places: of the real samples in the split, int64 (n).
        features: that they are compared by.
        conditional: whether the i-th sample was made for the class of the i-th real one.
        classes: their names, as far as known.
        count: real samples that were seen, of which these are some.
        early: to be measured too; None where nothing is known of it.
    """

    real: Tensor
    made: Tensor
    labels: Tensor
    places: NDArray[np.int64]
    features: Features
    conditional: bool
    classes: tuple[str, ...]
    count: int
    early: Early | None = None

    @property
    def pictures(self) -> bool:
        return self.real.ndim == 4


def compared(features: Features, real: Tensor, made: Tensor, *, cheap: bool = False) -> dict[str, Measured]:
    """Every measure of samples made against as many real ones, with intervals.

    Args:
        real, made: (n, …), uint8 of pictures; the i-th of both may belong together.
        cheap: the kernel distance and the coverage alone.

    Raises: DataError for fewer than 3.
    """
    if len(real) < LEAST:
        raise DataError(f"{len(real)} samples are too few to compare distributions", f"give {LEAST} or more")
    truth, found = features(real), features(made)
    scaled = (truth, found) if features.as_they_are else standardised(truth, found)
    metrics = {HEADLINE: kernel_distance(*scaled, features.kernel)}
    around = neighbourhoods(truth, found).metrics if enough_neighbours(len(truth)) else {}
    if cheap:
        return metrics | {name: measured for name, measured in around.items() if name == "coverage"}
    frechet = frechet_distance(truth, found)
    return metrics | ({} if frechet is None else {"frechet_distance": frechet}) | around


def coverage_of_each(found: Comparison) -> Scores | None:
    """Of each real sample whether a sample made is near, by which two runs can be compared; None for a part of them."""
    if len(found.real) < found.count or not enough_neighbours(found.count):
        return None
    values = np.zeros(found.count)
    values[found.places] = neighbourhoods(found.features(found.real), found.features(found.made)).covered
    return Scores("coverage", values, SHARE, "higher")


def with_floor(metrics: Mapping[str, Measured], floor: Mapping[str, Measured]) -> dict[str, Measured]:
    """Each measure, and below it what real samples reach beside other real ones: no generator should beat that."""
    return _with_below(metrics, floor, "real")


def beside_early(metrics: Mapping[str, Measured], early: Mapping[str, Measured]) -> dict[str, Measured]:
    """Each measure, and below it what it was early in the training: what came after has brought the difference."""
    return _with_below(metrics, early, "early")


def _with_below(metrics: Mapping[str, Measured], others: Mapping[str, Measured], what: str) -> dict[str, Measured]:
    below: dict[str, Measured] = {}
    for name, one in metrics.items():
        below[name] = one
        if name in others:
            below[f"{what}_{name}"] = others[name].called(f"{what}: {one.title}", unit=one.unit)
    return below


def protocol(features: Features, count: int, dimensions: int) -> dict[str, Any]:
    """How these measures were taken, so that somebody else can do it again; JSON-able."""
    enough = count >= SAMPLES_A_DIMENSION * dimensions
    return {
        "samples": count,
        "features": features.name,
        "dimensions": dimensions,
        "kernel": _KERNELS[features.kernel],
        "for_the_kernel": "as they are" if features.as_they_are else "mean 0 and deviation 1 among the real samples",
        "neighbours": {"precision, recall": PRECISION_NEIGHBOURS, "density, coverage": COVERAGE_NEIGHBOURS},
        "frechet_distance": "measured" if enough else f"left out below {SAMPLES_A_DIMENSION * dimensions:,} samples",
    }
