"""Layers of the later recurrent cells over padded sequences, as `profond.nn.sequence` has the classical ones."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from profond.nn.recurrent import unroll
from profond.nn.scanned import SLSTM, MinGRU, MinLSTM
from profond.nn.sequence import at_the_end, mask, reversed_within

Kind = Literal["mingru", "minlstm", "slstm"]
CELLS: dict[Kind, type[MinGRU] | type[MinLSTM] | type[SLSTM]] = {"mingru": MinGRU, "minlstm": MinLSTM, "slstm": SLSTM}


class ScannedLayers(nn.Module):
    """One or more layers of one kind of cell, in one direction or both.

    Args:
        kind: ``"mingru"`` or ``"minlstm"``, whose steps are all taken at once, or ``"slstm"``, one by one.
        input_size, hidden_size, layers, bidirectional, dropout: as in `profond.nn.sequence.Recurrent`.
    """

    def __init__(
        self,
        kind: Kind,
        input_size: int,
        hidden_size: int,
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.hidden_size, self.dropout = hidden_size, dropout
        self.output_size = hidden_size * (2 if bidirectional else 1)
        sizes = [input_size, *[self.output_size] * (layers - 1)]
        self.forwards = nn.ModuleList(CELLS[kind](size, hidden_size) for size in sizes)
        self.backwards = nn.ModuleList(CELLS[kind](size, hidden_size) for size in sizes if bidirectional)

    def forward(
        self, inputs: Float[Tensor, "n t i"], lengths: Int[Tensor, " n"] | None = None
    ) -> tuple[Float[Tensor, "n t o"], Float[Tensor, "n o"]]:
        """The outputs of the last layer, zero behind each end; and what it said last, as `Recurrent` gives them."""
        values = inputs
        last = values[:, -1]
        for number, cell in enumerate(self.forwards):
            if number and self.dropout:
                values = F.dropout(values, self.dropout, self.training)
            outputs = _run(cell, values)
            last = at_the_end(outputs, lengths)
            if len(self.backwards):
                returned = _run(self.backwards[number], reversed_within(values, lengths))
                last = torch.cat([last, at_the_end(returned, lengths)], 1)
                outputs = torch.cat([outputs, reversed_within(returned, lengths)], 2)
            values = outputs
        if lengths is not None:
            values = values * mask(lengths, values.shape[1])[..., None]
        return values, last


def _run(cell: nn.Module, values: Float[Tensor, "n t i"]) -> Float[Tensor, "n t h"]:
    # What stands behind a sequence's end comes after it in either direction, so that it need not be hidden from a cell.
    outputs: Tensor = cell.parallel(values)[0] if isinstance(cell, MinGRU | MinLSTM) else unroll(cell, values)[0]  # type: ignore[arg-type]
    return outputs
