"""Whether a generator makes what is asked for: samples of each class, as a judge reads them, beside real ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from profond.data.dataset import Dataset
from profond.measures.distances import Rows, frechet_distance
from profond.measures.intervals import LEVEL, wilson
from profond.measures.judge import Judge
from profond.measures.measured import Measured

DRAWS = 100


@dataclass(frozen=True)
class OnDemand:
    """How often a judge takes pictures for each class.

    Args:
        classes: names in label order.
        made: int64 (k, k), samples that were made for the class of the row and are taken for that of the column.
        real: the same of real pictures, by their own class.
    """

    classes: tuple[str, ...]
    made: NDArray[np.int64]
    real: NDArray[np.int64]

    @property
    def accuracy(self) -> Measured:
        """Of all samples, the share that is taken for what it was made for."""
        return _right(self.made)

    @property
    def judge_accuracy(self) -> Measured:
        """What the judge reads of real pictures."""
        return _right(self.real)

    @property
    def by_class(self) -> tuple[Measured, ...]:
        return tuple(_right(self.made, label) for label in range(len(self.classes)))

    @property
    def judge_by_class(self) -> tuple[Measured, ...]:
        return tuple(_right(self.real, label) for label in range(len(self.classes)))

    @property
    def worst(self) -> int:
        """The class whose samples are furthest below real ones."""
        return int(np.argmax(self._gaps))

    @property
    def largest_gap(self) -> float:
        """By how much these are below, as a share."""
        return max(self._gaps)

    @property
    def _gaps(self) -> list[float]:
        pairs = zip(self.by_class, self.judge_by_class, strict=True)
        return [real.value - made.value for made, real in pairs]


def on_demand(judge: Judge, made: Tensor, asked: Tensor, real: Tensor, labels: Tensor) -> OnDemand:
    """Samples made, and real ones, as a judge reads them.

    Args:
        made, real: uint8 (n, c, h, w) and (m, c, h, w).
        asked, labels: int64 (n) and (m), in the order of the judge's classes, each of which comes in both.
    """
    size = len(judge.classes)
    tables = []
    for pictures, wanted in ((made, asked), (real, labels)):
        cells = wanted.numpy() * size + judge.labels(pictures)
        tables.append(np.bincount(cells, minlength=size * size).reshape(size, size))
    return OnDemand(judge.classes, *tables)


def real_of_each(dataset: Dataset, split: str, each: int) -> tuple[Tensor, Tensor]:
    """The first so many real pictures of each class, of the classes in turn: uint8 (n, c, h, w), and int64 (n)."""
    found = dataset.split(split)
    places = [(found.targets == label).nonzero().flatten()[:each] for label in range(dataset.spec.num_classes)]
    chosen = torch.stack(places, 1).flatten()
    return torch.stack([found.raw(place) for place in chosen.tolist()]), found.targets[chosen]


def frechet_ratio(real: Rows, first: Rows, second: Rows, *, draws: int = DRAWS, seed: int = 0) -> Measured | None:
    """The first's Fréchet distance as a share of the second's, with a bootstrap interval; None for too few samples.

    Real samples, and samples of both, are drawn anew, the same real ones for both.

    Args:
        real, first, second: features (n, d).
    """
    random = np.random.default_rng(seed)
    whole = _ratio(real, first, second)
    if whole is None:
        return None
    found = []
    for _ in range(draws):
        drawn = (rows[random.integers(len(rows), size=len(rows))] for rows in (real, first, second))
        ratio = _ratio(*drawn)
        assert ratio is not None
        found.append(ratio)
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) if draws else (whole, whole)
    return Measured(whole, min(whole, float(low)), max(whole, float(high)))


def _ratio(real: Rows, first: Rows, second: Rows) -> float | None:
    above, below = frechet_distance(real, first), frechet_distance(real, second)
    return None if above is None or below is None or below.value == 0 else above.value / below.value


def _right(table: NDArray[np.int64], label: int | None = None) -> Measured:
    rows = table if label is None else table[label : label + 1]
    hits = int(np.trace(table)) if label is None else int(table[label, label])
    return wilson(hits, int(rows.sum()))
