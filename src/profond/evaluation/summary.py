"""The summary of a run's evaluations, ``evaluation.json``, as it is read; light, for lists of many runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from profond.core.run import Run
from profond.measures.before import named_before
from profond.measures.measured import Measured

SUMMARY = "evaluation.json"


@dataclass(frozen=True)
class Summary:
    """What was measured of a run.

    Args:
        metrics: by the name of the evaluation, which is a split's or that of other data, and by metric.
        samples: how many there were, by the name of the evaluation.
        headline: the metric to name where there is room for one; None where there was no evaluation.
    """

    metrics: dict[str, dict[str, Measured]] = field(default_factory=dict)
    samples: dict[str, int] = field(default_factory=dict)
    headline: str | None = None

    @property
    def result(self) -> Measured | None:
        """The headline on the test split, or else on the validation split."""
        metrics = self.metrics.get("test", self.metrics.get("valid", {}))
        return None if self.headline is None else metrics.get(self.headline)

    @classmethod
    def of(cls, run: Run) -> Summary:
        """Raises: ConfigError when the file is damaged."""
        if not run.holds(SUMMARY):
            return cls()
        data = run.read(SUMMARY)
        headline, metrics = data.get("headline"), data["metrics"]
        if headline is None:
            headline, metrics = named_before(metrics)
        found = {
            name: {key: Measured.from_json(number) for key, number in one.items()} for name, one in metrics.items()
        }
        return cls(found, data.get("samples", {}), headline)
