"""A game of two players on points whose heaps are known: trained, watched, and with one of them playing alone."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from statistics import fmean
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from profond.core.device import device_of
from profond.core.randomness import generator, seed_here
from profond.data.sets.points import GRID_DEVIATION, RING_DEVIATION, grid_centres, ring_centres
from profond.experiments.configuration import Configuration
from profond.experiments.experiment import Experiment, assemble
from profond.lecture.outcome import Options
from profond.lecture.together import at_once, weights_of, with_weights
from profond.measures.latents import latents
from profond.measures.modes import Modes
from profond.measures.points_figure import Limits, limits_of, push_of, score_map
from profond.tasks.samples import samples_of
from profond.training import fit
from profond.training.observers import Progress

HEAPS = {
    "ring": Modes(ring_centres().double().numpy(), RING_DEVIATION),
    "grid": Modes(grid_centres().double().numpy(), GRID_DEVIATION),
}
COUNTED, SHOWN = 2_500, 400
"""Samples by which heaps are counted, and those that are drawn."""
LEAST = 0.25
"""Of its share of the samples that lies near a heap that is found: a stray one does not count."""
LOOKS = 25
"""How often a training is looked at."""


@dataclass(frozen=True)
class Found:
    """What samples reach.

    Args:
        heaps: that have at least `LEAST` of their share of the samples within three deviations.
        touched: that have one at least.
        near: the share of the samples that lie within three deviations of a heap.
        rarest: samples of the heap that has the fewest, as a share of what each would have.
    """

    heaps: int
    touched: int
    near: float
    rarest: float


def found_by(model: Any, heaps: Modes, seed: int) -> Found:
    """The heaps that samples of a model reach, which are not those that are drawn."""
    samples = samples_of(model, noise(model.latent_size, seed))
    inside = heaps.of(samples.double().numpy())
    counts = np.bincount(inside[inside >= 0], minlength=len(heaps.centres))
    fair = COUNTED / len(heaps.centres)
    near, rarest = float((inside >= 0).mean()), float(counts.min() / fair)
    return Found(int((counts >= LEAST * fair).sum()), int((counts > 0).sum()), near, rarest)


@cache
def noise(size: int, seed: int) -> Tensor:
    """Of the samples that are counted: a training is looked at many times."""
    return latents(size, range(COUNTED), seed)


@dataclass(frozen=True)
class Moment:
    """The game at one step.

    Args:
        step: of the training.
        made: samples of fixed noise (n, 2).
        scores: of the critic all over the square, as `score_map` gives them.
        push: its gradient at the samples (n, 2).
        model: both players as they were then.
    """

    step: int
    made: Tensor
    scores: NDArray[np.float64]
    push: Tensor
    model: Any

    @classmethod
    def of(cls, model: Any, step: int, limits: Limits) -> Moment:
        model = copy.deepcopy(model).eval()
        device = device_of(model)

        def score(points: Tensor) -> Tensor:
            scores: Tensor = model.critic(points.to(device), None).float()
            return scores

        made = samples_of(model, latents(model.latent_size, range(SHOWN), 0))
        with torch.no_grad():
            scores = score_map(score, limits)
        return cls(step, made, scores, push_of(score, made), model)


@dataclass
class Course:
    """Watches a training: the heaps that the kept weights reach, both losses, and a few moments of the game.

    Args:
        heaps: of the data.
        seed: of the samples that are counted.
        limits: of the square that is drawn; None draws nothing.
        at: shares of the training at which a moment is kept, besides its beginning.
    """

    heaps: Modes
    seed: int
    limits: Limits | None = None
    at: Sequence[float] = ()
    looks: dict[int, Found] = field(default_factory=dict)
    records: list[Mapping[str, Any]] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)

    def started(self, progress: Progress) -> None:
        self.stepped(progress)

    def stepped(self, progress: Progress) -> None:
        step, total = progress.step, progress.total_steps
        if step % max(1, total // LOOKS) == 0 or step == total:
            self.looks[step] = found_by(progress.kept, self.heaps, self.seed)
        if self.limits is not None and step in {0, *(round(total * share) for share in self.at)}:
            self.moments.append(Moment.of(progress.model, step, self.limits))

    def logged(self, progress: Progress, record: Mapping[str, Any]) -> None:
        if record["split"] == "train":
            self.records.append(dict(record))

    def finished(self, progress: Progress) -> None:
        pass


@dataclass(frozen=True)
class Played:
    """A game to its end.

    Args:
        experiment: with the trained model.
        course: of the training.
        found: at its end.
        seconds: of training.
    """

    experiment: Experiment
    course: Course
    found: Found
    seconds: float

    @property
    def told_apart(self) -> tuple[float, float]:
        """How often the critic scored a real point above a made one: at most, and in the last tenth."""
        shares = [float(record["critic/told_apart"]) for record in self.course.records]
        return max(shares), fmean(shares[-max(1, len(shares) // 10) :])


def play(config: Configuration, at: Sequence[float] = ()) -> Played:
    """One training.

    Args:
        config: of points that lie in heaps; what it logs is kept.
        at: as `Course` takes it; none draws nothing.
    """
    experiment = assemble(config)
    heaps, seed = HEAPS[config.data.name], config.training.seed
    course = Course(heaps, seed, limits_of(torch.from_numpy(heaps.centres)) if at else None, at)
    batches = experiment.batches("train", training=True)
    fitted = fit(experiment.model, experiment.task, batches, experiment.training, observers=[course])
    return Played(experiment, course, found_by(fitted.model, heaps, seed), fitted.seconds)


def play_at_once(configs: Sequence[Configuration], options: Options) -> Iterator[Played]:
    """What `play` gives of each, in their order, on as many cores as there are; nothing is drawn.

    Raises: as `at_once`.
    """
    for config, sent in zip(configs, at_once([partial(_played, config) for config in configs], options), strict=True):
        weights, course, found, seconds = sent
        experiment = assemble(config)
        with_weights(experiment.model, weights)
        yield Played(experiment, course, found, seconds)


def _played(config: Configuration) -> tuple[dict[str, NDArray[Any]], Course, Found, float]:
    played = play(config)
    return weights_of(played.experiment.model), played.course, played.found, played.seconds


# -- one player alone --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """Where both players stand, by noise and real points that no step had.

    Args:
        losses: of each player by its phase's name, penalties left out.
        real, made: mean scores of the critic.
    """

    losses: Mapping[str, float]
    real: float
    made: float


@torch.no_grad()
def standing(model: Any, experiment: Experiment) -> Standing:
    """Of a game, on the first points of the test split."""
    task: Any = experiment.task
    device = device_of(model)
    test = experiment.dataset.split("test")
    real = torch.stack([test.raw(index) for index in range(COUNTED // 2)]).to(device)
    made = samples_of(model, latents(model.latent_size, range(COUNTED // 2), 1)).to(device)
    of_real, of_made = model.critic(real, None).float(), model.critic(made, None).float()
    losses = {
        "critic": float(task.game.critic(of_real, of_made).mean()),
        "generator": float(task.game.generator(of_made, of_real).mean()),
    }
    return Standing(losses, float(of_real.mean()), float(of_made.mean()))


def alone(model: Any, experiment: Experiment, player: str, steps: int) -> Any:
    """A copy of a game after one player has made so many steps while the other stood still.

    The steps are a tenth as long as in training: a first one of Adam's is as long for every weight, and may go too far.
    As in training, gradients are punished now and then: not on the first step, which shows the losses alone.

    Args:
        player: the name of its phase.
    """
    model = copy.deepcopy(model).train()
    phase = next(one for one in experiment.task.phases if one.name == player)
    training = experiment.training
    optimizer = torch.optim.Adam(
        model.get_submodule(phase.module).parameters(), lr=training.learning_rate / 10, betas=training.betas
    )
    train, device = experiment.dataset.split("train"), device_of(model)
    order = torch.randperm(len(train), generator=generator(0, "alone"))
    size = experiment.loader.batch_size
    with torch.random.fork_rng():
        seed_here("alone", player)
        for step in range(steps):
            at = order[step * size : (step + 1) * size].tolist()
            real = torch.stack([train.raw(index) for index in at]).to(device)
            optimizer.zero_grad()
            loss = experiment.task.loss(model, (real, train.targets[at].to(device)), replace(phase, step=step + 1))
            torch.autograd.backward(loss.value)
            optimizer.step()
    return model
