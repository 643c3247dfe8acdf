"""How far one set of samples is from another, by their features: kernel distance and Fréchet distance."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from profond.measures.features import Kernel
from profond.measures.intervals import mean_interval
from profond.measures.library import torchmetrics
from profond.measures.measured import Measured

Rows = NDArray[np.float64]
_CELLS_AT_ONCE = 4_000_000
SAMPLES_A_DIMENSION = 2
"""Below so many samples a dimension a covariance says more of the draw than of the distribution."""


def kernel_distance(real: Rows, made: Rows, kernel: Kernel = "polynomial") -> Measured:
    """The squared maximum mean discrepancy, without bias: 0 on average for equal distributions, so it may be negative.

    The i-th samples of both sets are not compared with each other, so that it stays without bias where these belong
    together, such as by their class.

    Args:
        real, made: (n, d), equally many, 3 or more.
        kernel: ``"polynomial"`` is (x·y / d + 1)³, that of the kernel inception distance; ``"distance"`` is -|x - y|,
            which no two unlike distributions have in common, for points.

    Source: A. Gretton et al., A kernel two-sample test, JMLR 2012, lemma 6, equation 4; the polynomial kernel:
        M. Bińkowski et al., Demystifying MMD GANs, ICLR 2018; the distance: G. Székely, M. Rizzo, Energy statistics,
        2013. The interval: jackknife over the pairs, whose variance is on average not too small (B. Efron, C. Stein,
        The jackknife estimate of variance, 1981).
    """
    n = len(real)
    assert len(made) == n, (len(real), len(made))
    assert n > 2, n
    sums = np.empty(n)
    for rows in blocks(n, n):
        alike = _kernel(real[rows], real, kernel) + _kernel(made[rows], made, kernel)
        alike -= _kernel(real[rows], made, kernel) + _kernel(made[rows], real, kernel)
        alike[np.arange(len(alike)), np.arange(rows.start, rows.start + len(alike))] = 0
        sums[rows] = alike.sum(1)
    total = sums.sum()
    without = (total - 2 * sums) / ((n - 1) * (n - 2))
    deviation = (n - 1) * float(without.std(ddof=1))  # of one sample's share in the mean, as Tukey's pseudo-values
    return mean_interval(float(total / (n * (n - 1))), deviation, n).called("kernel distance", better="lower")


def standardised(real: Rows, made: Rows) -> tuple[Rows, Rows]:
    """Both with each feature at mean 0 and deviation 1 among the real ones, so that none drowns the others.

    A feature that hardly varies among the real ones is not made large: its deviation counts as a hundredth of all.
    """
    mean, deviation = real.mean(0), real.std(0)
    deviation = np.maximum(deviation, max(0.01 * float(np.sqrt((deviation**2).mean())), 1e-12))
    return (real - mean) / deviation, (made - mean) / deviation


def frechet_distance(real: Rows, made: Rows) -> Measured | None:
    """Between two normal distributions with the means and covariances of both; None for too few samples.

    Too few are those below ``SAMPLES_A_DIMENSION`` for each dimension, where equal distributions seem far apart.

    Raises: MissingError where torchmetrics cannot be imported.

    Source: M. Heusel et al., GANs trained by a two time-scale update rule converge to a local Nash equilibrium, 2017.
    """
    if min(len(real), len(made)) < SAMPLES_A_DIMENSION * real.shape[1]:
        return None
    metric = torchmetrics("image.fid").FrechetInceptionDistance(
        feature=_AsTheyAre(real.shape[1]),
        sync_on_compute=False,  # of several processes one alone measures, and would wait for the others
    )
    metric.set_dtype(torch.float64)
    metric.update(torch.from_numpy(real), real=True)
    metric.update(torch.from_numpy(made), real=False)
    value = max(0.0, float(metric.compute()))  # rounding of what is 0
    return Measured(value).called("Fréchet distance", better="lower")


def blocks(rows: int, columns: int) -> list[slice]:
    """The rows of a table that is never whole in memory."""
    step = max(1, _CELLS_AT_ONCE // max(1, columns))
    return [slice(start, start + step) for start in range(0, rows, step)]


def squared_distances(one: Rows, other: Rows) -> Rows:
    """(n, m), between each two rows."""
    squares = (one**2).sum(1)[:, None] + (other**2).sum(1) - 2 * one @ other.T
    found: Rows = np.maximum(squares, 0)
    return found


def _kernel(one: Rows, other: Rows, kernel: Kernel) -> Rows:
    if kernel == "distance":
        return -np.sqrt(squared_distances(one, other))
    alike: Rows = (one @ other.T / one.shape[1] + 1) ** 3
    return alike


class _AsTheyAre(torch.nn.Module):
    """What torchmetrics takes for the network of the features: they are computed already."""

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        self.num_features = dimensions

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features
