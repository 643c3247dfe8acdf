"""A few samples of each class: what a network can learn from little data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from profond.core.errors import DataError
from profond.core.randomness import mix
from profond.data.dataset import Dataset
from profond.data.split import Split
from profond.data.targets import one_class_each


def subsample(dataset: Dataset, per_class: Mapping[str, int], seed: int = 0) -> Dataset:
    """At most so many samples of each class; splits that are not named stay whole.

    Args:
        per_class: the split's name to the number, such as ``{"train": 20}``.
        seed: which ones; in ``test`` they are the same for every seed.

    Raises: UnknownName for a split that is not there; DataError for a number below 1.
    """
    splits: dict[str, Split] = dict(dataset.splits)
    for name, count in per_class.items():
        split = dataset.split(name)
        if count < 1:
            raise DataError(f"{count} samples of each class are to be kept in {name}", "use 1 or more")
        if not one_class_each(split.targets):
            raise DataError(
                f"per_class counts the samples of each class, and the targets of {dataset.name} are no such classes",
                "leave it out",
            )
        members: dict[int, list[int]] = defaultdict(list)
        for index, target in enumerate(split.targets.tolist()):
            members[target].append(index)
        turn = 0 if name == "test" else seed
        kept: list[int] = []
        for indices in members.values():
            kept += sorted(indices, key=lambda i: mix(turn, "portion", split.identity(i)))[:count]
        splits[name] = split.subset(sorted(kept))
    return replace(dataset, splits=splits, _hashes={})
