"""One pass of a classification, collected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from profond.core.errors import ConfigError, DataError, MissingError
from profond.evaluation.report import BINS, ClassScore, Predictions, Report, reliability
from profond.measures.intervals import Measured, calibration_error, macro_f1, mean_interval, wilson
from profond.tasks.batch import class_labels


class Tally:
    """Keeps four numbers for each sample, never the whole probabilities; the metrics are torchmetrics'.

    Args:
        num_classes: columns of the probabilities.
        classes: names in label order; the numbers, when empty.
        device: where the batches are.

    Raises: ConfigError when there is another number of names; MissingError when torchmetrics cannot be imported.
    """

    def __init__(self, num_classes: int, classes: Sequence[str], device: torch.device) -> None:
        classification = _torchmetrics()
        if isinstance(classes, str):
            raise ConfigError(f"classes is {classes!r}, one string", "give a list of names, in the labels' order")
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
        labels = class_labels(targets, probabilities)
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
            deviation = float(surprise.std(ddof=1)) if len(said) > 1 else 0.0
            metrics["loss"] = mean_interval(metrics["loss"].value, deviation, len(said), least=0.0)
        accuracy = float(score.multiclass_accuracy(predicted, label, average="micro", **known))
        metrics["accuracy"] = wilson(round(accuracy * len(said)), len(said))
        if self.top5 is not None:
            metrics["top5_accuracy"] = wilson(round(float(self.top5.compute()) * len(said)), len(said))
        macro = float(score.multiclass_f1_score(predicted, label, average="macro", **known))
        metrics["macro_f1"] = macro_f1(confusion, macro, seed=seed)
        error = float(self.calibration.compute())
        metrics["ece"] = calibration_error(said.confidence, said.correct, error, bins=BINS, seed=seed)
        each: dict[str, Any] = {**known, "average": None}
        precision = score.multiclass_precision(predicted, label, **each)
        recall = score.multiclass_recall(predicted, label, **each)
        f1 = score.multiclass_f1_score(predicted, label, **each)
        rows = zip(self.classes, confusion.sum(1), precision, recall, f1, strict=True)
        per_class = tuple(ClassScore(name, int(n), float(p), float(r), float(f)) for name, n, p, r, f in rows)
        return Report(metrics, len(said), self.classes, per_class, confusion, reliability(said), said)


def _torchmetrics() -> Any:
    """Imported here because it costs a second that `--help` should not pay. Raises: MissingError."""
    try:
        from torchmetrics import classification
    except RuntimeError as error:  # it looks for torchvision, which fails beside a PyTorch that it was not made for
        raise MissingError(
            f"torchmetrics cannot be imported: {error}",
            "is a torchvision of another PyTorch installed? `pip uninstall torchvision`: nothing here needs it",
        ) from None
    return classification
