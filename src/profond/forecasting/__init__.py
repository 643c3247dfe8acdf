"""Forecasts of a table's series, beside the simplest methods there are, with intervals and a verdict; without torch."""

from __future__ import annotations

from profond.forecasting.forecast import Forecast, Forecasts, forecast
from profond.forecasting.verdict import Verdict, judge

__all__ = ["Forecast", "Forecasts", "Verdict", "forecast", "judge"]
