"""The words of learning: a task has phases with a loss, judges what a model says, and answers for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from torch import Tensor, nn

from profond.core.spec import Spec
from profond.measures.measured import Measured
from profond.measures.report import Report

if TYPE_CHECKING:
    from PIL.Image import Image

    from profond.data.dataset import Dataset


@dataclass(frozen=True)
class Phase:
    """One kind of step: which part of the model it updates.

    Ordinary training has one phase; a GAN has two.

    Args:
        name: shown in the metrics when there are several.
        module: dotted path of the sub-module whose parameters it updates; empty for the whole model.
        every: the phase runs on every n-th step.
        step: how many steps were done when its loss is asked for; the loop fills it in.
    """

    name: str = "train"
    module: str = ""
    every: int = 1
    step: int = 0


@dataclass(frozen=True)
class Example:
    """Data in memory on which a task can be tried in a second, and a network that can learn it.

    Args:
        dataset: with the splits train, valid and test; few small samples.
        model: a registered model's name and its settings, as a configuration has them.
    """

    dataset: Dataset
    model: Mapping[str, Any]


@dataclass
class Loss:
    """A scalar to differentiate, and what to report by name.

    Args:
        value: the mean over what was learned from.
        report: detached, one number or one for each sample.
        weight: how many samples or tokens ``value`` is the mean of, so that means of several batches, and of several
            processes, are means over all of them; None counts every batch alike.
    """

    value: Tensor
    report: Mapping[str, Tensor] = field(default_factory=dict)
    weight: float | Tensor | None = None


class Answer(Protocol):
    """What a model says of one sample."""

    def line(self) -> str:
        """One line for a terminal, without the sample's name; columns parted by tabs."""
        ...

    def row(self) -> dict[str, Any]:
        """One row of a table: columns by name."""
        ...

    def to_json(self) -> dict[str, Any]: ...

    def write(self, folder: Path, name: str) -> list[Path]:
        """Files for answers that are more than a line, such as pictures; most have none."""
        ...


@runtime_checkable
class Continued(Protocol):
    """An answer that others go on with, such as those of the clips of one video."""

    def followed_by(self, others: Sequence[Any]) -> Answer:
        """One answer for all of them, in order."""
        ...


@runtime_checkable
class InRows(Protocol):
    """An answer that is several rows of a table, such as one for each frame."""

    def rows(self) -> Sequence[dict[str, Any]]:
        """Columns by name; the same of every row."""
        ...


class Meter(Protocol):
    """One pass over a split, judged."""

    def update(self, model: nn.Module, batch: Any) -> int:
        """Take a batch in. Returns: how many samples it held.

        The model is in eval mode, without gradients; in the precision of the training at its validations, and in fp32
        in an evaluation.
        """
        ...

    def metrics(self) -> dict[str, Measured]:
        """Cheap, for each validation: values with unit and direction, intervals not needed."""
        ...

    def report(self) -> Report:
        """All of it, with intervals and pictures: at the end."""
        ...


@runtime_checkable
class Joinable(Protocol):
    """A meter of a split that several processes measure together, a part each; without this each measures all of it."""

    def seen(self) -> Any:
        """What it has taken in, as numbers and tensors, for `join`; not called before there is anything."""
        ...

    def join(self, seen: Any) -> None:
        """Take in what another such meter has seen of the samples that follow."""
        ...


@runtime_checkable
class Marked(Protocol):
    """A meter that takes note of what else is known: it measures hidden steps apart, or pairs, or modes."""

    marks: Mapping[str, Tensor]
    """Of the whole split that it measures, in its order, by name: of each step bool (n, t), of each sample int64 (n).
    Set before the pass."""


@runtime_checkable
class ForModels(Protocol):
    """A task that certain models are made for, whatever the data: those who make samples, or translate them."""

    families: tuple[str, ...]
    """Of the models that are trained on it where no task is named, see `profond.models.family_of`."""

    usual: Mapping[str, Any]
    """Settings that usually work on anybody's data, such as ``{"training.steps": 4000}``."""


@dataclass(frozen=True)
class Tensors:
    """One input or output of what leaves Python.

    Args:
        name: such as ``"probabilities"``.
        shape: without the batch axis; a number for an axis of that length, a name for one of any length.
        dtype: as NumPy calls it.
    """

    name: str
    shape: tuple[int | str, ...]
    dtype: str = "float32"


@dataclass(frozen=True)
class Part:
    """A graph that can leave Python: what a model computes, from inputs that are prepared to answers.

    Args:
        module: in eval mode; takes the inputs in their order, and gives a tensor, or a tuple of them, in the outputs'.
        inputs: the first is what the data's preprocessing prepares, unless ``raw``.
        outputs: answers, such as probabilities, not scores.
        examples: inputs of so many samples, the axes of any length as long as asked for.
        answer: JSON-able, what the outputs mean: ``{"kind": "classes"}``, and what else a program needs to say it.
        name: of several parts that belong together, such as ``"step"``; empty for the only one.
        raw: the inputs do not go through the preprocessing.
    """

    module: nn.Module
    inputs: tuple[Tensors, ...]
    outputs: tuple[Tensors, ...]
    examples: Callable[[int, int], tuple[Tensor, ...]]
    answer: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    raw: bool = False


@runtime_checkable
class TranslatesImages(Protocol):
    """A task whose model makes pictures of another kind of those that it is given, of the same size, whatever it is."""

    def translators(self, model: nn.Module) -> Mapping[str, nn.Module]:
        """The parts of a model that do so, by direction: ``a-to-b``, and ``b-to-a`` where there is one.

        Pictures (n, c, h, w) as the data's preprocessing makes them go in; such between -1 and 1 come out.
        """
        ...


@runtime_checkable
class Remembering(Protocol):
    """A task with a memory of its own that a training changes, such as a pool of pictures: kept in its checkpoints."""

    def memory(self) -> Mapping[str, Tensor]: ...

    def remember(self, memory: Mapping[str, Tensor]) -> None:
        """Go on from what `memory` gave. Raises: KeyError, ValueError where it is not of this kind."""
        ...


@runtime_checkable
class Shown(Protocol):
    """A task whose model makes something that people want to look at while it learns."""

    def show(self, dataset: Dataset, seed: int) -> Show:
        """What is looked at, the same at every step: of fixed noise, or of fixed samples of the data."""
        ...


class Show(Protocol):
    """The same pictures again and again, as the model makes them by then."""

    real: Image
    """What they are set beside: samples of the data."""

    def picture(self, model: nn.Module) -> Image:
        """All of them in one picture, always of one size; the model is in eval mode, without gradients."""
        ...

    def symptoms(self, model: nn.Module, means: Mapping[str, float]) -> list[str]:
        """What goes wrong, for people, with advice; most often nothing.

        Each is ``what it is: the rest``; what stands before the colon is said once in a training.

        Args:
            means: what the training last logged, by name.
        """
        ...


@runtime_checkable
class Averaged(Protocol):
    """A show that sees where an average of weights is not what it should be."""

    def lag(self, model: nn.Module, live: nn.Module) -> list[str]:
        """What is wrong with the average, as `Show.symptoms` says it, which is asked after this.

        Args:
            model: the average of the weights.
            live: the model as it is being trained.
        """
        ...


@runtime_checkable
class MeasuredEarly(Protocol):
    """A task whose model is measured beside itself as it was early in its training, so that it is seen what the rest
    brought: a run of it keeps such weights."""

    def with_early(self, report: Report, model: nn.Module, when: str) -> Report:
        """The report with what the task's ``beside``, which is called afterwards, needs to measure that model too.

        Args:
            report: of the model as it is.
            model: with the early weights, in eval mode.
            when: for people, such as ``after 250 of 2,500 steps``.

        Raises: ConfigError where it is of no use.
        """
        ...


@runtime_checkable
class Drawn(Protocol):
    """What was made, where it is there to be looked at."""

    def paths(self, path: Path, *, each: bool = False) -> list[Path]:
        """The files that `write` will write.

        Args:
            path: of one picture of all; with ``each`` the folder of single ones.

        Raises: UsageError for a name or a wish that does not fit.
        """
        ...

    def write(self, path: Path, *, each: bool = False) -> list[Path]:
        """Raises: UsageError as `paths`; StorageError."""
        ...

    def lines(self) -> list[str]:
        """What there is to say of it, for people."""
        ...


class Task(Protocol):
    """What is learned: target, loss, judgement and answer; the same code in every verb, and nowhere else."""

    headline: str
    """The metric that is shown where there is room for one; one of the meter's."""

    @staticmethod
    def learns(spec: Spec) -> bool:
        """Whether it is what such data are learned with where no task is named."""
        ...

    @staticmethod
    def example(seed: int = 0) -> Example:
        """A small problem of its kind, which every contract is tried on."""
        ...

    @property
    def phases(self) -> Sequence[Phase]:
        """The phases of one step, in order."""
        ...

    transfer_settings: Mapping[str, Any]
    """Settings that usually work where a network with pretrained weights is fine-tuned; often none."""

    @staticmethod
    def unsettled(settings: Mapping[str, Any]) -> dict[str, Any]:
        """Settings as before `settle`: without what other data decided; what a person chose stays."""
        ...

    def settle(self, dataset: Dataset) -> tuple[dict[str, Any], list[str]]:
        """What the data decides: settings of this task to be kept in the configuration (weights of classes, scales, a
        vocabulary), all JSON-able, and a line for people on each decision worth knowing.

        Raises: DataError when these data are nothing that this task can learn.
        """
        ...

    def loss(self, model: nn.Module, batch: Any, phase: Phase) -> Loss:
        """The loss of one batch in one phase; the model is in training mode, under autocast."""
        ...

    def meter(self, spec: Spec | None = None) -> Meter:
        """A fresh meter for one pass over a split; without a spec, what it says is worked out from the batches."""
        ...

    def answer(self, model: nn.Module, inputs: Any, spec: Spec | None = None) -> Sequence[Answer]:
        """What the model says of each sample of a batch of inputs; the model is in eval mode, without gradients.

        Keyword-only parameters with defaults are the options of the answer: a caller offers those that are there, and
        refuses others in words.

        Raises: ConfigError when the outputs are not finite, or do not fit the spec.
        """
        ...

    def explained(self, outputs: Tensor, spec: Spec | None = None, wanted: str | None = None) -> Explained:
        """Which number of the model's outputs (1, …) an explanation is about, such as the score of a class.

        Raises: UnknownName for what is ``wanted`` and not known here; ConfigError where there is nothing to explain.
        """
        ...

    def card(self, spec: Spec) -> list[str]:
        """Lines of the model card on what is told apart or estimated: Markdown list items."""
        ...


@dataclass(frozen=True)
class Explained:
    """The number that an explanation is about.

    Args:
        index: of the model's outputs.
        name: of a class or a quantity.
        said: what the model says of it, one line for a terminal; columns parted by tabs, as in ``Answer.line``.
        top: for people, what it says of this and of others, best first: names and numbers.
        value: the number that is said, as people read it: a probability, not a logit; None where there is none.
        unit: of ``value``: `SHARE` for a part of a whole, and then of ``top`` too; a physical unit; or nothing.
        output: how people call the number of the model's outputs that is explained: ``"score"`` of a class.
        facts: the same for programs, JSON-able; without them the name and what is said.
        note: for people, how the output becomes ``value``, where that is not known to everybody.
    """

    index: int
    name: str
    said: str
    top: tuple[tuple[str, float], ...] = ()
    value: float | None = None
    unit: str = ""
    output: str = "output"
    facts: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        return dict(self.facts) or {"name": self.name, "said": self.said}
