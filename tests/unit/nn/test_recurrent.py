"""Recurrent cells: equal to PyTorch's fused ones, whatever unrolls them; padding never changes an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from profond.nn.recurrent import GRU, LSTM, RNN, Cell, GRUOfTheSlide, State, unroll
from profond.nn.scanned import SLSTM, MinGRU, MinLSTM, linear_scan
from profond.nn.sequence import Recurrent, reversed_within

CELLS: dict[str, Callable[[int, int], Any]] = {
    "RNN": RNN,
    "LSTM": LSTM,
    "GRU, reset after": GRU,
    "GRU, reset before": lambda i, h: GRU(i, h, reset="before"),
    "GRU of the slide": GRUOfTheSlide,
    "minGRU": MinGRU,
    "minLSTM": MinLSTM,
    "sLSTM": SLSTM,
}
FUSED = {"RNN": (RNN, nn.RNN), "LSTM": (LSTM, nn.LSTM), "GRU, reset after": (GRU, nn.GRU)}
ERROR = {torch.float64: 1e-10, torch.float32: 1e-5}


def made(name: str, dtype: torch.dtype = torch.float64) -> Any:
    torch.manual_seed(3)
    return CELLS[name](5, 7).to(dtype)


def sequences(steps: int = 11, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(4, steps, 5, generator=torch.Generator().manual_seed(1), dtype=dtype)


def some_state(cell: Cell) -> State:
    """What is remembered after three steps of something else: any cell's own kind of state."""
    return unroll(cell, torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64))[1]


# -- PyTorch's fused ones ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ERROR, ids=str)
@pytest.mark.parametrize("name", FUSED)
def test_it_equals_the_fused_one_weight_for_weight_in_outputs_and_gradients(name: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    ours, theirs = FUSED[name]
    fused = theirs(5, 7, batch_first=True).to(dtype)
    cell = ours.from_fused(fused).to(dtype)  # type: ignore[arg-type]
    inputs = sequences(dtype=dtype)
    one, two = inputs.clone().requires_grad_(), inputs.clone().requires_grad_()
    expected, _ = fused(one)
    received, state = unroll(cell, two)
    torch.testing.assert_close(received, expected, rtol=0, atol=ERROR[dtype])
    torch.testing.assert_close(state[0], expected[:, -1], rtol=0, atol=ERROR[dtype])
    weights = torch.linspace(-1, 1, expected.numel(), dtype=dtype).view_as(expected)
    (expected * weights).sum().backward()
    (received * weights).sum().backward()
    torch.testing.assert_close(two.grad, one.grad, rtol=ERROR[dtype], atol=ERROR[dtype])
    for name_, parameter in cell._fused_parameters():
        theirs_ = getattr(fused, name_).grad
        torch.testing.assert_close(parameter.grad, theirs_, rtol=ERROR[dtype], atol=ERROR[dtype])


@pytest.mark.parametrize("name", FUSED)
def test_a_cells_fused_form_shares_its_parameters_and_gives_its_outputs(name: str) -> None:
    cell = made(name)
    fused = cell.fused()
    torch.testing.assert_close(fused(sequences())[0], unroll(cell, sequences())[0], rtol=0, atol=1e-10)
    with torch.no_grad():
        cell.from_input.weight.mul_(2)
    torch.testing.assert_close(fused(sequences())[0], unroll(cell, sequences())[0], rtol=0, atol=1e-10)
    assert {id(parameter) for parameter in fused.parameters()} == {id(parameter) for parameter in cell.parameters()}


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("name", FUSED)
def test_any_layer_and_direction_of_a_fused_stack_can_be_taken(name: str, layer: int, backwards: bool) -> None:
    ours, theirs = FUSED[name]
    fused = theirs(5, 7, num_layers=2, bidirectional=True, batch_first=True).double()
    below = ours.from_fused(fused, 0), ours.from_fused(fused, 0, True)  # type: ignore[arg-type]
    inputs = sequences()
    for cell in below:
        cell.double()
    if layer == 1:
        there, back = unroll(below[0], inputs)[0], unroll(below[1], inputs.flip(1))[0].flip(1)
        inputs = torch.cat([there, back], 2)
    cell = ours.from_fused(fused, layer, backwards).double()  # type: ignore[arg-type]
    one_layer = theirs(5, 7, num_layers=layer + 1, bidirectional=True, batch_first=True).double()
    one_layer.load_state_dict({k: v for k, v in fused.state_dict().items() if k in one_layer.state_dict()})
    expected = one_layer(sequences())[0].chunk(2, 2)[backwards]
    received = unroll(cell, inputs.flip(1))[0].flip(1) if backwards else unroll(cell, inputs)[0]
    torch.testing.assert_close(received, expected, rtol=0, atol=1e-10)


def test_the_slides_gru_is_the_papers_with_its_update_gate_turned_round() -> None:
    slide = made("GRU of the slide")
    torch.testing.assert_close(
        unroll(slide.as_gru(), sequences())[0], unroll(slide, sequences())[0], rtol=0, atol=1e-12
    )
    gates, theirs = (cell.gates(sequences()[:, 0], some_state(slide)) for cell in (slide, slide.as_gru()))
    torch.testing.assert_close(gates["update"], 1 - theirs["update"], rtol=0, atol=1e-12)
    torch.testing.assert_close(gates["reset"], theirs["reset"], rtol=0, atol=1e-12)


def test_the_two_forms_of_the_gru_differ() -> None:
    after, before = made("GRU, reset after"), made("GRU, reset before")
    before.load_state_dict(after.state_dict())
    assert (unroll(after, sequences())[0] - unroll(before, sequences())[0]).abs().max() > 1e-2


# -- every unroll over every cell --------------------------------------------------------------------------------------


def in_pieces(cell: Any, inputs: Tensor, state: State) -> tuple[Tensor, State]:
    parts = []
    for piece in inputs.split([1, 4, inputs.shape[1] - 5], 1):
        outputs, state = unroll(cell, piece, state)
        parts.append(outputs)
    return torch.cat(parts, 1), state


def with_lengths(cell: Any, inputs: Tensor, state: State) -> tuple[Tensor, State]:
    """All sequences as long as they are, with something behind their end."""
    longer = torch.cat([inputs, torch.full_like(inputs[:, :3], 1e3)], 1)
    outputs, after = unroll(cell, longer, state, torch.full((len(inputs),), inputs.shape[1]))
    return outputs[:, : inputs.shape[1]], after


def fused(cell: Any, inputs: Tensor, state: State) -> tuple[Tensor, State]:
    first = tuple(part[None] for part in state)
    outputs, last = cell.fused()(inputs, first if len(first) > 1 else first[0])
    return outputs, tuple(part[0] for part in (last if isinstance(last, tuple) else (last,)))


def at_once(cell: Any, inputs: Tensor, state: State) -> tuple[Tensor, State]:
    return cell.parallel(inputs, state)  # type: ignore[no-any-return]


UNROLLS = {"in pieces": in_pieces, "with lengths": with_lengths, "fused": fused, "at once": at_once}
OF_SOME = {"fused": FUSED, "at once": ("minGRU", "minLSTM")}


@pytest.mark.parametrize("dtype", ERROR, ids=str)
@pytest.mark.parametrize(
    ("way", "name"), [(way, name) for way in UNROLLS for name in CELLS if name in OF_SOME.get(way, CELLS)]
)
def test_every_unroll_of_every_cell_gives_the_same_outputs_and_gradients(
    way: str, name: str, dtype: torch.dtype
) -> None:
    cell = made(name, dtype)
    first = tuple(part.to(dtype) for part in some_state(made(name)))
    answers = []
    for through in (unroll, UNROLLS[way]):
        inputs = sequences(dtype=dtype).requires_grad_()
        outputs, after = through(cell, inputs, first)
        weights = torch.linspace(-1, 1, outputs.numel(), dtype=dtype).view_as(outputs)
        gradients = torch.autograd.grad((outputs * weights).sum() + after[0].sum(), [inputs, *cell.parameters()])
        answers.append((outputs, after, gradients))
    torch.testing.assert_close(answers[1], answers[0], rtol=ERROR[dtype], atol=ERROR[dtype])


@pytest.mark.parametrize("name", CELLS)
def test_a_sequence_in_pieces_is_the_sequence(name: str) -> None:
    cell = made(name)
    whole, end = unroll(cell, sequences())
    state, parts = None, []
    for piece in sequences().split([1, 4, 6], 1):
        outputs, state = unroll(cell, piece, state)
        parts.append(outputs)
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=0, atol=0)
    torch.testing.assert_close(state, end, rtol=0, atol=0)


@pytest.mark.parametrize("name", CELLS)
def test_what_stands_behind_a_sequences_end_changes_nothing(name: str) -> None:
    cell, lengths = made(name), torch.tensor([11, 1, 6, 10])
    outputs, state = unroll(cell, sequences(), some_state(cell), lengths)
    for number, length in enumerate(lengths.tolist()):
        first = tuple(part[number : number + 1] for part in some_state(cell))
        alone, end = unroll(cell, sequences()[number : number + 1, :length], first)
        torch.testing.assert_close(outputs[number, :length], alone[0], rtol=0, atol=1e-12)
        assert not outputs[number, length:].any()
        for ours, theirs in zip(state, end, strict=True):
            torch.testing.assert_close(ours[number], theirs[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["minGRU", "minLSTM"])
@pytest.mark.parametrize("steps", [1, 2, 3, 8, 37])
def test_all_steps_at_once_are_the_steps_one_by_one_from_any_first_state(name: str, steps: int) -> None:
    cell, inputs = made(name), sequences(steps)
    first = (torch.randn(4, 7, dtype=torch.float64),)
    expected, end = unroll(cell, inputs, first)
    received, last = cell.parallel(inputs, first)
    torch.testing.assert_close(received, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(last, end, rtol=0, atol=1e-12)
    weights = torch.randn_like(expected)
    one = torch.autograd.grad((expected * weights).sum(), list(cell.parameters()))
    two = torch.autograd.grad((received * weights).sum(), list(cell.parameters()))
    torch.testing.assert_close(two, one, rtol=0, atol=1e-10)


def test_a_scan_stays_finite_where_a_cumulative_product_underflows() -> None:
    decay, fresh = torch.full((1, 500, 1), 1e-3), torch.ones(1, 500, 1)
    scanned = linear_scan(decay, fresh, torch.ones(1, 1))
    assert scanned[0, -1, 0] == pytest.approx(1 / (1 - 1e-3), rel=1e-5)


@pytest.mark.parametrize("name", CELLS)
def test_gates_are_those_of_the_step_and_between_closed_and_open(name: str) -> None:
    cell = made(name)
    state = some_state(cell)
    gates = cell.gates(sequences()[:, 0], state)
    assert bool(gates) == (name != "RNN")
    for gate in gates.values():
        assert gate.shape == (4, 7)
        assert bool(((gate >= 0) & (gate <= 1)).all())
    if name in ("LSTM",):
        h, (_, c) = cell.step(sequences()[:, 0], state)
        torch.testing.assert_close(h, gates["output"] * c.tanh())


# -- what each equation is there for -----------------------------------------------------------------------------------


def test_the_slstm_is_its_equations_without_the_running_maximum() -> None:
    cell = made("sLSTM")
    zero = torch.zeros(4, 7, dtype=torch.float64)
    h, c, n = zero, zero, zero
    expected = []
    for x in sequences().unbind(1):
        i, f, z, o = (cell.from_input(x) + cell.from_state(h)).chunk(4, 1)
        c, n = f.sigmoid() * c + i.exp() * z.tanh(), f.sigmoid() * n + i.exp()
        h = o.sigmoid() * c / n
        expected.append(h)
    torch.testing.assert_close(unroll(cell, sequences())[0], torch.stack(expected, 1), rtol=0, atol=1e-12)


def test_the_slstm_stays_finite_where_the_exponential_alone_would_not() -> None:
    cell = made("sLSTM", torch.float32)
    outputs, _ = unroll(cell, 1e4 * sequences(dtype=torch.float32))
    assert bool(outputs.isfinite().all())
    outputs.sum().backward()
    assert all(bool(parameter.grad.isfinite().all()) for parameter in cell.parameters())


def test_an_lstms_forget_gate_begins_open() -> None:
    zero = torch.zeros(1, 5)
    for bias, share in ((1.0, 0.731), (0.0, 0.5), (3.0, 0.953)):
        cell = LSTM(5, 2000, forget_bias=bias)
        gate = cell.gates(zero, cell.initial_state(1))["forget"]
        assert gate.mean().item() == pytest.approx(share, abs=1e-3)
        layer = Recurrent("lstm", 5, 2000, forget_bias=bias).cell()
        assert layer.gates(zero, layer.initial_state(1))["forget"].mean().item() == pytest.approx(share, abs=1e-3)


# -- layers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_layers_give_each_sequence_what_it_gets_alone(kind: Any, bidirectional: bool) -> None:
    torch.manual_seed(0)
    layers = Recurrent(kind, 5, 7, layers=2, bidirectional=bidirectional).double().eval()
    lengths = torch.tensor([11, 1, 6, 10])
    padded = torch.where((torch.arange(11) < lengths[:, None])[..., None], sequences(), 1e6)
    outputs, last = layers(padded, lengths)
    for number, length in enumerate(lengths.tolist()):
        alone, end = layers(sequences()[number : number + 1, :length])
        torch.testing.assert_close(outputs[number, :length], alone[0], rtol=0, atol=1e-12)
        torch.testing.assert_close(last[number], end[0], rtol=0, atol=1e-12)
        assert not outputs[number, length:].any()


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_layers_equal_pytorchs_own_stack_in_both_directions(kind: Any) -> None:
    torch.manual_seed(0)
    layers = Recurrent(kind, 5, 7, layers=2, bidirectional=True).double().eval()
    stack = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[kind](
        5, 7, 2, bidirectional=True, batch_first=True
    ).double()
    state = {}
    for number in range(2):
        for ending, part in (("", layers.forwards), ("_reverse", layers.backwards)):
            for name, value in part[number].state_dict().items():
                state[name.replace("l0", f"l{number}{ending}")] = value
    stack.load_state_dict(state)
    torch.testing.assert_close(layers(sequences())[0], stack(sequences())[0], rtol=0, atol=1e-12)


def test_reversing_twice_gives_the_sequence_back_and_leaves_the_padding() -> None:
    values, lengths = sequences(), torch.tensor([11, 1, 6, 10])
    turned = reversed_within(values, lengths)
    torch.testing.assert_close(turned[2, :6], values[2, :6].flip(0))
    torch.testing.assert_close(turned[2, 6:], values[2, 6:])
    torch.testing.assert_close(reversed_within(turned, lengths), values)


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_going_on_from_a_state_is_going_through_at_once(kind: Any) -> None:
    torch.manual_seed(0)
    layers = Recurrent(kind, 5, 7, layers=2).double().eval()
    inputs = torch.randn(3, 6, 5, dtype=torch.float64)
    whole, last = layers(inputs)
    state, outputs = layers.initial_state(3), []
    for step in (inputs[:, :1], inputs[:, 1:2], inputs[:, 2:]):
        some, state = layers.go_on(step, state)
        outputs.append(some)
    torch.testing.assert_close(torch.cat(outputs, 1), whole, rtol=1e-10, atol=1e-10)
    half, _ = layers(inputs[:, 3:], state=layers.go_on(inputs[:, :3])[1])
    torch.testing.assert_close(half, whole[:, 3:], rtol=1e-10, atol=1e-10)
    assert {tuple(part.shape) for part in state} == {(3, 7)}
    torch.testing.assert_close(last, whole[:, -1])
