"""What version 0.1.0 did not write beside its numbers: their titles, units and directions. It knew classes alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SHARE = {"unit": "share", "better": "higher"}
_WORDS: dict[str, dict[str, str]] = {
    "accuracy": {"title": "accuracy", **_SHARE},
    "top5_accuracy": {"title": "top-5 accuracy", **_SHARE},
    "macro_f1": {"title": "macro-F1", **_SHARE},
    "ece": {"title": "calibration error", "unit": "share", "better": "lower"},
    "loss": {"title": "loss", "unit": "nats", "better": "lower"},
}
SCORES = {"metric": "accuracy", **_SHARE}
"""Of its predictions, which have no column of scores."""


def scored_before(row: Mapping[str, str]) -> float:
    """The score of one of its predictions. Raises: KeyError when it is none."""
    return float(row["label"] == row["predicted"])


def named_before(metrics: Mapping[str, Mapping[str, Any]]) -> tuple[str, dict[str, dict[str, Any]]]:
    """The headline, and the metrics by evaluation with their words, in the order in which they are shown now."""
    named: dict[str, dict[str, Any]] = {}
    for evaluation, numbers in metrics.items():
        order = [*(name for name in _WORDS if name in numbers), *(name for name in numbers if name not in _WORDS)]
        named[evaluation] = {name: {**_object(numbers[name]), **_WORDS.get(name, {})} for name in order}
    return "accuracy", named


def _object(number: Any) -> dict[str, Any]:
    return dict(number) if isinstance(number, Mapping) else {"value": number}
