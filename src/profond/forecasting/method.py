"""What a method of forecasting is: it learns from the past, and forecasts from any later moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from profond.forecasting.history import History


@dataclass(frozen=True)
class State:
    """What a method has learned, as a run keeps it.

    Args:
        settings: JSON-able.
        arrays: by name.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)


class Forecaster(Protocol):
    """A method that has learned."""

    def predict(self, history: History, origins: NDArray[np.int64]) -> NDArray[np.float64]:
        """Forecasts (n, h) that see, for each origin, the values before it alone."""
        ...

    def state(self) -> State:
        """All that `predict` needs, so that another process forecasts the same to the bit."""
        ...


@runtime_checkable
class Bounded(Protocol):
    """A method that can learn the bounds of its interval too."""

    @property
    def bounded(self) -> bool:
        """Whether it has."""
        ...

    def with_bounds(
        self, history: History, origins: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What `predict` says (n, h), and low and high (n, h, 2)."""
        ...


def with_bounds(
    learned: Forecaster, history: History, origins: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Forecasts (n, h) and their bounds (n, h, 2), which are the forecast itself where none were learned."""
    if isinstance(learned, Bounded):
        return learned.with_bounds(history, origins)
    said = learned.predict(history, origins)
    return said, np.stack([said, said], 2)


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

    @property
    def learns(self) -> bool:
        """Whether it has to prove itself against the methods that learn nothing."""
        ...

    def least(self, horizon: int) -> int:
        """How many values there must be before it can learn."""
        ...

    def fit(self, history: History, end: int, horizon: int) -> Forecaster:
        """Learn from the values before ``end`` alone."""
        ...


class SharedForecaster(Forecaster, Protocol):
    """What a method has learned from all series together."""

    @property
    def held_out(self) -> float:
        """Its error on the part of the past that it held out, in deviations of the series: it chooses networks."""
        ...


class Shared(Protocol):
    """A method that learns from all series together, such as a network."""

    @property
    def name(self) -> str:
        """Its key in the catalogue of words."""
        ...

    def least(self, horizon: int) -> int:
        """How many values a series must have before it can be learned from, and forecast."""
        ...

    def fit_all(
        self,
        histories: Sequence[History],
        ends: Sequence[int],
        horizon: int,
        *,
        learned: Forecaster | None = None,
        warm: Forecaster | None = None,
    ) -> SharedForecaster:
        """Learn from the values of each series before its end alone.

        Args:
            learned: what it had learned for the backtest: the last fit takes as many steps as that one needed.
            warm: what to start from.
        """
        ...


@dataclass(frozen=True)
class Fitted:
    """What a shared method has learned, as the method of one series.

    Args:
        shared: the method.
        forecaster: of all series.
    """

    shared: Shared
    forecaster: SharedForecaster
    steps = 0
    learns = True

    @property
    def name(self) -> str:
        return self.shared.name

    def least(self, horizon: int) -> int:
        return self.shared.least(horizon)

    def fit(self, history: History, end: int, horizon: int) -> Forecaster:
        return self.forecaster
