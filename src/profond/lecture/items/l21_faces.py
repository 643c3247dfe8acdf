"""L21: a generator of human faces, how good it is, and whether it has learned photos by heart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from profond.core.device import choose_device
from profond.core.randomness import generator
from profond.experiments.configuration import changed, from_recipe
from profond.experiments.experiment import Experiment, assemble
from profond.lecture import register_item
from profond.lecture.outcome import Claim, Options, Outcome, Picture, Table
from profond.lecture.repeats import origin
from profond.lecture.sheets import draw_pairs, draw_rows
from profond.lecture.values import Value, count, number, share, text, word
from profond.lecture.words import Words
from profond.measures.compared import HEADLINE, compared
from profond.measures.features import Features
from profond.measures.latents import latents
from profond.measures.measured import Measured
from profond.measures.memorised import Memorised, Nearest, memorised, nearest
from profond.measures.pixels import as_pixels
from profond.tasks.picture_features import usual_features
from profond.tasks.samples import samples_of
from profond.training import fit
from profond.training.observers import Progress

AT, EARLY = (0.0, 0.02, 0.1, 0.25, 0.5, 1.0), 0.1
"""Shares of the training of which samples are shown, and that of the early checkpoint."""
SHOWN, LOOKED_UP, PAIRS = 10, 320, 12
FALLS = 0.5
"""What is left at the end of the early checkpoint's kernel distance, at most.

NOTE not of that before training: uniform grey squares are nearer to photos, by these features, than first attempts.
"""
COMPONENTS = 60
"""Of the eigenfaces."""
QUICK: Mapping[str, Any] = {"data.size": 32, "model.width": 16, "training.steps": 800, "loader.batch_size": 16}


@dataclass
class Sheets:
    """Watches a training: what the kept weights make of the same noise at some of its steps.

    Args:
        count: samples of each step.
    """

    count: int
    made: dict[int, Tensor] = field(default_factory=dict)

    def started(self, progress: Progress) -> None:
        self.stepped(progress)

    def stepped(self, progress: Progress) -> None:
        if progress.step in {round(share * progress.total_steps) for share in AT}:
            self.made[progress.step] = pictures_of(progress.kept, self.count)

    def logged(self, progress: Progress, record: Mapping[str, Any]) -> None:
        pass

    def finished(self, progress: Progress) -> None:
        pass


@register_item("L21", try_it="profond train --model r3gan --data photos/")
def faces(options: Options) -> Outcome:
    """Faces like those of 320 photos; eight people are held out to tell how good they are, and if any is a copy."""
    settings = {"training.device": options.device, **(QUICK if options.quick else {})}
    if options.precision != "auto":
        settings["training.precision"] = options.precision
    experiment = assemble(changed(from_recipe("faces"), settings))
    train, held_out = (photos(experiment, name) for name in ("train", "test"))
    sheets, steps = Sheets(len(held_out)), experiment.training.steps or 0
    options.say(f"L21  {len(train)} photos, {steps:,} steps of {experiment.loader.batch_size}")
    batches = experiment.batches("train", training=True, device=choose_device(options.device))
    fitted = fit(experiment.model, experiment.task, batches, experiment.training, observers=[sheets])
    made = pictures_of(fitted.model, LOOKED_UP)
    first, early, last = (sheets.made[round(at * steps)] for at in (0, EARLY, 1))
    order = torch.randperm(len(train), generator=generator(0, "beside"))[: len(held_out)]
    features = usual_features(max(experiment.spec.shape[1:]))
    options.say(f"L21  {fitted.seconds:.0f} s of training; compared by {features.name}")
    rows = {
        "faces_first": first,
        "faces_early": early,
        "faces_last": last,
        "faces_eigen": eigenfaces(train, len(held_out)),
        "faces_real": train[order],
    }
    found = {name: against(features, held_out, pictures) for name, pictures in rows.items()}
    distance = {name: one[HEADLINE] for name, one in found.items()}
    near, of_held_out = nearest(made, [train]), nearest(held_out, [train])
    told, copier = memorised(near, of_held_out), memorised(nearest(noisy(train[order]), [train]), of_held_out)
    left = distance["faces_last"].value / distance["faces_early"].value
    floor = distance["faces_real"]
    values = {name.removeprefix("faces_"): distance_value(one) for name, one in distance.items()}
    return Outcome(
        claims=[
            Claim("learned", left <= FALLS, {**values, "left": share(left, digits=0)}),
            Claim("new", not told.found, {**memory_values(told), "samples": count(len(made))}),
            Claim("copier", copier.found, memory_values(copier)),
            Claim("eigen", distance["faces_last"].value < distance["faces_eigen"].value, values, aside=True),
            Claim(
                "real",
                floor.high is not None and distance["faces_last"].value <= floor.high,
                {**values, "photos": count(len(train))},
                aside=True,
            ),
        ],
        pictures=[
            Picture("course", lambda words: draw_course(sheets.made, train[order], words)),
            Picture("faces", lambda words: draw_faces(made, words)),
            Picture("nearest", lambda words: draw_nearest(made, train, near, told, words)),
        ],
        tables=[
            Table(
                "distance",
                ("faces", "kernel_distance", "coverage"),
                [[word(name), distance_value(distance[name]), coverage_value(one)] for name, one in found.items()],
            )
        ],
        measured={
            "kernel_distance": {name: [one.value, one.low, one.high] for name, one in distance.items()},
            "coverage": {name: one["coverage"].value for name, one in found.items() if "coverage" in one},
            "memorised": {"samples": told.share.value, "copier": copier.share.value, "chance": told.chance},
            "seconds": fitted.seconds,
        },
        used={
            "data": origin(experiment.dataset),
            "train": count(len(train)),
            "test": count(len(held_out)),
            "steps": count(steps),
            "features": text(features.name),
            "arithmetic": text(str(fitted.arithmetic)),
        },
        shortened=options.quick,
    )


def against(features: Features, held_out: Tensor, pictures: Tensor) -> dict[str, Measured]:
    return compared(features, held_out, pictures, cheap=True)


def photos(experiment: Experiment, split: str) -> Tensor:
    """Of a split, uint8 (n, 1, h, w), as the generator is to make them."""
    return torch.cat([as_pixels(inputs) for inputs, _ in experiment.batches(split)])


def pictures_of(model: Any, count: int) -> Tensor:
    return as_pixels(samples_of(model, latents(model.latent_size, range(count), 0)))


def eigenfaces(train: Tensor, number_of: int) -> Tensor:
    """Faces drawn from a normal distribution of the photos' first principal components, without any network.

    Source: M. Turk, A. Pentland, "Eigenfaces for recognition", Journal of Cognitive Neuroscience 3, 1991.
    """
    rows = train.double().flatten(1)
    mean = rows.mean(0)
    _, sizes, directions = torch.linalg.svd(rows - mean, full_matrices=False)
    deviations = sizes[:COMPONENTS] / len(rows) ** 0.5
    random = torch.randn(number_of, COMPONENTS, generator=generator(0, "eigenfaces"), dtype=torch.float64)
    drawn: Tensor = mean + (random * deviations) @ directions[:COMPONENTS]
    pixels: Tensor = drawn.round().clamp(0, 255).byte()
    return pixels.view(-1, *train.shape[1:])


def noisy(pictures: Tensor) -> Tensor:
    """Photos with a little noise on each pixel: what a generator that copies would make."""
    noise = 8 * torch.randn(pictures.shape, generator=generator(0, "copier"))
    return (pictures + noise).round().clamp(0, 255).byte()


def distance_value(one: Measured) -> Value:
    return Value("number", one.value, one.low, one.high, 3)


def coverage_value(found: Mapping[str, Measured]) -> Value:
    one = found.get("coverage")
    return text("–") if one is None else share(one.value, digits=0)


def memory_values(told: Memorised) -> dict[str, Value]:
    return {"near": share(told.share.value, digits=1), "chance": share(told.chance, digits=1)}


# -- shown -------------------------------------------------------------------------------------------------------------


def draw_course(made: Mapping[int, Tensor], real: Tensor, words: Words) -> Figure:
    """The same noise at several steps, and photos below."""
    rows = [
        (words("L21.drawing.step", {"step": count(step)}), pictures[:SHOWN].numpy()) for step, pictures in made.items()
    ]
    return draw_rows(words("L21.drawing.course"), [*rows, (words("L21.drawing.photos"), real[:SHOWN].numpy())])


def draw_faces(made: Tensor, words: Words) -> Figure:
    """Samples that nobody chose."""
    rows = [("", made[start : start + SHOWN].numpy()) for start in range(SHOWN, 5 * SHOWN, SHOWN)]
    return draw_rows(words("L21.drawing.faces"), rows)


def draw_nearest(made: Tensor, train: Tensor, near: Nearest, told: Memorised, words: Words) -> Figure:
    """The samples that are nearest to a photo, each beside it."""
    order: Sequence[int] = np.argsort(near.apart, kind="stable")[:PAIRS].tolist()
    pairs = [
        (
            made[at].numpy(),
            train[int(near.index[at])].numpy(),
            words.write(number(float(near.apart[at]))),
            bool(told.near[at]),
        )
        for at in order
    ]
    return draw_pairs(words("L21.drawing.nearest"), pairs, words("L21.drawing.pairs"))
