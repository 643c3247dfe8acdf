"""Networks whose recurrent layers a graph can hold for sequences of any length."""

from __future__ import annotations

import copy
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.nn.recurrent import GRU, LSTM, RNN, unroll

_CELLS: dict[type[nn.Module], type[RNN] | type[LSTM] | type[GRU]] = {nn.RNN: RNN, nn.LSTM: LSTM, nn.GRU: GRU}


class Looped(nn.Module):
    """A fused layer as its cell, which goes through time step by step; called as the fused one is.

    NOTE torch 2.13 exports the fused layers for the length of its example alone: an error where the length is said to
    be free, and a graph that is silently wrong at other lengths where it is not.
    """

    def __init__(self, fused: nn.RNNBase) -> None:
        super().__init__()
        self.cell = _CELLS[type(fused)].from_fused(fused)  # type: ignore[arg-type]

    def forward(self, inputs: Float[Tensor, "n t i"], state: Any = None) -> tuple[Float[Tensor, "n t h"], Any]:
        """Outputs, and the state as the fused one has it: (1, n, h), of an LSTM two of them."""
        given = None if state is None else tuple(part[0] for part in (state if isinstance(state, tuple) else (state,)))
        outputs, reached = unroll(self.cell, inputs, given)
        after = tuple(part[None] for part in reached)
        return outputs, after if len(after) > 1 else after[0]


def looped(network: nn.Module) -> nn.Module:
    """A copy of a network, in eval mode and on the CPU, with the same numbers to be computed in a form that leaves.

    Raises: ConfigError for a fused layer that is not one layer in one direction, batch first.
    """
    found = copy.deepcopy(network).cpu().eval().requires_grad_(False)
    if isinstance(found, nn.RNNBase):
        return _looped(found)
    for part in list(found.modules()):
        for name, child in part.named_children():
            if isinstance(child, nn.RNNBase):
                setattr(part, name, _looped(child))
    return found


def _looped(fused: nn.RNNBase) -> nn.Module:
    one = fused.num_layers == 1 and not fused.bidirectional and fused.batch_first and fused.proj_size == 0
    plain = fused.bias and getattr(fused, "nonlinearity", "tanh") == "tanh"
    if type(fused) not in _CELLS or not one or not plain:
        raise ConfigError(
            f"this network has a recurrent layer that cannot leave Python: {fused}",
            "build it of `profond.nn.sequence.Recurrent`, or of layers with num_layers=1, batch_first=True",
        )
    with torch.no_grad():
        return Looped(fused).eval().requires_grad_(False)
