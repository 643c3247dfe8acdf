"""Clothes on demand for the lecture: the recipe, a DCGAN and their judge, trained at the same time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from profond.core.device import choose_device
from profond.evaluation.learned_from_samples import learned_from_samples
from profond.experiments.configuration import Configuration, changed, for_model, from_recipe
from profond.experiments.experiment import Experiment, assemble
from profond.lecture.outcome import Options
from profond.lecture.repeats import Trained, settings_of
from profond.lecture.together import at_once, quietly, received, sent_of, weights_of, with_weights
from profond.measures.judge import Judge
from profond.measures.latents import latents
from profond.measures.measured import Measured
from profond.measures.pixels import as_pixels
from profond.tasks.samples import samples_of
from profond.training import fit
from profond.training.observers import Progress

RECIPE = "fashion_on_demand"
WATCHED = (0, 1_280, 2_560, 5_120, 20_480, 81_920)
"""Images seen after which samples are looked at, besides those at the end."""
FEW = 1_000
"""Samples that are measured then."""


@dataclass(frozen=True)
class Sizes:
    """How much of everything: images seen in training, samples measured, samples to learn from."""

    images: int
    samples: int
    learned: int
    judge_epochs: float | None = None


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


def seeing(config: Configuration, images: int) -> Configuration:
    """The configuration, to be trained until so many images were seen."""
    return changed(config, {"training.steps": max(1, images // config.loader.batch_size)})


def dcgan(images: int) -> Configuration:
    """DCGAN with what is usual for it, conditional as the data have classes, on the same mirrored pictures."""
    mirrored = from_recipe(RECIPE).task.settings["mirrored"]
    return changed(seeing(for_model("dcgan", "fashion_mnist"), images), {"task.mirrored": mirrored})


def _judge_configuration(sizes: Sizes) -> Configuration:
    config = from_recipe("fashion_judge")
    return config if sizes.judge_epochs is None else changed(config, {"training.epochs": sizes.judge_epochs})


def as_judge(trained: Trained) -> Judge:
    """A network that was trained to tell the classes apart, as a judge."""
    dataset = trained.experiment.dataset
    model = trained.experiment.model.eval().requires_grad_(False)
    return Judge("fashion_judge", model, dataset.preprocessing, dataset.spec.classes)


def makers_and_judge(sizes: Sizes, options: Options) -> tuple[Maker, Maker, Trained]:
    """The recipe, DCGAN and the judge, at the same time where there is more than one core."""
    configs = [
        changed(config, settings_of(0, options))
        for config in (seeing(from_recipe(RECIPE), sizes.images), dcgan(sizes.images))
    ]
    judges = _judge_configuration(sizes)
    jobs: list[Callable[[], Any]] = [partial(_made, config, sizes) for config in configs]
    jobs.append(partial(sent_of, judges, 0, quietly(options)))
    sent = at_once(jobs, options)
    makers: list[Maker] = []
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
        [*(images // size for images in WATCHED), total], latents(model.latent_size, range(FEW), 0), labels_of(FEW)
    )
    batches = experiment.batches("train", training=True, device=choose_device(config.training.device))
    fitted = fit(model, experiment.task, batches, experiment.training, observers=(watch,))
    wanted = max(sizes.samples, sizes.learned)
    samples = as_pixels(samples_of(model, latents(model.latent_size, range(wanted), 1), labels_of(wanted)))
    course = {step * size: found.numpy() for step, found in watch.seen.items()}
    return _Sent(weights_of(model), fitted.seconds, str(fitted.arithmetic), course, samples.numpy())


def learned_from(makers: Sequence[Maker], options: Options) -> list[Measured]:
    """What a small network reads of real pictures that has seen one generator's samples alone, of each."""
    jobs = [partial(_learned, maker.samples.numpy(), maker.experiment.config, options.device) for maker in makers]
    return [*at_once(jobs, options)]


def _learned(samples: NDArray[Any], config: Configuration, device: str) -> Measured:
    made = torch.from_numpy(samples)
    return learned_from_samples(made, labels_of(len(made)), assemble(config).dataset, device=device)


def labels_of(total: int) -> Tensor:
    """Of samples: each class in turn, int64 (n)."""
    return torch.arange(total) % 10
