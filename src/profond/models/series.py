"""Recurrent networks that read a series of any length from end to end, and say its class.

Notable features:
- a series ends at its last number; NaN behind it, which pads it to its neighbours' length, is never read
- in both directions, or in one; the answer comes from what was said last, or from all steps together
- the classical cells by PyTorch's fused kernels; minGRU and minLSTM by a scan over all steps at once; sLSTM one by one

Source: J. Elman, Finding structure in time, Cognitive Science 14, 1990; S. Hochreiter and J. Schmidhuber, Long
short-term memory, Neural Computation 9, 1997; K. Cho et al., Learning phrase representations using RNN encoder-decoder,
EMNLP 2014; M. Schuster and K. Paliwal, Bidirectional recurrent neural networks, IEEE Transactions on Signal Processing
45, 1997; of the later cells see `profond.nn.scanned`.
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from profond.core.config import Share
from profond.core.errors import ConfigError
from profond.models import register_model
from profond.models.shape import check_classes, check_input
from profond.nn.scanned_layers import ScannedLayers
from profond.nn.sequence import Recurrent, at_the_end, lengths_of, mask

Cell = Literal["rnn", "lstm", "gru", "mingru", "minlstm", "slstm"]
Summary = Literal["last", "average", "maximum"]


@register_model("rnn", cell="rnn")
@register_model("lstm", cell="lstm")
@register_model("gru", cell="gru")
@register_model("mingru", cell="mingru")
@register_model("minlstm", cell="minlstm")
@register_model("slstm", cell="slstm")
class SeriesReader(nn.Module):
    """Recurrent layers over a series, a summary of what they say, and one linear layer.

    Args:
        input_shape: (channels, steps); it takes any number of steps.
        num_classes: number of outputs.
        cell: of the recurrent layers.
        hidden: numbers of their output, in each direction.
        layers: on top of each other.
        bidirectional: one network reads from the beginning, another from the end.
        summary: ``"last"``, what is said at a series' end (and of the other direction at its beginning); or the
            ``"average"`` or ``"maximum"`` over all steps.
        dropout: between layers, and before the last one.

    Raises: ConfigError for an impossible setting.
    """

    family = "series"
    any_length = True
    head = "output"
    stages = ("steps",)
    example_shape = (3, 12)
    example_settings = {"hidden": 8}  # noqa: RUF012

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        cell: Cell = "lstm",
        hidden: int = 64,
        layers: int = 1,
        bidirectional: bool = True,
        summary: Summary = "average",
        dropout: Share = 0.0,
    ) -> None:
        super().__init__()
        check_classes(cell, num_classes)
        check_input(cell, input_shape, 1)
        if hidden < 1 or layers < 1:
            raise ConfigError(f"{cell} cannot have hidden {hidden} and layers {layers}", "use 1 or more of both")
        self.hidden = hidden
        self.summary: Summary = summary
        if cell == "rnn" or cell == "lstm" or cell == "gru":
            self.recurrent: Recurrent | ScannedLayers = Recurrent(
                cell, input_shape[0], hidden, layers, bidirectional, dropout
            )
        else:
            self.recurrent = ScannedLayers(cell, input_shape[0], hidden, layers, bidirectional, dropout)
        self.steps = nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(self.recurrent.output_size, num_classes)

    def forward(self, inputs: Float[Tensor, "n c t"]) -> Float[Tensor, "n k"]:
        lengths = lengths_of(inputs)
        outputs, _ = self.recurrent(torch.nan_to_num(inputs, nan=0.0).transpose(1, 2), lengths)
        steps = self.steps(outputs.transpose(1, 2))  # as (n, hidden, t), where pictures of it have their maps
        if self.summary == "average":
            summed = steps.sum(2) / lengths[:, None]
        elif self.summary == "maximum":
            summed = steps.masked_fill(~mask(lengths, steps.shape[2])[:, None], -torch.inf).amax(2)
        else:
            forwards, *backwards = steps.split(self.hidden, 1)
            summed = torch.cat(
                [at_the_end(forwards.transpose(1, 2), lengths), *(returned[:, :, 0] for returned in backwards)], 1
            )
        logits: Tensor = self.output(self.dropout(summed))
        return logits
