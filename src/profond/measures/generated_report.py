"""What is told of a generator's samples: numbers with their protocol, samples beside real ones, the critic's scores."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from profond.measures.compared import HEADLINE, Comparison, protocol
from profond.measures.generated_figures import points_figure, side_by_side
from profond.measures.measured import Measured
from profond.measures.report import PREDICTIONS, Draw, Report, Table


def samples_report(found: Comparison, metrics: Mapping[str, Measured], said: Tensor, labels: Tensor) -> Report:
    """The report of one pass.

    Args:
        metrics: by name.
        said: what the critic says of each real sample (n).
        labels: of each of them (n); -1 where there are none.
    """
    taken = protocol(found.features, len(found.real), found.features(found.real).shape[1])
    of = "" if len(found.real) == found.count else f" of {found.count:,}"
    lines = [
        f"{len(found.made):,} samples against as many{of} real ones; features: {found.features.name}",
    ]
    if "frechet_distance" not in metrics:
        lines.append(f"the Fréchet distance is {taken['frechet_distance']}: of fewer it says nothing")
    if not found.features.canonical and found.pictures:
        lines.append("these are not FID and KID, whose features are others: compare them with none but their own kind")
    return Report(
        headline=HEADLINE,
        metrics=metrics,
        count=found.count,
        tables={PREDICTIONS: _said_of_each(found, said, labels)},
        pictures={"samples": _beside_real(found)},
        lines=tuple(lines),
        facts={"protocol": taken},
        findings=found,
    )


def _said_of_each(found: Comparison, said: Tensor, labels: Tensor) -> Table:
    columns: dict[str, list[str]] = {}
    if bool((labels >= 0).all()) and found.classes:
        columns["label"] = [found.classes[label] for label in labels.tolist()]
    columns["critic"] = [f"{value:.6g}" for value in said.tolist()]
    return Table(tuple(columns), list(zip(*columns.values(), strict=True)), range(found.count))


def _beside_real(found: Comparison) -> Draw:
    if not found.pictures:
        return lambda samples, title: points_figure(found.real.numpy(), found.made.numpy(), title)
    rows = _rows(found)
    names = [found.classes[int(found.labels[row[0]])] for row in rows] if found.conditional and found.classes else []
    real, made = ([part[row].numpy() for row in rows] for part in (found.real, found.made))
    return lambda samples, title: side_by_side(real, made, names, title)


def _rows(found: Comparison, columns: int = 8, most: int = 12) -> list[list[int]]:
    """Which samples are shown in each row: those of a class, where samples were made for classes."""
    labels = found.labels.numpy()
    if found.conditional:
        classes = np.unique(labels)
        return [np.flatnonzero(labels == label)[:columns].tolist() for label in classes[:most]]
    count = min(len(labels), columns * columns)
    return [list(range(start, min(start + columns, count))) for start in range(0, count, columns)]
