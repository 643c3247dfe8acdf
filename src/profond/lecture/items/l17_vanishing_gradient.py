"""L17: the vanishing gradient: how far back recurrent networks learn, and the gradient that explains it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from profond.core.errors import NonFiniteLoss
from profond.evaluation.evaluate import evaluate
from profond.experiments.configuration import Configuration, changed, for_model
from profond.experiments.experiment import Experiment, assemble
from profond.explain.recurrence.replay import Array, factor_of, replay
from profond.lecture import register_item
from profond.lecture.curves import CELL_WORDS, Curve, Panel, draw_curves
from profond.lecture.outcome import Claim, Options, Outcome, Picture, Table
from profond.lecture.repeats import Progress, Trained, mean_of, origin, train
from profond.lecture.values import Value, count, number, text, word
from profond.lecture.words import Words
from profond.nn.sequence import Recurrent
from profond.training import fit
from profond.training.observers import Losses

CELLS = ("rnn", "lstm", "gru")
LATER = "mingru"
COLUMNS = {10: "steps_10", 25: "steps_25", 50: "steps_50", 100: "steps_100", 200: "steps_200"}
LENGTHS, QUICK_LENGTHS = tuple(COLUMNS), (10, 50)
STEPS, QUICK_STEPS = 1000, 500
LEARNED = 0.1
"""A mean error below this is called learned: less than a third of that of always answering 1, the mean (1/3)."""
BY_CHANCE = 1 / 3
HIDDEN, SHOWN, SAMPLES = 32, 100, 4


@dataclass(frozen=True)
class Reached:
    """The gradient of a network's answer at each earlier step.

    Args:
        norms: at the last step, the one before it, … : geometric means over a few sequences.
        factor: by how much it is multiplied from one step to the one before.
        expected: of a plain RNN, the same by the product of its Jacobians.
        bound: of a plain RNN, the largest singular value of its matrix, which no step can exceed.
    """

    norms: Array
    factor: float
    expected: float | None = None
    bound: float | None = None


def configuration(cell: str, length: int, steps: int) -> Configuration:
    """One layer of 32 units that reads from the beginning to the end, and answers there."""
    return changed(
        for_model(cell, "adding"),
        {
            "data.length": length,
            "model.hidden": HIDDEN,
            "model.bidirectional": False,
            "model.summary": "last",
            "training.steps": steps,
            "training.learning_rate": 1e-2,
            "training.schedule": "constant",
            "training.warmup": 0.0,
            "training.gradient_clip": 1.0,
            "training.optimizer": "adam",
            "training.weight_decay": 0.0,
            "training.keep": "last",
            "training.precision": "fp32",
            "loader.batch_size": 32,
            "loader.valid_fraction": 0.0,
        },
    )


@register_item("L17", try_it="profond explain recurrence last test/0")
def vanishing_gradient(options: Options) -> Outcome:
    """How far back RNN, LSTM and GRU learn."""
    seeds = options.repeats(3, 1)
    lengths = QUICK_LENGTHS if options.quick else LENGTHS
    steps = QUICK_STEPS if options.quick else STEPS
    cells = CELLS if options.quick else (*CELLS, LATER)
    progress = Progress("L17", len(cells) * len(lengths) * seeds, options)
    errors: dict[str, dict[int, list[float]]] = {cell: {length: [] for length in lengths} for cell in cells}
    last: dict[tuple[str, int], Trained] = {}
    for seed in range(seeds):
        for cell in cells:
            for length in lengths:
                trained = train(configuration(cell, length, steps), seed, options)
                progress.tell(f"{cell}, {length} steps, seed {seed}", trained)
                errors[cell][length].append(trained.result.value)
                last[cell, length] = trained
    reach = {cell: reach_of(rows) for cell, rows in errors.items()}
    shown = min(SHOWN, lengths[-1])
    before = {cell: gradient(assemble(configuration(cell, shown, steps))) for cell in CELLS}
    after = {cell: gradient(last[cell, shown].experiment) for cell in CELLS}
    options.say("L17  gradients that explode, without and with clipping")
    exploding = {name: exploded(gain, clip, options) for name, (gain, clip) in EXPLODING.items()}
    return Outcome(
        claims=claims(reach, before, after, exploding),
        pictures=[
            Picture("reach", lambda words: draw_reach(errors, words)),
            Picture("gradient", lambda words: draw_gradients(before, after, shown, words)),
            Picture("clipping", lambda words: draw_clipping(exploding, words)),
        ],
        tables=[
            Table(
                "errors",
                ("cell", *(COLUMNS[length] for length in lengths), "reach"),
                [
                    [
                        word(CELL_WORDS[cell]),
                        *(mean_error(rows[length]) for length in lengths),
                        reach_value(reach[cell]),
                    ]
                    for cell, rows in errors.items()
                ],
            ),
            Table(
                "factors",
                ("cell", "factor_before", "factor_after", "reaches_before", "reaches_after"),
                [
                    [
                        word(CELL_WORDS[cell]),
                        number(before[cell].factor, 3),
                        number(after[cell].factor, 3),
                        number(kept(before[cell]), 3),
                        number(kept(after[cell]), 3),
                    ]
                    for cell in CELLS
                ],
            ),
        ],
        measured={
            "errors": {cell: {str(length): row for length, row in rows.items()} for cell, rows in errors.items()},
            "reach": reach,
            "gradient_before": {cell: described(one) for cell, one in before.items()},
            "gradient_after": {cell: described(one) for cell, one in after.items()},
            "clipping": {name: one.to_json() for name, one in exploding.items()},
        },
        used={
            "data": origin(last[CELLS[0], shown].experiment.dataset),
            "steps": count(steps),
            "seeds": count(seeds),
            "units": count(HIDDEN),
            "arithmetic": text(last[CELLS[0], shown].arithmetic),
        },
        shortened=options.quick,
    )


def claims(
    reach: Mapping[str, int],
    before: Mapping[str, Reached],
    after: Mapping[str, Reached],
    exploding: Mapping[str, Exploded],
) -> list[Claim]:
    """What the lecture says, and whether the measurements say so too."""
    rnn = before["rnn"]
    assert rnn.expected is not None
    assert rnn.bound is not None
    agrees = abs(math.log(rnn.factor) - math.log(rnn.expected)) < 0.1 * abs(math.log(rnn.expected))
    without, clipped, small = (exploding[name] for name in ("without", "clipped", "small"))
    return [
        Claim(
            "vanishes",
            rnn.factor < 0.9 and kept(rnn) < 1e-6,
            {"factor": number(rnn.factor, 3), "kept": number(kept(rnn), 3), "steps": count(len(rnn.norms) - 1)},
        ),
        Claim(
            "jacobian",
            agrees and rnn.factor <= rnn.bound,
            {"factor": number(rnn.factor, 3), "expected": number(rnn.expected, 3), "bound": number(rnn.bound, 3)},
        ),
        Claim(
            "reach",
            min(reach["lstm"], reach["gru"]) > reach["rnn"],
            {cell: reach_value(reach[cell]) for cell in CELLS},
        ),
        Claim(
            "kept",
            min(kept(after["lstm"]), kept(after["gru"])) > 1000 * kept(after["rnn"]),
            {cell: number(kept(after[cell]), 3) for cell in CELLS},
        ),
        Claim(
            "clipping",
            without.factor > 1 > small.factor
            and without.error is None
            and small.error is not None
            and clipped.error is not None
            and max(small.error, clipped.error) < LEARNED,
            {
                "factor": number(without.factor, 2),
                "small_factor": number(small.factor, 2),
                "without": error_value(without.error),
                "clipped": error_value(clipped.error),
                "small": error_value(small.error),
                "clip": number(CLIP, 1),
            },
        ),
        *(
            [Claim("later", reach[LATER] > reach["rnn"], {"reach": reach_value(reach[LATER])}, aside=True)]
            if LATER in reach
            else []
        ),
    ]


def reach_of(rows: Mapping[int, Sequence[float]]) -> int:
    """The greatest length that is learned on average over the seeds, together with all that are shorter; 0 for none."""
    reach = 0
    for length, errors in rows.items():
        if fmean(errors) >= LEARNED:
            break
        reach = length
    return reach


def gradient(experiment: Experiment) -> Reached:
    """Of the answers to the first test sequences, at every step from the last to the first."""
    split = experiment.dataset.split("test")
    raw = torch.stack([split.raw(index) for index in range(SAMPLES)])
    inputs = experiment.preprocessing.normalise(raw)
    layers = [replay(experiment.model, sample).layers[0] for sample in inputs]
    norms = np.exp(np.mean([np.log(np.maximum(layer.travelling, 1e-300)) for layer in layers], 0))
    factor = factor_of(norms) or 0.0
    recurrent = next((part for part in experiment.model.modules() if isinstance(part, Recurrent)), None)
    if recurrent is None or recurrent.kind != "rnn":
        return Reached(norms, factor)
    matrix = recurrent.cell().from_state.weight.detach().double().numpy()
    rates = [decay_of(matrix, layer.hidden) for layer in layers]
    return Reached(norms, factor, math.exp(fmean(map(math.log, rates))), float(np.linalg.norm(matrix, 2)))


def decay_of(matrix: Array, hidden: Array) -> float:
    """The mean factor of the product of a plain RNN's Jacobians, diag(1 - h_t²) U for each step.

    How fast a product of so many matrices grows or shrinks is measured on a vector that passes through all of them;
    the first ones, in which it turns into the direction that lasts, are left out.
    """
    vector, factors = np.ones(len(matrix)), []
    for h in hidden[:0:-1]:
        vector = matrix.T @ ((1 - h**2) * vector)
        factors.append(float(np.linalg.norm(vector)))
        vector = vector / factors[-1]
    settled = factors[len(factors) // 5 :]
    return math.exp(fmean(map(math.log, settled)))


def kept(reached: Reached) -> float:
    """The gradient at the first step, as a part of that at the last."""
    return float(reached.norms[-1] / reached.norms[0])


# -- gradients that explode --------------------------------------------------------------------------------------------

CLIP, RATE, EXPLODING_LENGTH, EXPLODING_STEPS = 0.5, 0.05, 10, 1000
EXPLODING: Mapping[str, tuple[float, float | None]] = {
    "without": (2.0, None),
    "clipped": (2.0, CLIP),
    "small": (0.5, None),
}
"""What the matrix is times an orthogonal one, and the clipping; of the last, gradients do not explode."""


@dataclass(frozen=True)
class Exploded:
    """A training whose gradients explode.

    Args:
        losses: step by step, up to the first that is no number any more.
        error: on the test sequences; None where the training broke off.
        factor: by how much the gradient is multiplied from one step to the one before, before training.
    """

    losses: Sequence[float]
    error: float | None
    factor: float

    def to_json(self) -> dict[str, Any]:
        return {"losses": list(self.losses), "error": self.error, "factor": self.factor}


def exploded(gain: float, clip: float | None, options: Options) -> Exploded:
    """Plain gradient descent on a plain RNN whose matrix is so many times an orthogonal one."""
    config = configuration("rnn", EXPLODING_LENGTH, EXPLODING_STEPS)
    config = changed(
        config,
        {
            "training.optimizer": "sgd",
            "training.learning_rate": RATE,
            "training.schedule": "cosine",
            "training.gradient_clip": clip,
            "training.log_every_steps": 1,
            "training.device": options.device,
        },
    )
    experiment = assemble(config)
    with torch.no_grad():
        for part in experiment.model.modules():
            if isinstance(part, Recurrent):
                nn.init.orthogonal_(
                    next(iter(part.forwards)).get_parameter("weight_hh_l0"),
                    gain,
                    generator=torch.Generator().manual_seed(0),
                )
    factor, watch = gradient(experiment).factor, Losses()
    error = None
    try:
        fitted = fit(
            experiment.model,
            experiment.task,
            experiment.batches("train", training=True),
            experiment.training,
            observers=[watch],
        )
        report = evaluate(fitted.model, experiment.task, experiment.batches("test"), spec=experiment.spec)
        error = report.metrics[report.headline].value
    except NonFiniteLoss:
        options.say(f"L17  the loss is no number any more after {len(watch.losses)} steps")
    return Exploded(watch.losses, error, factor)


# -- shown -------------------------------------------------------------------------------------------------------------


def mean_error(errors: Sequence[float]) -> Value:
    mean = mean_of(errors)
    return Value("number", mean.value, mean.low, mean.high, 3)


def error_value(error: float | None) -> Value:
    return word("no_number") if error is None else number(error, 3)


def reach_value(reach: int) -> Value:
    return count(reach) if reach else word("none_of_them")


def described(reached: Reached) -> dict[str, Any]:
    return {
        "norms": reached.norms.tolist(),
        "factor": reached.factor,
        "expected_factor": reached.expected,
        "largest_singular_value": reached.bound,
    }


def draw_reach(errors: Mapping[str, Mapping[int, Sequence[float]]], words: Words) -> Figure:
    """The error of each cell by the length of the sequences."""
    curves = []
    for cell, rows in errors.items():
        means = [mean_of(row) for row in rows.values()]
        y = [mean.value for mean in means]
        low = [mean.value if mean.low is None else mean.low for mean in means]
        high = [mean.value if mean.high is None else mean.high for mean in means]
        curves.append(Curve(words(f"word.{CELL_WORDS[cell]}"), list(rows), y, low, high, marked=True))
    levels = {words("L17.drawing.chance"): BY_CHANCE, words("L17.drawing.learned"): LEARNED}
    panel = Panel(
        "", words("L17.drawing.length"), words("L17.drawing.error"), curves, levels, log_x=True, range=(0, 0.45)
    )
    return draw_curves(words("L17.drawing.reach"), [panel], words)


def draw_gradients(before: Mapping[str, Reached], after: Mapping[str, Reached], length: int, words: Words) -> Figure:
    """The gradient at each earlier step, before and after training."""
    panels = list[Panel]()
    for moment, rows in (("before", before), ("after", after)):
        curves = []
        for cell, reached in rows.items():
            back = list(range(len(reached.norms)))
            curves.append(Curve(words(f"word.{CELL_WORDS[cell]}"), back, (reached.norms / reached.norms[0]).tolist()))
            if reached.expected is not None:
                line = [reached.expected**step for step in back]
                curves.append(Curve(words("L17.drawing.jacobian"), back, line, line="--"))
        title = words(f"L17.drawing.{moment}")
        up = words("L17.drawing.norm") if not panels else ""
        panels.append(Panel(title, words("L17.drawing.back"), up, curves, log_y=True))
    low = min(min(curve.y) for panel in panels for curve in panel.curves)
    high = max(max(curve.y) for panel in panels for curve in panel.curves)
    panels = [Panel(one.title, one.across, one.up, one.curves, log_y=True, range=(low / 3, high * 3)) for one in panels]
    return draw_curves(words("L17.drawing.gradient", {"length": count(length)}), panels, words)


def draw_clipping(exploding: Mapping[str, Exploded], words: Words) -> Figure:
    """The loss of the training that diverges, and of the same with clipping."""
    curves = []
    for name, one in exploding.items():
        smooth = [fmean(one.losses[max(0, step - 9) : step + 1]) for step in range(len(one.losses))]
        curves.append(Curve(words(f"L17.drawing.{name}"), list(range(1, len(smooth) + 1)), smooth))
    across, up = words("L17.drawing.step"), words("L17.drawing.loss")
    panel = Panel("", across, up, curves, log_y=True, range=(3e-3, 1e3))
    return draw_curves(words("L17.drawing.clipping"), [panel], words)
