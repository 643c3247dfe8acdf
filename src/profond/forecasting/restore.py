"""Forecasters from what a run kept of them."""

from __future__ import annotations

from profond.core.errors import ConfigError
from profond.forecasting.method import Forecaster, State
from profond.forecasting.naive import restored_naive
from profond.forecasting.ridge import restored_ridge

NAIVE = ("last", "season", "drift", "median")
RIDGE = ("ridge", "ridge_past")
NETWORKS = ("lstm", "gru", "dlinear", "nlinear", "nhits")


def restored(name: str, state: State) -> Forecaster:
    """A forecaster that forecasts the same to the bit.

    Args:
        name: of its method.

    Raises: ConfigError for a method that this version does not know, or of which a part is missing.
    """
    try:
        if name in NAIVE:
            return restored_naive(name, state)
        if name in RIDGE:
            return restored_ridge(state)
        if name in NETWORKS:
            from profond.forecasting.network import NetworkForecaster  # not above: it brings torch

            return NetworkForecaster.from_state(state)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"what the run kept of {name} is damaged: {error}", "forecast again without --from") from None
    raise ConfigError(f"the method {name!r} of the run is not known", "it was made by another version of profond")
