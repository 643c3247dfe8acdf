"""Generation: samples like those of the data, made from random numbers by a network that a critic teaches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from profond.core.config import Count, NotNegative
from profond.core.errors import ConfigError, DataError, UnknownName
from profond.core.lettering import markdown
from profond.core.spec import Spec
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import Split, TensorSplit
from profond.measures.compared import HEADLINE
from profond.measures.generated import MEASURED, SamplesMeter, with_early
from profond.measures.generated_beside import beside_training
from profond.measures.latents import latents
from profond.measures.report import Report
from profond.nn.looped import looped
from profond.tasks import register_task
from profond.tasks.adversarial import GAMES, between, one_centred, steepness, zero_centred
from profond.tasks.augmentation import KINDS, changed
from profond.tasks.batch import called, check_finite, pair
from profond.tasks.generated_show import GeneratedShow
from profond.tasks.names import index_of
from profond.tasks.picture_features import inception_features, judge_of, usual_features
from profond.tasks.picture_parts import Making
from profond.tasks.projection import projected
from profond.tasks.sampling import generated, interpolated, walked
from profond.tasks.task import Example, Explained, Loss, Part, Phase, Tensors

GameName = Literal["relativistic", "non_saturating", "saturating", "wasserstein", "hinge", "least_squares"]
FEW = 5_000
"""Pictures below which a critic learns them by heart before the generator is good."""

LEAST = 8
"""Samples below which there is nothing to be learned but these."""


@dataclass(frozen=True)
class CriticAnswer:
    """What the critic says of one sample.

    Args:
        score: higher is more like the data, in numbers of no unit; they count beside each other, not alone.
        label: the class as which it is most like the data; empty where there are none.
    """

    score: float
    label: str = ""

    def line(self) -> str:
        return "\t".join([f"{self.score:.2f}", *([self.label] if self.label else [])])

    def row(self) -> dict[str, Any]:
        return {"critic": f"{self.score:.4f}", **({"label": self.label} if self.label else {})}

    def to_json(self) -> dict[str, Any]:
        return {"critic": self.score, **({"label": self.label} if self.label else {})}

    def write(self, folder: Path, name: str) -> list[Path]:
        return []


@register_task("generate")
class Generate:
    """Two networks and two phases: a critic that tells real samples from made ones, and a generator that it teaches.

    Args:
        loss: ``"relativistic"`` is R3GAN's; ``"non_saturating"`` and ``"saturating"`` are the original's,
            ``"wasserstein"`` with gradient penalty, ``"hinge"``, ``"least_squares"``.
        penalty_weight: of the critic's gradients; None takes what the loss usually has: 0.2 for ``"relativistic"``, 10
            for ``"wasserstein"``, 0 for others, where any other number adds R1 + R2.
        penalty_every: critic steps from one penalty to the next, which weighs as many times as much; None takes what
            the loss usually has: 4 for ``"relativistic"``, else 1.
        critic_steps: of the critic for each of the generator; None takes what the loss usually has: 5 for
            ``"wasserstein"``, else 1.
        classes_weight: of how the critic reads the classes of real pictures, and of how it reads made ones, where the
            model has it read them (``r3gan`` with ``reads_classes``).
        augmentation: random changes of real and made pictures alike, before the critic sees them: ``"auto"`` for few
            pictures alone, ``"on"``, ``"off"``.
        mirrored: names of classes whose pictures may be mirrored, each in half of the cases.
        measured: samples that are measured, at most, beside as many real ones.
        augmented: filled in: whether it is on.
        mirrored_labels: filled in: the numbers of these classes.
    """

    headline = HEADLINE
    families: tuple[str, ...] = ("generator",)
    usual: Mapping[str, Any] = {
        "training.steps": 2500,
        "training.optimizer": "adam",
        "training.learning_rate": 7e-4,
        "training.betas": (0.0, 0.99),
        "training.schedule": "cosine",
        "training.lowest_rate": 0.1,
        "training.ema_half_life": 0.1,
        "training.validate_every_steps": 1000,
        "training.keep": "last",
        "loader.batch_size": 32,
        "loader.valid_fraction": 0.0,
    }
    transfer_settings: Mapping[str, Any] = {}
    unexplained = (
        "a generator says nothing of a picture that could be explained",
        "`profond generate` shows what it makes, `profond predict` what its critic says",
    )

    def __init__(
        self,
        loss: GameName = "relativistic",
        penalty_weight: NotNegative | None = None,
        penalty_every: Count | None = None,
        critic_steps: Count | None = None,
        classes_weight: NotNegative = 0.2,
        augmentation: Literal["auto", "on", "off"] = "auto",
        mirrored: tuple[str, ...] = (),
        measured: Count = MEASURED,
        augmented: bool | None = None,
        mirrored_labels: Sequence[int] = (),
    ) -> None:
        if loss not in GAMES:
            raise UnknownName("loss", loss, GAMES)
        if augmentation not in ("auto", "on", "off"):
            raise UnknownName("augmentation", augmentation, ("auto", "on", "off"))
        self.game, self.name = GAMES[loss], loss
        self.penalty_weight = self.game.penalty_weight if penalty_weight is None else penalty_weight
        self.penalty_every = self.game.penalty_every if penalty_every is None else penalty_every
        self.classes_weight = classes_weight
        self.augmentation, self.mirrored = augmentation, tuple(mirrored)
        self.augmented = augmentation == "on" if augmented is None else augmented
        self.mirrored_labels = tuple(mirrored_labels)
        self.measured = measured
        self.phases: Sequence[Phase] = (
            Phase("critic", "critic"),
            Phase("generator", "generator", every=critic_steps or self.game.critic_steps),
        )

    # -- what the data decides ---------------------------------------------------------------------------------

    @staticmethod
    def learns(spec: Spec) -> bool:
        return False  # any data can be imitated; a model of the family asks for it

    @staticmethod
    def unsettled(settings: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in settings.items() if name not in ("augmented", "mirrored_labels")}

    def settle(self, dataset: Dataset) -> tuple[dict[str, Any], list[str]]:
        spec, count = dataset.spec, len(dataset.split("train"))
        if spec.tokens is not None or spec.axes not in ("c", "chw"):
            raise DataError(
                f"{dataset.name} has samples of shape {spec.shape}, and pictures or points are made here",
                "give a folder of pictures",
            )
        pictures = spec.axes == "chw"
        if count < LEAST:
            raise DataError(
                f"{dataset.name} has {count} sample{'s' * (count != 1)} to learn from, and a generator needs {LEAST} at"
                " least",
                "a few hundred pictures of one kind are a beginning, thousands are better; fewer can only be copied",
            )
        augmented = pictures and (self.augmentation == "on" or (self.augmentation == "auto" and count < FEW))
        notes = []
        if pictures and self.augmentation == "auto" and augmented:
            notes.append(
                f"{count:,} pictures are few: the critic sees them in other colours, moved and in part"
                f" ({', '.join(KINDS)}), so that it does not learn them by heart (--set augmentation=off leaves them)"
            )
        return {"augmented": augmented, "mirrored_labels": self._labels(spec)}, notes

    def _labels(self, spec: Spec) -> list[int]:
        if self.mirrored and spec.axes != "chw":
            raise ConfigError("mirrored names classes, and these samples are no pictures", "leave it out")
        return sorted(index_of(name, spec.classes, "class") for name in self.mirrored)

    # -- learning ----------------------------------------------------------------------------------------------

    def loss(self, model: nn.Module, batch: Any, phase: Phase) -> Loss:
        """Of one player; its noise is drawn from torch's random state, and batches count alike, whatever their size."""
        real, targets = pair(batch)
        labels = _labels_for(model, targets)
        real = self._mirror(real, targets)
        noise = torch.randn(len(real), _latent_size(model), device=real.device)
        if phase.name == "generator":
            return self._generators_loss(model, real, noise, labels)
        return self._critics_loss(model, real, noise, labels, phase.step)

    def _generators_loss(self, model: Any, real: Tensor, noise: Tensor, labels: Tensor | None) -> Loss:
        made = called(_part(model, "generator"), noise, labels).float()
        of_made, read = _judged(_part(model, "critic"), self._seen(made), labels)
        of_real = model.critic(self._seen(real), labels).float() if self.game.paired else of_made
        value = self.game.generator(of_made.float(), of_real).mean()
        return self._with_classes(Loss(value), read, labels)

    def _critics_loss(self, model: Any, real: Tensor, noise: Tensor, labels: Tensor | None, step: int) -> Loss:
        with torch.no_grad():
            made = called(model.generator, noise, labels).float()
        punished = self.penalty_weight > 0 and step % self.penalty_every == 0
        both = torch.cat((self._seen(real), self._seen(made)))
        if punished and self.game.penalty == "zero":
            both.requires_grad_()
        of_real, of_made, read = self._scores(model.critic, both, labels)
        value = self.game.critic(of_real, of_made).mean()
        report = {"real_score": of_real.detach(), "made_score": of_made.detach()}
        report["told_apart"] = (of_real > of_made).detach().float()
        if punished:
            if self.game.penalty == "zero":
                squares = steepness(torch.cat((of_real, of_made)), both)
                penalty = 2 * zero_centred(squares).mean()  # of the real ones, and of the made ones
            else:
                place = between(*both.chunk(2)).requires_grad_()
                squares = steepness(called(model.critic, place, labels), place)
                penalty = one_centred(squares).mean()
            value = value + self.penalty_weight * self.penalty_every * penalty
            report["steepness"] = squares.detach().sqrt()
        return self._with_classes(Loss(value, report), read, labels)

    def _scores(self, critic: nn.Module, both: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
        """D(x) and D(G(z)) in float32, from one pass unless statistics of the batch would mix the two; and the logits
        of the classes of real samples, where the critic reads them."""
        if any(isinstance(part, _BatchNorm) for part in critic.modules()):
            real, made = (called(critic, half, labels).float() for half in both.chunk(2))
            return real, made, None
        twice = None if labels is None else torch.cat((labels, labels))
        scores, read = _judged(critic, both, twice)
        real, made = scores.float().chunk(2)
        return real, made, None if read is None else read[: len(real)]

    def _with_classes(self, loss: Loss, read: Tensor | None, labels: Tensor | None) -> Loss:
        """The loss with AC-GAN's: how far samples are from being read as what they are, or are to be."""
        if read is None or labels is None:
            return loss
        misread = F.cross_entropy(read.float(), labels)
        return Loss(loss.value + self.classes_weight * misread, {**loss.report, "misread": misread.detach()})

    def _seen(self, samples: Tensor) -> Tensor:
        """Samples as the critic sees them."""
        return changed(samples) if self.augmented else samples

    def _mirror(self, real: Tensor, targets: Tensor) -> Tensor:
        if not self.mirrored_labels:
            return real
        allowed = _on_device(self.mirrored_labels, real.device)
        chosen = torch.isin(targets, allowed) & (torch.rand(len(real), device=real.device) < 0.5)
        return torch.where(chosen[:, None, None, None], real.flip(-1), real)

    # -- making ------------------------------------------------------------------------------------------------

    generate = staticmethod(generated)
    interpolate = staticmethod(interpolated)
    walk = staticmethod(walked)
    project = staticmethod(projected)

    def show(self, dataset: Dataset, seed: int) -> GeneratedShow:
        unbounded = self.name == "wasserstein"  # its loss falls below any number
        return GeneratedShow(dataset, seed, None if unbounded else self.game.critic)

    # -- judging and answering ---------------------------------------------------------------------------------

    def meter(self, spec: Spec | None = None) -> SamplesMeter:
        features = usual_features(max(spec.shape[1:])) if spec is not None and spec.axes == "chw" else None
        return SamplesMeter(spec, features, self.measured)

    def with_early(self, report: Report, model: nn.Module, when: str) -> Report:
        return replace(report, findings=with_early(report.findings, model, when))

    def beside(
        self, dataset: Dataset, split: str, report: Report, *, judge: str | None = None, inception: str | None = None
    ) -> Report:
        """The report with what real samples and early ones reach, whether samples are copies, and what a judge says.

        Args:
            judge: folder of a run that tells the classes of such pictures apart.
            inception: file of the published weights that FID and KID are defined by.

        Raises: ConfigError for a judge that is none, or another file; DataError for a judge of other classes.
        """
        features = None if inception is None else inception_features(inception)
        return beside_training(report, dataset, split, None if judge is None else judge_of(judge), features)

    def answer(self, model: nn.Module, inputs: Tensor, spec: Spec | None = None) -> Sequence[CriticAnswer]:
        critic, classes = _part(model, "critic"), _class_names(model, spec)
        if not classes:
            scores = called(critic, inputs, None).float()
            check_finite(scores)
            return [CriticAnswer(score) for score in scores.tolist()]
        columns = [
            called(critic, inputs, torch.full((len(inputs),), number, device=inputs.device)).float()
            for number in range(len(classes))
        ]
        table = torch.stack(columns, 1)
        check_finite(table)
        best, which = table.max(1)
        return [CriticAnswer(score, classes[k]) for score, k in zip(best.tolist(), which.tolist(), strict=True)]

    def exported(self, model: nn.Module, spec: Spec) -> Sequence[Part]:
        """The generator: latents, and classes where it knows such, to pictures or points; truncation is outside."""
        size, pictures, classes = _latent_size(model), spec.axes == "chw", _class_names(model, spec)

        def examples(count: int, length: int) -> tuple[Tensor, ...]:
            noise = latents(size, range(count), length)
            return (noise, torch.arange(count) % len(classes)) if classes else (noise,)

        shape, kind = ((*spec.shape[1:], spec.shape[0]), "uint8") if pictures else (spec.shape, "float32")
        given = (Tensors("latents", (size,)), *([Tensors("labels", (), "int64")] if classes else []))
        made = Tensors("pictures" if pictures else "points", shape, kind)
        answer = {"kind": "pictures" if pictures else "points", "classes": list(classes)}
        module = Making(looped(_part(model, "generator")), pictures).eval()
        return [Part(module, given, (made,), examples, answer, raw=True)]

    def explained(self, outputs: Tensor, spec: Spec | None = None, wanted: str | None = None) -> Explained:
        raise ConfigError(*self.unexplained)

    def card(self, spec: Spec) -> list[str]:
        what = (
            f"pictures of {'×'.join(map(str, spec.shape))}"
            if spec.axes == "chw"
            else f"points of {spec.shape[0]} numbers"
        )
        lines = [f"- Makes: {what}, from random numbers"]
        if spec.classes:
            lines.append(f"- Classes of its data: {', '.join(map(markdown, spec.classes))}")
        lines.append(f"- A generator learns from a critic: {self.name.replace('_', ' ')} loss")
        return lines

    @staticmethod
    def example(seed: int = 0) -> Example:
        """Points on a ring of six heaps."""
        random = torch.Generator().manual_seed(seed)
        splits: dict[str, Split] = {}
        for name, count in (("train", 240), ("valid", 60), ("test", 120)):
            heaps = torch.arange(count) % 6
            angles = heaps * (2 * math.pi / 6)
            middle = 1.4 * torch.stack((angles.cos(), angles.sin()), 1)
            points = middle + 0.05 * torch.randn(count, 2, generator=random)
            splits[name] = TensorSplit(points, heaps, name)
        spec = Spec((2,), "c", (-2.0, 2.0), classes=tuple(f"heap {number}" for number in range(6)))
        model = {"name": "points_gan", "hidden": [32, 32], "latent_size": 4}
        return Example(Dataset("heaps", spec, Preprocessing(scale=1.0), splits, "made here"), model)


@cache
def _on_device(labels: tuple[int, ...], device: torch.device) -> Tensor:
    """Copied once: the processor would wait for the device in each step."""
    return torch.tensor(labels, device=device)


def _part(model: nn.Module, name: str) -> Any:
    """One of the two networks. Raises: ConfigError for a model that has none of this name."""
    if not hasattr(model, name):
        raise ConfigError(
            f"{type(model).__name__} has no {name}: two networks are trained, a generator and a critic",
            "take a model made for it: r3gan, dcgan, points_gan",
        )
    return getattr(model, name)


def _judged(critic: Any, samples: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Scores, and the logits of classes where the critic reads them."""
    if labels is None or getattr(critic, "reading", None) is None:
        return called(critic, samples, labels), None
    scores, read = called(critic, samples, labels, True)
    return scores, read


def _latent_size(model: Any) -> int:
    _part(model, "generator")
    return int(model.latent_size)


def _labels_for(model: Any, targets: Tensor) -> Tensor | None:
    """Classes as a conditional model takes them. Raises: DataError for numbers that are no classes."""
    if not getattr(model, "num_classes", 0):
        return None
    if targets.ndim != 1 or targets.is_floating_point():
        raise DataError(
            "the targets are numbers, and no classes that samples could be of", "--set model.conditional=false"
        )
    return targets.long()


def _class_names(model: Any, spec: Spec | None) -> tuple[str, ...]:
    """Of a conditional model; none of any other."""
    count = getattr(model, "num_classes", 0)
    return spec.classes if count and spec is not None and spec.classes else tuple(map(str, range(count)))
