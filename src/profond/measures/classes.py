"""Judgement of classes: what was said of each sample, and every number worth knowing about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from profond.core.errors import ConfigError
from profond.measures.intervals import calibration_error, macro_f1, mean_interval, wilson
from profond.measures.library import torchmetrics
from profond.measures.measured import SHARE, Measured

BINS = 15


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
        among_five: whether the true class is among the five most probable ones, n; None where there are no more.
    """

    label: NDArray[np.int64]
    predicted: NDArray[np.int64]
    confidence: NDArray[np.float64]
    probability_of_label: NDArray[np.float64]
    among_five: NDArray[np.bool_] | None = None

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
class ClassFindings:
    """All that one pass over a split says of classes.

    Args:
        metrics: named numbers with their 95 % intervals.
        classes: class names in label order.
        per_class: precision, recall and F1 of each class.
        confusion: counts, (true, predicted).
        bins: the reliability diagram, from confidence 0 to 1.
        predictions: one row for each sample.
    """

    metrics: dict[str, Measured]
    classes: tuple[str, ...]
    per_class: tuple[ClassScore, ...]
    confusion: NDArray[np.int64]
    bins: tuple[Bin, ...]
    predictions: Predictions


class ClassJudge:
    """Keeps a few numbers for each sample, never the whole probabilities; the metrics are torchmetrics'.

    Args:
        num_classes: columns of the probabilities.
        classes: names in label order; the numbers, when empty.

    Raises: ConfigError when there is another number of names.
    """

    def __init__(self, num_classes: int, classes: Sequence[str] = ()) -> None:
        if classes and len(classes) != num_classes:
            raise ConfigError(
                f"the model tells {num_classes} classes apart, but there are {len(classes)} class names",
                "evaluate a model on data with the classes that it was trained on",
            )
        self.classes = tuple(classes) or tuple(str(index) for index in range(num_classes))
        self.rows: list[tuple[Tensor, ...]] = []

    def add(self, probabilities: Tensor, labels: Tensor) -> None:
        """A batch of probabilities (n, k) and labels (n), all of them classes of the model's."""
        confidence, predicted = probabilities.max(1)
        of_label = probabilities.gather(1, labels[:, None])[:, 0]
        rows = [labels, predicted, confidence, of_label]
        if len(self.classes) > 5:
            rows.append((probabilities.topk(5).indices == labels[:, None]).any(1))
        self.rows.append(tuple(rows))

    def metrics(self) -> dict[str, Measured]:
        """Loss (nats, of the true class) and accuracy, without intervals."""
        surprise = correct = 0.0
        for labels, predicted, _, of_label, *_ in self.rows:
            surprise -= float(of_label.double().clamp_min(1e-12).log().sum())
            correct += float((predicted == labels).sum())
        count = sum(len(rows[0]) for rows in self.rows)
        return {"loss": _loss(Measured(surprise / count)), "accuracy": _accuracy(Measured(correct / count))}

    def findings(self) -> ClassFindings:
        """Everything, with intervals. Raises: ConfigError for outputs that are not finite; MissingError."""
        score = torchmetrics("functional.classification")
        label, predicted, confidence, of_label, *among_five = (
            torch.cat(part).cpu() for part in zip(*self.rows, strict=True)
        )
        if not torch.isfinite(confidence).all():
            raise ConfigError(
                "the model's outputs are not finite numbers",
                "its weights are damaged or its training diverged; train again",
            )
        predictions = Predictions(
            label.numpy(),
            predicted.numpy(),
            confidence.double().numpy(),
            of_label.double().numpy(),
            among_five[0].numpy() if among_five else None,
        )
        settings: dict[str, Any] = {"num_classes": len(self.classes), "validate_args": False}
        confusion = score.multiclass_confusion_matrix(predicted, label, **settings).numpy().astype(np.int64)
        each: dict[str, Any] = {**settings, "average": None}
        precision = score.multiclass_precision(predicted, label, **each)
        recall = score.multiclass_recall(predicted, label, **each)
        f1 = score.multiclass_f1_score(predicted, label, **each)
        rows = zip(self.classes, confusion.sum(1), precision, recall, f1, strict=True)
        per_class = tuple(ClassScore(name, int(n), float(p), float(r), float(f)) for name, n, p, r, f in rows)
        macro = float(score.multiclass_f1_score(predicted, label, average="macro", **settings))
        # The error speaks of the most probable class alone: whether it is right is a question with two answers.
        correct = torch.from_numpy(predictions.correct).int()
        error = float(score.binary_calibration_error(confidence, correct, n_bins=BINS, validate_args=False))
        metrics = _with_intervals(predictions, confusion, macro, error, self.metrics()["loss"].value)
        return ClassFindings(metrics, self.classes, per_class, confusion, reliability(predictions), predictions)


def _with_intervals(
    predictions: Predictions, confusion: NDArray[np.int64], macro: float, error: float, loss: float
) -> dict[str, Measured]:
    metrics = {"accuracy": _accuracy(wilson(int(predictions.correct.sum()), len(predictions)))}
    if predictions.among_five is not None:
        top5 = wilson(int(predictions.among_five.sum()), len(predictions))
        metrics["top5_accuracy"] = top5.called("top-5 accuracy", unit=SHARE, better="higher")
    metrics["macro_f1"] = macro_f1(confusion, macro).called("macro-F1", unit=SHARE, better="higher")
    calibration = calibration_error(predictions.confidence, predictions.correct, error, bins=BINS)
    metrics["ece"] = calibration.called("calibration error", unit=SHARE, better="lower")
    surprise = -np.log(predictions.probability_of_label.clip(1e-12))
    deviation = float(surprise.std(ddof=1)) if len(predictions) > 1 else 0.0
    metrics["loss"] = _loss(mean_interval(loss, deviation, len(predictions), least=0.0))
    return metrics


def _accuracy(measured: Measured) -> Measured:
    return measured.called("accuracy", unit=SHARE, better="higher")


def _loss(measured: Measured) -> Measured:
    return measured.called("loss", unit="nats", better="lower")


def reliability(predictions: Predictions, bins: int = BINS) -> tuple[Bin, ...]:
    """Accuracy against confidence in equal bins; an empty bin has its middle as confidence and accuracy 0."""
    bin_of = np.minimum((predictions.confidence * bins).astype(np.int64), bins - 1)
    counts = np.bincount(bin_of, minlength=bins)
    share = 1 / np.maximum(counts, 1)
    confidence = np.bincount(bin_of, predictions.confidence, minlength=bins) * share
    accuracy = np.bincount(bin_of, predictions.correct, minlength=bins) * share
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
