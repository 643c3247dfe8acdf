"""What a trained classifier says of samples: whether they are what they were made for, and whether all classes come."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from profond.measures.compared import Comparison, beside_early, compared, with_floor
from profond.measures.generated_figures import classes_figure
from profond.measures.intervals import wilson
from profond.measures.judge import Judge
from profond.measures.measured import SHARE, Measured
from profond.measures.modes import covered
from profond.measures.report import Draw

_IN_ITS_FEATURES = ("kernel_distance", "frechet_distance", "coverage")
SHOWN = 100
"""Classes beyond this are not drawn."""


@dataclass(frozen=True)
class Judged:
    """What is added to a report."""

    metrics: dict[str, Measured]
    pictures: dict[str, Draw]
    lines: tuple[str, ...]


def judged(found: Comparison, judge: Judge, others: Tensor | None = None) -> Judged:
    """Samples beside real ones as a judge sees them.

    Args:
        others: real samples besides, as many or more, for the floor of the distances in the judge's features.

    Raises: DataError when the judge does not know the classes; ConfigError when it judges no pictures.
    """
    names = found.classes or judge.classes
    real, made = (judge.labels(samples, found.classes) for samples in (found.real, found.made))
    labels = found.labels.numpy()
    known = bool(found.classes) and bool((labels >= 0).all())
    metrics = _in_features(found, judge, others)
    counts = [np.bincount(said[said >= 0], minlength=len(names)) for said in (real, made)]
    truth = np.bincount(labels, minlength=len(names)) if known else counts[0]
    shares = (truth + 1 / len(names)) / (truth.sum() + 1)  # a class that chance left out is not impossible
    modes = covered(made, shares)
    metrics |= {"classes_made": modes["modes"].called(f"classes made, of {len(names):,}", better="higher")}
    metrics |= {"classes_kl": modes["modes_kl"].called("KL of the classes", unit="nats", better="lower")}
    lines, right = [], []
    if found.conditional and known:
        right = [_right(made, labels, label) for label in range(len(names))]
        asked, own = _right(made, labels), _right(real, labels)
        worst = min((label for label in range(len(names)) if (labels == label).any()), key=lambda k: right[k].value)
        metrics |= {
            "conditional_accuracy": asked.called("as asked for", unit=SHARE, better="higher"),
            "worst_class": right[worst].called("as asked for, worst class", unit=SHARE, better="higher"),
            "judge_accuracy": own.called("judge on real ones", unit=SHARE),
        }
        lines.append(
            f"{judge.name} takes {100 * asked.value:.1f} % of the samples for the class that they were made for, and"
            f" {100 * own.value:.1f} % of the real ones for theirs; the worst class is {names[worst]}"
            f" ({100 * right[worst].value:.1f} %, of the real ones {100 * _right(real, labels, worst).value:.1f} %)"
        )
    if found.early is not None:
        then = judged(replace(found, made=found.early.made, early=None), judge).metrics
        metrics = beside_early(metrics, {name: one for name, one in then.items() if one.better is not None})
    missing = [names[label] for label in np.flatnonzero((truth > 0) & (counts[1] == 0))]
    if missing:
        shown = ", ".join(missing[:5]) + (" …" if len(missing) > 5 else "")
        lines.append(f"no sample is taken for {len(missing):,} of the {len(names):,} classes: {shown}")
    pictures: dict[str, Draw] = {}
    if len(names) <= SHOWN:
        pictures["classes"] = lambda samples, title: classes_figure(names, counts[0], counts[1], right, title)
    return Judged(metrics, pictures, tuple(lines))


def _right(said: NDArray[np.int64], labels: NDArray[np.int64], label: int | None = None) -> Measured:
    """Of all samples, or those of one class: the share that is taken for its own class."""
    chosen = labels >= 0 if label is None else labels == label
    total = int(chosen.sum())
    return wilson(int((said == labels)[chosen].sum()), total) if total else Measured(0.0)


def _in_features(found: Comparison, judge: Judge, others: Tensor | None) -> dict[str, Measured]:
    """Distances and coverage in the judge's features, beside what real samples reach."""
    metrics = compared(judge.features, found.real, found.made)
    if others is not None and len(others) >= len(found.real):
        metrics = with_floor(metrics, compared(judge.features, found.real, others[: len(found.real)]))
    return {
        f"judge_{name}": one.called(f"{one.title} (judge)", unit=one.unit, better=one.better)
        for name, one in metrics.items()
        if name.removeprefix("real_") in _IN_ITS_FEATURES
    }
