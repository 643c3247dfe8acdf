"""L18: the LSTM, and the GRU's equations on the slide: equal to PyTorch's, and their gates as they open and close."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from profond.experiments.configuration import Configuration, changed, for_model
from profond.explain.recurrence.replay import Array, Layer, replay
from profond.lecture import register_item
from profond.lecture.curves import CELL_WORDS, Curve, Panel, draw_curves
from profond.lecture.outcome import Claim, Options, Outcome, Picture, Table
from profond.lecture.repeats import Progress, Trained, origin, train
from profond.lecture.values import count, formula, number, text, word
from profond.lecture.words import Words
from profond.nn.recurrent import GRU, LSTM, RNN, GRUOfTheSlide, unroll

INPUTS, HIDDEN, STEPS, SEQUENCES = 32, 128, 64, 8
FUSED: Mapping[str, tuple[Any, Any]] = {"rnn": (RNN, nn.RNN), "lstm": (LSTM, nn.LSTM), "gru": (GRU, nn.GRU)}
EQUAL = {torch.float64: 1e-10, torch.float32: 1e-5}
TRAINED, LENGTH, SHOWN = ("lstm", "gru"), 40, 3
EQUATIONS = (
    ("update", "z_t = σ(W_z · [h_t₋₁, x_t])", "u_t = σ(W_u x_t + b_u + U_u h_t₋₁ + c_u),  u = 1 − z"),
    ("reset", "r_t = σ(W_r · [h_t₋₁, x_t])", "r_t = σ(W_r x_t + b_r + U_r h_t₋₁ + c_r)"),
    ("candidate", "h̃_t = tanh(W · [r_t * h_t₋₁, x_t])", "n_t = tanh(W_n x_t + b_n + r_t * (U_n h_t₋₁ + c_n))"),
    ("state", "h_t = (1 − z_t) * h_t₋₁ + z_t * h̃_t", "h_t = (1 − u_t) * n_t + u_t * h_t₋₁"),
)


@dataclass(frozen=True)
class Difference:
    """The largest differences of our cell, step by step, from PyTorch's fused one with the same weights.

    Args:
        outputs: of all outputs of all steps.
        gradients: of the gradients of all weights and of the inputs, as parts of the largest of them.
    """

    outputs: float
    gradients: float

    def within(self, limit: float) -> bool:
        return self.outputs <= limit and self.gradients <= limit


@register_item("L18", try_it="profond explain recurrence last test/0")
def lstm_and_gru(options: Options) -> Outcome:
    """The cells as their equations."""
    kinds = (torch.float64, torch.float32)
    options.say("L18  cells beside PyTorch's fused ones")
    found = {(cell, kind): beside_fused(cell, kind) for cell in FUSED for kind in kinds}
    slide, forms = slide_difference(), forms_difference()
    counted = {cell: (parameters(FUSED[cell][0]), by_formula(cell), parameters(FUSED[cell][1])) for cell in FUSED}
    progress = Progress("L18", len(TRAINED), options)
    trained: dict[str, Trained] = {}
    for cell in TRAINED:
        trained[cell] = train(configuration(cell, 250 if options.quick else 600), 0, options)
        progress.tell(f"{cell}, {LENGTH} steps", trained[cell])
    seen = {cell: Seen.of(one) for cell, one in trained.items()}
    worst = {kind: max((found[cell, kind] for cell in FUSED), key=lambda one: one.outputs) for kind in kinds}
    steepest = {kind: max(found[cell, kind].gradients for cell in FUSED) for kind in kinds}
    return Outcome(
        claims=[
            Claim(
                "fused",
                all(one.within(EQUAL[kind]) for (_, kind), one in found.items()),
                {
                    "double": number(worst[torch.float64].outputs, 1),
                    "double_gradients": number(steepest[torch.float64], 1),
                    "single": number(worst[torch.float32].outputs, 1),
                    "single_gradients": number(steepest[torch.float32], 1),
                },
            ),
            Claim("slide", slide < EQUAL[torch.float64], {"difference": number(slide, 1)}),
            Claim("forms", forms > 1e-3, {"difference": number(forms, 3)}),
            Claim(
                "parameters",
                all(len(set(each)) == 1 for each in counted.values())
                and counted["lstm"][0] == 4 * counted["rnn"][0]
                and counted["gru"][0] == 3 * counted["rnn"][0],
                {cell: count(each[0]) for cell, each in counted.items()},
            ),
            *(
                Claim(
                    f"gates_{cell}",
                    one.marked > 2 * one.elsewhere,
                    {"marked": number(one.marked, 3), "elsewhere": number(one.elsewhere, 3)},
                )
                for cell, one in seen.items()
            ),
        ],
        pictures=[Picture(f"gates_{cell}", drawing(cell, one)) for cell, one in seen.items()],
        tables=[
            Table(
                "equations",
                ("part", "on_the_slide", "in_pytorch"),
                [[word(f"part_{part}"), formula(slide), formula(theirs)] for part, slide, theirs in EQUATIONS],
            ),
            Table(
                "differences",
                ("cell", "arithmetic", "outputs", "gradients"),
                [
                    [
                        word(CELL_WORDS[cell]),
                        text(str(kind).removeprefix("torch.")),
                        number(one.outputs, 1),
                        number(one.gradients, 1),
                    ]
                    for (cell, kind), one in found.items()
                ],
            ),
            Table(
                "parameters",
                ("cell", "formula", "parameters"),
                [[word(CELL_WORDS[cell]), formula(written(cell)), count(each[1])] for cell, each in counted.items()],
            ),
        ],
        measured={
            "differences": {
                f"{cell} {str(kind).removeprefix('torch.')}": {"outputs": one.outputs, "gradients": one.gradients}
                for (cell, kind), one in found.items()
            },
            "slide": slide,
            "forms": forms,
            "parameters": {cell: each[0] for cell, each in counted.items()},
            "change_of_memory": {c: {"marked": one.marked, "elsewhere": one.elsewhere} for c, one in seen.items()},
        },
        used={
            "data": origin(trained["lstm"].experiment.dataset),
            "against": text(f"torch {torch.__version__}"),
            "size": formula(f"{INPUTS} → {HIDDEN}, {STEPS} × {SEQUENCES}"),
            "arithmetic": text(trained["lstm"].arithmetic),
        },
        shortened=options.quick,
    )


# -- equal to others' --------------------------------------------------------------------------------------------------


def sequences(kind: torch.dtype) -> Tensor:
    random = torch.Generator().manual_seed(1)
    return torch.randn(SEQUENCES, STEPS, INPUTS, generator=random, dtype=torch.float64).to(kind)


def beside_fused(name: str, kind: torch.dtype) -> Difference:
    """One cell with the weights of PyTorch's, through the same sequences."""
    ours, theirs = FUSED[name]
    torch.manual_seed(0)
    fused = theirs(INPUTS, HIDDEN, batch_first=True).to(kind)
    cell = ours.from_fused(fused).to(kind)
    answers = []
    for module, through in ((fused, fused), (cell, lambda values: unroll(cell, values))):
        inputs = sequences(kind).requires_grad_()
        outputs = through(inputs)[0]
        weights = torch.linspace(-1, 1, outputs.numel(), dtype=kind).view_as(outputs)
        gradients = torch.autograd.grad((outputs * weights).sum(), [inputs, *module.parameters()])
        answers.append((outputs.detach(), gradients))
    (expected, slopes), (received, steps) = answers
    apart = max(
        float((one - other).abs().max() / one.abs().max()) for one, other in zip(slopes, ordered(steps), strict=True)
    )
    return Difference(float((received - expected).abs().max()), apart)


def ordered(gradients: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Of a cell, in the fused modules' order: both matrices, then both biases."""
    inputs, input_matrix, input_bias, state_matrix, state_bias = gradients
    return inputs, input_matrix, state_matrix, input_bias, state_bias


def slide_difference() -> float:
    """The slide's GRU beside the paper's form, whose update gate says how much stays."""
    torch.manual_seed(0)
    slide = GRUOfTheSlide(INPUTS, HIDDEN).double()
    with torch.no_grad():
        values = sequences(torch.float64)
        return float((unroll(slide, values)[0] - unroll(slide.as_gru(), values)[0]).abs().max())


def forms_difference() -> float:
    """The GRU that resets before the matrix beside the one that resets after it, with the same weights."""
    torch.manual_seed(0)
    after, before = GRU(INPUTS, HIDDEN).double(), GRU(INPUTS, HIDDEN, reset="before").double()
    before.load_state_dict(after.state_dict())
    with torch.no_grad():
        values = sequences(torch.float64)
        return float((unroll(after, values)[0] - unroll(before, values)[0]).abs().max())


def parameters(module: Any) -> int:
    return sum(one.numel() for one in module(INPUTS, HIDDEN).parameters())


BLOCKS = {"rnn": 1, "lstm": 4, "gru": 3}


def by_formula(name: str) -> int:
    return BLOCKS[name] * (HIDDEN * INPUTS + HIDDEN * HIDDEN + 2 * HIDDEN)


def written(name: str) -> str:
    return f"{BLOCKS[name]} × ({HIDDEN} × {INPUTS} + {HIDDEN} × {HIDDEN} + 2 × {HIDDEN})"


# -- gates that open and close -----------------------------------------------------------------------------------------


def configuration(cell: str, steps: int) -> Configuration:
    """One layer of 32 units that adds two marked numbers."""
    return changed(
        for_model(cell, "adding"),
        {
            "data.length": LENGTH,
            "model.hidden": 32,
            "model.bidirectional": False,
            "model.summary": "last",
            "training.steps": steps,
            "training.learning_rate": 1e-2,
            "training.gradient_clip": 1.0,
            "training.weight_decay": 0.0,
            "training.keep": "last",
            "training.precision": "fp32",
            "loader.batch_size": 32,
            "loader.valid_fraction": 0.0,
        },
    )


@dataclass(frozen=True)
class Seen:
    """A trained cell while it reads a sequence, and how much of what it remembers changes at a step.

    Args:
        layer: of the sequence that is shown.
        numbers: (steps), what was read there.
        marks: the two steps whose numbers are to be added.
        marked: mean change of what is remembered, over units, at marked steps of some sequences.
        elsewhere: at the others, but the first.
    """

    layer: Layer
    numbers: Array
    marks: tuple[int, ...]
    marked: float
    elsewhere: float

    @classmethod
    def of(cls, trained: Trained, sequences: int = 20) -> Seen:
        experiment = trained.experiment
        split = experiment.dataset.split("test")
        raws = torch.stack([split.raw(index) for index in range(sequences)])
        layers = [replay(experiment.model, one).layers[0] for one in experiment.preprocessing.normalise(raws)]
        at, others = list[float](), list[float]()
        for layer, raw in zip(layers, raws, strict=True):
            changes = np.abs(np.diff(memory_of(layer), axis=0)).mean(1)
            is_marked = raw[1, 1:].numpy() > 0
            at += changes[is_marked].tolist()
            others += changes[~is_marked].tolist()
        marks = tuple(raws[SHOWN, 1].nonzero()[:, 0].tolist())
        numbers = raws[SHOWN, 0].double().numpy()
        return cls(layers[SHOWN], numbers, marks, float(np.mean(at)), float(np.mean(others)))


def memory_of(layer: Layer) -> Array:
    """What a cell remembers: c of an LSTM, h of a GRU."""
    return layer.hidden if layer.memory is None else layer.memory


def drawing(cell: str, seen: Seen) -> Any:
    return lambda words: draw_gates(cell, seen, words)


def draw_gates(cell: str, seen: Seen, words: Words) -> Figure:
    """Gates and memory of one sequence; dotted lines where a number is marked."""
    steps = list(range(len(seen.numbers)))
    across = words("L18.drawing.step")
    gates = [
        Curve(
            words(f"word.gate_{name}"),
            steps,
            values.mean(1).tolist(),
            np.percentile(values, 10, axis=1).tolist(),
            np.percentile(values, 90, axis=1).tolist(),
        )
        for name, values in seen.layer.gates.items()
    ]
    memory = memory_of(seen.layer)
    chosen = np.argsort(-memory.std(0), kind="stable")[:3]
    units = [
        Curve(words("L18.drawing.unit", {"unit": count(int(unit) + 1)}), steps, memory[:, unit].tolist())
        for unit in chosen
    ]
    name = {"cell": word(CELL_WORDS[cell])}
    panels = [
        Panel(words("L18.drawing.open"), across, "", gates, marks=seen.marks, range=(-0.02, 1.02)),
        Panel(words(f"L18.drawing.memory_{cell}"), across, "", units, marks=seen.marks),
    ]
    return draw_curves(words("L18.drawing.gates", name), panels, words)
