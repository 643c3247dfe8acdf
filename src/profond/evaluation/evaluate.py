"""One pass over a split, and every number worth knowing about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from profond.core.device import choose_device, together
from profond.core.errors import DataError
from profond.core.run import Run
from profond.data.dataset import Dataset
from profond.evaluation.kept import keep
from profond.evaluation.other_data import class_numbers
from profond.evaluation.report import Report
from profond.evaluation.same_data import check_content
from profond.evaluation.tally import Tally
from profond.measures.intervals import Measured
from profond.tasks.batch import pair
from profond.tasks.plain import as_task
from profond.tasks.task import Task
from profond.training.door import check_given
from profond.training.feed import placed
from profond.training.processes import Processes


def evaluate(
    model: nn.Module,
    task: Task | Callable[[Any, Tensor], Tensor] | str,
    batches: Iterable[Any],
    *,
    classes: Sequence[str] = (),
    device: torch.device | str | None = None,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Measure a model on a split, in fp32 and eval mode; the model is left in the mode that it came in.

    Any task gives the scalars of its meter. A classification also gives ``accuracy`` (top-1), ``top5_accuracy`` when
    there are more than five classes, ``macro_f1`` and ``ece`` (expected calibration error, 15 bins), and the rest of
    the report.

    Args:
        task: as in `fit`: a task, its name, or a loss function.
        batches: (inputs, targets) in order, not shuffled, for instance our ``Batches`` or a ``DataLoader``; tensors or
            NumPy's arrays.
        classes: class names in label order; the numbers, when left out.
        device: where the model is put; by default where its parameters are.
        seed: of the bootstrap intervals.
        progress: called with the number of samples after each batch.

    Raises: DataError for an empty split or a label that the model does not know; ConfigError when the outputs are not
    finite or do not fit ``classes``.
    """
    task = as_task(task)
    check_given(model, batches)
    here = choose_device(str(device)) if device is not None else _place(model)
    meter, tally, count = task.meter(), None, 0
    modes = {part: part.training for part in model.modules()}
    model.to(here).eval()
    try:
        with torch.inference_mode():
            for batch in batches:
                batch = placed(batch, here, False)
                prediction = task.predict(model, task.inputs(batch))
                probabilities = getattr(prediction, "probabilities", None)
                if isinstance(probabilities, Tensor) and probabilities.ndim == 2:
                    tally = tally or Tally(probabilities.shape[1], classes, device=probabilities.device)
                    batch = (batch[0], tally.update(probabilities, pair(batch)[1]))
                meter.update(prediction, batch)
                seen = len(task.inputs(batch))
                count += seen
                if progress is not None:
                    progress(seen)
    finally:
        for part, mode in modes.items():  # one by one: a frozen part may stay in eval mode inside a training model
            part.training = mode
    if count == 0:
        raise DataError("there is nothing to evaluate: the split is empty", "`profond data check` shows the splits")
    metrics = {name: Measured(float(value)) for name, value in meter.compute().items()}
    return Report(metrics, count) if tally is None else tally.report(metrics, seed)


class Trained(Protocol):
    """The parts of an experiment that an evaluation needs."""

    @property
    def model(self) -> nn.Module: ...

    @property
    def task(self) -> Task: ...

    @property
    def dataset(self) -> Dataset: ...

    @property
    def classes(self) -> tuple[str, ...]: ...


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
) -> Report:
    """Measure a run's model and write ``evaluation/<name>/`` and its line of ``evaluation.json``.

    Args:
        data: other data than the run's own, from ``other.open_other``.
        batch_size: at most; a CPU is given as many as its caches bear.
        name: under which the result is kept; the split's, when left out.
        device: by default where the model is.
        pictures: draw the three figures too.

    Raises: UnknownName for a split that is not there; DataError when the data have a class never seen in training;
    ConfigError when the samples of the run's own data hold something else than in training, or another process works
    on the run; StorageError.
    """
    if processes is not None and not processes.leads:
        return None
    with run.held("evaluating"):
        dataset = experiment.dataset if data is None else data
        samples = dataset.split(split)
        if data is None:
            check_content(run, dataset, split)
        here = torch.device(device) if device is not None else _place(experiment.model)
        batch_size = min(batch_size, together(dataset.spec.shape, here))
        batches: Iterable[Any] = dataset.batches(split, batch_size, device=here)
        if data is not None:
            batches = relabelled(batches, class_numbers(data.spec.classes, experiment.classes), here)
        report = evaluate(
            experiment.model, experiment.task, batches, classes=experiment.classes, device=here, progress=progress
        )
        report = report.sourced(data=dataset.name, split=split, split_hash=dataset.split_hash(split))
        keep(run, name or split, report, samples, contents=dataset.contents(split), pictures=pictures)
        return report


def relabelled(batches: Iterable[Any], numbers: list[int], device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of other data with the labels of the classes that a model knows, from ``other.class_numbers``."""
    lookup = torch.tensor(numbers, device=device)
    for inputs, targets in batches:
        yield inputs, lookup[targets]


def _place(model: nn.Module) -> torch.device:
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
