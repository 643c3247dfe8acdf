"""N-HiTS: stacks of small networks, each of which sees the past at a scale of its own and forecasts at that scale.

Notable features:
- each stack looks at the past through max pooling: the first sees it coarsely, the last as it is
- each says few numbers, of which a forecast and the part of the past that it explains are interpolated; what it has
  explained is taken off before the next one looks
- forecasts of all stacks are added
- channels known in advance go into each network beside the past, as in NBEATSx (Olivares et al., 2023), where asked for

Source: Challu et al., "N-HiTS: Neural hierarchical interpolation for time series forecasting", AAAI 2023.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.models import register_model
from profond.models.shape import check_forecaster, check_widths
from profond.nn.window import as_steps, scaled_window


@register_model("nhits")
class NHiTS(nn.Module):
    """Neural hierarchical interpolation, three stacks of one network each by default.

    Args:
        input_shape: of a window: (channels, look-back + horizon); channel 0 is the series.
        num_classes: steps to forecast.
        pooling: of the past, in steps, for each stack.
        coarseness: steps for each number that a stack says, for each stack.
        hidden: width of the two hidden layers of each network.
        calendar: whether the other channels are looked at.
        quantiles: numbers that are given for each step; 0 for one forecast.

    Raises: ConfigError for an impossible window, width, or stacks of different number.
    """

    family = "forecaster"
    example_shape: ClassVar[tuple[int, ...]] = (3, 16)
    example_settings: ClassVar[dict[str, Any]] = {"hidden": 16}

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        pooling: tuple[int, ...] = (2, 2, 1),
        coarseness: tuple[int, ...] = (4, 2, 1),
        hidden: int = 512,
        calendar: bool = False,
        quantiles: int = 0,
    ) -> None:
        super().__init__()
        past = check_forecaster("nhits", input_shape, num_classes, quantiles)
        check_widths("nhits", hidden=hidden)
        if not pooling or len(pooling) != len(coarseness) or min(*pooling, *coarseness) < 1:
            raise ConfigError(
                f"pooling of nhits is {list(pooling)} and coarseness {list(coarseness)}",
                "use as many whole numbers of 1 or more for both, one for each stack",
            )
        self.horizon, self.quantiles, self.calendar = num_classes, quantiles, calendar
        known = (input_shape[0] - 1) * input_shape[1] if calendar else 0
        self.stacks = nn.ModuleList(
            _Stack(past, num_classes, max(1, quantiles), known, pool, coarse, hidden)
            for pool, coarse in zip(pooling, coarseness, strict=True)
        )
        self.stages = tuple(f"stacks.{index}.network" for index in range(len(pooling)))
        self.head = f"stacks.{len(pooling) - 1}.said"

    def forward(self, inputs: Float[Tensor, "n c w"]) -> Tensor:
        """Forecasts (n, h), or quantiles (n, h, q)."""
        window = scaled_window(inputs, self.horizon)
        rest, known = window.past, window.known.flatten(1) if self.calendar else window.past[:, :0]
        # The last value stands where nothing is learned yet, as in the authors' code.
        total = rest[:, -1:, None].expand(-1, self.horizon, max(1, self.quantiles))
        for stack in self.stacks:
            explained, forecast = stack(rest, known)
            rest = rest - explained
            total = total + forecast
        return as_steps(window.forecast(total), self.quantiles)


class _Stack(nn.Module):
    """One scale: what it explains of the past (n, t), and its forecast (n, h, q)."""

    def __init__(
        self, past: int, horizon: int, quantiles: int, known: int, pooling: int, coarseness: int, hidden: int
    ) -> None:
        super().__init__()
        self.past, self.horizon, self.quantiles = past, horizon, quantiles
        self.pooling = min(pooling, past)
        self.knots = max(1, horizon // coarseness)
        self.network = nn.Sequential(
            *(nn.Linear(math.ceil(past / self.pooling) + known, hidden), nn.ReLU()),
            *(nn.Linear(hidden, hidden), nn.ReLU()),
        )
        self.said = nn.Linear(hidden, past + self.knots * quantiles)

    def forward(
        self, rest: Float[Tensor, "n t"], known: Float[Tensor, "n k"]
    ) -> tuple[Float[Tensor, "n t"], Float[Tensor, "n h q"]]:
        pooled = F.max_pool1d(rest[:, None], self.pooling, ceil_mode=True)[:, 0]
        said = self.said(self.network(torch.cat([pooled, known], 1)))
        explained, knots = said[:, : self.past], said[:, self.past :].view(rest.shape[0], self.quantiles, self.knots)
        forecast = F.interpolate(knots.float(), size=self.horizon, mode="linear")
        return explained, forecast.transpose(1, 2)
