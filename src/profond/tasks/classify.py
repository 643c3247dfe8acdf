"""Classification: one class for each sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from profond.core.config import Count, NotNegative, Share, checked
from profond.core.errors import ConfigError, DataError, UnknownName
from profond.core.lettering import markdown
from profond.core.spec import Spec
from profond.data.check import IMBALANCE
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import Split, TensorSplit
from profond.measures.class_report import HEADLINE, class_report
from profond.measures.classes import ClassJudge
from profond.measures.measured import SHARE, Measured
from profond.measures.report import Report
from profond.nn.auxiliary import Logits
from profond.nn.looped import looped
from profond.nn.views import views_of
from profond.tasks import register_task
from profond.tasks.batch import called, check_finite, check_labels, class_labels, class_scores, class_targets, pair
from profond.tasks.names import index_of
from profond.tasks.part_inputs import network_examples, network_input
from profond.tasks.simple_texts import with_simple_texts
from profond.tasks.task import Example, Explained, Loss, Part, Phase, Tensors

Batch = tuple[Tensor, Tensor]
Balance = Literal["auto", "balanced"]


@dataclass(frozen=True)
class Classes:
    """What is said of a batch.

    Args:
        probabilities: float32, each row sums to 1.
    """

    probabilities: Float[Tensor, "n k"]

    @property
    def labels(self) -> Int[Tensor, " n"]:
        return self.probabilities.argmax(1)


@dataclass(frozen=True)
class ClassAnswer:
    """The most probable classes of one sample.

    Args:
        top: names with their probabilities, best first.
    """

    top: tuple[tuple[str, float], ...]

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.top[0][0]

    @property
    def probability(self) -> float:
        """Of the most probable class."""
        return self.top[0][1]

    def line(self) -> str:
        """Class and probability, then the next classes: ``cat  0.9312  dog 0.0511``, parted by tabs."""
        others = (f"{name} {share:.4f}" for name, share in self.top[1:])
        return "\t".join([self.label, f"{self.probability:.4f}", *others])

    def row(self) -> dict[str, Any]:
        """``label, probability, label_2, probability_2, …``"""
        row: dict[str, Any] = {}
        for place, (name, share) in enumerate(self.top, start=1):
            number = "" if place == 1 else f"_{place}"
            row |= {f"label{number}": name, f"probability{number}": f"{share:.6f}"}
        return row

    def to_json(self) -> dict[str, Any]:
        top = [{"label": name, "probability": share} for name, share in self.top]
        return {**top[0], "top": top}

    def write(self, folder: Path, name: str) -> list[Path]:
        """Nothing: a line says all."""
        return []


@register_task("classify")
class Classify:
    """Cross-entropy over logits; a batch is (inputs, labels), or (inputs, class probabilities) after mixup.

    Args:
        label_smoothing: share of the target spread evenly over all classes, in [0, 1).
        class_weights: one weight for each class in the loss, or none. ``"balanced"`` lets every class count alike, and
            ``"auto"`` does so where the classes differ much in size; the data turns both into numbers.
        auxiliary_weight: of the loss of each auxiliary head, where the model has some in training.
        flip_at_test: a prediction is the mean of the logits of a picture and of its mirror image; twice the work.
        average_at_test: a prediction is the mean of the logits of a picture and of six more views of it: moved to each
            side by this share of it, and that much larger and smaller; seven times the work. 0 is the picture alone.

    Source: of the auxiliary weight, C. Szegedy et al., Going deeper with convolutions, CVPR 2015, section 5.
    """

    headline = HEADLINE
    phases: Sequence[Phase] = (Phase(),)
    transfer_settings: Mapping[str, Any] = {"class_weights": "auto"}

    @checked("task 'classify'")
    def __init__(
        self,
        label_smoothing: Share = 0.0,
        class_weights: Balance | Sequence[float] | None = None,
        auxiliary_weight: NotNegative = 0.3,
        flip_at_test: bool = False,
        average_at_test: Share = 0.0,
    ) -> None:
        if isinstance(class_weights, str) and class_weights not in ("auto", "balanced"):
            raise UnknownName("class_weights", class_weights, ("auto", "balanced"))
        self.label_smoothing = label_smoothing
        self.auxiliary_weight = auxiliary_weight
        self.flip_at_test = flip_at_test
        self.average_at_test = average_at_test
        self.balance = class_weights if isinstance(class_weights, str) else None
        given = None if isinstance(class_weights, str) else class_weights
        self.class_weights = None if given is None else torch.tensor(given, dtype=torch.float32)

    # -- what the data decides ---------------------------------------------------------------------------------

    @staticmethod
    def learns(spec: Spec) -> bool:
        return bool(spec.classes) and not spec.each

    @staticmethod
    def unsettled(settings: Mapping[str, Any]) -> dict[str, Any]:
        weights = settings.get("class_weights")
        return {**settings, "class_weights": "balanced"} if isinstance(weights, list | tuple) else dict(settings)

    def settle(self, dataset: Dataset) -> tuple[dict[str, Any], list[str]]:
        """The weights of the classes as numbers, and which classes cannot be measured.

        Raises: DataError for data without classes.
        """
        if not dataset.spec.has_target:
            raise DataError(
                f"these samples have no classes ({dataset.name}), and this training is about classes",
                "give data with classes, such as a folder with a sub-folder for each; or take a network that makes such"
                " samples, as `profond models list` names them",
            )
        if not dataset.spec.classes:
            raise DataError(
                f"{dataset.name} has no classes to be told apart, and this training is about classes",
                "take a model instead of a recipe (--model NAME), and leave task.name out: the data decide",
            )
        if self.flip_at_test and any(mirror != label for label, mirror in enumerate(dataset.spec.mirrors)):
            raise ConfigError(
                f"flip_at_test is for pictures that mean the same when mirrored, and not all of {dataset.name} do",
                "leave it out; average_at_test=0.05 averages over small moves instead",
            )
        notes = _absent_classes(dataset)
        if self.balance is None:
            return {}, notes
        targets, names = dataset.splits["train"].targets, dataset.spec.classes
        counts = torch.bincount(targets, minlength=len(names))
        most, least = int(counts.argmax()), int(counts.argmin())
        if self.balance == "auto" and counts[most] < IMBALANCE * counts[least]:
            return {"class_weights": None}, notes
        sizes = f"{int(counts[most])} of {names[most]!r} but {int(counts[least])} of {names[least]!r}"
        how = "the loss weighs every class alike (class_weights=none if it should not)"
        return {"class_weights": balanced_weights(targets, len(names))}, [*notes, f"{sizes} to learn from: {how}"]

    # -- learning ----------------------------------------------------------------------------------------------

    def loss(self, model: nn.Module, batch: Batch, phase: Phase) -> Loss:
        inputs, targets = pair(batch)
        output = called(model, inputs)
        logits = class_scores(output.main if isinstance(output, Logits) else output)
        targets = class_targets(targets, logits)
        value = self._cross_entropy(logits, targets)
        hard = targets if targets.ndim == 1 else targets.argmax(1)
        report = {"accuracy": logits.detach().argmax(1) == hard}
        if isinstance(output, Logits):
            report["main_loss"] = value.detach()
            auxiliary = [self._cross_entropy(head, targets) for head in output.auxiliary]
            value = value + self.auxiliary_weight * torch.stack(auxiliary).sum()
        return Loss(value, report, self._weight(targets))

    def _weight(self, targets: Tensor) -> float | Tensor:
        """What the cross-entropy is divided by: the samples, or the sum of the weights of their classes."""
        if self.class_weights is None or targets.ndim > 1:
            return len(targets)
        return self.class_weights.to(targets.device)[targets].sum()

    def _cross_entropy(self, logits: Tensor, targets: Tensor) -> Tensor:
        if self.balance is not None:
            raise ConfigError(
                f"class_weights is {self.balance!r}, and the classes have not been counted",
                "give numbers, one for each class; or what task.settle(dataset) says",
            )
        weights = None if self.class_weights is None else self.class_weights.to(logits.device)
        try:
            return F.cross_entropy(logits.float(), targets, weight=weights, label_smoothing=self.label_smoothing)
        except IndexError:
            check_labels(targets, logits.shape[1])
            raise
        except RuntimeError:
            if weights is not None and len(weights) != logits.shape[1]:
                raise ConfigError(
                    f"there are {len(weights)} class weights, and the model tells {logits.shape[1]} classes apart",
                    "give one weight for each class",
                ) from None
            raise

    # -- judging and answering ---------------------------------------------------------------------------------

    def predict(self, model: nn.Module, inputs: Tensor) -> Classes:
        """The probabilities of a batch of inputs."""
        logits = class_scores(called(model, inputs)).float()
        for name in ("flip_at_test", "average_at_test"):
            if getattr(self, name) and inputs.ndim < 4:
                raise ConfigError(f"{name} is for pictures, and these inputs are not", "leave it out")
        views = list(views_of(inputs, self.average_at_test)) if self.average_at_test else []
        if self.flip_at_test:
            views += [view.flip(-1) for view in (inputs, *views)]
        for view in views:
            logits = logits + model(view).float()
        return Classes((logits / (1 + len(views))).softmax(1))

    def exported(self, model: nn.Module, spec: Spec) -> Sequence[Part]:
        """The probabilities of the classes, with whatever is averaged at test."""
        answer = {"kind": "classes", "classes": list(spec.classes)}
        outputs = (Tensors("probabilities", (spec.num_classes,)),)
        module = _Probabilities(self, looped(model))
        return [Part(module, (network_input(model, spec),), outputs, network_examples(model, spec), answer)]

    def arrays(self, model: nn.Module, inputs: Tensor) -> Sequence[Tensor]:
        return [self.predict(model, inputs).probabilities]

    def meter(self, spec: Spec | None = None) -> ClassMeter:
        return ClassMeter(self, spec)

    @checked("an answer")
    def answer(
        self, model: nn.Module, inputs: Tensor, spec: Spec | None = None, *, top: Count = 5
    ) -> Sequence[ClassAnswer]:
        """The most probable classes of each sample.

        Args:
            top: how many classes to name.

        Raises: ConfigError when the outputs are not finite, or do not fit the spec's classes.
        """
        probabilities = self.predict(model, inputs).probabilities
        names = _names(probabilities, spec)
        values, indices = probabilities.topk(min(top, len(names)), dim=1)
        return [
            ClassAnswer(tuple((names[label], share) for label, share in zip(labels, shares, strict=True)))
            for labels, shares in zip(indices.tolist(), values.tolist(), strict=True)
        ]

    def explained(self, outputs: Tensor, spec: Spec | None = None, wanted: str | None = None) -> Explained:
        """The score (logit) of a class, by default the most probable one.

        Args:
            wanted: a class by its name, whatever its capitals, or by its number where none is called so.
        """
        probabilities = class_scores(outputs).float().softmax(1)
        names = _names(probabilities, spec)
        shares = probabilities[0]
        index = int(shares.argmax()) if wanted is None else index_of(wanted, names, "class")
        best = ClassAnswer(tuple((names[label], float(shares[label])) for label in shares.topk(min(5, len(names)))[1]))
        name, share = names[index], float(shares[index])
        said = {"class": name, "probability": share, "logit": float(outputs[0, index]), "top": best.to_json()["top"]}
        return Explained(index, name, f"{name}\t{share:.4f}", best.top, share, SHARE, "score", said)

    def beside(self, dataset: Dataset, split: str, report: Report) -> Report:
        """The report with what simple means reach on the same samples, where there are such: of texts."""
        return with_simple_texts(dataset, split, report)

    def same_answers(self, outputs: Tensor, others: Tensor) -> Tensor:
        """For each sample, whether two models that put these out name the same class: bool (n)."""
        return outputs.argmax(1) == others.argmax(1)

    def card(self, spec: Spec) -> list[str]:
        names = ", ".join(map(markdown, spec.classes[:20]))
        return [f"- Classes: {names}{' …' if len(spec.classes) > 20 else ''}"]

    @staticmethod
    def example(seed: int = 0) -> Example:
        """Which sixth of a noisy grey picture is bright."""
        random = torch.Generator().manual_seed(seed)
        names = tuple(f"{row} {column}" for row in ("upper", "lower") for column in ("left", "middle", "right"))
        splits: dict[str, Split] = {}
        for name, count in (("train", 120), ("valid", 31), ("test", 47)):
            targets = torch.arange(count) % len(names)
            pictures = torch.randint(0, 120, (count, 1, 6, 6), generator=random)
            for index, target in enumerate(targets.tolist()):
                row, column = divmod(target, 3)
                pictures[index, :, 3 * row : 3 * row + 3, 2 * column : 2 * column + 2] += 60
            splits[name] = TensorSplit(pictures.to(torch.uint8), targets, name)
        preprocessing = Preprocessing(size=(6, 6), mode="L", fixed_size=True)
        dataset = Dataset("sixths", Spec((1, 6, 6), "chw", classes=names), preprocessing, splits, "made here")
        return Example(dataset, {"name": "mlp", "hidden": [16]})


class _Probabilities(nn.Module):
    """A network as the task asks it."""

    def __init__(self, task: Classify, model: nn.Module) -> None:
        super().__init__()
        self.task, self.model = task, model

    def forward(self, inputs: Tensor) -> Tensor:
        return self.task.predict(self.model, inputs).probabilities


class ClassMeter:
    """What a model says of a split's classes; one pass."""

    def __init__(self, task: Classify, spec: Spec | None = None) -> None:
        self.task = task
        self.classes = () if spec is None else spec.classes
        self.judge: ClassJudge | None = None

    def update(self, model: nn.Module, batch: Any) -> int:
        inputs, targets = pair(batch)
        probabilities = self.task.predict(model, inputs).probabilities
        labels = class_labels(targets, probabilities)
        check_labels(labels, probabilities.shape[1])
        self.judge = self.judge or ClassJudge(probabilities.shape[1], self.classes)
        self.judge.add(probabilities, labels)
        return len(labels)

    def seen(self) -> tuple[int, list[tuple[Tensor, ...]]]:
        assert self.judge is not None, "nothing was measured"
        return len(self.judge.classes), self.judge.rows

    def join(self, seen: tuple[int, list[tuple[Tensor, ...]]]) -> None:
        num_classes, rows = seen
        self.judge = self.judge or ClassJudge(num_classes, self.classes)
        self.judge.rows += rows

    def metrics(self) -> dict[str, Measured]:
        assert self.judge is not None, "nothing was measured"
        return self.judge.metrics()

    def report(self) -> Report:
        assert self.judge is not None, "nothing was measured"
        return class_report(self.judge.findings())


def balanced_weights(targets: Tensor, num_classes: int) -> list[float]:
    """Weights by which every class counts alike in the loss; their mean over the samples is 1."""
    counts = torch.bincount(targets, minlength=num_classes).clamp_min(1)
    weights: list[float] = (len(targets) / (num_classes * counts.double())).tolist()
    return weights


def _absent_classes(dataset: Dataset) -> list[str]:
    """Which classes valid or test have nothing of."""
    absent = []
    for name in ("valid", "test"):
        if name in dataset.splits:
            counts = torch.bincount(dataset.splits[name].targets, minlength=dataset.spec.num_classes).tolist()
            gone = [repr(label) for label, count in zip(dataset.spec.classes, counts, strict=True) if count == 0]
            if gone:
                absent.append(f"{', '.join(gone[:5])}{' …' if len(gone) > 5 else ''} in {name}")
    return [f"nothing of {' and of '.join(absent)}: its accuracy does not tell about these"] if absent else []


def _names(probabilities: Tensor, spec: Spec | None) -> Sequence[str]:
    """Of the classes; their numbers where no spec names them. Raises: ConfigError."""
    count = probabilities.shape[1]
    if spec is not None and count != spec.num_classes:
        raise ConfigError(
            f"the model tells {count} classes apart, but there are {spec.num_classes} labels",
            "spec.json is damaged: restore it, or train again",
        )
    check_finite(probabilities)
    return [str(number) for number in range(count)] if spec is None else spec.classes
