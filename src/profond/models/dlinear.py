"""Linear networks that forecast: DLinear and NLinear.

Notable features:
- DLinear parts the past into a trend, its moving average, and the rest; one linear map each says all steps
- NLinear takes the last value off the past, maps the rest, and puts the last value back
- one map for all channels: others than the series' own are not looked at, and there is no calendar
- the maps start as the mean of the past

Source: Zeng, Chen, Zhang and Xu, "Are transformers effective for time series forecasting?", AAAI 2023.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.models import register_model
from profond.models.shape import check_forecaster
from profond.nn.window import as_steps, parted


def _mean_of_the_past(past: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(past, outputs)
    nn.init.constant_(layer.weight, 1 / past)
    nn.init.zeros_(layer.bias)
    return layer


@register_model("dlinear")
class DLinear(nn.Module):
    """Trend and rest, a linear map each.

    Args:
        input_shape: of a window: (channels, look-back + horizon); channel 0 is the series.
        num_classes: steps to forecast.
        average: steps of the moving average, an odd number; the ends of the past are repeated around it.
        quantiles: numbers that are given for each step; 0 for one forecast.

    Raises: ConfigError for an impossible window, or an even number of steps.
    """

    family = "forecaster"
    example_shape: ClassVar[tuple[int, ...]] = (3, 16)
    example_settings: ClassVar[dict[str, Any]] = {}

    def __init__(self, input_shape: tuple[int, ...], num_classes: int, average: int = 25, quantiles: int = 0) -> None:
        super().__init__()
        past = check_forecaster("dlinear", input_shape, num_classes, quantiles)
        if average < 1 or average % 2 == 0:
            raise ConfigError(f"average of dlinear is {average}", "use an odd number of 1 or more")
        self.horizon, self.average, self.quantiles = num_classes, average, quantiles
        outputs = num_classes * max(1, quantiles)
        self.trend = _mean_of_the_past(past, outputs)
        self.rest = _mean_of_the_past(past, outputs)
        self.stages = ("trend", "rest")
        self.head = "rest"

    def forward(self, inputs: Float[Tensor, "n c w"]) -> Tensor:
        """Forecasts (n, h), or quantiles (n, h, q)."""
        past, _ = parted(inputs, self.horizon)
        around = (self.average - 1) // 2
        trend = F.avg_pool1d(F.pad(past[:, None], (around, around), mode="replicate"), self.average, 1)[:, 0]
        outputs = self.trend(trend) + self.rest(past - trend)
        return as_steps(outputs.float().view(past.shape[0], self.horizon, -1), self.quantiles)


@register_model("nlinear")
class NLinear(nn.Module):
    """A linear map of the differences from the last value.

    Args:
        input_shape: of a window: (channels, look-back + horizon); channel 0 is the series.
        num_classes: steps to forecast.
        quantiles: numbers that are given for each step; 0 for one forecast.

    Raises: ConfigError for an impossible window.
    """

    family = "forecaster"
    example_shape: ClassVar[tuple[int, ...]] = (3, 16)
    example_settings: ClassVar[dict[str, Any]] = {}

    def __init__(self, input_shape: tuple[int, ...], num_classes: int, quantiles: int = 0) -> None:
        super().__init__()
        past = check_forecaster("nlinear", input_shape, num_classes, quantiles)
        self.horizon, self.quantiles = num_classes, quantiles
        self.linear = _mean_of_the_past(past, num_classes * max(1, quantiles))
        self.stages = ("linear",)
        self.head = "linear"

    def forward(self, inputs: Float[Tensor, "n c w"]) -> Tensor:
        """Forecasts (n, h), or quantiles (n, h, q)."""
        past, _ = parted(inputs, self.horizon)
        last = past[:, -1:]
        outputs = self.linear(past - last).float() + last
        return as_steps(outputs.view(past.shape[0], self.horizon, -1), self.quantiles)
