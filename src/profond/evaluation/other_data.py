"""Other data for a run: opened, brought to what the run takes, and its classes found among the run's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import signature
from pathlib import Path
from typing import Any, Protocol

import torch

from profond.core.errors import DataError
from profond.core.spec import Quantity, Spec
from profond.data import registry
from profond.data.dataset import Dataset
from profond.data.images.adapt import adapted
from profond.data.open import kind_of, no_classes, open_dataset
from profond.data.preprocessing import Preprocessing
from profond.data.sets.synsets import are_synsets
from profond.data.text.build import retold
from profond.data.text.pairs import rewritten
from profond.weights.classes import by_name


class Known(Protocol):
    """The parts of an experiment that say what it takes."""

    @property
    def input_shape(self) -> tuple[int, ...] | None: ...

    @property
    def preprocessing(self) -> Preprocessing: ...

    @property
    def spec(self) -> Spec: ...


class Measurable(Known, Protocol):
    """The parts of an experiment that say on what it is measured."""

    @property
    def dataset(self) -> Dataset: ...

    @property
    def target(self) -> str | None: ...


@dataclass(frozen=True)
class Other:
    """Other data, ready for ``evaluate_run``.

    Args:
        dataset: with the run's preprocessing.
        split: the one to measure.
        name: under which the result is kept.
        whole: it has no splits, so that this one holds everything.
        own: it is the run's own data after all.
    """

    dataset: Dataset
    split: str
    name: str
    whole: bool
    own: bool = False

    @property
    def other(self) -> Dataset | None:
        """The data, where they are not the run's own."""
        return None if self.own else self.dataset

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is probably not meant, and was not told in training."""
        return () if self.own else self.dataset.warnings


def data_to_measure(
    experiment: Measurable, split: str | None, reference: str | None, settings: Mapping[str, Any] | None = None
) -> Other:
    """The data that were asked for, or an experiment's own. Raises: as `open_other`; ConfigError when its own changed.

    Args:
        split: by default the usual one.
        reference, settings: of other data, as `open_other` takes them; None for its own.
    """
    if reference is not None:
        return open_other(reference, experiment, split, target=experiment.target, settings=settings)
    chosen = split or usual_split(experiment.dataset)
    return Other(experiment.dataset, chosen, chosen, whole=False, own=True)


def open_other(
    reference: str,
    experiment: Known,
    split: str | None = None,
    *,
    target: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Other:
    """Open other data for a run. A folder or manifest that has no splits is taken whole.

    Args:
        reference: a registered name, a folder or a manifest.
        split: by default ``test``, or all of data that has no splits.
        target: the columns that hold the target in the run's own data, where they had to be named.
        settings: of the other data, such as ``{"target": "weight"}``, as `open_dataset` takes them.

    Raises: DataError for a class never seen in training, or samples of another size or channel count than the run's;
    ConfigError for a setting that the data have not; UnknownName; ImageError.
    """
    known = experiment.preprocessing
    options: dict[str, Any] = {}
    unsplit = split is None and reference not in registry.names()
    any_size = known.takes_any_size
    if reference not in registry.names():
        if any_size:
            options = {"preprocessing": known.to_json()}
        if unsplit:
            options |= {"valid_fraction": 0.0, "test_fraction": 0.0}
        accepted = signature(kind_of(Path(reference).expanduser(), reference, settings or ()).open).parameters
        if target is not None and "target" in accepted:
            options |= {"target": target}
        if experiment.spec.text is not None and "writing" in accepted:
            options |= {"writing": experiment.spec.text.to_json()}
    if known.series is not None and known.series.any_length and reference in registry.names():
        accepted = signature(registry.load(reference)).parameters
        options |= {"ends": "missing"} if "ends" in accepted else {}
    dataset = open_dataset(reference, **{**options, **(settings or {})})
    if any_size and known.mode is not None and reference in registry.names():
        dataset = adapted(dataset, known)
    if known.text is not None and reference in registry.names():
        written = experiment.spec.text
        dataset = retold(dataset, known) if written is None else rewritten(dataset, known.text, written)
    chosen = split or usual_split(dataset)
    if experiment.spec.classes and not dataset.spec.has_target and (error := no_classes(reference, settings or {})):
        raise error
    check_targets(dataset.spec, experiment.spec)
    _check_shape(dataset, chosen, experiment)
    short = reference if reference in registry.names() else Path(reference).expanduser().resolve().stem
    whole = unsplit and list(dataset.splits) == ["train"]
    return Other(replace(dataset, preprocessing=known), chosen, short if whole else f"{short}-{chosen}", whole)


def usual_split(dataset: Dataset) -> str:
    """What is measured where nothing was asked for: test, else valid, else train."""
    return next(name for name in ("test", "valid", "train") if name in dataset.splits)


def check_targets(other: Spec, known: Spec) -> None:
    """Raises: DataError when other data have other targets than those that a run was trained with."""
    if _kind(other) != _kind(known):
        raise DataError(
            f"the data have {_kind(other)}, and the run was trained on {_kind(known)}", "give it data of its own kind"
        )
    class_numbers(other.classes, known.classes)
    _check_quantities(other.quantities, known.quantities)


def _kind(spec: Spec) -> str:
    if spec.text is not None:
        return "texts to be written"
    if spec.classes:
        return "a class for each step" if spec.each else "classes"
    return "numbers to be estimated" if spec.quantities else "neither classes nor numbers"


def _check_quantities(other: Sequence[Quantity], known: Sequence[Quantity]) -> None:
    """Raises: DataError for other quantities, or another unit. One alone may have another name."""
    names = [quantity.name for quantity in other], [quantity.name for quantity in known]
    if len(other) != len(known) or (len(known) > 1 and names[0] != names[1]):
        raise DataError(
            f"the data have {', '.join(map(str, other))}, and the run estimates {', '.join(map(str, known))}",
            "--set data.target= of the training says which columns, in their order: name those of the data likewise",
        )
    for here, there in zip(other, known, strict=True):
        if here.unit and there.unit and here.unit != there.unit:
            raise DataError(
                f"{here.name} is in {here.unit} in the data, and the run estimates {there.unit}",
                f"convert the numbers, and write ({there.unit}) into the column's name",
            )


def matched(batches: Iterable[Any], other: Spec, known: Spec, device: torch.device) -> Iterable[Any]:
    """Batches of other data with the labels of the classes that a run knows; as they are where there are no classes.

    Raises: as ``check_targets``.
    """
    check_targets(other, known)
    if not known.classes:
        return batches
    lookup = torch.tensor([*class_numbers(other.classes, known.classes), -1], device=device)  # -1, no step, stays
    return ((inputs, lookup[targets]) for inputs, targets in batches)


def class_numbers(names: Sequence[str], known: Sequence[str]) -> list[int]:
    """Where each class of other data stands among a run's; synsets are ImageNet's classes by another name.

    Raises: DataError for one never seen in training; MissingError when ImageNet's names cannot be had.
    """
    if are_synsets(names) and not are_synsets(known):  # ImageNet's folders, and a network that knows words
        names = by_name(names)
    unseen = [name for name in names if name not in known]
    if unseen:
        shown = ", ".join(unseen[:5]) + (" …" if len(unseen) > 5 else "")
        raise DataError(
            f"never seen in training: {shown}",
            f"the run knows {', '.join(known[:10])}{' …' if len(known) > 10 else ''}; rename or remove the others",
        )
    place = {name: number for number, name in enumerate(known)}
    return [place[name] for name in names]


def _check_shape(dataset: Dataset, split: str, experiment: Known) -> None:
    shape = experiment.input_shape
    if shape is None:
        return
    border = 2 * experiment.preprocessing.padding
    expected = [shape[0], *(side - border for side in shape[1:])]
    received = list(dataset.split(split).raw(0).shape)
    series = experiment.preprocessing.series
    if series is not None and series.any_length:
        expected, received = expected[:1], received[:1]
    if received != expected:
        raise DataError(
            f"{dataset.name} has samples of {_by(received)}, but the run was trained on {_by(expected)}",
            "give it data of the size and channels that it was trained on",
        )


def _by(shape: Sequence[int]) -> str:
    return "×".join(str(side) for side in shape)
