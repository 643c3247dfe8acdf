"""L22: CycleGAN and FastCUT turn drawings into outlines without pairs, and are held to the outlines that are known."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from profond.core.device import choose_device
from profond.evaluation.evaluate import evaluate
from profond.experiments.configuration import changed, from_recipe
from profond.experiments.experiment import Experiment, assemble
from profond.lecture import register_item
from profond.lecture.outcome import Claim, Options, Outcome, Picture, Table
from profond.lecture.repeats import origin
from profond.lecture.translation_figure import Cycled, Known, draw_boards, draw_cycle, draw_known
from profond.lecture.values import Value, count, number, text, word
from profond.measures.hidden import QUALITY, as_files
from profond.measures.measured import Measured
from profond.measures.report import Report
from profond.measures.spectrum import checkerboard
from profond.nn.translation import ResNetGenerator, Upsampling
from profond.training import fit

GOAL = 0.03
"""Of the mean difference to the known outlines; black is 0 and white 1."""
SHOWN, CYCLED = 10, 6
SEEDS = range(8)
LESS = 3.0
"""How many times as much checkerboard transposed convolutions are to have as resized ones."""
BESIDE = {
    "untouched": "untouched",
    "a white page": "white_page",
    "blurred": "blurred",
    "colours of B": "colours_of_b",
}
NARROW: Mapping[str, Any] = {
    "model.name": "cyclegan",
    "model.width": 16,
    "model.blocks": 3,
    "model.critic_width": 16,
    "training.steps": 1000,
    "training.ema": 0.99,
    "training.phases": {},
}
QUICK: Mapping[str, Any] = {
    "data.size": 32,
    "model.width": 16,
    "model.blocks": 2,
    "model.critic_width": 16,
    "model.critic_layers": 1,
    "training.steps": 600,
    "training.learning_rate": 1e-3,
    "training.ema": 0.98,  # of more steps than these the mean would hold the beginning
}
QUICK_FAST: Mapping[str, Any] = {"model.head_width": 64, "model.looked_at": [1, 2], "task.places": 64}
QUICK_NARROW: Mapping[str, Any] = {"model.width": 8, "model.critic_width": 8, "training.steps": 400}


@dataclass(frozen=True)
class Learned:
    """A translator that has learned.

    Args:
        experiment: its data and task.
        model: with the averaged weights, in eval mode.
        report: on the test drawings.
        seconds: of training.
        arithmetic: the precision and its reason.
    """

    experiment: Experiment
    model: nn.Module
    report: Report
    seconds: float
    arithmetic: str


@register_item("L22", try_it="profond train openmoji")
def cyclegan(options: Options) -> Outcome:
    """Outlines of drawings without pairs; the way there and back; what doubling the size leaves."""
    fast = learn("FastCUT", {**QUICK, **QUICK_FAST} if options.quick else {}, options)
    narrow = learn("CycleGAN", {**NARROW, **({**QUICK, **QUICK_NARROW} if options.quick else {})}, options)
    l1, beside = fast.report.metrics["l1"], simple(fast.report)
    best = min(beside, key=lambda name: beside[name].value)
    way = narrow.report.facts["cycles"]["colour to outline"]
    untrained = made_untrained()
    boards = checkerboards(untrained)
    rather = {name: float(torch.tensor(values).median()) for name, values in boards.items()}
    high = l1.value if l1.high is None else l1.high
    measured = {"l1": measure(l1), "untouched": measure(beside["untouched"])}
    claims = [
        Claim("blurred", high < beside["blurred"].value, {"l1": measure(l1), "blurred": measure(beside["blurred"])}),
        Claim("hidden", max(way["eight_bits"], way["as_is"]) < way["jpeg"], as_numbers(way), aside=True),
        Claim(
            "boards",
            rather["transposed"] > LESS * rather["resize"],
            {name: number(value, 1) for name, value in rather.items()},
        ),
    ]
    if not options.quick:  # the short version has only begun to learn
        claims[1:1] = [
            Claim("nearer", high < beside["untouched"].value, measured),
            Claim("best", high < beside[best].value, {**measured, "best": measure(beside[best])}),
            Claim("goal", l1.value <= GOAL, {"l1": measure(l1), "goal": number(GOAL, 3)}),
        ]
    known, worst = known_answers(fast)
    cycled = there_and_back(narrow)
    rows = [
        [word("fastcut"), measure(l1), Value("seconds", fast.seconds)],
        [word("narrow_cyclegan"), measure(narrow.report.metrics["l1"]), Value("seconds", narrow.seconds)],
        *([word(BESIDE[name]), measure(one), text("–")] for name, one in beside.items()),
    ]
    return Outcome(
        claims=claims,
        pictures=[
            Picture("translated", lambda words: draw_known(known, words)),
            Picture("worst", lambda words: draw_known(worst, words)),
            Picture("cycle", lambda words: draw_cycle(cycled, words)),
            Picture("boards", lambda words: draw_boards(untrained, words)),
        ],
        tables=[Table("l1", ("translation", "l1", "learned_for"), rows)],
        measured={
            "fastcut": {name: one.to_json() for name, one in fast.report.metrics.items()},
            "cyclegan": {name: one.to_json() for name, one in narrow.report.metrics.items()},
            "beside": {name: one.to_json() for name, one in beside.items()},
            "cycles": narrow.report.facts["cycles"],
            "checkerboards": boards,
        },
        used={
            "data": origin(fast.experiment.dataset),
            "train": count(len(fast.experiment.dataset.split("train"))),
            "test": count(fast.report.count),
            "steps": count(fast.experiment.training.steps or 0),
            "arithmetic": text(fast.arithmetic),
        },
        shortened=options.quick,
    )


def learn(name: str, changes: Mapping[str, Any], options: Options) -> Learned:
    """Train the recipe with changes, and measure it on the test drawings."""
    settings: dict[str, Any] = {**changes, "training.device": options.device}
    if options.precision != "auto":
        settings["training.precision"] = options.precision
    experiment = assemble(changed(from_recipe("openmoji"), settings))
    device = choose_device(options.device)
    options.say(f"L22  {name} learns, {experiment.training.steps:,} steps")
    began = time.monotonic()
    batches = experiment.batches("train", training=True, device=device)
    fitted = fit(experiment.model, experiment.task, batches, experiment.training)
    model = fitted.model.eval()
    report = evaluate(model, experiment.task, experiment.batches("test", device=device), spec=experiment.spec)
    options.say(f"L22  {name}: L1 {report.metrics['l1'].written} ({time.monotonic() - began:.0f} s)")
    return Learned(experiment, model, report, fitted.seconds, str(fitted.arithmetic))


def simple(report: Report) -> dict[str, Measured]:
    """L1 of what translates without learning."""
    return {name: Measured.from_json(found["l1"]) for name, found in report.facts["beside"].items()}


def measure(one: Measured) -> Value:
    return Value("number", one.value, one.low, one.high, 4)


def as_numbers(way: Mapping[str, Any]) -> dict[str, Value]:
    """How far pictures are from themselves after the way there and back, by what they were on the way."""
    found = {name: number(way[name], 4) for name in ("as_is", "eight_bits", "jpeg")}
    return found | {"lost": number(way["changed"]["jpeg"], 4), "quality": count(QUALITY)}


@torch.no_grad()
def known_answers(learned: Learned) -> tuple[Known, Known]:
    """Some drawings, what became of them, and what should have; the first ones, and those with the largest error."""
    inputs, targets = _test(learned)
    before, known = inputs[targets == 0], inputs[targets == 1]
    made = torch.cat([learned.model(some).float().clamp(-1, 1) for some in torch.split(before, 64)])
    off = (made - known).abs().mean((1, 2, 3)) / 2
    first, last = torch.arange(SHOWN), off.argsort(descending=True)[:SHOWN]
    some, others = (
        Known(before[chosen].cpu(), made[chosen].cpu(), known[chosen].cpu(), tuple(off[chosen].tolist()))
        for chosen in (first.to(off.device), last)
    )
    return some, others


@torch.no_grad()
def there_and_back(learned: Learned) -> Cycled:
    """Some drawings, their outlines, and the drawings that come back from these as they are, in 8 bits, as JPEG."""
    inputs, targets = _test(learned)
    before = inputs[targets == 0][:CYCLED]
    generators: Any = learned.model.generators
    to_b, to_a = generators["to_b"], generators["to_a"]
    made = to_b(before).float().clamp(-1, 1)
    return Cycled(before.cpu(), made.cpu(), *(to_a(form).float().clamp(-1, 1).cpu() for form in as_files(made)))


def _test(learned: Learned) -> tuple[Tensor, Tensor]:
    """All test drawings as the network takes them; the n-th of both kinds belong together."""
    device = next(learned.model.parameters()).device
    batches = list(learned.experiment.batches("test", device=device))
    return torch.cat([inputs for inputs, _ in batches]), torch.cat([targets for _, targets in batches])


def checkerboards(made: Mapping[Upsampling, Tensor]) -> dict[str, list[float]]:
    """How much of their energy pictures have at half the sampling frequency, by how their size was doubled."""
    return {upsample: checkerboard(pictures).tolist() for upsample, pictures in made.items()}


@torch.no_grad()
def made_untrained() -> dict[Upsampling, Tensor]:
    """What generators that have learned nothing make of one smooth picture, one for each seed (n, 3, 64, 64)."""
    rows = torch.linspace(-1, 1, 64)
    smooth = ((rows * 2).sin()[:, None] * (rows * 3).cos())[None, None].expand(1, 3, 64, 64)
    kinds: tuple[Upsampling, ...] = ("transposed", "resize")
    found: dict[Upsampling, list[Tensor]] = {kind: [] for kind in kinds}
    for seed in SEEDS:
        for kind in kinds:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                found[kind].append(ResNetGenerator(3, width=16, blocks=1, upsample=kind)(smooth))
    return {kind: torch.cat(made) for kind, made in found.items()}
