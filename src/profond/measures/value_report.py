"""The report of a regression: its table, its pictures and its sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from matplotlib.figure import Figure

from profond.measures import value_figures
from profond.measures.intervals import mean_interval
from profond.measures.measured import Measured
from profond.measures.report import Report, Samples, Scores, Table
from profond.measures.text_mistakes import text_estimates
from profond.measures.values import HEADLINE, Estimates, value_metrics


def value_report(found: Estimates, loss: Measured, seed: int = 0) -> Report:
    """Errors with their intervals, residuals as figures, one distance a sample, and whether it beats the mean.

    Args:
        loss: what was learned by, over all samples.
        seed: of the bootstrap.
    """
    metrics = {**dict(value_metrics(found, seed)), "loss": loss}
    names = [quantity.name for quantity in found.quantities]
    heads = [""] if len(names) == 1 else [f"{name} " for name in names]
    columns = [f"{head}{word}" for head in heads for word in ("value", "estimate", "error")]
    return Report(
        HEADLINE,
        metrics,
        len(found),
        tables={"predictions": Table(columns, _Rows(found), range(len(found)))},
        pictures={
            "residuals": lambda samples, title: value_figures.residuals(found, title),
            "worst": lambda samples, title: _worst(found, samples, title),
        },
        scores=Scores(HEADLINE, found.distances, found.unit, "lower"),
        lines=tuple(_lines(found, metrics)),
        facts={"quantities": [vars(quantity) for quantity in found.quantities], "constant": found.constant.tolist()},
        findings=found,
    )


def _worst(found: Estimates, samples: Samples, title: str) -> Figure:
    """The samples that were farthest off, as pictures, or as the texts that they were made from."""
    texts = getattr(getattr(samples, "origin", None), "texts", None)
    return value_figures.worst(found, samples.raw, title) if texts is None else text_estimates(found, texts, title)


@dataclass(frozen=True)
class _Rows:
    """A row for each sample, made each time they are read."""

    found: Estimates

    def __iter__(self) -> Iterator[list[str]]:
        for true, said in zip(self.found.true, self.found.said, strict=True):
            yield [f"{number:.7g}" for pair in zip(true, said, said - true, strict=True) for number in pair]


def _lines(found: Estimates, metrics: dict[str, Measured]) -> Iterator[str]:
    unit = f" {found.unit}" if found.unit else ""
    of = "the mean of train" if found.mean is not None else "the mean of these samples"
    if len(found.quantities) == 1:
        of = f"{of}, {found.constant[0]:.4g}{unit}"
    mine, constant = found.distances, found.distances_of_constant()
    gain = constant - mine
    within = mean_interval(float(gain.mean()), float(gain.std(ddof=1)) if len(gain) > 1 else 0.0, len(gain))
    numbers = f"mean absolute error {mine.mean():.4g}{unit} instead of {constant.mean():.4g}{unit}"
    if within.low is not None and within.low > 0:
        yield f"better than always saying {of}: {numbers}"
    elif within.high is not None and within.high < 0:
        yield f"WORSE than always saying {of}: {numbers}"
    else:
        yield f"no better than always saying {of}, beyond chance: {numbers}"
    if any(name.startswith("r2") for name in metrics):
        yield "R² is the share of these samples' variance that is explained: 0 is as good as their own mean"
    else:
        yield "R² is not defined, for all of these samples have the same number"
