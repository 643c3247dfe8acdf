"""A recipe: data, model, task and training, and the result that they promise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from profond.core.config import Between, Count, Factor, Integer, Natural, Share, check_fields
from profond.data.preprocessing import Contrast
from profond.training.settings import Training

SMALLEST = 8
"""Samples of a batch, where these are few: below, the statistics of a batch say little."""


@dataclass(frozen=True)
class Expected:
    """What a recipe promises; a test holds it to that.

    Args:
        split: the split it is measured on.
        metric: such as ``"accuracy"``.
        low: least value, over seeds.
        high: greatest value that is still believable.
        seconds: of training, about, on ``device``; told to people, never tested.
        device: where it was measured.
        source: the paper or page that reports such a result.
        published: the result is the source's alone: the recipe was never run here on its own data, which is too much
            for the tests; they run it on a miniature of that data, and promise no result.
    """

    split: str
    metric: str
    low: float
    high: float
    seconds: float
    device: str
    source: str
    published: bool = False


@dataclass(frozen=True)
class Loader:
    """How batches are made.

    Args:
        batch_size: samples in a batch.
        valid_fraction: share of the training split held out for validation where the data has no ``valid`` split.
        workers: processes that decode images of a set too large for memory; None chooses.
        drop_last: leave out a last, smaller batch.
        balanced: every batch has as many samples of each class, one after the other; a smaller class comes again.
        least_batches: where epochs are counted, an epoch has so many batches at least: of few samples they are smaller
            than ``batch_size``, down to `SMALLEST`. Settled when the data are open; 0 leaves ``batch_size`` as it is.
        contrast: what the contrast of pictures is brought to, as `Preprocessing` says; the run keeps it there.
        per_class: at most so many samples of each class, by split, such as ``{"train": 20}``; others are left out.
    """

    batch_size: Count = 128
    valid_fraction: Share = 0.0
    workers: Natural | None = None
    drop_last: bool = False
    balanced: bool = False
    least_batches: Natural = 0
    contrast: Contrast = "none"
    per_class: Mapping[str, Integer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_fields(self, "loader")

    def for_samples(self, count: int) -> Loader:
        """Settled for so many samples to learn from."""
        fitting = max(SMALLEST, count // self.least_batches) if self.least_batches and count else self.batch_size
        return replace(self, batch_size=min(self.batch_size, fitting), least_batches=0)


@dataclass(frozen=True)
class Transfer:
    """How a network with pretrained weights is fine-tuned.

    Args:
        weights: who published them, or a file; None is the first published ones that are here or can be fetched.
        parts: in how many steps the layers below the head are unfrozen, deepest first; 0 trains the head alone.
        head_share: share of all steps in which the head is trained alone.
        rate_decay: each part's learning rate, as a share of that of the part above it.
        features: with ``parts=0`` and no augmentation, compute what the head is given once for all epochs.
        origin, sha256, fresh: filled in: where the weights came from, their file's checksum, modules started anew.
    """

    weights: str | None = None
    parts: Natural = 3
    head_share: Between = 0.2
    rate_decay: Factor = 0.4
    features: bool = True
    origin: str = ""
    sha256: str = ""
    fresh: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self, "transfer")


@dataclass(frozen=True)
class Recipe:
    """One experiment; each mapping holds a ``name`` and that thing's own settings."""

    data: Mapping[str, Any]
    model: Mapping[str, Any]
    training: Training
    task: Mapping[str, Any] = field(default_factory=lambda: {"name": "classify"})
    loader: Loader = field(default_factory=Loader)
    augment: Mapping[str, Any] = field(default_factory=dict)
    expected: Expected | None = None
