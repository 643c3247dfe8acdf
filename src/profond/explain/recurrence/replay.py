"""A network with recurrent layers gone through step by step, by its cells, where training had fused kernels.

Notable features:
- the layers are found, in any model: `profond.nn.sequence.Recurrent`, and cells that a model calls itself
- the model's own forward pass runs; only the recurrence inside it is done one step at a time, so that each step's state
  is there to be differentiated
- a copy in float64 does it, on the processor: a gradient of 1e-60 is a number, and the model is left as it was
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Int
from numpy.typing import NDArray
from torch import Tensor, nn

from profond.core.errors import ConfigError, UsageError
from profond.explain.network.guard import logits_of
from profond.nn.recurrent import GRU, LSTM, RNN, Cell, GRUOfTheSlide, State, unroll
from profond.nn.scanned import SLSTM, MinGRU, MinLSTM
from profond.nn.scanned_layers import ScannedLayers
from profond.nn.sequence import Recurrent

Array = NDArray[np.float64]
CELLS = (RNN, LSTM, GRU, GRUOfTheSlide, MinGRU, MinLSTM, SLSTM)
WITH_MEMORY = (LSTM, SLSTM)
"""Cells that remember a second row of numbers, c, besides what they put out."""


@dataclass(frozen=True)
class Layer:
    """One recurrent layer in one direction; row t of each array is step t of the sequence, whatever the direction.

    Args:
        name: the module's, with the number of the layer and the direction where there are several.
        kind: of the cell: ``"LSTM"``.
        backwards: it reads from the end, so that gradients travel towards the end.
        hidden: (steps, units), what it puts out.
        gates: the same of each gate, by name, 0 closed and 1 open.
        gradient: (steps), norm of the gradient of what is explained that reaches the output of each step.
        memory: (steps, units), c of an LSTM; None for other cells.
        memory_gradient: (steps), norm of the gradient that reaches c, also by way of that step's output.
        gap: largest difference between the outputs step by step and those of the fused kernel, or of the scan.
        writes: of an encoder with decoder, it belongs to the decoder: its steps are those that are written.
    """

    name: str
    kind: str
    backwards: bool
    hidden: Array
    gates: dict[str, Array]
    gradient: Array
    memory: Array | None
    memory_gradient: Array | None
    gap: float
    writes: bool = False

    @property
    def travelling(self) -> Array:
        """The gradient along the way that it takes through time, from where it is strongest: c's of an LSTM, else h's.

        Later in the array is further from what is explained.
        """
        norms = self.gradient if self.memory_gradient is None else self.memory_gradient
        return norms if self.backwards else norms[::-1]

    @property
    def factor(self) -> float | None:
        """By how much the gradient is multiplied at each step of its way: the slope of its logarithm; None for too few.

        From the step that it enters at to the last that it reaches.
        """
        return factor_of(self.travelling)

    def arrays(self) -> dict[str, Array]:
        """By the names under which they are written."""
        found = {"hidden": self.hidden, "gradient": self.gradient}
        found |= {f"gate_{name}": values for name, values in self.gates.items()}
        if self.memory is not None and self.memory_gradient is not None:
            found |= {"memory": self.memory, "memory_gradient": self.memory_gradient}
        return found


@dataclass(frozen=True)
class Recurrence:
    """What went on in every recurrent layer while a model read one sample.

    Args:
        layers: in the order in which they first ran.
        scores: the outputs of that step: of each class, or of each token that could be written.
        index: which of them the gradients are of.
        step: of the sequence of outputs; None where the model answers once.
    """

    layers: tuple[Layer, ...]
    scores: Array
    index: int
    step: int | None

    @property
    def output(self) -> float:
        """The number that the gradients are of, such as the score of a class."""
        return float(self.scores[self.index])


def factor_of(norms: Array) -> float | None:
    """The factor for each step that fits norms best, by least squares of their logarithms; zeros are left out."""
    reached = np.flatnonzero(norms > 0)
    if len(reached) < 3:
        return None
    return float(np.exp(np.polyfit(reached, np.log(norms[reached]), 1)[0]))


@dataclass
class Recorder:
    """A cell that keeps what it does: a `profond.nn.recurrent.Cell` itself.

    Args:
        name: of the layer, for people.
        cell: whose steps these are.
        backwards: what comes first is the end of the sequence.
    """

    name: str
    cell: Cell
    backwards: bool = False
    length: int | None = None
    gap: float = 0.0
    writes: bool = False
    states: list[State] = field(default_factory=list)
    open: list[dict[str, Tensor]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.input_size, self.hidden_size = self.cell.input_size, self.cell.hidden_size
        self._step = self.cell.step  # the cell's own: that of a cell which a model calls itself is replaced by ours

    def initial_state(self, batch: int) -> State:
        return self.cell.initial_state(batch)

    def gates(self, inputs: Tensor, state: State) -> dict[str, Tensor]:
        return self.cell.gates(inputs, state)

    def step(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        # The first state is where gradients end; without it, nothing of the graph would be kept.
        state = tuple(part if part.requires_grad else part.clone().requires_grad_() for part in state)
        self.open.append({name: gate.detach() for name, gate in self.cell.gates(inputs, state).items()})
        output, after = self._step(inputs, state)
        self.states.append(after)
        return output, after

    def follow(self, inputs: Tensor, state: State | None, expected: Tensor) -> tuple[Tensor, State]:
        """All steps one by one, where something else took them at once and found ``expected``."""
        outputs, after = unroll(self, inputs, state)
        self.gap = max(self.gap, float((outputs - expected).detach().abs().max()))
        return outputs, after

    def layer(self, gradients: Sequence[Sequence[Tensor]]) -> Layer:
        """What was kept, in the order of the sequence, without what stands behind its end."""
        end = min(self.length or len(self.states), len(self.states))
        order = slice(None, None, -1) if self.backwards else slice(None)

        def rows(values: Sequence[Tensor]) -> Array:
            return cast(Array, torch.cat(list(values[:end])).detach().numpy()[order])

        def norms(part: int) -> Array:
            return cast(Array, np.array([float(step[part].detach().norm()) for step in gradients[:end]])[order])

        remembers = isinstance(self.cell, WITH_MEMORY)
        return Layer(
            self.name,
            type(self.cell).__name__,
            self.backwards,
            rows([state[0] for state in self.states]),
            {name: rows([gates[name] for gates in self.open]) for name in self.open[0]},
            norms(0),
            rows([state[1] for state in self.states]) if remembers else None,
            norms(1) if remembers else None,
            self.gap,
            self.writes,
        )


def check_recurrent(model: nn.Module) -> None:
    """Raises: ConfigError for a model without recurrent layers."""
    if not any(isinstance(part, (Recurrent, ScannedLayers, *CELLS)) for part in model.modules()):
        raise ConfigError(
            f"{type(model).__name__} has no recurrent layers: nothing is passed on from step to step",
            "other explanations need none: profond explain RUN INPUT",
        )


def recorded(model: nn.Module) -> list[Recorder]:
    """Make a model go step by step and keep what it does, from now on: for a copy that is thrown away."""
    recorders: list[Recorder] = []
    for name, module in model.named_modules():
        if isinstance(module, Recurrent | ScannedLayers):
            recorders += _record_layers(name, module)
        elif isinstance(module, CELLS) and not any(one.cell is module for one in recorders):
            recorders.append(_record_cell(name, module, False))
    return recorders


def _record_layers(name: str, module: Recurrent | ScannedLayers) -> list[Recorder]:
    recorders, several = list[Recorder](), len(module.forwards) > 1

    def note_length(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        lengths = named.get("lengths", given[1] if len(given) > 1 else None)
        for recorder in recorders:
            recorder.length = None if lengths is None else int(lengths[0])

    module.register_forward_pre_hook(note_length, with_kwargs=True)
    for backwards, layers in ((False, module.forwards), (True, module.backwards)):
        for number, layer in enumerate(layers):
            words = [name, *([f"layer {number + 1}"] if several else []), *(["backwards"] if backwards else [])]
            if isinstance(module, Recurrent):
                cell = module.cell(number, backwards).double()
                recorders.append(Recorder(", ".join(words), cell, backwards))
                layer.register_forward_hook(_in_place_of_fused(recorders[-1]))
            else:
                recorders.append(_record_cell(", ".join(words), layer, backwards))
    return recorders


def _in_place_of_fused(recorder: Recorder) -> Callable[[nn.Module, tuple[Any, ...], Any], Any]:
    """A hook that gives a fused layer's outputs and last state, found by the cell."""

    def hook(_: nn.Module, given: tuple[Any, ...], fused: tuple[Tensor, Any]) -> Any:
        inputs, state = given[0], given[1] if len(given) > 1 else None
        parts = () if state is None else state if isinstance(state, tuple) else (state,)
        first = tuple(part[0] for part in parts) or None  # fused layers have an axis for layers before the batch
        outputs, after = recorder.follow(inputs, first, fused[0])
        last = tuple(part[None] for part in after)
        return outputs, last if isinstance(fused[1], tuple) else last[0]

    return hook


def _record_cell(name: str, cell: Any, backwards: bool) -> Recorder:
    """A cell of the model's own: each of its steps is kept, and those of a scan are taken one by one."""
    recorder = Recorder(name, cell, backwards)
    cell.step = recorder.step
    if scan := getattr(cell, "parallel", None):
        cell.parallel = lambda inputs, state=None: recorder.follow(inputs, state, scan(inputs, state)[0])
    return recorder


def replay(
    model: nn.Module,
    sample: Tensor,
    *,
    index: int | None = None,
    step: int | None = None,
    written: Int[Tensor, " w"] | None = None,
) -> Recurrence:
    """Let a model read one sample step by step, and send back the gradient of one of its outputs.

    Args:
        model: any with recurrent layers; it is left as it was.
        sample: as the model takes it, without the batch axis.
        index: of the output, such as a class; by default the greatest, or the token that was written.
        step: which step's output, of a model that answers at every step; by default the last.
        written: from the start on, what an encoder with decoder wrote, which it is given beside the sample.

    Raises: ConfigError for a model without recurrent layers; UsageError for a step that there is not.
    """
    check_recurrent(model)
    twin = copy.deepcopy(model).cpu().double().eval().requires_grad_(False)
    recorders = recorded(twin)
    inputs = sample[None].cpu()
    inputs = inputs.double() if inputs.is_floating_point() else inputs
    if written is not None:
        _note_who_reads(twin, recorders)
    with torch.enable_grad():
        outputs = logits_of(twin(inputs) if written is None else twin(inputs, written[None].cpu()))
    ran = [recorder for recorder in recorders if recorder.states]
    scores, step = _at(outputs[0], step, max((one.length or 0 for one in ran), default=0) if written is None else 0)
    if index is None:
        index = int(scores.argmax()) if written is None or step is None else int(written[step + 1])
    states = [part for one in ran for state in one.states for part in state]
    found = torch.autograd.grad(scores[index], states, allow_unused=True)
    gradients = iter(torch.zeros_like(s) if g is None else g for s, g in zip(states, found, strict=True))
    layers = tuple(one.layer([[next(gradients) for _ in state] for state in one.states]) for one in ran)
    return Recurrence(layers, scores.detach().numpy(), index, step)


def _note_who_reads(model: Any, recorders: Sequence[Recorder]) -> None:
    """From now on: what has not run when an encoder is done belongs to the decoder."""
    encode = model.encode

    def noted(*given: Any) -> Any:
        memory = encode(*given)
        for recorder in recorders:
            recorder.writes = not recorder.states
        return memory

    model.encode = noted


def _at(outputs: Tensor, step: int | None, length: int) -> tuple[Tensor, int | None]:
    """The scores of one step, of outputs (k) or (t k), and which step that is."""
    if outputs.ndim == 1:
        if step is not None:
            raise UsageError("this network answers once, at the end, and not at every step", "leave out --step")
        return outputs, None
    steps = min(length or len(outputs), len(outputs))
    if step is not None and not 0 <= step < steps:
        raise UsageError(f"there is no step {step}", f"the steps are 0 to {steps - 1}")
    step = steps - 1 if step is None else step
    return outputs[step], step
