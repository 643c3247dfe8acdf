"""Layers of a recurrent network over padded sequences, run by PyTorch's fused kernels.

Notable features:
- sequences of different lengths are padded on the right: what stands behind a sequence's end never changes an answer
- the backward direction reads each sequence from its own end, so that padding cannot reach it
- a network in one direction may begin with a state, and go on from it, one step or several at a time
- any layer and direction is to be had as a cell of `profond.nn.recurrent`, to go one step at a time and to look inside
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from profond.nn.recurrent import GRU, LSTM, RNN, State, open_forget_gates

Kind = Literal["rnn", "lstm", "gru"]
FUSED: dict[Kind, type[nn.RNN] | type[nn.LSTM] | type[nn.GRU]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
CELLS: dict[Kind, type[RNN] | type[LSTM] | type[GRU]] = {"rnn": RNN, "lstm": LSTM, "gru": GRU}


def mask(lengths: Int[Tensor, " n"], steps: int) -> Bool[Tensor, "n t"]:
    """True where a padded sequence is real."""
    return torch.arange(steps, device=lengths.device) < lengths[:, None]


def token_ends(tokens: Int[Tensor, "n t"]) -> Int[Tensor, " n"]:
    """How many tokens of each row are real: up to the last that is not 0, which is padding."""
    return _last(tokens != 0)


def ends(series: Float[Tensor, "n c t *place"]) -> Int[Tensor, " n"]:
    """How many steps of each series, or frames of each clip, are real: up to the last not NaN in all channels."""
    if series.ndim == 5:
        series = series[..., 0, 0]  # a frame is padding as a whole
    return _last(~series.isnan().all(1))


def token_lengths(tokens: Int[Tensor, "n t"]) -> Int[Tensor, " n"]:
    """As `token_ends`, but 1 at least: a network reads one step of a text that has none."""
    return token_ends(tokens).clamp_min(1)


def lengths_of(series: Float[Tensor, "n c t *place"]) -> Int[Tensor, " n"]:
    """As `ends`, but 1 at least."""
    return ends(series).clamp_min(1)


def _last(real: Bool[Tensor, "n t"]) -> Int[Tensor, " n"]:
    """The number of the last true step of each row, from 1; 0 where there is none."""
    steps = torch.arange(1, real.shape[1] + 1, device=real.device)
    return (real * steps).amax(1) if real.shape[1] else real.sum(1)


def padded(samples: Sequence[Tensor], padding: float) -> Tensor:
    """Samples (…, t) of unlike length in one tensor (n, …, t): what is missing on their right is ``padding``."""
    longest = max(sample.shape[-1] for sample in samples)
    return torch.stack([F.pad(sample, (0, longest - sample.shape[-1]), value=padding) for sample in samples])


def reversed_within(values: Float[Tensor, "n t d"], lengths: Int[Tensor, " n"] | None) -> Float[Tensor, "n t d"]:
    """Each sequence from its end to its beginning; what is behind the end stays there."""
    if lengths is None:
        return values.flip(1)
    steps = torch.arange(values.shape[1], device=values.device)
    backwards = lengths[:, None] - 1 - steps
    order = torch.where(backwards >= 0, backwards, steps)
    return values.gather(1, order[..., None].expand_as(values))


def at_the_end(values: Float[Tensor, "n t d"], lengths: Int[Tensor, " n"] | None) -> Float[Tensor, "n d"]:
    """What stands at each sequence's last step."""
    if lengths is None:
        return values[:, -1]
    return values[torch.arange(values.shape[0], device=values.device), lengths - 1]


class Recurrent(nn.Module):
    """One or more layers of one kind of cell, in one direction or both.

    Args:
        kind: ``"rnn"``, ``"lstm"`` or ``"gru"``.
        input_size: numbers of one step.
        hidden_size: numbers of the output, in each direction.
        layers: on top of each other.
        bidirectional: a second network reads from the end; the outputs stand side by side.
        dropout: between layers.
        forget_bias: start of an LSTM's forget gate, see `profond.nn.recurrent.LSTM`.
    """

    def __init__(
        self,
        kind: Kind,
        input_size: int,
        hidden_size: int,
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__()
        self.kind: Kind = kind
        self.hidden_size, self.dropout = hidden_size, dropout
        self.output_size = hidden_size * (2 if bidirectional else 1)
        sizes = [input_size, *[self.output_size] * (layers - 1)]
        make = FUSED[kind]
        self.forwards = nn.ModuleList(make(size, hidden_size, batch_first=True) for size in sizes)
        self.backwards = nn.ModuleList(make(size, hidden_size, batch_first=True) for size in sizes if bidirectional)
        if kind == "lstm":
            for layer in (*self.forwards, *self.backwards):
                open_forget_gates(layer.bias_ih_l0, layer.bias_hh_l0, forget_bias)

    def forward(
        self,
        inputs: Float[Tensor, "n t i"],
        lengths: Int[Tensor, " n"] | None = None,
        state: State | None = None,
    ) -> tuple[Float[Tensor, "n t o"], Float[Tensor, "n o"]]:
        """The outputs of the last layer, zero behind each end; and what it said last: forwards at each sequence's end,
        backwards at its beginning.

        Args:
            lengths: steps of each sequence that are real; all of them where left out.
            state: of the forward direction before the first step, as ``initial_state`` and ``go_on`` give it.
        """
        values, last, _ = self._through(inputs, lengths, state)
        if lengths is not None:
            values = values * mask(lengths, values.shape[1])[..., None]
        return values, last

    def initial_state(self, batch: int) -> State:
        """What is remembered before the first step: zeros (n, h), of each layer the output, and an LSTM's cell."""
        weight = self.forwards[0].get_parameter("weight_hh_l0")
        each = 2 if self.kind == "lstm" else 1
        return tuple(weight.new_zeros(batch, self.hidden_size) for _ in range(each * len(self.forwards)))

    def go_on(self, inputs: Float[Tensor, "n t i"], state: State | None = None) -> tuple[Float[Tensor, "n t o"], State]:
        """The outputs of steps that are all real, and the state after them, from which the next ones go on."""
        assert not len(self.backwards), "what reads from the end cannot go on"
        values, _, state = self._through(inputs, None, state)
        return values, state

    def _through(self, inputs: Tensor, lengths: Tensor | None, state: State | None) -> tuple[Tensor, Tensor, State]:
        """Outputs (n, t, o), what was said last (n, o), and the state of the forward direction after all steps."""
        values, after = inputs, list[Tensor]()
        for number, forwards in enumerate(self.forwards):
            if number and self.dropout:
                values = F.dropout(values, self.dropout, self.training)
            outputs, reached = forwards(values, self._of_layer(state, number))
            after += [part[0] for part in (reached if self.kind == "lstm" else (reached,))]
            last = at_the_end(outputs, lengths)
            if len(self.backwards):
                returned, _ = self.backwards[number](reversed_within(values, lengths))
                last = torch.cat([last, at_the_end(returned, lengths)], 1)
                outputs = torch.cat([outputs, reversed_within(returned, lengths)], 2)
            values = outputs
        return values, last, tuple(after)

    def _of_layer(self, state: State | None, number: int) -> Any:
        """A layer's part of the state as the fused module takes it."""
        if state is None:
            return None
        if self.kind == "lstm":
            return state[2 * number][None].contiguous(), state[2 * number + 1][None].contiguous()
        return state[number][None].contiguous()

    def cell(self, layer: int = 0, backwards: bool = False) -> RNN | LSTM | GRU:
        """One layer and direction as a cell, with copies of its weights."""
        fused = (self.backwards if backwards else self.forwards)[layer]
        return CELLS[self.kind].from_fused(fused)  # type: ignore[arg-type]
