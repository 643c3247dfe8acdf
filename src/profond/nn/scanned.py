"""Later recurrent cells: two whose gates do not look back, so that a scan takes all steps at once; one that opens wide.

Notable features:
- minGRU and minLSTM: h_t = a_t * h_{t-1} + b_t, where a and b come from the inputs alone
- ``parallel`` goes through T steps in log2(T) rounds, each over the whole sequence; ``step`` is the same one by one
- sLSTM: the LSTM whose input gate may open without bound, kept in range by a normaliser and a running maximum
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from profond.nn.recurrent import State, looped_steps


def linear_scan(
    decay: Float[Tensor, "n t h"], fresh: Float[Tensor, "n t h"], initial: Float[Tensor, "n h"]
) -> Float[Tensor, "n t h"]:
    """h_t = decay_t * h_{t-1} + fresh_t for all t, by doubling: after round k each step knows the 2^k before it.

    Where a cumulative product in logarithms would divide by products that underflow, this only multiplies and adds.

    Source: W. D. Hillis and G. L. Steele, Data parallel algorithms, Communications of the ACM 29, 1986.
    """
    if torch.compiler.is_exporting():  # the number of rounds depends on the length, which a graph leaves open
        return looped_steps(_decayed, (decay, fresh), (initial,))[0]
    states = torch.cat([fresh[:, :1] + decay[:, :1] * initial[:, None], fresh[:, 1:]], 1)
    reach = 1
    while reach < states.shape[1]:
        earlier = F.pad(states[:, :-reach], (0, 0, reach, 0))
        states = states + decay * earlier
        decay = decay * F.pad(decay[:, :-reach], (0, 0, reach, 0))
        reach *= 2
    return states


def _decayed(shares: tuple[Tensor, Tensor], state: State) -> tuple[Tensor, State]:
    kept = shares[0] * state[0] + shares[1]
    return kept, (kept,)


class _Minimal(nn.Module):
    gates_of: int

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.candidate = nn.Linear(input_size, hidden_size)
        self.gate = nn.Linear(input_size, self.gates_of * hidden_size)

    def initial_state(self, batch: int) -> State:
        return (self.candidate.weight.new_zeros(batch, self.hidden_size),)

    def shares(self, inputs: Float[Tensor, "... i"]) -> tuple[Float[Tensor, "... h"], Float[Tensor, "... h"]]:
        """How much stays of the last state, and how much the candidate adds."""
        raise NotImplementedError

    def step(self, inputs: Float[Tensor, "n i"], state: State) -> tuple[Float[Tensor, "n h"], State]:
        kept, added = self.shares(inputs)
        h = kept * state[0] + added * self.candidate(inputs)
        return h, (h,)

    def parallel(
        self, inputs: Float[Tensor, "n t i"], state: State | None = None
    ) -> tuple[Float[Tensor, "n t h"], State]:
        """All steps at once: what `profond.nn.recurrent.unroll` gives, up to rounding."""
        (initial,) = self.initial_state(inputs.shape[0]) if state is None else state
        kept, added = self.shares(inputs)
        outputs = linear_scan(kept, added * self.candidate(inputs), initial)
        return outputs, (outputs[:, -1],)

    def gates(self, inputs: Float[Tensor, "n i"], state: State) -> dict[str, Float[Tensor, "n h"]]:
        kept, added = self.shares(inputs)
        return {"forget": kept, "input": added}


class MinGRU(_Minimal):
    """The GRU without its look at the past.

        z_t = σ(W_z x_t)
        h_t = (1 - z_t) * h_{t-1} + z_t * (W_h x_t)

    Args:
        input_size: numbers of one step.
        hidden_size: numbers of the output, which is all that is remembered.

    Source: L. Feng et al., Were RNNs all we needed?, arXiv:2410.01201, section 3.1.
    """

    gates_of = 1

    def shares(self, inputs: Float[Tensor, "... i"]) -> tuple[Float[Tensor, "... h"], Float[Tensor, "... h"]]:
        score = self.gate(inputs)
        return torch.sigmoid(-score), torch.sigmoid(score)


class MinLSTM(_Minimal):
    """The LSTM without its look at the past; its two gates share one whole.

        f_t = σ(W_f x_t),  i_t = σ(W_i x_t)
        h_t = f_t / (f_t + i_t) * h_{t-1} + i_t / (f_t + i_t) * (W_h x_t)

    Args:
        input_size: numbers of one step.
        hidden_size: numbers of the output, which is all that is remembered.

    Source: L. Feng et al., Were RNNs all we needed?, arXiv:2410.01201, section 3.2.
    """

    gates_of = 2

    def shares(self, inputs: Float[Tensor, "... i"]) -> tuple[Float[Tensor, "... h"], Float[Tensor, "... h"]]:
        forget, enter = self.gate(inputs).chunk(2, -1)
        # f / (f + i) is the sigmoid of log f - log i, which stays right where both gates are all but closed.
        difference = F.logsigmoid(forget) - F.logsigmoid(enter)
        return torch.sigmoid(difference), torch.sigmoid(-difference)


class SLSTM(nn.Module):
    """The LSTM with an exponential input gate: a late step can outweigh all that was remembered before.

        i_t = exp(W_i x_t + U_i h_{t-1}),  f_t = σ(W_f x_t + U_f h_{t-1})
        z_t = tanh(W_z x_t + U_z h_{t-1}),  o_t = σ(W_o x_t + U_o h_{t-1})
        c_t = f_t * c_{t-1} + i_t * z_t,  n_t = f_t * n_{t-1} + i_t
        h_t = o_t * c_t / n_t

    c and n are both held divided by exp(m_t), m_t = max(log f_t + m_{t-1}, log i_t), which changes nothing and keeps
    them in range. One head, without convolution and projections; each row of matrices has one bias.

    Args:
        input_size: numbers of one step.
        hidden_size: numbers of the output.

    Source: M. Beck et al., xLSTM: extended long short-term memory, NeurIPS 2024, equations 8 to 17.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.from_input = nn.Linear(input_size, 4 * hidden_size)
        self.from_state = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def initial_state(self, batch: int) -> State:
        zero = self.from_state.weight.new_zeros(batch, self.hidden_size)
        return zero, zero, zero, torch.full_like(zero, -torch.inf)  # nothing remembered: the first step decides alone

    def _scores(self, inputs: Tensor, h: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        enter, forget, z, o = (self.from_input(inputs) + self.from_state(h)).chunk(4, 1)
        return enter, F.logsigmoid(forget), torch.tanh(z), torch.sigmoid(o)

    def step(self, inputs: Float[Tensor, "n i"], state: State) -> tuple[Float[Tensor, "n h"], State]:
        h, c, n, m = state
        enter, forget, z, o = self._scores(inputs, h)
        greatest = torch.maximum(forget + m, enter)
        i, f = torch.exp(enter - greatest), torch.exp(forget + m - greatest)
        c, n = f * c + i * z, f * n + i
        h = o * c / n
        return h, (h, c, n, greatest)

    def gates(self, inputs: Float[Tensor, "n i"], state: State) -> dict[str, Float[Tensor, "n h"]]:
        """The share of what is remembered that was there before, that is new, and the output gate."""
        _, _, n, m = state
        enter, forget, _, o = self._scores(inputs, state[0])
        kept, fresh = (
            torch.exp(forget + m - torch.maximum(forget + m, enter)) * n,
            torch.exp(enter - torch.maximum(forget + m, enter)),
        )
        return {"forget": kept / (kept + fresh), "input": fresh / (kept + fresh), "output": o}
