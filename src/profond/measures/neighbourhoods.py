"""How good and how varied samples are, by who is among whose nearest neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profond.measures.distances import Rows, blocks, squared_distances
from profond.measures.intervals import mean_interval, wilson
from profond.measures.measured import SHARE, Measured

PRECISION_NEIGHBOURS, COVERAGE_NEIGHBOURS = 3, 5


@dataclass(frozen=True)
class Neighbourhoods:
    """Who lies in whose neighbourhood: the ball around a sample that reaches to its k-th neighbour of the same set.

    Args:
        precise: of each sample made, whether it lies in one of a real sample (k = 3).
        recalled: of each real sample, whether it lies in one of a sample made (k = 3).
        dense: of each sample made, in how many of real samples it lies, divided by k = 5.
        covered: of each real sample, whether a sample made lies in its own (k = 5).
    """

    precise: NDArray[np.bool_]
    recalled: NDArray[np.bool_]
    dense: Rows
    covered: NDArray[np.bool_]

    @property
    def metrics(self) -> dict[str, Measured]:
        """With 95 % intervals that take the other set as given."""
        named = {"precision": self.precise, "recall": self.recalled, "coverage": self.covered}
        shares = {
            name: wilson(int(inside.sum()), len(inside)).called(name, unit=SHARE, better="higher")
            for name, inside in named.items()
        }
        deviation = float(self.dense.std(ddof=1)) if len(self.dense) > 1 else 0.0
        density = mean_interval(float(self.dense.mean()), deviation, len(self.dense), least=0.0)
        coverage = shares.pop("coverage")
        return {**shares, "density": density.called("density", better="higher"), "coverage": coverage}


def enough_neighbours(count: int) -> bool:
    """Whether so many samples have a fifth neighbour, so that there is anything to be said of them."""
    return count > COVERAGE_NEIGHBOURS


def neighbourhoods(real: Rows, made: Rows) -> Neighbourhoods:
    """Who lies in whose neighbourhood, among real samples (n, d) and samples made (m, d); 6 or more of both.

    Source: precision and recall: T. Kynkäänniemi et al., Improved precision and recall metric for assessing generative
        models, NeurIPS 2019, equation 1; density and coverage: M. F. Naeem et al., Reliable fidelity and diversity
        metrics for generative models, ICML 2020, equations 3 and 4.
    """
    near, far = radii(real, (PRECISION_NEIGHBOURS, COVERAGE_NEIGHBOURS))
    (own,) = radii(made, (PRECISION_NEIGHBOURS,))
    precise, dense = np.empty(len(made), bool), np.empty(len(made))
    recalled, covered = np.zeros(len(real), bool), np.zeros(len(real), bool)
    for rows in blocks(len(made), len(real)):
        apart = squared_distances(made[rows], real)
        precise[rows] = (apart <= near).any(1)
        inside = apart <= far
        dense[rows] = inside.sum(1) / COVERAGE_NEIGHBOURS
        covered |= inside.any(0)
        recalled |= (apart <= own[rows, None]).any(0)
    return Neighbourhoods(precise, recalled, dense, covered)


def radii(samples: Rows, neighbours: tuple[int, ...]) -> list[Rows]:
    """The squared distance of each sample to its k-th neighbour, for each k; equal samples are neighbours too."""
    found = [np.empty(len(samples)) for _ in neighbours]
    for rows in blocks(len(samples), len(samples)):
        apart = squared_distances(samples[rows], samples)
        apart[np.arange(len(apart)), np.arange(rows.start, rows.start + len(apart))] = -1  # itself comes first
        nearest = np.partition(apart, neighbours, axis=1)
        for one, k in zip(found, neighbours, strict=True):
            one[rows] = nearest[:, k]
    return found
