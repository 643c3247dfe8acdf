"""One pass over a split, and every number worth knowing about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from profond.core.errors import ConfigError, DataError
from profond.evaluation.intervals import LEVEL, Measured, calibration_error, macro_f1, mean_interval, wilson
from profond.tasks.task import Task

BINS = 15
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class ClassScore:
    """How well one class is found."""

    name: str
    count: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Bin:
    """Samples whose confidence lies between two edges."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Predictions:
    """What was said of each sample, in the order of the split.

    Args:
        label: true class, n.
        predicted: most probable class, n.
        confidence: its probability, n.
        probability_of_label: probability of the true class, n.
    """

    label: NDArray[np.int64]
    predicted: NDArray[np.int64]
    confidence: NDArray[np.float64]
    probability_of_label: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.label)

    @property
    def correct(self) -> NDArray[np.bool_]:
        return np.equal(self.label, self.predicted)

    def mistakes(self) -> NDArray[np.int64]:
        """Positions of the wrong ones, the most confident first."""
        wrong = np.flatnonzero(~self.correct)
        return wrong[np.argsort(-self.confidence[wrong], kind="stable")]


@dataclass(frozen=True)
class Report:
    """The result of one evaluation.

    Args:
        metrics: named numbers with their 95 % intervals.
        count: samples seen.
        classes: class names in label order; empty when the task is not a classification, as are all that follow.
        per_class: precision, recall and F1 of each class.
        confusion: counts, (true, predicted).
        bins: the reliability diagram, from confidence 0 to 1.
        predictions: one row for each sample.
        origin: the data's name, split and hash, as far as known.
    """

    metrics: dict[str, Measured]
    count: int
    classes: tuple[str, ...] = ()
    per_class: tuple[ClassScore, ...] = ()
    confusion: NDArray[np.int64] | None = None
    bins: tuple[Bin, ...] = ()
    predictions: Predictions | None = None
    origin: dict[str, Any] = field(default_factory=dict)

    def sourced(self, **origin: Any) -> Report:
        """The same report, with where its data came from."""
        return replace(self, origin={**self.origin, **origin})

    def to_json(self) -> dict[str, Any]:
        """The whole report but the confusion matrix and the predictions, which are files of their own."""
        return {
            "schema_version": SCHEMA_VERSION,
            **self.origin,
            "count": self.count,
            "level": LEVEL,
            "metrics": {name: measured.to_json() for name, measured in self.metrics.items()},
            "classes": list(self.classes),
            "per_class": [vars(score) for score in self.per_class],
            "calibration": [vars(bin_) for bin_ in self.bins],
        }


def evaluate(
    model: nn.Module,
    task: Task,
    batches: Iterable[Any],
    *,
    classes: Sequence[str] = (),
    device: torch.device | str | None = None,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Measure a model on a split, in fp32 and eval mode; the model is left in the mode that it came in.

    Any task gives the scalars of its meter. A classification also gives ``accuracy`` (top-1), ``top5_accuracy`` when
    there are more than five classes, ``macro_f1`` and ``calibration_error`` (15 bins), and the rest of the report.

    Args:
        batches: (inputs, targets) in order, not shuffled, for instance our ``Batches`` or a ``DataLoader``.
        classes: class names in label order; the numbers, when left out.
        device: where the model is put; by default where its parameters are.
        seed: of the bootstrap intervals.
        progress: called with the number of samples after each batch.

    Raises: DataError for an empty split or a label that the model does not know; ConfigError when the outputs are not
    finite or do not fit ``classes``.
    """
    here = torch.device(device) if device is not None else next((p.device for p in model.parameters()), None)
    meter, tally, count = task.meter(), None, 0
    modes = {part: part.training for part in model.modules()}
    model.to(here).eval()
    try:
        with torch.inference_mode():
            for batch in batches:
                batch = _move(batch, here)
                prediction = task.predict(model, task.inputs(batch))
                probabilities = getattr(prediction, "probabilities", None)
                if isinstance(probabilities, Tensor) and probabilities.ndim == 2:
                    tally = tally or _Tally(probabilities.shape[1], classes, device=probabilities.device)
                    batch = (batch[0], tally.update(probabilities, batch[1]))
                meter.update(prediction, batch)
                seen = len(task.inputs(batch))
                count += seen
                if progress is not None:
                    progress(seen)
    finally:
        for part, mode in modes.items():  # one by one: a frozen part may stay in eval mode inside a training model
            part.training = mode
    if count == 0:
        raise DataError("there is nothing to evaluate: the split is empty", "`profond data check` shows the splits")
    metrics = {name: Measured(float(value)) for name, value in meter.compute().items()}
    return Report(metrics, count) if tally is None else tally.report(metrics, seed)


class _Tally:
    """Collects one pass of a classification; keeps four numbers a sample, never the whole probabilities."""

    def __init__(self, num_classes: int, classes: Sequence[str], device: torch.device) -> None:
        from torchmetrics import classification  # costs a second that `--help` should not pay

        if classes and len(classes) != num_classes:
            raise ConfigError(
                f"the model tells {num_classes} classes apart, but there are {len(classes)} class names",
                "evaluate a model on data with the classes that it was trained on",
            )
        self.classes = tuple(classes) or tuple(str(index) for index in range(num_classes))
        known: dict[str, Any] = {"num_classes": num_classes, "validate_args": False}
        self.calibration = classification.MulticlassCalibrationError(n_bins=BINS, norm="l1", **known).to(device)
        self.top5 = None
        if num_classes > 5:
            self.top5 = classification.MulticlassAccuracy(top_k=5, average="micro", **known).to(device)
        self.rows: list[tuple[Tensor, ...]] = []

    def update(self, probabilities: Tensor, targets: Tensor) -> Tensor:
        """Add a batch; returns its labels (of soft targets, the most probable)."""
        labels = targets if targets.ndim == 1 else targets.argmax(1)
        if not torch.isfinite(probabilities).all():
            raise ConfigError(
                "the model's outputs are not finite numbers",
                "its weights are damaged or its training diverged; train again",
            )
        known = len(self.classes)
        outside = labels[(labels < 0) | (labels >= known)]
        if len(outside):
            raise DataError(
                f"label {int(outside[0])} was never seen in training: the model knows 0 to {known - 1}",
                "evaluate on data with the classes that the model was trained on",
            )
        self.calibration.update(probabilities, labels)
        if self.top5 is not None:
            self.top5.update(probabilities, labels)
        confidence, predicted = probabilities.max(1)
        of_label = probabilities.gather(1, labels[:, None])[:, 0]
        self.rows.append(tuple(part.cpu() for part in (labels, predicted, confidence, of_label)))
        return labels

    def report(self, metrics: dict[str, Measured], seed: int) -> Report:
        from torchmetrics.functional import classification as score

        label, predicted, confidence, of_label = (torch.cat(part) for part in zip(*self.rows, strict=True))
        said = Predictions(label.numpy(), predicted.numpy(), confidence.double().numpy(), of_label.double().numpy())
        known: dict[str, Any] = {"num_classes": len(self.classes), "validate_args": False}
        confusion = score.multiclass_confusion_matrix(predicted, label, **known).numpy().astype(np.int64)
        if "loss" in metrics:
            surprise = -np.log(said.probability_of_label.clip(1e-12))
            metrics["loss"] = mean_interval(metrics["loss"].value, float(surprise.std()), len(said))
        accuracy = float(score.multiclass_accuracy(predicted, label, average="micro", **known))
        metrics["accuracy"] = wilson(round(accuracy * len(said)), len(said))
        if self.top5 is not None:
            metrics["top5_accuracy"] = wilson(round(float(self.top5.compute()) * len(said)), len(said))
        macro = float(score.multiclass_f1_score(predicted, label, average="macro", **known))
        metrics["macro_f1"] = macro_f1(confusion, macro, seed=seed)
        error = float(self.calibration.compute())
        metrics["calibration_error"] = calibration_error(said.confidence, said.correct, error, bins=BINS, seed=seed)
        each: dict[str, Any] = {**known, "average": None}
        precision = score.multiclass_precision(predicted, label, **each)
        recall = score.multiclass_recall(predicted, label, **each)
        f1 = score.multiclass_f1_score(predicted, label, **each)
        rows = zip(self.classes, confusion.sum(1), precision, recall, f1, strict=True)
        per_class = tuple(ClassScore(name, int(n), float(p), float(r), float(f)) for name, n, p, r, f in rows)
        return Report(metrics, len(said), self.classes, per_class, confusion, reliability(said), said)


def reliability(said: Predictions, bins: int = BINS) -> tuple[Bin, ...]:
    """Accuracy against confidence in equal bins; an empty bin has its middle as confidence and accuracy 0."""
    place = np.minimum((said.confidence * bins).astype(np.int64), bins - 1)
    counts = np.bincount(place, minlength=bins)
    share = 1 / np.maximum(counts, 1)
    confidence = np.bincount(place, said.confidence, minlength=bins) * share
    accuracy = np.bincount(place, said.correct, minlength=bins) * share
    return tuple(
        Bin(
            index / bins,
            (index + 1) / bins,
            int(counts[index]),
            float(confidence[index]) if counts[index] else (index + 0.5) / bins,
            float(accuracy[index]),
        )
        for index in range(bins)
    )


def _move(batch: Any, device: torch.device | None) -> Any:
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, tuple | list):
        return tuple(_move(part, device) for part in batch)
    return batch
