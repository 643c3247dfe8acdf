"""L23: clothes of a class that is asked for; a judge reads whether they are, and a DCGAN makes them beside it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from profond.core.device import choose_device, device_of
from profond.evaluation.learned_from_samples import learned_from_samples
from profond.experiments.configuration import Configuration, changed, for_model, from_recipe
from profond.experiments.experiment import Experiment, assemble
from profond.lecture import register_item
from profond.lecture.fashion_figure import draw_confusion, draw_sheets
from profond.lecture.outcome import Claim, Options, Outcome, Picture, Table
from profond.lecture.repeats import Trained, origin
from profond.lecture.together import at_once, quietly, received, sent_of, weights_of, with_weights
from profond.lecture.values import Value, count, number, points, share, text, word
from profond.lecture.words import Words
from profond.measures.compared import compared
from profond.measures.judge import Judge
from profond.measures.latents import latents
from profond.measures.measured import Measured
from profond.measures.on_demand import OnDemand, frechet_ratio, on_demand, real_of_each
from profond.measures.pixels import as_pixels
from profond.tasks.samples import samples_of
from profond.training import fit
from profond.training.observers import Progress

RECIPE, BASELINE = "fashion_on_demand", "dcgan"
NEAR, LARGEST_GAP, LEARNED, COVERED = 0.02, 0.08, 0.87, 0.9
"""What is asked of a generator: samples are read nearly as often as real ones, no class is far behind, all that is to
be learned is there, and nearly all that is real is near a sample."""
CHANCE = 0.1
WATCHED = (0, 1_280, 2_560, 5_120, 20_480, 81_920)
"""Images seen after which samples are looked at, besides those at the end."""
FEW = 1_000
"""Samples that are measured then."""
SHOWN, WAYS, FRAMES = 8, 6, 11
BETWEEN = ("T-shirt/top", "Trouser", "Dress", "Bag", "Sneaker", "Ankle boot", "T-shirt/top")


@dataclass(frozen=True)
class Sizes:
    """How much of everything: images seen in training, samples measured, samples to learn from."""

    images: int
    samples: int
    learned: int
    judge_epochs: float | None = None


WHOLE = Sizes(300_000, 10_000, 60_000)
QUICK = Sizes(5_120, 1_000, 0, judge_epochs=0.4)


@dataclass
class Watch:
    """Looks at samples of the same noise as training goes on."""

    steps: Sequence[int]
    noise: Tensor
    labels: Tensor
    seen: dict[int, Tensor] = field(default_factory=dict)

    def started(self, progress: Progress) -> None:
        self.stepped(progress)

    def stepped(self, progress: Progress) -> None:
        if progress.step in self.steps:
            self.seen[progress.step] = as_pixels(samples_of(progress.kept, self.noise, self.labels))

    def logged(self, progress: Progress, record: Mapping[str, Any]) -> None:
        pass

    def finished(self, progress: Progress) -> None:
        pass


@dataclass(frozen=True)
class Maker:
    """A generator that was trained.

    Args:
        course: by images seen, uint8 (n, c, h, w) of the same noise.
        samples: as many of each class, in turn, uint8 (n, c, h, w).
    """

    experiment: Experiment
    seconds: float
    arithmetic: str
    course: Mapping[int, Tensor]
    samples: Tensor


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
    own, other, judging = _trained(sizes, options)
    judge = _as_judge(judging)
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
        jobs = [(maker.samples.numpy(), _configuration(sizes), options.device) for maker in (own, other)]
        learned = dict(zip(("recipe", "dcgan"), at_once(_learned, jobs, options), strict=True))
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


def _configuration(sizes: Sizes) -> Configuration:
    config = from_recipe(RECIPE)
    return changed(config, {"training.steps": sizes.images // config.loader.batch_size})


def _baseline(sizes: Sizes) -> Configuration:
    """DCGAN with what is usual for it, on the same pictures."""
    config = for_model(BASELINE, "fashion_mnist")
    steps = sizes.images // config.loader.batch_size
    return changed(config, {"training.steps": steps, "task.mirrored": from_recipe(RECIPE).task.settings["mirrored"]})


def _judge_configuration(sizes: Sizes) -> Configuration:
    config = from_recipe("fashion_judge")
    return config if sizes.judge_epochs is None else changed(config, {"training.epochs": sizes.judge_epochs})


def _as_judge(trained: Trained) -> Judge:
    dataset = trained.experiment.dataset
    model = trained.experiment.model.eval().requires_grad_(False)
    return Judge("fashion_judge", model, dataset.preprocessing, dataset.spec.classes)


def _trained(sizes: Sizes, options: Options) -> tuple[Maker, Maker, Trained]:
    """The recipe, DCGAN and the judge, at the same time where there is more than one core."""
    changes: dict[str, Any] = {"training.seed": 0, "training.device": options.device}
    if options.precision != "auto":
        changes["training.precision"] = options.precision
    configs = [changed(config, changes) for config in (_configuration(sizes), _baseline(sizes))]
    judges = _judge_configuration(sizes)
    jobs = [*((_made, config, sizes) for config in configs), (sent_of, judges, 0, quietly(options))]
    sent = at_once(_done, jobs, options)
    makers = []
    for config in configs:
        made = next(sent)
        experiment = assemble(config)
        with_weights(experiment.model, made.weights)
        course = {images: torch.from_numpy(samples) for images, samples in made.course.items()}
        makers.append(Maker(experiment, made.seconds, made.arithmetic, course, torch.from_numpy(made.samples)))
        images = f"{max(course):,} images, {made.seconds:.0f} s"
        options.say(f"L23 {len(makers)}/3  {config.model.name}: {images}")
    judging = received(next(sent), judges, 0, options)
    options.say(f"L23 3/3  judge: {judging.result.written}, {judging.seconds:.0f} s")
    own, other = makers
    return own, other, judging


def _done(work: Callable[..., Any], *given: Any) -> Any:
    return work(*given)


@dataclass(frozen=True)
class _Sent:
    """What comes back of a training."""

    weights: dict[str, NDArray[Any]]
    seconds: float
    arithmetic: str
    course: dict[int, NDArray[Any]]
    samples: NDArray[Any]


def _made(config: Configuration, sizes: Sizes) -> _Sent:
    experiment = assemble(config)
    model: Any = experiment.model
    total, size = experiment.training.steps or 1, experiment.loader.batch_size
    watch = Watch(
        [*(images // size for images in WATCHED), total], latents(model.latent_size, range(FEW), 0), _labels(FEW)
    )
    batches = experiment.batches("train", training=True, device=choose_device(config.training.device))
    fitted = fit(model, experiment.task, batches, experiment.training, observers=(watch,))
    wanted = max(sizes.samples, sizes.learned)
    samples = as_pixels(samples_of(model, latents(model.latent_size, range(wanted), 1), _labels(wanted)))
    course = {step * size: found.numpy() for step, found in watch.seen.items()}
    return _Sent(weights_of(model), fitted.seconds, str(fitted.arithmetic), course, samples.numpy())


def _learned(samples: NDArray[Any], config: Configuration, device: str) -> Measured:
    made = torch.from_numpy(samples)
    return learned_from_samples(made, _labels(len(made)), assemble(config).dataset, device=device)


def _labels(total: int) -> Tensor:
    return torch.arange(total) % 10


def _read(judge: Judge, samples: Tensor, real: Tensor, labels: Tensor) -> Read:
    distances = compared(judge.features, real, samples)
    asked = on_demand(judge, samples, _labels(len(samples)), real, labels)
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
            words("L23.drawing.asked"): in_classes(own.samples, _labels(len(own.samples))),
            words("L23.drawing.of_dcgan"): in_classes(other.samples, _labels(len(other.samples))),
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
