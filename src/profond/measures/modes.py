"""Whether a generator makes all that there is: modes of points, and classes of pictures as a judge tells them apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profond.measures.intervals import wilson
from profond.measures.measured import SHARE, Measured

REACH = 3.0
"""Standard deviations from the middle of a mode within which a point belongs to it."""


@dataclass(frozen=True)
class Modes:
    """Where the modes of points lie.

    Args:
        centres: (k, d).
        deviation: of the points of a mode around its centre, along one axis.
    """

    centres: NDArray[np.float64]
    deviation: float

    def of(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        """The mode of each point (n, d); -1 where it lies in none."""
        apart = np.linalg.norm(points[:, None] - self.centres, axis=2)
        mode = apart.argmin(1)
        return np.where(apart.min(1) <= REACH * self.deviation, mode, -1)


def modes_of_classes(points: NDArray[np.float64], labels: NDArray[np.int64]) -> Modes | None:
    """The modes of points whose classes are well apart and round, such as those of a ring; None for others.

    Args:
        points: (n, d).
        labels: of each, which mode it was drawn from.
    """
    known = np.unique(labels)
    if len(known) < 2 or known[0] < 0:
        return None
    centres = np.stack([points[labels == label].mean(0) for label in known])
    around = points - centres[np.searchsorted(known, labels)]
    modes = Modes(centres, float(np.sqrt((around**2).mean())))
    between = np.linalg.norm(centres[:, None] - centres, axis=2) + np.diag(np.full(len(known), np.inf))
    inside = np.linalg.norm(around, axis=1) <= REACH * modes.deviation
    apart = between.min() > 2 * REACH * modes.deviation
    return modes if apart and inside.mean() > 0.97 else None  # of a round normal distribution 98.9 % are inside


def covered(labels: NDArray[np.int64], shares: NDArray[np.float64]) -> dict[str, Measured]:
    """How many of the modes or classes have a sample, how far their shares are from the real ones, and how many
    samples belong to one.

    Args:
        labels: of each sample, its mode; -1 for none.
        shares: of the modes among real samples, above 0 and 1 in all.

    Source: modes and the divergence KL(samples ‖ real): L. Metz et al., Unrolled generative adversarial networks,
        2017, section 3.3; points within 3 standard deviations: A. Srivastava et al., VEEGAN, 2017, section 4.1.
    """
    inside = labels[labels >= 0]
    counts = np.bincount(inside, minlength=len(shares))
    found = counts / max(1, counts.sum())
    present = found > 0
    divergence = float((found[present] * np.log(found[present] / shares[present])).sum())
    return {
        "modes": Measured(float(present.sum())).called(f"modes, of {len(shares):,}", better="higher"),
        "modes_kl": Measured(max(0.0, divergence)).called("KL of the modes", unit="nats", better="lower"),
        "in_a_mode": wilson(len(inside), len(labels)).called("samples in a mode", unit=SHARE, better="higher"),
    }
