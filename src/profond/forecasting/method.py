"""What a method of forecasting is: it learns from the past, and forecasts from any later moment."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from profond.forecasting.history import History


class Forecaster(Protocol):
    """A method that has learned."""

    def predict(self, history: History, origins: NDArray[np.int64]) -> NDArray[np.float64]:
        """Forecasts (n, h) that see, for each origin, the values before it alone."""
        ...


class Method(Protocol):
    """One way to forecast."""

    @property
    def name(self) -> str:
        """Its key in the catalogue of words, such as ``last`` or ``season``."""
        ...

    @property
    def steps(self) -> int:
        """The season of its name; 0 where it has none."""
        ...

    def least(self, horizon: int) -> int:
        """How many values there must be before it can learn."""
        ...

    def fit(self, history: History, end: int, horizon: int) -> Forecaster:
        """Learn from the values before ``end`` alone."""
        ...
