"""Beside what a network reaches on texts: the most frequent class, and a linear model of words and pairs of words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from profond.data.dataset import Dataset
from profond.data.split import TensorSplit
from profond.data.text.texts import Texts
from profond.measures.intervals import paired_difference
from profond.measures.linear_texts import simple_classes
from profond.measures.report import Report


def with_simple_texts(dataset: Dataset, split: str, report: Report) -> Report:
    """The report with these numbers and a sentence; as it is where the data are no texts with classes."""
    parts = [dataset.splits.get(name) for name in ("train", split)]
    origins = [part.origin for part in parts if isinstance(part, TensorSplit) and isinstance(part.origin, Texts)]
    if len(origins) < 2 or not dataset.spec.classes or report.scores is None:
        return report
    train, test = origins
    found = simple_classes(
        train.texts, train.targets.tolist(), test.texts, test.targets.tolist(), dataset.spec.num_classes
    )
    ours, theirs = report.scores.values > 0.5, found.right > 0.5
    apart = paired_difference(int((ours & ~theirs).sum()), int((theirs & ~ours).sum()), len(theirs))
    better, share = "better" if apart.value >= 0 else "worse", abs(apart.value)
    low, high = sorted(abs_signed(apart.low, apart.high, apart.value < 0))
    if apart.low is not None and apart.high is not None and apart.low <= 0 <= apart.high:
        said = f"by {100 * share:.1f} points [{100 * low:.1f}, {100 * high:.1f}], which may be chance: take the simple one"
    else:
        said = f"by {100 * share:.1f} points [{100 * low:.1f}, {100 * high:.1f}]"
    line = f"a linear model of words and pairs of words has {100 * float(np.mean(theirs)):.2f} %: the network is {better} {said}"
    return replace(report, metrics={**report.metrics, **found.metrics}, lines=(*report.lines, line))


def abs_signed(low: float | None, high: float | None, flipped: bool) -> tuple[float, float]:
    """The ends of an interval, seen from the other side where it is flipped."""
    ends = (low or 0.0, high or 0.0)
    return (-ends[1], -ends[0]) if flipped else ends
