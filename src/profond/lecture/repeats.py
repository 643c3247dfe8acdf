"""The same experiment under several seeds, and what the seeds say together."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from profond.core.device import choose_device
from profond.data.dataset import Dataset
from profond.evaluation.evaluate import evaluate
from profond.experiments.configuration import Configuration, changed
from profond.experiments.experiment import Experiment, assemble
from profond.lecture.outcome import Options
from profond.lecture.values import Value, count, share, text
from profond.measures.intervals import LEVEL, mean_interval
from profond.measures.measured import Measured
from profond.training import fit


@dataclass(frozen=True)
class Trained:
    """One training.

    Args:
        experiment: with its trained model.
        result: the task's headline, on the test split.
        train_count, test_count: samples learned from and measured on.
        parameters: trainable ones.
        seconds: of training.
        arithmetic: the precision and its reason.
    """

    experiment: Experiment
    result: Measured
    train_count: int
    test_count: int
    parameters: int
    seconds: float
    arithmetic: str


def train(config: Configuration, seed: int, options: Options, *, share: float = 1.0) -> Trained:
    """Train one configuration and measure it on the test split; no run folder is made.

    Args:
        config: such as `from_recipe` gives.
        seed: of weights, order and augmentation.
        share: of the training split that is learned from, by class; the rest is left out.
    """
    changes = settings_of(seed, options)
    if share < 1:
        changes["loader.valid_fraction"] = 1 - share
    experiment = assemble(changed(config, changes))
    device = choose_device(options.device)
    batches = experiment.batches("train", training=True, device=device)
    fitted = fit(experiment.model, experiment.task, batches, experiment.training)
    report = evaluate(fitted.model, experiment.task, experiment.batches("test", device=device), spec=experiment.spec)
    return Trained(
        experiment,
        report.metrics[report.headline],
        len(experiment.dataset.split("train")),
        report.count,
        sum(p.numel() for p in fitted.model.parameters() if p.requires_grad),
        fitted.seconds,
        str(fitted.arithmetic),
    )


def settings_of(seed: int, options: Options) -> dict[str, Any]:
    """Of a configuration, what is changed for one training of an item."""
    changes: dict[str, Any] = {"training.seed": seed, "training.device": options.device}
    if options.precision != "auto":  # a recipe may have a reason for its own
        changes["training.precision"] = options.precision
    return changes


def origin(*datasets: Dataset) -> Value:
    """Data sets and where they came from, without the place on this machine."""
    return text("; ".join(f"{each.name} ({each.source.partition(', cached')[0]})" for each in datasets))


class Progress:
    """Counts trainings and says how long the rest will take, where all take about as long."""

    def __init__(self, item: str, total: int, options: Options, alike: bool = True) -> None:
        self.item, self.total, self.options, self.alike = item, total, options, alike
        self.done, self.began = 0, time.monotonic()

    def tell(self, what: str, trained: Trained) -> None:
        self.done += 1
        elapsed = time.monotonic() - self.began
        rest = elapsed / self.done * (self.total - self.done)
        left = f", about {rest:.0f} s left" if self.alike and self.done < self.total else ""
        self.options.say(
            f"{self.item} {self.done}/{self.total}  {what}: {trained.result.written}"
            f" ({trained.train_count:,} samples, {trained.seconds:.1f} s{left})"
        )


def circumstances(first: Trained, seeds: int) -> dict[str, Value]:
    """What the trainings of an item were done with, where all saw the same data."""
    return {
        "data": origin(first.experiment.dataset),
        "train": count(first.train_count),
        "test": count(first.test_count),
        "seeds": count(seeds),
        "arithmetic": text(first.arithmetic),
    }


def mean_of(values: Sequence[float]) -> Measured:
    """The mean of shares over seeds with Student's 95 % interval, cut at 0 and 1; no interval from a single one."""
    deviation = stdev(values) if len(values) > 1 else 0.0
    return mean_interval(fmean(values), deviation, len(values), least=0.0, most=1.0)


def mean_share(values: Sequence[float]) -> Value:
    """The same, as a claim or a table takes it."""
    mean = mean_of(values)
    return share(mean.value, mean.low, mean.high)


def difference_of(first: Sequence[float], second: Sequence[float]) -> Measured:
    """Mean of the second minus mean of the first, with Welch's 95 % interval.

    Source: B. L. Welch, "The generalization of 'Student's' problem …", Biometrika 34, 1947.
    """
    value = fmean(second) - fmean(first)
    if min(len(first), len(second)) < 2:
        return Measured(value)
    if len(set(first)) == len(set(second)) == 1:
        return Measured(value, value, value)
    from scipy.stats import ttest_ind  # not above: listing and reporting items should not wait for it

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # seeds of one side that agree exactly are no loss of precision
        interval = ttest_ind(second, first, equal_var=False).confidence_interval(LEVEL)
    return Measured(value, float(interval.low), float(interval.high))


def spread(values: Sequence[float]) -> float:
    """From the worst seed to the best."""
    return max(values) - min(values)
