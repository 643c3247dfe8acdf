"""Which of many samples are most like one, by what a network makes of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from profond.core.config import Count, checked
from profond.core.errors import ConfigError

_ROWS_AT_ONCE = 8192


@dataclass(frozen=True)
class Neighbours:
    """The nearest samples, best first.

    Args:
        indices: where they stand.
        distances: 1 less the cosine of the angle between the features: 0 is the same direction, 1 unrelated.
    """

    indices: NDArray[np.int64]
    distances: NDArray[np.float64]


@checked("nearest")
def nearest(features: Float[np.ndarray, "n d"], one: Float[np.ndarray, " w"], count: Count = 8) -> Neighbours:
    """The ``count`` rows that point most nearly in the direction of ``one``.

    Raises: ConfigError where the widths differ, or nothing is asked for.
    """
    if features.ndim != 2 or one.shape != features.shape[1:]:
        raise ConfigError(f"features of {one.shape} and of {features.shape[1:]} cannot be compared")
    wanted = one.astype(np.float64) / max(float(np.linalg.norm(one)), 1e-12)
    distances = np.empty(len(features))
    for first in range(0, len(features), _ROWS_AT_ONCE):  # a million rows in float64 would not fit
        rows = features[first : first + _ROWS_AT_ONCE].astype(np.float64)
        lengths = np.maximum(np.linalg.norm(rows, axis=1), 1e-12)
        distances[first : first + _ROWS_AT_ONCE] = 1 - rows @ wanted / lengths
    order = np.argsort(distances, kind="stable")[:count]
    return Neighbours(order, np.maximum(distances[order], 0.0))
