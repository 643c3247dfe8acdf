"""A run's scores on a split, as `kept.keep` left them, sample by sample."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import ConfigError
from profond.core.records import read_text
from profond.core.run import Run
from profond.evaluation.kept import CONTENT, IDENTITY, folder_of
from profond.evaluation.same_data import differing, told
from profond.measures.before import SCORES, scored_before
from profond.measures.measured import SHARE, Better
from profond.measures.report import PREDICTIONS


@dataclass(frozen=True)
class Scored:
    """One score a sample, sorted by identity.

    Args:
        metric, title: whose mean over the samples it is, and how people call it.
        unit, better: as in `Measured`.
        classes: in label order; none where there are none.
        contents: by identity, a digest of what each sample held, where the run kept it.
    """

    metric: str
    title: str
    unit: str
    better: Better
    values: NDArray[np.float64]
    identities: list[str]
    contents: dict[str, str]
    split_hash: str | None
    classes: list[str]

    @property
    def right_or_wrong(self) -> bool:
        return self.unit == SHARE and bool(np.isin(self.values, (0, 1)).all())

    @classmethod
    def read(cls, run: Run, split: str) -> Scored:
        """Raises: ConfigError for a split that was not evaluated, or has no scores, or files that are damaged."""
        folder = folder_of(run, split)
        again = f"profond evaluate {run.path} --split {split}"
        path = folder / f"{PREDICTIONS}.csv"
        if not run.holds(f"evaluation/{folder.name}/{path.name}"):
            raise ConfigError(f"{run.path} has no predictions for the split {split!r}", f"make them: {again}")
        report = run.read(f"evaluation/{folder.name}/report.json")
        words: Mapping[str, Any] | None = SCORES if "headline" not in report else report.get("scores")
        if words is None:
            raise ConfigError(f"{run.path} has no scores for each sample: it cannot be compared", "compare its metrics")
        try:
            rows = list(csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True))
            if any(None in row or None in row.values() for row in rows):
                raise ValueError("columns are missing")
            count = words.get("count", report["count"])  # not of all samples where some cannot be judged
            if len(rows) != count:
                raise ValueError(f"{len(rows)} rows instead of {count}")
            column = words.get("column")
            values = [scored_before(row) if column is None else float(row[column]) for row in rows]
            identities = [row[IDENTITY] for row in rows]
            if not np.isfinite(values).all():
                raise ValueError("a score is not a finite number")
        except KeyError as error:
            raise ConfigError(f"{path} is damaged: it has no column {error}", f"make it again: {again}") from None
        except (OSError, ValueError, csv.Error) as error:
            raise ConfigError(f"{path} is damaged: {error}", f"make it again: {again}") from None
        order = sorted(range(len(rows)), key=identities.__getitem__)
        measured = report.get("metrics", {}).get(words["metric"])
        title = measured.get("title") if isinstance(measured, dict) else None
        return cls(
            words["metric"],
            title or words["metric"],
            words.get("unit", ""),
            words["better"],
            np.array(values, dtype=np.float64)[order],
            [identities[i] for i in order],
            {row[IDENTITY]: row[CONTENT] for row in rows if CONTENT in row},
            report.get("split_hash"),
            report.get("classes", []),
        )


def check_same_samples(first: str, one: Scored, second: str, other: Scored, split: str) -> None:
    """Raises: ConfigError for two runs whose scores are not of the same kind, classes and samples."""
    if (one.metric, one.unit) != (other.metric, other.unit):
        kinds = " and by ".join(f"{each.title} ({each.unit or 'no unit'})" for each in (one, other))
        raise ConfigError(f"{first} and {second} are scored by {kinds}", "compare runs that learn the same")
    if one.classes != other.classes:
        only = sorted(set(one.classes) ^ set(other.classes))
        what = f"{', '.join(only[:5])}{' …' if len(only) > 5 else ''}" if only else "the same names in another order"
        raise ConfigError(f"{first} and {second} have different classes: {what}", "compare runs on the same data")
    if one.split_hash is None or one.split_hash != other.split_hash or one.identities != other.identities:
        received = f"{(one.split_hash or 'none')[:12]} and {(other.split_hash or 'none')[:12]}"
        raise ConfigError(
            f"{first} and {second} were not measured on the same {split} split: split hash {received}",
            "measure both on the same data: profond evaluate RUN --data …",
        )
    if changed := differing(one.contents, other.contents):
        raise ConfigError(
            f"{first} and {second} were not measured on the same data: {told(changed, len(one.identities), split)} "
            "something else for the one than for the other",
            "measure both on the same data: profond evaluate RUN --data …",
        )
