"""One pass over a split, and every number worth knowing about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import signature
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from profond.core.device import choose_device, device_of, together
from profond.core.errors import ConfigError
from profond.core.run import Run
from profond.core.spec import Spec
from profond.data.dataset import Dataset
from profond.evaluation.early import with_early
from profond.evaluation.kept import keep
from profond.evaluation.other_data import matched, usual_split
from profond.evaluation.same_data import check_content
from profond.measures.costs import Costs
from profond.measures.report import Report
from profond.tasks.plain import as_task
from profond.tasks.task import Task
from profond.training.door import check_given
from profond.training.measure import measure
from profond.training.processes import Processes


def evaluate(
    model: nn.Module,
    task: Task | Callable[[Any, Tensor], Tensor] | str,
    batches: Iterable[Any],
    *,
    spec: Spec | None = None,
    classes: Sequence[str] = (),
    device: torch.device | str | None = None,
    progress: Callable[[int], None] | None = None,
    processes: Processes | None = None,
) -> Report:
    """Measure a model on a split, in fp32 and eval mode; the model is left in the mode that it came in.

    What is measured is the task's: its metrics with their intervals, its tables and its pictures.

    Args:
        task: as in `fit`: a task, its name, or a loss function.
        batches: (inputs, targets) in order, not shuffled, for instance our ``Batches`` or a ``DataLoader``; tensors or
            NumPy's arrays.
        spec: what the data decided, such as ``dataset.spec``; without it, classes are called by their numbers.
        classes: class names in label order, instead of a spec.
        device: where the model is put; by default where its parameters are.
        progress: called with the number of samples after each batch.
        processes: each of which measures a part of our ``Batches``.

    Raises: DataError for an empty split or a label that the model does not know; ConfigError when the outputs are not
    finite or do not fit ``classes``.
    """
    task = as_task(task)
    check_given(model, batches)
    if isinstance(classes, str):
        raise ConfigError(f"classes is {classes!r}, one string", "give a list of names, in the labels' order")
    if spec is None and classes:
        spec = Spec((), "", classes=tuple(classes))
    here = choose_device(str(device)) if device is not None else device_of(model)
    with torch.inference_mode():
        after = progress or (lambda count: None)
        return measure(model.to(here), task, batches, spec=spec, device=here, after=after, processes=processes).report()


class Trained(Protocol):
    """The parts of an experiment that an evaluation needs."""

    @property
    def model(self) -> nn.Module: ...

    @property
    def task(self) -> Task: ...

    @property
    def dataset(self) -> Dataset: ...

    @property
    def spec(self) -> Spec: ...


def evaluate_run(
    run: Run,
    experiment: Trained,
    split: str = "test",
    *,
    data: Dataset | None = None,
    name: str | None = None,
    batch_size: int = 256,
    device: torch.device | str | None = None,
    pictures: bool = True,
    progress: Callable[[int], None] | None = None,
    processes: Processes | None = None,
    options: Mapping[str, Any] | None = None,
    costs: Costs | None = None,
) -> Report:
    """Measure a run's model and write ``evaluation/<name>/`` and its line of ``evaluation.json``.

    Args:
        data: other data than the run's own, from `profond.evaluation.other_data.open_other`.
        batch_size: at most; a CPU is given as many as its caches bear.
        name: under which the result is kept; the split's, when left out.
        device: by default where the model is.
        pictures: draw the figures too.
        processes: this one, which writes, and others that measure a part by `measure_along`.
        options: what else is asked of the task's own judgement: the keyword-only parameters of its ``beside``.
        costs: what confusions of classes cost: the report says it besides.

    Raises: UnknownName for a split that is not there; DataError when the data have a class never seen in training;
    ConfigError when the samples of the run's own data hold something else than in training, or another process works
    on the run, or for an option that the task does not have; StorageError.
    """
    if costs is not None:
        costs.matrix(experiment.spec.classes)  # what does not fit is refused before anything is measured
    usual = data is None and split == usual_split(experiment.dataset)
    beside = getattr(experiment.task, "beside", None) if usual else None  # not every task knows simple means
    _check_options(options or {}, beside, split)
    with run.held("evaluating"):
        dataset = experiment.dataset if data is None else data
        samples = dataset.split(split)
        if data is None:
            check_content(run, dataset, split)
        here = torch.device(device) if device is not None else device_of(experiment.model)
        batches: Iterable[Any] = _batches(dataset, split, batch_size, here)
        if data is not None:
            batches = matched(batches, data.spec, experiment.spec, here)
        report = evaluate(
            experiment.model,
            experiment.task,
            batches,
            spec=experiment.spec,
            device=here,
            progress=progress,
            processes=processes,
        )
        if beside is not None:
            report = with_early(report, run, experiment.model, experiment.task)
            report = beside(dataset, split, report, **(options or {}))
        if costs is not None:
            report = costs.judged(report)
        report = report.sourced(data=dataset.name, split=split, split_hash=dataset.split_hash(split))
        keep(run, name or split, report, samples, contents=dataset.contents(split), pictures=pictures)
        return report


def _check_options(options: Mapping[str, Any], beside: Callable[..., Report] | None, split: str) -> None:
    known = {} if beside is None else signature(beside).parameters
    for name in options:
        if name not in known:
            raise ConfigError(f"--{name} says nothing about this run on its split {split!r}", "leave it out")


def measure_along(experiment: Trained, split: str, processes: Processes, *, batch_size: int = 256) -> None:
    """What a process does that does not lead: it measures its part of what another one evaluates."""
    device = processes.device
    batches = _batches(experiment.dataset, split, batch_size, device)
    with torch.inference_mode():
        model = experiment.model.to(device)
        measure(model, experiment.task, batches, spec=experiment.spec, device=device, processes=processes)


def _batches(dataset: Dataset, split: str, batch_size: int, device: torch.device) -> Iterable[Any]:
    return dataset.batches(split, min(batch_size, together(dataset.spec.shape, device)), device=device)
