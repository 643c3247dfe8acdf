"""LSTM that reads a past and forecasts all steps after it at once.

Notable features:
- the past is scaled by its own mean and deviation
- a recurrent network reads the values with what is known of their time; its last state is the memory of them
- one small network says each step, from that memory, what is known of that step, how far it is, and the values one
  season before it: each of them sees the last value of the past
- a linear map of the past, which starts at zero, is added: what a linear model can say the network need not learn

Source: Hochreiter and Schmidhuber, "Long short-term memory", 1997; direct decoding from a context as in Wen et al., "A
multi-horizon quantile recurrent forecaster", 2017; the linear part as in Lai et al., "Modeling long- and short-term
temporal patterns with deep neural networks", 2018.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.models import register_model
from profond.models.shape import check_forecaster, check_widths
from profond.nn.sequence import Recurrent
from profond.nn.window import as_steps, scaled_window


@register_model("lstm_forecaster")
@register_model("gru_forecaster", cell="gru")
class RecurrentForecaster(nn.Module):
    """Recurrent network with a decoder for each step.

    Args:
        input_shape: of a window: (channels, look-back + horizon); channel 0 is the series.
        num_classes: steps to forecast.
        cell: ``"lstm"`` or ``"gru"``.
        hidden: width of the memory.
        layers: recurrent ones.
        seasons: steps; the value so many before a step, or a multiple of it, is shown to the decoder.
        quantiles: numbers that are given for each step; 0 for one forecast.

    Raises: ConfigError for an impossible window, width or season.
    """

    family = "forecaster"
    places: Tensor
    far: Tensor
    example_shape: ClassVar[tuple[int, ...]] = (3, 16)
    example_settings: ClassVar[dict[str, Any]] = {"hidden": 16, "seasons": (4,)}

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        cell: Literal["lstm", "gru"] = "lstm",
        hidden: int = 64,
        layers: int = 1,
        seasons: tuple[int, ...] = (),
        quantiles: int = 0,
    ) -> None:
        super().__init__()
        name = f"{cell}_forecaster"
        past = check_forecaster(name, input_shape, num_classes, quantiles)
        check_widths(name, hidden=hidden, layers=layers)
        if not all(1 <= season <= past for season in seasons):
            raise ConfigError(
                f"seasons of {name} are {list(seasons)}, and the past has {past} steps",
                "use whole numbers from 1 to the length of the past",
            )
        self.horizon, self.quantiles = num_classes, quantiles
        known = input_shape[0] - 1
        self.recurrent = Recurrent(cell, 1 + known, hidden, layers)
        steps = torch.arange(num_classes)
        back = [past - season + steps % season for season in seasons]
        places = torch.stack(back, 1) if back else torch.empty((num_classes, 0), dtype=torch.int64)
        self.register_buffer("places", places, persistent=False)
        self.register_buffer("far", ((steps + 1) / num_classes)[:, None], persistent=False)
        self.decoder = nn.Sequential(
            nn.Linear(hidden + known + 1 + len(seasons), hidden), nn.ReLU(), nn.Linear(hidden, max(1, quantiles))
        )
        self.linear = nn.Linear(past, num_classes * max(1, quantiles))
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.stages = ("recurrent",)
        self.head = "decoder"

    def forward(self, inputs: Float[Tensor, "n c w"]) -> Tensor:
        """Forecasts (n, h), or quantiles (n, h, q)."""
        window = scaled_window(inputs, self.horizon)
        past, known = window.past, window.known
        read = torch.cat([past[:, None], known[:, :, : past.shape[1]]], 1)
        memory = self.recurrent(read.transpose(1, 2).contiguous())[1]
        count = past.shape[0]
        said = self.decoder(
            torch.cat(
                [
                    memory[:, None].expand(-1, self.horizon, -1),
                    known[:, :, past.shape[1] :].transpose(1, 2),
                    self.far.expand(count, -1, -1),
                    past[:, self.places],
                ],
                2,
            )
        )
        return as_steps(window.forecast(said + self.linear(past).view_as(said)), self.quantiles)
