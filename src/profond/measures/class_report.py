"""The report of a classification: its tables, its pictures and its sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from profond.measures import class_figures
from profond.measures.classes import ClassFindings
from profond.measures.measured import SHARE
from profond.measures.report import Report, Samples, Scores, Table
from profond.measures.text_mistakes import text_mistakes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEADLINE = "accuracy"
_COLUMNS = ("label", "predicted", "confidence", "probability_of_label")


def class_report(found: ClassFindings) -> Report:
    """What was found, as any task's report is."""
    predictions = found.predictions
    mistakes = predictions.mistakes().tolist()
    counts = [[name, *row] for name, row in zip(found.classes, found.confusion.tolist(), strict=True)]
    return Report(
        HEADLINE,
        found.metrics,
        len(predictions),
        tables={
            "predictions": Table(_COLUMNS, _Rows(found, range(len(predictions))), range(len(predictions))),
            "mistakes": Table(_COLUMNS, _Rows(found, mistakes), mistakes),
            "confusion": Table(("true \\ predicted", *found.classes), counts),
        },
        pictures={
            "confusion": lambda samples, title: class_figures.confusion_matrix(found, title),
            "calibration": lambda samples, title: class_figures.reliability_diagram(found, title),
            "mistakes": lambda samples, title: _mistakes(found, samples, title),
        },
        scores=Scores(HEADLINE, predictions.correct.astype("float64"), SHARE, "higher"),
        lines=tuple(_lines(found)),
        facts={
            "classes": list(found.classes),
            "per_class": [vars(score) for score in found.per_class],
            "calibration": [vars(bin_) for bin_ in found.bins],
        },
        findings=found,
    )


def _mistakes(found: ClassFindings, samples: Samples, title: str) -> Figure:
    """The worst mistakes, as pictures of the samples, or as the texts that they were made from."""
    texts = getattr(getattr(samples, "origin", None), "texts", None)
    if texts is not None and len(found.predictions.mistakes()):
        return text_mistakes(found, texts, title)
    return class_figures.worst_mistakes(found, samples.raw, title)


@dataclass(frozen=True)
class _Rows:
    """Rows of some samples, made each time they are read."""

    found: ClassFindings
    order: Sequence[int]

    def __iter__(self) -> Iterator[list[str]]:
        predictions, classes = self.found.predictions, self.found.classes
        for index in self.order:
            yield [
                classes[predictions.label[index]],
                classes[predictions.predicted[index]],
                f"{predictions.confidence[index]:.6f}",
                f"{predictions.probability_of_label[index]:.6f}",
            ]


def _lines(found: ClassFindings) -> Iterator[str]:
    count = int((~found.predictions.correct).sum())
    if not count:
        yield "no mistakes"
        return
    yield f"{count:,} mistake{'s' if count > 1 else ''}; most often " + ", ".join(_confusions(found))
    weak = sorted((score for score in found.per_class if score.count), key=lambda score: score.f1)[:3]
    yield "weakest classes: " + ", ".join(f"{score.name} (F1 {100 * score.f1:.2f} %)" for score in weak)


def _confusions(found: ClassFindings, shown: int = 3) -> Iterator[str]:
    off = found.confusion.copy()
    for index in range(len(off)):
        off[index, index] = 0
    for cell in off.ravel().argsort(kind="stable")[::-1][:shown]:
        true, predicted = divmod(int(cell), len(off))
        if off[true, predicted]:
            yield f"{found.classes[true]} taken for {found.classes[predicted]} ({off[true, predicted]})"
