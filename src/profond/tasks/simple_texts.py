"""Beside what a network reaches on texts: the most frequent class, and a linear model of words and pairs of words."""

from __future__ import annotations

from dataclasses import replace

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
    apart = paired_difference(int((theirs & ~ours).sum()), int((ours & ~theirs).sum()), len(theirs))
    assert apart.low is not None
    assert apart.high is not None
    sure = apart.low > 0 or apart.high < 0
    verdict = "" if sure else ": it may be chance, and the linear one is simpler"
    line = (
        f"a linear model of words and pairs of words is right for {100 * float(theirs.mean()):.2f} %; the network's"
        f" difference is {100 * apart.value:+.1f} points [{100 * apart.low:+.1f}, {100 * apart.high:+.1f}]{verdict}"
    )
    return replace(report, metrics={**report.metrics, **found.metrics}, lines=(*report.lines, line))
