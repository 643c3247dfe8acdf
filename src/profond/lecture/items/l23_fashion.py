"""L23: clothes of a class that is asked for; a judge reads whether they are, and a DCGAN makes them beside it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from profond.core.device import device_of
from profond.lecture import register_item
from profond.lecture.clothes import FEW, Maker, Sizes, as_judge, labels_of, learned_from, makers_and_judge
from profond.lecture.fashion_figure import draw_confusion, draw_sheets
from profond.lecture.outcome import Claim, Options, Outcome, Picture, Table
from profond.lecture.repeats import origin
from profond.lecture.values import Value, count, number, points, share, text, word
from profond.lecture.words import Words
from profond.measures.compared import compared
from profond.measures.judge import Judge
from profond.measures.latents import latents
from profond.measures.measured import Measured
from profond.measures.on_demand import OnDemand, frechet_ratio, on_demand, real_of_each
from profond.measures.pixels import as_pixels

NEAR, LARGEST_GAP, LEARNED, COVERED = 0.02, 0.08, 0.87, 0.9
"""What is asked of a generator: samples are read nearly as often as real ones, no class is far behind, all that is to
be learned is there, and nearly all that is real is near a sample."""
CHANCE = 0.1
WHOLE = Sizes(300_000, 10_000, 60_000)
QUICK = Sizes(5_120, 1_000, 0, judge_epochs=0.4)
SHOWN, WAYS, FRAMES = 8, 6, 11
BETWEEN = ("T-shirt/top", "Trouser", "Dress", "Bag", "Sneaker", "Ankle boot", "T-shirt/top")


@dataclass(frozen=True)
class Read:
    """What is measured of samples."""

    asked: OnDemand
    frechet: float
    coverage: float


@register_item("L23", try_it="profond train fashion_on_demand")
def fashion(options: Options) -> Outcome:
    """A conditional generator, its judge, and a DCGAN that sees as many images."""
    sizes = QUICK if options.quick else WHOLE
    own, other, judging = makers_and_judge(sizes, options)
    judge = as_judge(judging)
    dataset = judging.experiment.dataset
    each = sizes.samples // dataset.spec.num_classes
    real, labels = real_of_each(dataset, "test", each)
    floor = compared(judge.features, real, real_of_each(dataset, "train", each)[0])
    found = {name: _read(judge, maker.samples[: sizes.samples], real, labels) for name, maker in _named(own, other)}
    few, few_labels = real_of_each(dataset, "test", FEW // dataset.spec.num_classes)
    course = {images: _read(judge, samples, few, few_labels) for images, samples in own.course.items()}
    ratio = frechet_ratio(*(judge.features(x[: sizes.samples]) for x in (real, own.samples, other.samples)), draws=40)
    assert ratio is not None
    claims = _claims(found["recipe"].asked, course, ratio)
    measured: dict[str, Any] = {name: _json(one) for name, one in found.items()}
    if sizes.learned:
        learned = dict(zip(("recipe", "dcgan"), learned_from((own, other), options), strict=True))
        claims += _goals(found["recipe"], learned, floor)
        measured |= {f"learned from samples, {name}": one.value for name, one in learned.items()}
    return Outcome(
        claims=claims,
        pictures=_pictures(own, other, found["recipe"].asked, real, labels, dataset.spec.classes),
        tables=[
            _comparison(found, floor, {"recipe": own, "dcgan": other}),
            _classes(found),
            _course(course),
        ],
        measured={
            **measured,
            "ratio": [ratio.value, ratio.low, ratio.high],
            "floor": {name: one.value for name, one in floor.items()},
            "course": {str(images): _json(one) for images, one in course.items()},
            "seconds": {"judge": judging.seconds, "recipe": own.seconds, "dcgan": other.seconds},
        },
        used={
            "data": origin(dataset),
            "judge": share(judging.result.value),
            "seen": count(max(own.course)),
            "measured": count(sizes.samples),
            "arithmetic": text(own.arithmetic),
        },
        shortened=options.quick,
    )


def _claims(asked: OnDemand, course: Mapping[int, Read], ratio: Measured) -> list[Claim]:
    """What a few thousand images show too."""
    first, last = course[min(course)], course[max(course)]
    low = asked.accuracy.low or 0.0
    return [
        Claim("asked", low > 2 * CHANCE, {"right": _share(asked.accuracy), "chance": share(CHANCE, digits=0)}),
        Claim(
            "nearer",
            last.frechet < first.frechet / 2,
            {"first": number(first.frechet), "last": number(last.frechet), "images": count(max(course))},
        ),
        Claim("dcgan", (ratio.high or ratio.value) < 1, {"ratio": _share(ratio)}),
    ]


def _goals(found: Read, learned: Mapping[str, Measured], floor: Mapping[str, Measured]) -> list[Claim]:
    """What the whole training is to reach."""
    asked = found.asked
    judge, worst = asked.judge_accuracy.value, asked.worst
    coverage = floor["coverage"].value
    return [
        Claim(
            "near",
            asked.accuracy.value >= judge - NEAR,
            {"right": _share(asked.accuracy), "judge": share(judge), "gap": points(judge - asked.accuracy.value)},
        ),
        Claim(
            "each",
            asked.largest_gap <= LARGEST_GAP,
            {
                "worst": text(asked.classes[worst]),
                "right": share(asked.by_class[worst].value),
                "judge": share(asked.judge_by_class[worst].value),
            },
            aside=True,
        ),
        Claim(
            "learned",
            learned["recipe"].value >= LEARNED,
            {"right": _share(learned["recipe"]), "dcgan": _share(learned["dcgan"])},
            aside=True,
        ),
        Claim(
            "covered",
            found.coverage >= COVERED * coverage,
            {"made": share(found.coverage), "real": share(coverage)},
            aside=True,
        ),
    ]


def _read(judge: Judge, samples: Tensor, real: Tensor, labels: Tensor) -> Read:
    distances = compared(judge.features, real, samples)
    asked = on_demand(judge, samples, labels_of(len(samples)), real, labels)
    return Read(asked, distances["frechet_distance"].value, distances["coverage"].value)


@torch.no_grad()
def between_classes(model: Any, noise: Tensor, first: int, second: int, frames: int) -> Tensor:
    """One noise (z,), from one class to another: uint8 (frames, c, h, w). What is mixed is the classes' embeddings."""
    device = device_of(model)
    rows = noise.to(device).expand(frames, -1)
    ends = (torch.full((frames,), label, device=device) for label in (first, second))
    start, end = (model.generator.labelled(rows, labels) for labels in ends)
    mixed = torch.lerp(start, end, torch.linspace(0, 1, frames, device=device)[:, None])
    hook = model.generator.labelled.register_forward_hook(lambda module, given, found: mixed)
    try:
        return as_pixels(model.generator.eval()(rows, torch.zeros(frames, dtype=torch.int64, device=device))).cpu()
    finally:
        hook.remove()


def _pictures(
    own: Maker, other: Maker, asked: OnDemand, real: Tensor, labels: Tensor, classes: tuple[str, ...]
) -> list[Picture]:
    def in_classes(samples: Tensor, of: Tensor) -> list[Tensor]:
        return [samples[of == label][:SHOWN] for label in range(len(classes))]

    def sheet(words: Words) -> Figure:
        made = {
            words("L23.drawing.asked"): in_classes(own.samples, labels_of(len(own.samples))),
            words("L23.drawing.of_dcgan"): in_classes(other.samples, labels_of(len(other.samples))),
            words("L23.drawing.of_data"): in_classes(real, labels),
        }
        return draw_sheets(made, classes, words("L23.drawing.sheet"))

    def course(words: Words) -> Figure:
        rows = [words.write(count(images)) for images in own.course]
        sheets = {words("L23.drawing.two_of_each"): [samples[: 2 * len(classes)] for samples in own.course.values()]}
        return draw_sheets(sheets, rows, words("L23.drawing.course"))

    def ways(words: Words) -> Figure:
        model: Any = own.experiment.model
        pairs = [(classes.index(a), classes.index(b)) for a, b in itertools.pairwise(BETWEEN)]
        noise = latents(model.latent_size, range(len(pairs)), 2)
        rows = [between_classes(model, one, *pair, FRAMES) for one, pair in zip(noise, pairs, strict=True)]
        names = [f"{classes[a]} → {classes[b]}" for a, b in pairs]
        return draw_sheets({words("L23.drawing.one_noise"): rows}, names, words("L23.drawing.between"))

    return [
        Picture("sheet", sheet),
        Picture("course", course),
        Picture("between", ways),
        Picture("confusion", lambda words: draw_confusion(asked, words, words("L23.drawing.confusion"))),
    ]


def _comparison(found: Mapping[str, Read], floor: Mapping[str, Measured], makers: Mapping[str, Maker]) -> Table:
    rows = [
        [
            word(f"fashion_{name}"),
            _share(one.asked.accuracy),
            number(one.frechet),
            share(one.coverage),
            Value("seconds", makers[name].seconds),
        ]
        for name, one in found.items()
    ]
    judge = next(iter(found.values())).asked.judge_accuracy
    real = [_share(judge), number(floor["frechet_distance"].value), share(floor["coverage"].value), text("–")]
    columns = ("made_by", "as_asked", "frechet_distance", "covered", "training")
    return Table("comparison", columns, [*rows, [word("fashion_real"), *real]])


def _classes(found: Mapping[str, Read]) -> Table:
    own, other = found["recipe"].asked, found["dcgan"].asked
    rows = [
        [
            text(name),
            *(share(part[label].value, digits=1) for part in (own.by_class, other.by_class, own.judge_by_class)),
        ]
        for label, name in enumerate(own.classes)
    ]
    return Table("classes", ("asked_class", "by_recipe", "by_dcgan", "real_ones"), rows)


def _course(course: Mapping[int, Read]) -> Table:
    rows = [
        [count(images), _share(one.asked.accuracy), number(one.frechet), share(one.coverage)]
        for images, one in course.items()
    ]
    return Table("course", ("images_seen", "as_asked", "frechet_distance", "covered"), rows)


def _json(read: Read) -> dict[str, Any]:
    asked = read.asked
    right = {name: one.value for name, one in zip(asked.classes, asked.by_class, strict=True)}
    return {
        "as asked for": asked.accuracy.value,
        "judge on real ones": asked.judge_accuracy.value,
        "by class": right,
        "frechet_distance": read.frechet,
        "coverage": read.coverage,
    }


def _named(own: Maker, other: Maker) -> tuple[tuple[str, Maker], ...]:
    return (("recipe", own), ("dcgan", other))


def _share(measured: Measured) -> Value:
    return share(measured.value, measured.low, measured.high)
