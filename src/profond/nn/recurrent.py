"""Recurrent cells as their equations: one step, and the state before the first one. Time belongs to the caller's loop.

Notable features:
- a cell is ``step(inputs, state) -> (output, state)`` and ``initial_state(batch)``; ``unroll`` goes through time
- `RNN`, `LSTM` and `GRU` equal PyTorch's fused ones weight for weight: ``fused()`` gives those, ``from_fused`` takes
  theirs
- the GRU in both of its forms: the reset gate before the matrix, as on most slides, or after it, as in the fused one
- every cell tells what its gates do (``gates``), for pictures of them

Training uses the fused ones (`profond.nn.sequence`), which are several times as fast.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Literal, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

State = tuple[Tensor, ...]
"""What a cell remembers: tensors (n, hidden), the output first."""


class Cell(Protocol):
    """One step of a recurrent network."""

    input_size: int
    hidden_size: int

    def initial_state(self, batch: int) -> State:
        """What is remembered before the first step: zeros."""
        ...

    def step(self, inputs: Float[Tensor, "n i"], state: State) -> tuple[Float[Tensor, "n h"], State]:
        """The output of one step, and what is remembered after it."""
        ...

    def gates(self, inputs: Float[Tensor, "n i"], state: State) -> dict[str, Float[Tensor, "n h"]]:
        """What the gates do in this step, by name, 0 closed and 1 open; a cell without gates has none."""
        ...


def unroll(
    cell: Cell,
    inputs: Float[Tensor, "n t i"],
    state: State | None = None,
    lengths: Int[Tensor, " n"] | None = None,
) -> tuple[Float[Tensor, "n t h"], State]:
    """A cell through time, step by step.

    Args:
        state: before the first step; the cell's own when left out.
        lengths: steps of each sequence that are real. Behind them the state stays and the outputs are zero.

    Returns: the outputs, and the state after the last (real) step.
    """
    # NOTE not len(inputs), which fixes the batch of a graph that leaves Python.
    state = cell.initial_state(inputs.shape[0]) if state is None else state
    if torch.compiler.is_exporting() and lengths is None and not _one_step(inputs):
        return looped_steps(cell.step, inputs, state)
    outputs = []
    for t, x in enumerate(inputs.unbind(1)):
        output, after = cell.step(x, state)
        if lengths is None:
            state = after
        else:
            real = (t < lengths)[:, None]
            output = torch.where(real, output, 0)
            state = tuple(torch.where(real, new, old) for new, old in zip(after, state, strict=True))
        outputs.append(output)
    return torch.stack(outputs, 1), state


def looped_steps(
    step: Callable[[Any, State], tuple[Tensor, State]], inputs: Any, state: State
) -> tuple[Float[Tensor, "n t h"], State]:
    """Steps as one operation that holds a loop: what ``unroll`` gives, in a graph for sequences of any length.

    Args:
        step: from what stands at one step, and the state, to the output and the state after it.
        inputs: (n, t, i), or a tuple of such.
    """
    from torch._higher_order_ops.scan import scan  # brings half of the compiler, which only an export needs

    def stepped(before: State, now: Any) -> tuple[State, Tensor]:
        output, after = step(now, before)
        return tuple(part.clone() for part in after), output.clone()  # a loop's results may not share memory

    last, outputs = scan(stepped, tuple(part.clone() for part in state), inputs, dim=1)
    return outputs, last


def _one_step(inputs: Tensor) -> bool:
    return isinstance(inputs.shape[1], int) and inputs.shape[1] == 1


class _Gated(nn.Module):
    """One matrix for the inputs and one for the last output, each with all gates below each other."""

    blocks: int

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.from_input = nn.Linear(input_size, self.blocks * hidden_size)
        self.from_state = nn.Linear(hidden_size, self.blocks * hidden_size)
        reach = 1 / math.sqrt(hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -reach, reach)

    def _zeros(self, batch: int) -> Tensor:
        return self.from_state.weight.new_zeros(batch, self.hidden_size)

    def _fused_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Our parameters under the names that PyTorch's fused modules have for those of their first layer."""
        for name, layer in (("ih", self.from_input), ("hh", self.from_state)):
            yield f"weight_{name}_l0", layer.weight
            yield f"bias_{name}_l0", layer.bias

    def _share(self, fused: nn.RNNBase) -> nn.RNNBase:
        for name, parameter in self._fused_parameters():
            setattr(fused, name, parameter)
        fused.flatten_parameters()
        return fused

    @torch.no_grad()
    def _take(self, fused: nn.RNNBase, layer: int, backwards: bool) -> None:
        for name, parameter in self._fused_parameters():
            theirs = f"{name[:-1]}{layer}{'_reverse' if backwards else ''}"
            parameter.data = getattr(fused, theirs).detach().clone()


class RNN(_Gated):
    """The plain recurrent cell.

        h_t = tanh(W x_t + b + U h_{t-1} + c)

    Args:
        input_size: numbers of one step.
        hidden_size: numbers of the output, which is all that is remembered.

    Source: J. L. Elman, Finding structure in time, Cognitive Science 14, 1990. The two biases are the fused one's.
    """

    blocks = 1

    def initial_state(self, batch: int) -> State:
        return (self._zeros(batch),)

    def step(self, inputs: Float[Tensor, "n i"], state: State) -> tuple[Float[Tensor, "n h"], State]:
        (h,) = state
        h = torch.tanh(self.from_input(inputs) + self.from_state(h))
        return h, (h,)

    def gates(self, inputs: Float[Tensor, "n i"], state: State) -> dict[str, Float[Tensor, "n h"]]:
        return {}

    def fused(self) -> nn.RNN:
        """PyTorch's, batch first, with the same parameters: not copies."""
        fused = nn.RNN(self.input_size, self.hidden_size, batch_first=True, device="meta")
        self._share(fused)
        return fused

    @classmethod
    def from_fused(cls, fused: nn.RNN, layer: int = 0, backwards: bool = False) -> RNN:
        """The cell of one layer and direction of PyTorch's, with copies of its weights."""
        assert fused.nonlinearity == "tanh"
        cell = cls(getattr(fused, f"weight_ih_l{layer}").shape[1], fused.hidden_size)
        cell._take(fused, layer, backwards)
        return cell


class LSTM(_Gated):
    """Long short-term memory: what is remembered (c) passes from step to step through a gate alone.

        i_t = σ(W_i x_t + U_i h_{t-1} + b_i)        input gate
        f_t = σ(W_f x_t + U_f h_{t-1} + b_f)        forget gate
        g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)     candidate
        o_t = σ(W_o x_t + U_o h_{t-1} + b_o)        output gate
        c_t = f_t * c_{t-1} + i_t * g_t
        h_t = o_t * tanh(c_t)

    Args:
        input_size: numbers of one step.
        hidden_size: numbers of the output and of what is remembered.
        forget_bias: start of b_f. With 1, as by default, the gate is about three quarters open before anything is
            learned, so that what came 10 steps ago is not halved 10 times; PyTorch starts it around 0.

    Source: S. Hochreiter and J. Schmidhuber, Long short-term memory, Neural Computation 9, 1997; forget gate: F. Gers,
        J. Schmidhuber and F. Cummins, Learning to forget, Neural Computation 12, 2000; its bias: R. Jozefowicz,
        W. Zaremba and I. Sutskever, An empirical exploration of recurrent network architectures, ICML 2015, section 3.
        Each bias is the sum of two, as the fused one has them.
    """

    blocks = 4

    def __init__(self, input_size: int, hidden_size: int, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        open_forget_gates(self.from_input.bias, self.from_state.bias, forget_bias)

    def initial_state(self, batch: int) -> State:
        return self._zeros(batch), self._zeros(batch)

    def _parts(self, inputs: Tensor, h: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        i, f, g, o = (self.from_input(inputs) + self.from_state(h)).chunk(4, 1)
        return torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)

    def step(self, inputs: Float[Tensor, "n i"], state: State) -> tuple[Float[Tensor, "n h"], State]:
        h, c = state
        i, f, g, o = self._parts(inputs, h)
        c = f * c + i * g
        h = o * torch.tanh(c)
        return h, (h, c)

    def gates(self, inputs: Float[Tensor, "n i"], state: State) -> dict[str, Float[Tensor, "n h"]]:
        i, f, _, o = self._parts(inputs, state[0])
        return {"input": i, "forget": f, "output": o}

    def fused(self) -> nn.LSTM:
        """PyTorch's, batch first, with the same parameters: not copies."""
        fused = nn.LSTM(self.input_size, self.hidden_size, batch_first=True, device="meta")
        self._share(fused)
        return fused

    @classmethod
    def from_fused(cls, fused: nn.LSTM, layer: int = 0, backwards: bool = False) -> LSTM:
        """The cell of one layer and direction of PyTorch's, with copies of its weights."""
        assert fused.proj_size == 0
        cell = cls(getattr(fused, f"weight_ih_l{layer}").shape[1], fused.hidden_size)
        cell._take(fused, layer, backwards)
        return cell


@torch.no_grad()
def open_forget_gates(bias_of_input: Tensor, bias_of_state: Tensor, value: float) -> None:
    """Set the forget gate's bias of an LSTM's four blocks; of the two biases that are added, the first carries it."""
    quarter = len(bias_of_input) // 4
    bias_of_input[quarter : 2 * quarter] = value
    bias_of_state[quarter : 2 * quarter] = 0


class GRU(_Gated):
    """Gated recurrent unit: one gate decides how much is replaced, another what of the past the candidate sees.

        r_t = σ(W_r x_t + b_r + U_r h_{t-1} + c_r)          reset gate
        u_t = σ(W_u x_t + b_u + U_u h_{t-1} + c_u)          update gate: how much stays
        n_t = tanh(W_n x_t + b_n + r_t * (U_n h_{t-1} + c_n))       reset ``"after"`` the matrix
        n_t = tanh(W_n x_t + b_n + U_n (r_t * h_{t-1}) + c_n)       reset ``"before"`` it
        h_t = (1 - u_t) * n_t + u_t * h_{t-1}

    Args:
        input_size: numbers of one step.
        hidden_size: numbers of the output, which is all that is remembered.
        reset: ``"after"`` as the fused ones of PyTorch and cuDNN, and Keras with ``reset_after=True``, have it;
            ``"before"`` as in the paper.

    Source: K. Cho et al., Learning phrase representations using RNN encoder-decoder for statistical machine
        translation, EMNLP 2014, equations 5 to 8; ``"after"``: the first version of that paper, arXiv:1406.1078v1.
    """

    blocks = 3

    def __init__(self, input_size: int, hidden_size: int, reset: Literal["after", "before"] = "after") -> None:
        super().__init__(input_size, hidden_size)
        self.reset = reset

    def initial_state(self, batch: int) -> State:
        return (self._zeros(batch),)

    def step(self, inputs: Float[Tensor, "n i"], state: State) -> tuple[Float[Tensor, "n h"], State]:
        (h,) = state
        gates = self.gates(inputs, state)
        r, u = gates["reset"], gates["update"]
        wide = 2 * self.hidden_size
        from_input = nn.functional.linear(inputs, self.from_input.weight[wide:], self.from_input.bias[wide:])
        matrix, bias = self.from_state.weight[wide:], self.from_state.bias[wide:]
        if self.reset == "after":
            n = torch.tanh(from_input + r * nn.functional.linear(h, matrix, bias))
        else:
            n = torch.tanh(from_input + nn.functional.linear(r * h, matrix, bias))
        h = (1 - u) * n + u * h
        return h, (h,)

    def gates(self, inputs: Float[Tensor, "n i"], state: State) -> dict[str, Float[Tensor, "n h"]]:
        wide = 2 * self.hidden_size
        from_input = nn.functional.linear(inputs, self.from_input.weight[:wide], self.from_input.bias[:wide])
        from_state = nn.functional.linear(state[0], self.from_state.weight[:wide], self.from_state.bias[:wide])
        r, u = torch.sigmoid(from_input + from_state).chunk(2, 1)
        return {"reset": r, "update": u}

    def fused(self) -> nn.GRU:
        """PyTorch's, batch first, with the same parameters: not copies. Only for reset ``"after"``."""
        assert self.reset == "after", "the fused one resets after the matrix"
        fused = nn.GRU(self.input_size, self.hidden_size, batch_first=True, device="meta")
        self._share(fused)
        return fused

    @classmethod
    def from_fused(cls, fused: nn.GRU, layer: int = 0, backwards: bool = False) -> GRU:
        """The cell of one layer and direction of PyTorch's, with copies of its weights."""
        cell = cls(getattr(fused, f"weight_ih_l{layer}").shape[1], fused.hidden_size)
        cell._take(fused, layer, backwards)
        return cell


class GRUOfTheSlide(nn.Module):
    """The GRU as it stands on the lecture's slide: matrices alone, over what was and what comes, side by side.

        z_t = σ(W_z · [h_{t-1}, x_t])
        r_t = σ(W_r · [h_{t-1}, x_t])
        h̃_t = tanh(W · [r_t * h_{t-1}, x_t])
        h_t = (1 - z_t) * h_{t-1} + z_t * h̃_t

    Here z says how much is new; `GRU`'s update gate is 1 - z. Otherwise it is that one with reset ``"before"``.

    Args:
        input_size: numbers of one step.
        hidden_size: numbers of the output, which is all that is remembered.

    Source: the lecture, after C. Olah, Understanding LSTM networks, 2015.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.W_z, self.W_r, self.W = (nn.Linear(hidden_size + input_size, hidden_size, bias=False) for _ in range(3))

    def initial_state(self, batch: int) -> State:
        return (self.W.weight.new_zeros(batch, self.hidden_size),)

    def step(self, inputs: Float[Tensor, "n i"], state: State) -> tuple[Float[Tensor, "n h"], State]:
        (h,) = state
        z, r = self.gates(inputs, state).values()
        candidate = torch.tanh(self.W(torch.cat([r * h, inputs], 1)))
        h = (1 - z) * h + z * candidate
        return h, (h,)

    def gates(self, inputs: Float[Tensor, "n i"], state: State) -> dict[str, Float[Tensor, "n h"]]:
        both = torch.cat([state[0], inputs], 1)
        return {"update": torch.sigmoid(self.W_z(both)), "reset": torch.sigmoid(self.W_r(both))}

    def as_gru(self) -> GRU:
        """The same cell as a `GRU`, with copies of the weights: 1 - σ(a) is σ(-a)."""
        gru, hidden = GRU(self.input_size, self.hidden_size, reset="before"), self.hidden_size
        rows = torch.cat([self.W_r.weight, -self.W_z.weight, self.W.weight]).detach()
        gru.to(rows.dtype)
        with torch.no_grad():
            gru.from_state.weight.copy_(rows[:, :hidden])
            gru.from_input.weight.copy_(rows[:, hidden:])
            gru.from_state.bias.zero_()
            gru.from_input.bias.zero_()
        return gru
