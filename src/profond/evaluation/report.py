"""What an evaluation found."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profond.measures.intervals import LEVEL, Measured

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
