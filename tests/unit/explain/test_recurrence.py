"""Recurrent layers gone through step by step: as the fused ones, with the gradient that really reaches each step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from profond.core.errors import ConfigError, UsageError
from profond.explain.recurrence.figure import draw_recurrence, in_words
from profond.explain.recurrence.replay import factor_of, replay
from profond.explain.why.subject import Subject
from profond.models.seq2seq import Seq2Seq
from profond.models.series import SeriesReader
from profond.nn.recurrent import GRU, RNN, GRUOfTheSlide, unroll
from profond.nn.sequence import Recurrent
from profond.tasks.task import Explained

STEPS = 9
CELLS = ("rnn", "lstm", "gru", "mingru", "minlstm", "slstm")


def reader(cell: Any, **settings: Any) -> SeriesReader:
    torch.manual_seed(0)
    settings = {"hidden": 5, "bidirectional": False, "summary": "last", **settings}
    return SeriesReader((2, STEPS), 3, cell, **settings).eval()


def series(steps: int = STEPS) -> Tensor:
    return torch.randn(2, steps, generator=torch.Generator().manual_seed(1))


class EachStep(nn.Module):
    """Answers at every step, from both directions or from one."""

    def __init__(self, bidirectional: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = Recurrent("gru", 2, 5, bidirectional=bidirectional)
        self.output = nn.Linear(self.layers.output_size, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        answers: Tensor = self.output(self.layers(inputs.transpose(1, 2))[0])
        return answers


# -- the same network --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"layers": 2, "bidirectional": True, "summary": "average"}], ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_step_by_step_it_is_the_network_that_was_trained(cell: str, settings: dict[str, Any]) -> None:
    model = reader(cell, **settings)
    found = replay(model, series(), index=1)
    assert found.output == pytest.approx(float(model(series()[None])[0, 1].detach()), abs=1e-5)
    assert len(found.layers) == (4 if settings else 1)
    assert max(layer.gap for layer in found.layers) < 1e-10
    outputs, _ = model.recurrent(series().T[None])
    last = [layer.hidden for layer in found.layers if "layer 1" not in layer.name]
    np.testing.assert_allclose(np.concatenate(last, 1), outputs[0].detach(), atol=1e-5)


def test_layers_are_told_apart_by_number_and_direction() -> None:
    names = [layer.name for layer in replay(reader("lstm", layers=2, bidirectional=True), series()).layers]
    directions = ["", ", backwards"]
    assert sorted(names) == sorted(f"recurrent, layer {n}{direction}" for n in (1, 2) for direction in directions)


@pytest.mark.parametrize("cell", CELLS)
def test_looking_leaves_the_network_as_it_was(cell: str) -> None:
    model = reader(cell).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    expected = model(series()[None])
    replay(model, series())
    assert model.training
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())
    assert torch.equal(model(series()[None]), expected)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("bidirectional", [False, True])
def test_what_stands_behind_a_series_end_is_not_shown_and_changes_nothing(bidirectional: bool) -> None:
    model = reader("lstm", bidirectional=bidirectional)
    alone = replay(model, series(6))
    padded = replay(model, torch.cat([series(6), torch.full((2, 3), torch.nan)], 1))
    for one, other in zip(alone.layers, padded.layers, strict=True):
        for name, values in one.arrays().items():
            np.testing.assert_allclose(other.arrays()[name], values, atol=1e-12, err_msg=name)


# -- gradients ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS)
def test_the_gradient_at_a_step_is_that_of_going_on_from_its_state(cell: str) -> None:
    model = reader(cell)
    layer = replay(model, series(), index=2).layers[0]
    part: Any = model.recurrent.cell() if isinstance(model.recurrent, Recurrent) else model.recurrent.forwards[0]
    one, output = part.double(), model.output.double()
    inputs = series().double().T[None]
    for step in (0, 3, STEPS - 2):
        _, state = unroll(one, inputs[:, : step + 1])
        state = tuple(each.detach().requires_grad_() for each in state)
        outputs, _ = unroll(one, inputs[:, step + 1 :], state)
        gradients = torch.autograd.grad(output(outputs[:, -1])[0, 2], state, allow_unused=True)
        # What minGRU and minLSTM put out is all that they remember; an LSTM's h and c are two.
        assert layer.gradient[step] == pytest.approx(
            float(0 if gradients[0] is None else gradients[0].norm()), rel=1e-9
        )
        if layer.memory_gradient is not None and gradients[1] is not None and cell == "lstm":
            direct = torch.autograd.grad(  # also by way of the same step's h = o tanh(c)
                output(unroll(one, inputs[:, step + 1 :], state)[0][:, -1])[0, 2], state[0]
            )[0]
            gate = layer.gates["output"][step]
            through = torch.from_numpy(gate) * (1 - torch.tanh(state[1]) ** 2) * direct
            assert layer.memory_gradient[step] == pytest.approx(
                float((gradients[1] + through).detach().norm()), rel=1e-9
            )


def test_a_small_plain_rnn_multiplies_the_gradient_by_its_matrix() -> None:
    model = reader("rnn")
    assert isinstance(model.recurrent, Recurrent)
    layer: Any = model.recurrent.forwards[0]
    with torch.no_grad():
        layer.weight_hh_l0.copy_(0.5 * torch.eye(5))
        layer.bias_ih_l0.zero_()
        layer.bias_hh_l0.zero_()
    found = replay(model, 1e-4 * series()).layers[0]
    np.testing.assert_allclose(found.gradient[:-1], 0.5 * found.gradient[1:], rtol=1e-6)
    assert found.factor == pytest.approx(0.5, rel=1e-6)
    assert "half as much every" in in_words(found)


def test_a_gradient_that_float32_cannot_hold_is_measured() -> None:
    model = reader("rnn")
    assert isinstance(model.recurrent, Recurrent)
    matrix: Any = model.recurrent.forwards[0].weight_hh_l0
    with torch.no_grad():
        matrix.mul_(0.01)
    first = replay(model, series(60)).layers[0].gradient[0]
    assert 0 < first < 1e-45


def test_the_factor_is_the_slope_of_the_logarithm() -> None:
    assert factor_of(3 * 0.8 ** np.arange(20.0)) == pytest.approx(0.8)
    assert factor_of(np.array([1.0, 0.5, 0.0])) is None
    assert factor_of(np.array([1.0, 0.5, 0.25, 0.0])) == pytest.approx(0.5)


# -- every kind of network ---------------------------------------------------------------------------------------------


def test_of_answers_at_every_step_one_is_chosen_and_what_comes_later_does_not_reach_it() -> None:
    found = replay(EachStep(), series(), step=4)
    assert found.step == 4
    assert not found.layers[0].gradient[5:].any()
    assert found.layers[0].gradient[:5].all()
    last = replay(EachStep(), series())
    assert last.step == STEPS - 1
    both = replay(EachStep(bidirectional=True), series(), step=4).layers
    assert both[1].gradient[4:].all()
    assert not both[1].gradient[:4].any()


def test_a_step_that_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match="there is no step 9"):
        replay(EachStep(), series(), step=STEPS)
    with pytest.raises(UsageError, match="answers once"):
        replay(reader("gru"), series(), step=3)


@pytest.mark.parametrize("made", [RNN, GRUOfTheSlide, lambda i, h: GRU(i, h, reset="before")])
def test_cells_that_a_network_calls_itself_are_found(made: Any) -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.own, self.output = made(2, 5), nn.Linear(5, 3)

        def forward(self, inputs: Tensor) -> Tensor:
            answers: Tensor = self.output(unroll(self.own, inputs.transpose(1, 2))[0][:, -1])
            return answers

    model = Own()
    found = replay(model, series())
    assert [layer.name for layer in found.layers] == ["own"]
    assert found.layers[0].gradient.all()
    assert found.output == pytest.approx(float(model(series()[None])[0].max().detach()), abs=1e-5)


def test_what_an_encoder_with_decoder_wrote_reaches_back_into_what_it_read() -> None:
    torch.manual_seed(0)
    model = Seq2Seq(vocabulary=9, output_vocabulary=8, width=6, hidden=8).eval()
    written = torch.tensor([2, 5, 6, 3])
    found = replay(model, torch.tensor([4, 5, 6, 7]), written=written, step=1)
    assert found.index == 6  # the token that was written there
    read = [layer for layer in found.layers if layer.name.startswith("encoder")]
    wrote = [layer for layer in found.layers if layer.name.startswith("decoder")]
    assert [layer.writes for layer in (*read, *wrote)] == [False] * 2 + [True] * 2
    assert {len(layer.gradient) for layer in read} == {4}
    assert {len(layer.gradient) for layer in wrote} == {3}
    assert all(layer.gradient.any() for layer in read)
    assert not any(layer.gradient[2:].any() for layer in wrote)


def test_a_network_without_recurrent_layers_is_refused_in_words() -> None:
    with pytest.raises(ConfigError, match="Linear has no recurrent layers"):
        replay(nn.Linear(3, 2), torch.zeros(3))


def test_it_is_drawn_with_names_of_steps_and_with_attention() -> None:
    found = replay(reader("lstm"), series())
    subject = Subject("a", "lstm", Explained(0, "up", "up"))
    marks = [f"word {number}" for number in range(STEPS)]
    figure = draw_recurrence(subject, found, None, marks, np.eye(4, STEPS), ("a", "b", "c", "d"))
    written = {
        text.get_text() for axes in figure.axes for part in (axes, *axes.child_axes) for text in part.get_xticklabels()
    }
    assert set(marks) <= written
    plain = draw_recurrence(subject, found, series().double().numpy())
    assert len(plain.axes) > len(found.layers)
