"""Whether one run is better than another, or only luckier."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from profond.core.errors import UsageError
from profond.core.run import Run
from profond.evaluation.scored import Scored, check_same_samples
from profond.measures.intervals import holm, mcnemar, mean_interval, paired_bootstrap, paired_difference, wilson
from profond.measures.measured import SHARE, Measured

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Pair:
    """Two runs on the same samples.

    Args:
        first, second: names of the runs.
        difference: mean score of the second minus that of the first, with its paired interval.
        only_first, only_second: samples on which this one has the better score; where a sample is right or wrong, those
            that only this one got right.
        count: samples.
        p_value: exact McNemar test where a sample is right or wrong, else by a paired bootstrap; corrected by Holm when
            it is one of several pairs.
        right_or_wrong: whether scores are 0 and 1.
    """

    first: str
    second: str
    difference: Measured
    only_first: int
    only_second: int
    count: int
    p_value: float
    right_or_wrong: bool = True

    @property
    def larger_than_chance(self) -> bool:
        return self.p_value < SIGNIFICANT

    def words(self, first: str = "", second: str = "") -> str:
        """The finding in one sentence; the two may be called by other names, such as A and B."""
        first, second = first or self.first, second or self.second
        if self.only_first + self.only_second == 0:
            same = "are right on exactly the same samples" if self.right_or_wrong else "have the same score everywhere"
            return f"{first} and {second} {same}."
        difference = self.difference
        p = "p < 0.001" if self.p_value < 0.001 else f"p = {self.p_value:.3f}"
        if difference.value == 0:
            finding = "are equally accurate" if self.right_or_wrong else "are equally good"
            return f"{first} and {second} {finding}; difference {_points(difference)}, {p}."
        if not difference.beats(0):
            first, second = second, first
        if difference.value < 0:
            low, high = difference.low or 0.0, difference.high or 0.0
            difference = replace(difference, value=-difference.value, low=-high, high=-low)
        verdict = "larger than chance" if self.larger_than_chance else "no larger than chance"
        return f"{second} is better by {_points(difference)}, {p}: {verdict}."

    def to_json(self) -> dict[str, Any]:
        kind = "right" if self.right_or_wrong else "better"
        return {
            "first": self.first,
            "second": self.second,
            "difference": self.difference.to_json(),
            f"only_first_{kind}": self.only_first,
            f"only_second_{kind}": self.only_second,
            "p_value": self.p_value,
            "larger_than_chance": self.larger_than_chance,
        }


def _points(difference: Measured) -> str:
    """``4.00 points [2.81, 5.19]``; of what is no share, in its unit."""
    low, high = difference.ends or ("", "")
    value = difference.written.replace("%", "points") if difference.unit == SHARE else difference.written
    return f"{value} [{low}, {high}]" if difference.ends else value


@dataclass(frozen=True)
class Comparison:
    """Two or more runs on one split.

    Args:
        split: which.
        count: samples in it.
        metric: whose mean over the samples is compared.
        measured: that metric of each run, by name, with its interval.
        pairs: each with each, in the order given.
        settings: dotted names of the settings in which the runs differ, and each run's value (None: not set).
    """

    split: str
    count: int
    metric: str
    measured: dict[str, Measured]
    pairs: tuple[Pair, ...]
    settings: dict[str, list[Any]]

    def to_json(self) -> dict[str, Any]:
        return {
            "split": self.split,
            "count": self.count,
            "metric": self.metric,
            self.metric: {name: measured.to_json() for name, measured in self.measured.items()},
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
    scored = [Scored.read(run, split) for run in opened]
    for name, one in zip(names[1:], scored[1:], strict=True):
        check_same_samples(names[0], scored[0], name, one, split)
    pairs = [
        _pair(first, one, second, other)
        for (first, one), (second, other) in itertools.combinations(zip(names, scored, strict=True), 2)
    ]
    corrected = holm([pair.p_value for pair in pairs])
    pairs = [replace(pair, p_value=p) for pair, p in zip(pairs, corrected, strict=True)]
    measured = {name: _mean(one) for name, one in zip(names, scored, strict=True)}
    settings = differences([run.config for run in opened])
    return Comparison(split, len(scored[0].values), scored[0].metric, measured, tuple(pairs), settings)


def _pair(first: str, one: Scored, second: str, other: Scored) -> Pair:
    higher = other.values > one.values
    lower = other.values < one.values
    counts = (int(lower.sum()), int(higher.sum()))
    only_first, only_second = counts if one.better == "higher" else counts[::-1]
    right_or_wrong = one.right_or_wrong and other.right_or_wrong
    if right_or_wrong:
        difference, p_value = paired_difference(*counts, len(one.values)), mcnemar(*counts)
    else:
        difference, p_value = paired_bootstrap(other.values - one.values)
    difference = difference.called("difference", unit=one.unit, better=one.better)
    return Pair(first, second, difference, only_first, only_second, len(one.values), p_value, right_or_wrong)


def _mean(one: Scored) -> Measured:
    if one.right_or_wrong:
        mean = wilson(int(one.values.sum()), len(one.values))
    else:
        deviation = float(one.values.std(ddof=1)) if len(one.values) > 1 else 0.0
        mean = mean_interval(float(one.values.mean()), deviation, len(one.values))
    return mean.called(one.title, unit=one.unit, better=one.better)


def differences(configs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Dotted names of the settings that are not the same in all, and the value in each; None where it is not set."""
    flat = [dict(_flatten(config)) for config in configs]
    keys = dict.fromkeys(key for each in flat for key in each)
    rows = {key: [each.get(key) for each in flat] for key in keys}
    return {key: row for key, row in rows.items() if any(value != row[0] for value in row[1:])}


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
