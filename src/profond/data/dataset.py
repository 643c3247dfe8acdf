"""A data set: named splits of raw samples, and how they become a model's input."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from profond.core.errors import DataError, UnknownName
from profond.core.spec import Spec
from profond.data.images.augment import Augment
from profond.data.loader import Batches
from profond.data.preprocessing import Preprocessing
from profond.data.split import Split, contents, equal_samples
from profond.data.splitting import assign
from profond.data.targets import one_class_each, strata


@dataclass(frozen=True)
class Dataset:
    """Named splits, what the model receives, and where it came from.

    Args:
        name: registered name, or the path that was opened.
        spec: one sample as the MODEL receives it, after preprocessing.
        preprocessing: from raw samples to that.
        splits: ``train``, and ``valid`` and ``test`` where there are any.
        source: where the data came from, for people.
        notes: what was converted or decided while opening, one line each.
        warnings: what is probably not meant, one line each; told even where progress is not.
        skipped: samples that cannot be read and were left out: identity and reason.
    """

    name: str
    spec: Spec
    preprocessing: Preprocessing
    splits: dict[str, Split]
    source: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    _hashes: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    _contents: dict[str, tuple[Split, list[str]]] = field(default_factory=dict, repr=False, compare=False)

    def split(self, name: str) -> Split:
        """Raises: UnknownName when the data set has no such split."""
        if name not in self.splits:
            raise UnknownName(f"split of {self.name}", name, self.splits)
        return self.splits[name]

    def batches(
        self,
        split: str,
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool = False,
        augment: Augment | None = None,
        device: torch.device | str = "cpu",
        drop_last: bool = False,
        balanced: bool = False,
        workers: int | None = None,
        epochs: float | None = None,
    ) -> Batches:
        """Batches of one split: (inputs float32 normalised, targets as the split has them), both on ``device``.

        Of sequences each batch ends with its longest sample; tokens stay int64.

        Args:
            split: ``train``, ``valid`` or ``test``.
            batch_size: samples in a batch, over all processes together.
            seed: decides order and augmentation.
            shuffle: a new order each epoch.
            augment: random changes to the inputs, or None.
            device: where the batches are wanted.
            drop_last: leave out a last batch that is not full.
            balanced: as many samples of each class in every batch, one after the other; a smaller class comes again.
            workers: processes that decode files; None chooses. Data in memory needs none.
            epochs: of the whole training, which an augmentation whose size changes needs to know.
        """
        return Batches(
            self.split(split),
            self.preprocessing,
            batch_size,
            num_classes=self.spec.num_classes,
            spec=self.spec,
            seed=seed,
            shuffle=shuffle,
            augment=augment,
            device=torch.device(device),
            drop_last=drop_last,
            balanced=balanced,
            workers=workers,
            epochs=epochs,
        )

    def between(self, low: float, high: float) -> Dataset:
        """The same pictures, whose values go from ``low`` for black to ``high`` for white, whatever their mean is."""
        scale = 1 / (high - low)
        bounded = replace(self.preprocessing, mean=(-low * scale,), std=(scale,))
        return replace(self, preprocessing=bounded)

    def split_hash(self, split: str) -> str:
        """SHA-256 over identity and target of every sample, in no order: the same for all who have this split."""
        if split not in self._hashes:
            chosen = self.split(split)
            self._hashes[split] = hash_samples(
                (chosen.identity(i), self.spec.target_text(target)) for i, target in enumerate(chosen.targets.tolist())
            )
        return self._hashes[split]

    def contents(self, split: str) -> list[str]:
        """A digest of what each sample of a split holds, in order; made once."""
        chosen = self.split(split)
        kept = self._contents.get(split)
        if kept is None or kept[0] is not chosen:
            kept = self._contents[split] = (chosen, contents(chosen))
        return kept[1]

    def content_hash(self, split: str) -> str:
        """SHA-256 over identity and content of every sample, in no order: other pictures of the same names differ."""
        chosen = self.split(split)
        return hash_samples((chosen.identity(i), digest) for i, digest in enumerate(self.contents(split)))

    def holdout(self, fraction: float, seed: int = 0) -> Dataset:
        """Move a share of ``train`` to ``valid``, of each class where there are some; a group is moved whole, and so
        are equal samples.

        Raises: DataError when there is a ``valid`` already or nothing would be left.
        """
        if not 0 < fraction < 1:
            raise DataError(f"the share to hold out is {fraction}", "use a number between 0 and 1, such as 0.1")
        if "valid" in self.splits:
            raise DataError(f"{self.name} has a valid split already", "leave the held-out share at 0")
        train = self.split("train")
        names = [train.identity(i) for i in range(len(train))]
        fractions = {"train": 1 - fraction, "valid": fraction}
        copies = equal_samples(train)
        assigned = assign(names, strata(train.targets), train.groups, fractions, seed=seed, copies=copies)
        parts = {name: [i for i, where in enumerate(assigned) if where == name] for name in ("train", "valid")}
        for name, indices in parts.items():
            if not indices:
                raise DataError(
                    f"holding out {fraction:.0%} of {self.name} leaves nothing in {name}: {_few(train)}",
                    "to train without validation: --valid-fraction 0 --set keep=last"
                    if name == "valid"
                    else "take a smaller share",
                )
        splits: dict[str, Split] = {name: train.subset(indices) for name, indices in parts.items()}
        return replace(self, splits={**self.splits, **splits}, _hashes={})

    def describe(self) -> dict[str, Any]:
        """What ``data list`` and a run's README show; JSON-able."""
        return {
            "name": self.name,
            "source": self.source,
            "spec": self.spec.described(),
            "splits": {name: len(split) for name, split in self.splits.items()},
            "notes": list(self.notes),
            "warnings": list(self.warnings),
        }


def _few(train: Split) -> str:
    text = f"it has {len(train)} sample{'' if len(train) == 1 else 's'} to learn from"
    if not one_class_each(train.targets):
        return text
    return f"{text}, {max(train.targets.bincount().tolist(), default=0)} of a class at most"


def hash_samples(samples: Iterable[tuple[str, str]]) -> str:
    """SHA-256 over (identity, target or content) pairs, in no order."""
    lines = sorted(f"{identity}\t{label}" for identity, label in samples)
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
