"""Evaluate a run on a split of its own data, or on other data with the same classes, and keep the result in the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from profond.core.errors import DataError
from profond.core.run import Run
from profond.data.dataset import Dataset
from profond.evaluation.evaluate import Report, evaluate
from profond.evaluation.keep import keep
from profond.tasks.task import Task


class Trained(Protocol):
    """The parts of an experiment that an evaluation needs."""

    @property
    def dataset(self) -> Dataset: ...

    @property
    def model(self) -> nn.Module: ...

    @property
    def task(self) -> Task: ...


def evaluate_run(
    run: Run,
    experiment: Trained,
    split: str = "test",
    *,
    data: Dataset | None = None,
    batch_size: int = 256,
    device: torch.device | str = "cpu",
    pictures: bool = True,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Measure a run's model and write ``evaluation/<split>/`` and ``evaluation.json``.

    Args:
        data: other data; its result is kept under ``<name>-<split>``.
        pictures: draw the three figures too.

    Raises: UnknownName for a split that is not there; DataError when the data have a class never seen in training or
    samples of another shape.
    """
    dataset = experiment.dataset if data is None else data
    samples = dataset.split(split)
    classes = experiment.dataset.spec.classes
    batches: Any = dataset.batches(split, batch_size, device=device)
    name = split
    if data is not None:
        _check_shape(data, experiment.dataset)
        batches = _relabelled(batches, class_numbers(data.spec.classes, classes), torch.device(device))
        name = f"{data.name.rstrip('/').rpartition('/')[2]}-{split}"
    report = evaluate(
        experiment.model, experiment.task, batches, classes=classes, device=device, progress=progress
    ).sourced(data=dataset.name, split=split, split_hash=dataset.split_hash(split))
    keep(run, name, report, samples, pictures=pictures)
    return report


def class_numbers(names: Sequence[str], known: Sequence[str]) -> list[int]:
    """Where each class of other data stands among a run's. Raises: DataError for one never seen in training."""
    unseen = [name for name in names if name not in known]
    if unseen:
        shown = ", ".join(unseen[:5]) + (" …" if len(unseen) > 5 else "")
        raise DataError(
            f"never seen in training: {shown}",
            f"the run knows {', '.join(known[:10])}{' …' if len(known) > 10 else ''}; rename or remove the others",
        )
    return [list(known).index(name) for name in names]


def _relabelled(batches: Any, numbers: list[int], device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    lookup = torch.tensor(numbers, device=device)
    for inputs, targets in batches:
        yield inputs, lookup[targets]


def _check_shape(data: Dataset, trained: Dataset) -> None:
    if tuple(data.spec.shape) != tuple(trained.spec.shape):
        received, expected = ("×".join(map(str, each.spec.shape)) for each in (data, trained))
        raise DataError(
            f"{data.name} gives samples of {received}, but the run was trained on {expected}",
            "use data of the run's size and channels",
        )
