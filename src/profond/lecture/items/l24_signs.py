"""L24: traffic signs from archive to service: the leak, a small network, the cost of mistakes, bad weather, HTTP."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

import numpy as np
import torch
from torch import Tensor

from profond.data.dataset import Dataset
from profond.data.group_leak import Leak, measured_leak, standardised
from profond.data.images.adapt import to_image
from profond.data.images.adverse import CONDITIONS, SEVERITIES
from profond.data.signs.names import names
from profond.evaluation.adverse import Adverse, evaluate_adverse
from profond.evaluation.evaluate import evaluate
from profond.experiments.configuration import Configuration, changed, from_recipe
from profond.experiments.experiment import Experiment
from profond.explain.why.attribution import Attribution, occlusion
from profond.export.export import export_parts, parts_of
from profond.export.leaving import Source
from profond.lecture import register_item
from profond.lecture.http_answers import answers_over_http
from profond.lecture.outcome import Claim, Options, Outcome, Picture, Table
from profond.lecture.repeats import Progress, Trained, circumstances, mean_share, train
from profond.lecture.signs_figure import draw_confusions, draw_dearest, draw_mistakes, draw_signs, draw_weather
from profond.lecture.values import Value, count, number, points, share, word
from profond.lecture.words import Words
from profond.measures.classes import ClassFindings
from profond.measures.costs import Costs
from profond.measures.report import Report

RECIPE, OLD = "signs", "signs_lenet5"
GOAL, ENOUGH, SHORT = 0.99, 0.97, 0.8
"""Share of the test pictures that is asked for, that is enough for what is claimed, and for the short version."""
SIDE = 16
"""Pixels of the pictures whose nearest neighbours are looked for, as in `profond data check`."""
SHOWN, LARGEST = 6, 4
"""Mistakes that are looked into, and pictures of a track that are shown."""


@dataclass(frozen=True)
class Sizes:
    """How much of everything: seeds, epochs, share of the signs, pictures in each weather, and asked over HTTP."""

    seeds: int
    epochs: float | None
    data: float
    weather: int
    asked: int


WHOLE = Sizes(1, None, 1.0, 2_000, 200)
QUICK = Sizes(1, 4, 0.125, 100, 40)


@dataclass(frozen=True)
class Mistake:
    """A test picture, uint8 (c, h, w), what it is, what it was taken for, and where that comes from."""

    picture: Tensor
    true: int
    predicted: int
    why: Attribution


@register_item("L24", try_it="profond train signs")
def signs(options: Options) -> Outcome:
    """The protocol of the benchmark, on pictures that were rendered here."""
    sizes = QUICK if options.quick else WHOLE
    seeds = options.repeats(sizes.seeds, QUICK.seeds)
    progress = Progress("L24", 2 * seeds, options)
    runs: dict[str, list[Trained]] = {RECIPE: [], OLD: []}
    for seed in range(seeds):
        for name in runs:
            runs[name].append(train(_configuration(name, sizes), seed, options))
            progress.tell(f"{name}, seed {seed}", runs[name][-1])
    own = runs[RECIPE][0].experiment
    accuracy = {name: [one.result.value for one in trained] for name, trained in runs.items()}
    judged = {name: _judged(trained[0].experiment) for name, trained in runs.items()}
    report = judged[RECIPE]
    dear = {name: one.metrics["expected_cost"].value for name, one in judged.items()}
    leak = _leak(own.dataset)
    adverse = evaluate_adverse(own, "test", most=sizes.weather)
    options.say(f"L24  {sizes.weather:,} pictures in {len(CONDITIONS) * len(SEVERITIES)} weathers")
    told = _served(own, sizes.asked)
    options.say(f"L24  {told.count} pictures sent over HTTP, {told.milliseconds:.1f} ms each")
    mistakes = _mistakes(own, report)
    worst = min(adverse.found, key=lambda name: adverse.found[name][-1].value)
    enough = SHORT if options.quick else ENOUGH
    best, behind = fmean(accuracy[RECIPE]), fmean(accuracy[OLD])
    return Outcome(
        claims=[
            Claim(
                "leak",
                leak.by_sample > leak.by_group,
                {
                    "frames": share(leak.by_sample),
                    "signs": share(leak.by_group),
                    "torn": count(leak.torn),
                    "held": count(leak.held_out),
                },
            ),
            Claim("small", best >= enough, {"right": mean_share(accuracy[RECIPE]), "goal": share(enough, digits=0)}),
            Claim("lenet5", best > behind, {"right": mean_share(accuracy[OLD]), "gap": points(best - behind)}),
            Claim("cost", dear[RECIPE] < dear[OLD], {"own": number(dear[RECIPE], 4), "lenet5": number(dear[OLD], 4)}),
            Claim(
                "weather",
                adverse.found[worst][-1].value < adverse.clean.value,
                {
                    "worst": word(f"weather_{worst.replace(' ', '_')}"),
                    "right": share(adverse.found[worst][-1].value),
                    "clean": share(adverse.clean.value),
                },
            ),
            Claim(
                "served",
                told.same == told.count,
                {
                    "same": count(told.same),
                    "asked": count(told.count),
                    "seconds": number(told.milliseconds, 1),
                    "size": number(told.kilobytes, 0),
                },
            ),
            *([] if options.quick else [_goal(best)]),
        ],
        pictures=_pictures(own.dataset, report, adverse, mistakes),
        tables=[_networks(runs, accuracy, dear), _weather(adverse)],
        measured={
            "accuracy": accuracy,
            "expected_cost": dear,
            "leak": {"by sample": leak.by_sample, "by group": leak.by_group, "torn": leak.torn},
            "adverse": {name: [one.value for one in values] for name, values in adverse.found.items()},
            "http": {"same": told.same, "asked": told.count, "milliseconds": told.milliseconds},
        },
        used=circumstances(runs[RECIPE][0], seeds),
        shortened=options.quick,
    )


def _goal(best: float) -> Claim:
    """What the whole training is asked for."""
    return Claim("goal", best >= GOAL, {"right": share(best), "goal": share(GOAL, digits=0)}, aside=True)


def _configuration(name: str, sizes: Sizes) -> Configuration:
    config = from_recipe(name)
    if sizes.epochs is None:
        return config
    # So few signs leave none to be held out.
    fewer = {"data.share": sizes.data, "loader.valid_fraction": 0.0, "keep": "last"}
    return changed(config, {**fewer, "training.epochs": sizes.epochs})


def _judged(experiment: Experiment) -> Report:
    """On the test pictures, with what mistakes cost."""
    report = evaluate(experiment.model, experiment.task, experiment.batches("test"), spec=experiment.spec)
    return Costs.read("signs").judged(report)


def _leak(dataset: Dataset) -> Leak:
    """What a split by frame would pretend, by the nearest neighbour of 16×16 pixels."""
    train = dataset.split("train")
    assert train.groups is not None
    small = [
        torch.nn.functional.adaptive_avg_pool2d(train.raw(index).float(), SIDE).numpy() for index in range(len(train))
    ]
    labels = [dataset.spec.classes[target] for target in train.targets.tolist()]
    leak = measured_leak(labels, train.groups, np.stack([standardised(one) for one in small]))
    assert leak is not None, "there are many signs"
    return leak


@dataclass(frozen=True)
class Told:
    """What the exported file said over HTTP: how many answers are Python's, of how many, how long one took."""

    same: int
    count: int
    milliseconds: float
    kilobytes: float


def _served(experiment: Experiment, most: int) -> Told:
    """Export the network, serve the file in a process of its own, and send it test pictures one by one."""
    test = experiment.dataset.split("test")
    chosen = range(0, len(test), max(1, len(test) // most))
    raws = torch.stack([test.raw(index) for index in list(chosen)[:most]])
    model = experiment.model.eval()
    with torch.inference_mode():
        own = experiment.task.answer(model, experiment.preprocessing.normalise(raws), experiment.spec)
    with tempfile.TemporaryDirectory() as folder:
        source = Source(RECIPE, experiment.config.task.name, experiment.preprocessing)
        parts = parts_of(experiment.task, model, experiment.spec)
        [made] = export_parts(parts, source, Path(folder) / RECIPE, own=list(map(to_image, raws[:most])), samples=most)
        answers, seconds = answers_over_http(made.path, raws)
        size = made.path.stat().st_size
    same = sum(one.to_json()["label"] == said["label"] for one, said in zip(own, answers, strict=True))
    return Told(same, len(raws), 1000 * median(seconds), size / 1000)


def _mistakes(experiment: Experiment, report: Report) -> list[Mistake]:
    """Some of what was read wrongly, of different classes first, and what of it the network looked at."""
    found = report.findings
    assert isinstance(found, ClassFindings)
    true, predicted = found.predictions.label, found.predictions.predicted
    wrong = np.flatnonzero(true != predicted)
    first = list({(int(true[at]), int(predicted[at])): int(at) for at in wrong[::-1]}.values())[::-1]
    test = experiment.dataset.split("test")
    model = experiment.model.eval()
    shown = []
    for at in first[:SHOWN]:
        sample = experiment.preprocessing.normalise(test.raw(at)[None])[0]
        why = occlusion(model, sample, int(predicted[at]))
        shown.append(Mistake(test.raw(at), int(true[at]), int(predicted[at]), why))
    return shown


def _pictures(dataset: Dataset, report: Report, adverse: Adverse, mistakes: Sequence[Mistake]) -> list[Picture]:
    found = report.findings
    assert isinstance(found, ClassFindings)
    costs = Costs.read("signs").matrix(found.classes)

    def called(words: Words) -> Sequence[str]:
        return names("fr" if words.language == "fr" else "en")

    return [
        Picture("signs", lambda words: draw_signs(_track(dataset), called(words), words("L24.drawing.signs"))),
        Picture("dearest", lambda words: draw_dearest(found.confusion, costs, called(words), words)),
        Picture("confusions", lambda words: draw_confusions(found.confusion, costs, words)),
        Picture("weather", lambda words: draw_weather(adverse, words)),
        Picture("mistakes", lambda words: draw_mistakes(mistakes, called(words), words)),
    ]


def _track(dataset: Dataset) -> list[list[Tensor]]:
    """Of every class some frames of one sign, from far to near."""
    train = dataset.split("train")
    assert train.groups is not None
    of_class: dict[int, list[int]] = {}
    for at, target in enumerate(train.targets.tolist()):
        rows = of_class.setdefault(target, [])
        if not rows or train.groups[rows[0]] == train.groups[at]:
            rows.append(at)
    wanted = [
        sorted(of_class[target], key=train.identity)[:: max(1, len(of_class[target]) // LARGEST)]
        for target in sorted(of_class)
    ]
    return [[train.raw(at) for at in rows[-LARGEST:]] for rows in wanted]


def _networks(
    runs: Mapping[str, Sequence[Trained]], accuracy: Mapping[str, Sequence[float]], dear: Mapping[str, float]
) -> Table:
    rows = [
        [
            word(f"network_{name}"),
            count(trained[0].parameters),
            mean_share(accuracy[name]),
            number(dear[name], 4),
            Value("seconds", median(one.seconds for one in trained)),
        ]
        for name, trained in runs.items()
    ]
    return Table("networks", ("network", "parameters", "accuracy", "expected_cost", "training_time"), rows)


def _weather(adverse: Adverse) -> Table:
    rows = [
        [word(f"weather_{name.replace(' ', '_')}"), *(share(one.value, digits=1) for one in values)]
        for name, values in adverse.found.items()
    ]
    return Table("weather", ("weather", *(f"severity_{severity}" for severity in SEVERITIES)), rows)
