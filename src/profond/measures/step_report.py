"""The report of a class for each step: its tables, its pictures and its sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from profond.measures import class_figures
from profond.measures.measured import SHARE
from profond.measures.report import Report, Samples, Scores, Table
from profond.measures.step_figures import Timeline, draw_timelines, runs, spaced
from profond.measures.step_judge import StepFindings, clip_scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEADLINE = "accuracy"
DRAWN = 6
"""Clips that are drawn, the worst first."""


def step_report(found: StepFindings, rate: float = 0.0) -> Report:
    """What was found, as any task's report is.

    Args:
        rate: steps in a second, for pictures and tables; 0 where it is not known.
    """
    scores = clip_scores(found)
    clips, _ = np.nonzero(found.predicted >= 0)
    counts = [[name, *row] for name, row in zip(found.classes, found.confusion.tolist(), strict=True)]
    worst = [int(i) for i in np.argsort(scores, kind="stable")[:DRAWN]]

    def draw(samples: Samples, title: str) -> Figure:
        return draw_timelines([_timeline(found, samples, i) for i in worst], found.classes, title, rate)

    return Report(
        HEADLINE,
        found.metrics,
        len(scores),
        tables={
            "predictions": Table(("steps", "right", "label", "predicted"), _Clips(found), range(len(scores))),
            "steps": Table(
                ("step", "seconds", "label", "predicted", "probability_of_label", *found.marks),
                _Steps(found, rate),
                clips.tolist(),
            ),
            "confusion": Table(("true \\ predicted", *found.classes), counts),
        },
        pictures={
            "confusion": lambda samples, title: class_figures.confusion_matrix(found, title),
            "worst_clips": draw,
        },
        scores=Scores("clip_accuracy", scores, SHARE, "higher"),
        lines=tuple(_lines(found)),
        facts={"classes": list(found.classes), "marks": list(found.marks)},
        findings=found,
    )


class _Clips:
    """One row a clip."""

    def __init__(self, found: StepFindings) -> None:
        self.found = found

    def __iter__(self) -> Iterator[list[str]]:
        found = self.found
        for label, predicted, known, right in zip(found.label, found.predicted, found.known, found.right, strict=True):
            yield [str(int(known.sum())), str(int(right.sum())), _shown(found, label), _shown(found, predicted)]


class _Steps:
    """One row a step."""

    def __init__(self, found: StepFindings, rate: float) -> None:
        self.found, self.rate = found, rate

    def __iter__(self) -> Iterator[list[str]]:
        found = self.found
        for clip, step in zip(*np.nonzero(found.predicted >= 0), strict=True):
            label = int(found.label[clip, step])
            yield [
                str(step),
                f"{step / self.rate:.3f}" if self.rate else "",
                found.classes[label] if label >= 0 else "",
                found.classes[int(found.predicted[clip, step])],
                f"{found.probability_of_label[clip, step]:.6f}" if label >= 0 else "",
                *(str(int(marked[clip, step])) for marked in found.marks.values()),
            ]


def _shown(found: StepFindings, labels: np.ndarray) -> str:
    """``7×5 3×8``: classes in a row, and for how many steps."""
    return " ".join(f"{found.classes[label]}×{last - first}" for first, last, label in runs(labels) if label >= 0)


def _timeline(found: StepFindings, samples: Samples, index: int) -> Timeline:
    there = found.predicted[index] >= 0
    steps = int(np.flatnonzero(there)[-1]) + 1 if there.any() else 0
    raw = samples.raw(index)
    frames = raw.numpy().transpose(1, 0, 2, 3)[spaced(steps)] if raw.ndim == 4 else None
    return Timeline(
        samples.identity(index),
        frames,
        {"true": found.label[index, :steps], "predicted": found.predicted[index, :steps]},
        {name: marked[index, :steps] for name, marked in found.marks.items()},
    )


def _lines(found: StepFindings) -> Iterator[str]:
    known, right = found.known, found.right
    yield f"{int(known.sum()):,} steps of {len(known):,} clips; intervals are by clip, for the steps of one are alike"
    wrong = int(known.sum() - right.sum())
    if not wrong:
        yield "no mistakes"
        return
    changes = known[:, 1:] & known[:, :-1] & (found.label[:, 1:] != found.label[:, :-1])
    beside = np.zeros_like(known)
    beside[:, 1:] |= changes
    beside[:, :-1] |= changes
    share = int((beside & known & ~right).sum()) / wrong
    yield f"{wrong:,} steps are wrong, {100 * share:.0f} % of them beside a change of the class"
