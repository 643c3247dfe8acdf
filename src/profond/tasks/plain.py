"""Any loss function of PyTorch's as a task."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import torch.nn.functional as F
from torch import Tensor, nn

from profond.core.errors import ConfigError, DataError
from profond.core.spec import Spec
from profond.measures.measured import Measured
from profond.measures.report import Report
from profond.tasks import registry
from profond.tasks.batch import called, check_labels, described, pair
from profond.tasks.classify import Classify
from profond.tasks.task import Answer, Example, Explained, Loss, Phase, Task

if TYPE_CHECKING:
    from profond.data.dataset import Dataset

_WORDS = ("phases", "loss", "meter")
_WRITE_A_TASK = "write a task of your own, with `answer` and `explained`"


def as_task(given: Any) -> Task:
    """A task as it is, a registered task by its name, or a loss function: cross-entropy is `Classify`.

    Raises: UnknownName for a name that no task has; ConfigError for anything else.
    """
    if isinstance(given, str):
        return cast(Task, registry.load(given)())
    if inspect.isclass(given):
        raise ConfigError(f"the task is the class {given.__name__} itself", f"make one of it: {given.__name__}()")
    if all(hasattr(given, word) for word in _WORDS):
        return cast(Task, given)
    if given is F.cross_entropy:
        return Classify()
    if isinstance(given, nn.CrossEntropyLoss) and given.reduction == "mean" and given.ignore_index == -100:
        weights = None if given.weight is None else given.weight.tolist()
        return Classify(label_smoothing=given.label_smoothing, class_weights=weights)
    if callable(given):
        return LossFunction(given)
    raise ConfigError(
        f"the task is {given!r}",
        "give a task such as Classify(), or a loss function such as nn.CrossEntropyLoss() or nn.MSELoss()",
    )


class LossFunction:
    """Training on a function of the model's outputs and the targets; a batch is (inputs, targets).

    Args:
        function: gives a scalar, the mean over the batch, such as ``nn.MSELoss()``.
    """

    headline = "loss"
    phases: Sequence[Phase] = (Phase(),)
    transfer_settings: Mapping[str, Any] = {}

    def __init__(self, function: Callable[[Any, Tensor], Tensor]) -> None:
        self.function = function

    @property
    def name(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)

    def loss(self, model: nn.Module, batch: Any, phase: Phase) -> Loss:
        inputs, targets = pair(batch)
        if isinstance(self.function, nn.Module):
            self.function.to(targets.device)  # a loss may hold weights
        return Loss(self.value(called(model, inputs), targets), weight=len(targets))

    def value(self, outputs: Any, targets: Tensor) -> Tensor:
        """Raises: DataError when the function refuses them; ConfigError when it does not give a scalar."""
        name = self.name
        try:
            value = self.function(outputs, targets)
        except (RuntimeError, ValueError, IndexError, TypeError, AttributeError) as error:
            if isinstance(error, IndexError) and isinstance(outputs, Tensor) and outputs.ndim == 2:
                check_labels(targets, outputs.shape[1])
            raise DataError(
                f"{name} cannot use outputs of {described(outputs)} and targets of {described(targets)}:"
                f" {str(error).strip().splitlines()[0]}",
                "give targets of the shape and kind that this loss takes",
            ) from error
        if not isinstance(value, Tensor) or value.ndim:
            raise ConfigError(
                f"{name} gives {described(value)}, and a loss is a tensor of one number",
                "let it give the mean over the batch; PyTorch's losses do with reduction='mean'",
            )
        return value

    def meter(self, spec: Spec | None = None) -> LossMeter:
        return LossMeter(self)

    @staticmethod
    def learns(spec: Spec) -> bool:
        return False

    @staticmethod
    def unsettled(settings: Mapping[str, Any]) -> dict[str, Any]:
        return dict(settings)

    def settle(self, dataset: Dataset) -> tuple[dict[str, Any], list[str]]:
        return {}, []

    def answer(self, model: nn.Module, inputs: Any, spec: Spec | None = None) -> Sequence[Answer]:
        raise ConfigError("a loss function does not say what a model's outputs mean", _WRITE_A_TASK)

    def explained(self, outputs: Tensor, spec: Spec | None = None, wanted: str | None = None) -> Explained:
        raise ConfigError("a loss function does not say what a model's outputs mean", _WRITE_A_TASK)

    def card(self, spec: Spec) -> list[str]:
        return [f"- Loss: {self.name}"]

    @staticmethod
    def example(seed: int = 0) -> Example:
        raise ConfigError("a loss function has no example of its own", _WRITE_A_TASK)


class LossMeter:
    """The mean loss over a split, each batch weighted by its samples."""

    def __init__(self, task: LossFunction) -> None:
        self.task = task
        self.losses: list[tuple[float, int]] = []

    def update(self, model: nn.Module, batch: Any) -> int:
        inputs, targets = pair(batch)
        self.losses.append((float(self.task.value(called(model, inputs), targets)), len(targets)))
        return len(targets)

    def seen(self) -> list[tuple[float, int]]:
        return self.losses

    def join(self, seen: list[tuple[float, int]]) -> None:
        self.losses += seen

    @property
    def count(self) -> int:
        return sum(count for _, count in self.losses)

    def metrics(self) -> dict[str, Measured]:
        return {
            "loss": Measured(
                sum(loss * count for loss, count in self.losses) / self.count, better="lower", title="loss"
            )
        }

    def report(self) -> Report:
        return Report(self.task.headline, self.metrics(), self.count)
