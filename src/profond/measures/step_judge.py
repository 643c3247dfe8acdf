"""Judgement of a class for each step: steps are counted, and what is certain about them is drawn by clip.

The steps of one clip are alike, so that they do not count as so many samples: intervals come from drawing whole clips.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from profond.measures.intervals import mean_interval, share_by_group
from profond.measures.measured import SHARE, Measured

ABSENT = -1
"""The label of a step that is not there, or of which nothing is known: it never counts."""
RESAMPLES = 1000
CELLS = 20_000_000
"""Numbers that a bootstrap of a confusion matrix holds at once."""


@dataclass(frozen=True)
class StepFindings:
    """What was said of each step of each clip.

    Args:
        metrics: named numbers with their 95 % intervals.
        classes: names in label order.
        label: true classes (n, t), -1 where there is none.
        predicted: classes (n, t); of steps without label too.
        probability_of_label: (n, t), 0 where there is no label.
        confusion: counts, (true, predicted).
        marks: what else is known of the steps, bool (n, t) by name.
    """

    metrics: dict[str, Measured]
    classes: tuple[str, ...]
    label: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probability_of_label: NDArray[np.float64]
    confusion: NDArray[np.int64]
    marks: Mapping[str, NDArray[np.bool_]]

    @property
    def known(self) -> NDArray[np.bool_]:
        return np.not_equal(self.label, ABSENT)

    @property
    def right(self) -> NDArray[np.bool_]:
        return self.known & np.equal(self.label, self.predicted)


def quick_metrics(rows: Sequence[tuple[Tensor, Tensor, Tensor]]) -> dict[str, Measured]:
    """Loss and share of right steps, without intervals.

    Args:
        rows: of each batch true and predicted classes and the probability of the true one, all (n, t).
    """
    count = right = surprise = 0.0
    for labels, predicted, of_label in rows:
        known = labels != ABSENT
        count += float(known.sum())
        right += float((known & (labels == predicted)).sum())
        surprise -= float(of_label[known].double().clamp_min(1e-12).log().sum())
    count = max(count, 1.0)
    return {"loss": _loss(Measured(surprise / count)), "accuracy": _accuracy(Measured(right / count))}


def findings(
    rows: Sequence[tuple[Tensor, Tensor, Tensor]], classes: Sequence[str], marks: Mapping[str, Tensor] | None = None
) -> StepFindings:
    """All of it.

    Args:
        rows: as in `quick_metrics`, in the order of the split.
        marks: of the steps, bool (n, t); of clips that were cut to their longest, what lies behind is left out.
    """
    steps = max(labels.shape[1] for labels, *_ in rows)
    label, predicted, of_label = (
        np.concatenate([_wide(row[part].cpu().numpy(), steps, fill) for row in rows])
        for part, fill in ((0, ABSENT), (1, ABSENT), (2, 0.0))
    )
    marked = {name: _wide(values.cpu().numpy(), steps, False)[:, :steps] for name, values in (marks or {}).items()}
    known, right = label != ABSENT, (label == predicted) & (label != ABSENT)
    count = len(classes)
    each = np.zeros((len(label), count, count), dtype=np.int64)
    clip, step = np.nonzero(known)
    np.add.at(each, (clip, label[clip, step], predicted[clip, step]), 1)
    metrics = {"accuracy": _accuracy(share_by_group(right.sum(1), known.sum(1)))}
    metrics |= _of_marks(right, known, marked)
    metrics["clip_accuracy"] = _of_clips(right, known)
    metrics["macro_f1"] = _macro_f1(each).called("macro-F1", unit=SHARE, better="higher")
    surprise = np.where(known, -np.log(of_label.clip(1e-12)), 0.0)
    loss = quick_metrics(rows)["loss"].value
    metrics["loss"] = _loss(_mean_by_clip(surprise.sum(1), known.sum(1), loss))
    return StepFindings(metrics, tuple(classes), label, predicted, of_label, each.sum(0), marked)


def clip_scores(found: StepFindings) -> NDArray[np.float64]:
    """The share of right steps of each clip; of one without any label, the mean of the others."""
    counts, right = found.known.sum(1), found.right.sum(1)
    shares = right / np.maximum(counts, 1)
    whole = shares[counts > 0].mean() if (counts > 0).any() else 0.0
    scores: NDArray[np.float64] = np.where(counts > 0, shares, whole)
    return scores


def _of_marks(
    right: NDArray[np.bool_], known: NDArray[np.bool_], marks: Mapping[str, NDArray[np.bool_]]
) -> dict[str, Measured]:
    """The share of right steps among those with each mark, with any, and without."""
    found = {}
    for name, marked in marks.items():
        if (known & marked).any():
            of_these = share_by_group((right & marked).sum(1), (known & marked).sum(1))
            found[f"accuracy_{name}"] = of_these.called(f"accuracy, {name}", unit=SHARE, better="higher")
    if len(marks) > 1:
        some = np.logical_or.reduce(list(marks.values()))
        for key, title, chosen in (
            ("accuracy_marked", f"accuracy, {' or '.join(marks)}", some),
            ("accuracy_unmarked", "accuracy, all others", ~some),
        ):
            if (known & chosen).any():
                of_these = share_by_group((right & chosen).sum(1), (known & chosen).sum(1))
                found[key] = of_these.called(title, unit=SHARE, better="higher")
    return found


def _of_clips(right: NDArray[np.bool_], known: NDArray[np.bool_]) -> Measured:
    counts = known.sum(1)
    shares = (right.sum(1) / np.maximum(counts, 1))[counts > 0]
    deviation = float(shares.std(ddof=1)) if len(shares) > 1 else 0.0
    mean = float(shares.mean()) if len(shares) else 0.0
    measured = mean_interval(mean, deviation, len(shares), least=0.0, most=1.0)
    return measured.called("accuracy of a clip", unit=SHARE, better="higher")


def _macro_f1(each: NDArray[np.int64], seed: int = 0) -> Measured:
    """Mean F1 over the classes that occur or are predicted; the interval by drawing clips (n, true, predicted)."""
    value = float(_f1(each.sum(0)[None])[0])
    if len(each) < 2:
        return Measured(value)
    random, flat = np.random.default_rng(seed), each.reshape(len(each), -1).astype(np.float64)
    chunk = max(1, min(RESAMPLES, CELLS // max(flat.shape[1], len(each))))
    scores: list[NDArray[np.float64]] = []
    for start in range(0, RESAMPLES, chunk):
        draws = random.multinomial(len(each), np.full(len(each), 1 / len(each)), min(chunk, RESAMPLES - start))
        scores.append(_f1((draws @ flat).reshape(len(draws), *each.shape[1:])))
    low, high = np.quantile(np.concatenate(scores), [0.025, 0.975])
    return Measured(value, min(value, float(low)), max(value, float(high)))


def _f1(confusion: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.float64]:
    """Of each confusion matrix (m, k, k)."""
    right = np.diagonal(confusion, axis1=1, axis2=2)
    counts = confusion.sum(1) + confusion.sum(2)
    scores = np.divide(2 * right, counts, out=np.zeros(right.shape), where=counts > 0)
    mean: NDArray[np.float64] = scores.sum(1) / np.maximum((counts > 0).sum(1), 1)
    return mean


def _mean_by_clip(sums: NDArray[np.float64], counts: NDArray[np.int64], value: float) -> Measured:
    """A mean over steps, whose interval counts clips: the ratio of two sums, to first order.

    Source: W. Cochran, Sampling techniques, 1977, section 6.4.
    """
    used = counts > 0
    total = int(used.sum())
    if total < 2:
        return Measured(value)
    off = (sums[used] - value * counts[used]) / counts[used].mean()
    return mean_interval(value, float(off.std(ddof=1)), total, least=0.0)


def _wide(values: NDArray[Any], steps: int, fill: float) -> NDArray[Any]:
    return np.pad(values, ((0, 0), (0, max(0, steps - values.shape[1]))), constant_values=fill)


def _accuracy(measured: Measured) -> Measured:
    return measured.called("accuracy", unit=SHARE, better="higher")


def _loss(measured: Measured) -> Measured:
    return measured.called("loss", unit="nats", better="lower")
