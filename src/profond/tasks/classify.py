"""Classification: one class for each sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.core.spec import Spec
from profond.measures.measured import SHARE
from profond.nn.auxiliary import Logits
from profond.tasks import register_task
from profond.tasks.batch import called, check_finite, check_labels, class_labels, class_scores, class_targets, pair
from profond.tasks.names import index_of
from profond.tasks.task import Explained, Loss, Phase

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Classes:
    """Prediction of a batch.

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
        class_weights: one weight for each class in the loss, or none.
        auxiliary_weight: of the loss of each auxiliary head, where the model has some in training.
        flip_at_test: a prediction is the mean of the logits of a picture and of its mirror image; twice the work.

    Source: of the auxiliary weight, C. Szegedy et al., Going deeper with convolutions, CVPR 2015, section 5.
    """

    def __init__(
        self,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
        auxiliary_weight: float = 0.3,
        flip_at_test: bool = False,
    ) -> None:
        if not 0 <= label_smoothing < 1:
            raise ConfigError(f"label_smoothing is {label_smoothing}", "use a number from 0 up to, not including, 1")
        if not 0 <= auxiliary_weight < math.inf:
            raise ConfigError(f"auxiliary_weight is {auxiliary_weight}", "use a number of 0 or more")
        self.label_smoothing = label_smoothing
        self.auxiliary_weight = auxiliary_weight
        self.flip_at_test = flip_at_test
        self.class_weights = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float32)

    @property
    def phases(self) -> Sequence[Phase]:
        return (Phase(),)

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
        return Loss(value, report)

    def _cross_entropy(self, logits: Tensor, targets: Tensor) -> Tensor:
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

    def predict(self, model: nn.Module, inputs: Tensor) -> Classes:
        logits = class_scores(called(model, inputs)).float()
        if self.flip_at_test:
            if inputs.ndim < 4:
                raise ConfigError("flip_at_test is for pictures, and these inputs are not", "leave it out")
            logits = (logits + model(inputs.flip(-1)).float()) / 2
        return Classes(logits.softmax(1))

    def answer(
        self, model: nn.Module, inputs: Tensor, spec: Spec | None = None, *, top: int = 5
    ) -> Sequence[ClassAnswer]:
        """The most probable classes of each sample.

        Args:
            top: how many classes to name.

        Raises: ConfigError when the outputs are not finite, or do not fit the spec's classes.
        """
        if top < 1:
            raise ConfigError(f"{top} classes were asked for each sample", "use 1 or more")
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

    def same_answers(self, outputs: Tensor, others: Tensor) -> Tensor:
        """For each sample, whether two models that put these out name the same class: bool (n)."""
        return outputs.argmax(1) == others.argmax(1)

    def inputs(self, batch: Batch) -> Tensor:
        return pair(batch)[0]

    def meter(self) -> ClassificationMeter:
        return ClassificationMeter()


def _names(probabilities: Tensor, spec: Spec | None) -> Sequence[str]:
    """Of the classes; their numbers where no spec names them. Raises: ConfigError."""
    count = probabilities.shape[1]
    if spec is not None and count != spec.num_classes:
        raise ConfigError(
            f"the model tells {count} classes apart, but there are {spec.num_classes} labels",
            "labels.json is damaged: restore it, or train again",
        )
    check_finite(probabilities)
    return [str(number) for number in range(count)] if spec is None else spec.classes


class ClassificationMeter:
    """Loss (nats, of the true class) and accuracy over a split."""

    def __init__(self) -> None:
        self.correct = self.surprise = 0.0
        self.count = 0

    def update(self, prediction: Classes, batch: Any) -> None:
        targets = class_labels(pair(batch)[1], prediction.probabilities)
        check_labels(targets, prediction.probabilities.shape[1])
        chosen = prediction.probabilities.gather(1, targets[:, None])[:, 0]
        self.surprise -= float(chosen.double().clamp_min(1e-12).log().sum())
        self.correct += float((prediction.labels == targets).sum())
        self.count += len(targets)

    def compute(self) -> dict[str, float]:
        return {"loss": self.surprise / self.count, "accuracy": self.correct / self.count}
