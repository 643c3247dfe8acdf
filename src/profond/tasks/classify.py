"""Classification: one class for each sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.nn.auxiliary import Logits
from profond.tasks import register_task
from profond.tasks.batch import called, check_labels, class_labels, class_scores, class_targets, pair
from profond.tasks.task import Loss, Phase

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

    def inputs(self, batch: Batch) -> Tensor:
        return pair(batch)[0]

    def meter(self) -> ClassificationMeter:
        return ClassificationMeter()


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
