"""What an evaluation found, whatever the task: numbers, tables, pictures, and one score a sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from profond.measures.intervals import LEVEL
from profond.measures.measured import Better, Measured

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

SCHEMA_VERSION = 2
PREDICTIONS = "predictions"
"""The table with one row a sample, in order; a column of the scores is added when it is written."""
SCORE = "score"


class Samples(Protocol):
    """The part of a split that tables and pictures need."""

    def __len__(self) -> int: ...

    def identity(self, index: int) -> str: ...

    def raw(self, index: int) -> Tensor: ...


@dataclass(frozen=True)
class Scores:
    """One number a sample, by which two runs on the same samples are compared.

    Args:
        metric: the metric whose mean over the samples this is, such as ``"accuracy"``.
        values: one for each row of the report's predictions: in the order of the split, and of all samples where the
            table does not name others; 0 and 1 where a sample is right or wrong.
        unit, better: as in `Measured`.
    """

    metric: str
    values: NDArray[np.float64]
    unit: str
    better: Better


@dataclass(frozen=True)
class Table:
    """Rows to be written as CSV.

    Args:
        columns: their names.
        rows: as many values as columns; made when they are written.
        samples: for a table with one row a sample, which sample each row is about: its identity is written first.
    """

    columns: Sequence[str]
    rows: Iterable[Sequence[Any]]
    samples: Sequence[int] | None = None


Draw = Callable[[Samples, str], "Figure"]
"""Draws a figure from the split's samples and a title."""


@dataclass(frozen=True)
class Report:
    """The result of one evaluation.

    Args:
        headline: the metric to name where there is room for one.
        metrics: by name, with their 95 % intervals; in the order in which they are printed.
        count: samples seen.
        tables: by the name of their file, without ``.csv``; ``predictions`` has one row a sample.
        pictures: by the name of their file, without ``.png``; drawn when asked for.
        scores: one number a sample; None where samples do not stand alone.
        lines: sentences for people, printed below the metrics.
        facts: what else report.json holds, JSON-able.
        findings: the same as the task's own arrays, for those who calculate on; of a classification `ClassFindings`.
        origin: the data's name, split and hash, as far as known.
    """

    headline: str
    metrics: Mapping[str, Measured]
    count: int
    tables: Mapping[str, Table] = field(default_factory=dict)
    pictures: Mapping[str, Draw] = field(default_factory=dict)
    scores: Scores | None = None
    lines: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    findings: Any = None
    origin: Mapping[str, Any] = field(default_factory=dict)

    def sourced(self, **origin: Any) -> Report:
        """The same report, with where its data came from."""
        return replace(self, origin={**self.origin, **origin})

    def to_json(self) -> dict[str, Any]:
        """The whole report but tables and pictures, which are files of their own."""
        document = {
            "schema_version": SCHEMA_VERSION,
            **self.origin,
            "count": self.count,
            "level": LEVEL,
            "headline": self.headline,
            "metrics": {name: measured.to_json() for name, measured in self.metrics.items()},
        }
        if self.scores is not None:
            scores = {"metric": self.scores.metric, "unit": self.scores.unit, "better": self.scores.better}
            document["scores"] = {**scores, "column": SCORE, "count": len(self.scores.values)}
        return {**document, **self.facts}
