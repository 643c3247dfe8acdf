"""Whether one run is better than another, or only luckier."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import ConfigError, UsageError
from profond.core.records import read_text
from profond.core.run import Run
from profond.evaluation.kept import CONTENT, PREDICTIONS, folder_of
from profond.evaluation.same_data import differing, told
from profond.measures.intervals import Measured, holm, mcnemar, paired_difference, wilson

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Pair:
    """Two runs on the same samples.

    Args:
        first, second: names of the runs.
        difference: accuracy of the second minus that of the first, with its paired bootstrap interval.
        only_first, only_second: samples that only this one got right.
        count: samples.
        p_value: exact McNemar test; corrected by Holm when it is one of several pairs.
    """

    first: str
    second: str
    difference: Measured
    only_first: int
    only_second: int
    count: int
    p_value: float

    @property
    def larger_than_chance(self) -> bool:
        return self.p_value < SIGNIFICANT

    def words(self, first: str = "", second: str = "") -> str:
        """The finding in one sentence; the two may be called by other names, such as A and B."""
        first, second = first or self.first, second or self.second
        value, low, high = self.difference.value, self.difference.low or 0.0, self.difference.high or 0.0
        if self.only_first + self.only_second == 0:
            return f"{first} and {second} are right on exactly the same samples."
        if value < 0:
            first, second, value, low, high = second, first, -value, -high, -low
        verdict = "larger than chance" if self.larger_than_chance else "no larger than chance"
        p = "p < 0.001" if self.p_value < 0.001 else f"p = {self.p_value:.3f}"
        if value == 0:
            finding = f"{first} and {second} are equally accurate"
            return f"{finding}; difference 0.00 points [{100 * low:.2f}, {100 * high:.2f}], {p}."
        points = f"{100 * value:.2f} points [{100 * low:.2f}, {100 * high:.2f}]"
        return f"{second} is better by {points}, {p}: {verdict}."

    def to_json(self) -> dict[str, Any]:
        return {
            "first": self.first,
            "second": self.second,
            "difference": self.difference.to_json(),
            "only_first_right": self.only_first,
            "only_second_right": self.only_second,
            "p_value": self.p_value,
            "larger_than_chance": self.larger_than_chance,
        }


@dataclass(frozen=True)
class Comparison:
    """Two or more runs on one split.

    Args:
        split: which.
        count: samples in it.
        accuracy: of each run, by name, with Wilson's interval.
        pairs: each with each, in the order given.
        settings: dotted names of the settings in which the runs differ, and each run's value (None: not set).
    """

    split: str
    count: int
    accuracy: dict[str, Measured]
    pairs: tuple[Pair, ...]
    settings: dict[str, list[Any]]

    def to_json(self) -> dict[str, Any]:
        return {
            "split": self.split,
            "count": self.count,
            "accuracy": {name: measured.to_json() for name, measured in self.accuracy.items()},
            "pairs": [pair.to_json() for pair in self.pairs],
            "settings": self.settings,
        }


def compare(*runs: Run | Path | str, split: str = "test") -> Comparison:
    """Compare runs on the samples of one split, sample by sample.

    With more than two runs every pair is tested and the p-values are corrected by Holm. The test speaks of these
    trained networks on data like this split; that a *method* is better needs several seeds of each.

    Raises: UsageError for fewer than two runs; ConfigError when a run has no predictions for the split, or they were
    not made on the same samples and classes.
    """
    opened = [run if isinstance(run, Run) else Run.open(run) for run in runs]
    if len(opened) < 2:
        raise UsageError("one run cannot be compared", "name two or more: profond runs compare RUN RUN")
    names = _names(opened)
    tables = [_Table.read(run, split) for run in opened]
    for name, table in zip(names[1:], tables[1:], strict=True):
        _check(names[0], tables[0], name, table, split)
    pairs = []
    for (first, one), (second, other) in itertools.combinations(zip(names, tables, strict=True), 2):
        only_first = int((one.correct & ~other.correct).sum())
        only_second = int((other.correct & ~one.correct).sum())
        difference = paired_difference(only_first, only_second, len(one.correct))
        p_value = mcnemar(only_first, only_second)
        pairs.append(Pair(first, second, difference, only_first, only_second, len(one.correct), p_value))
    corrected = holm([pair.p_value for pair in pairs])
    pairs = [replace(pair, p_value=p) for pair, p in zip(pairs, corrected, strict=True)]
    accuracy = {
        name: wilson(int(table.correct.sum()), len(table.correct)) for name, table in zip(names, tables, strict=True)
    }
    settings = differences([run.config for run in opened])
    return Comparison(split, len(tables[0].correct), accuracy, tuple(pairs), settings)


def differences(configs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Dotted names of the settings that are not the same in all, and the value in each; None where it is not set."""
    flat = [dict(_flatten(config)) for config in configs]
    keys = dict.fromkeys(key for each in flat for key in each)
    rows = {key: [each.get(key) for each in flat] for key in keys}
    return {key: row for key, row in rows.items() if any(value != row[0] for value in row[1:])}


@dataclass(frozen=True)
class _Table:
    """A run's predictions on a split, sorted by identity."""

    split_hash: str | None
    classes: list[str]
    identities: list[str]
    contents: dict[str, str]
    correct: NDArray[np.bool_]

    @classmethod
    def read(cls, run: Run, split: str) -> _Table:
        folder = folder_of(run, split)
        again = f"profond evaluate {run.path} --split {split}"
        if not run.holds(f"evaluation/{folder.name}/predictions.csv"):
            raise ConfigError(f"{run.path} has no predictions for the split {split!r}", f"make them: {again}")
        report = run.read(f"evaluation/{folder.name}/report.json")
        try:
            text = read_text(folder / "predictions.csv")
            head, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
            if tuple(head) not in (PREDICTIONS, (*PREDICTIONS, CONTENT)) or any(len(row) != len(head) for row in rows):
                raise ValueError("columns are missing")
            if len(rows) != report["count"]:
                raise ValueError(f"{len(rows)} rows instead of {report['count']}")
        except (OSError, ValueError, csv.Error) as error:
            raise ConfigError(f"{folder / 'predictions.csv'} is damaged: {error}", f"make it again: {again}") from None
        rows.sort(key=lambda row: row[:2])
        correct = np.array([row[1] == row[2] for row in rows], dtype=np.bool_)
        contents = {row[0]: row[-1] for row in rows} if CONTENT in head else {}
        return cls(report.get("split_hash"), report["classes"], [row[0] for row in rows], contents, correct)


def _check(first: str, one: _Table, second: str, other: _Table, split: str) -> None:
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


def _names(runs: Sequence[Run]) -> list[str]:
    """Folder names, or paths where two folders have the same name."""
    short = [run.path.resolve().name for run in runs]
    names = short if len(set(short)) == len(short) else [str(run.path) for run in runs]
    if len(set(names)) != len(names):
        raise UsageError("a run was named twice", "compare it with another one")
    return names


def _flatten(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", json.loads(json.dumps(value))
