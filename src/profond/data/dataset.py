"""A data set: named splits of raw samples, and how they become a model's input."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from profond.core.errors import DataError, ImageError, UnknownName
from profond.core.spec import Spec
from profond.data.copies import equal_files, equal_rows
from profond.data.fingerprint import of_places, of_tensor
from profond.data.images.decoding import Opened, opening
from profond.data.images.view import View
from profond.data.locations import Place, Places
from profond.data.preprocessing import Preprocessing
from profond.data.splits import assign
from profond.data.targets import Targets, as_targets, strata

if TYPE_CHECKING:
    from profond.data.images.augment import Augment
    from profond.data.loader import Batches


class Split(Protocol):
    """Samples in a fixed order."""

    @property
    def targets(self) -> Targets:
        """The class of each sample, int64 (n); or its numbers, float32 (n) or (n, quantities)."""
        ...

    @property
    def groups(self) -> Sequence[str] | None:
        """What each sample belongs to and must not be separated from; None when each stands alone."""
        ...

    def __len__(self) -> int: ...

    def identity(self, index: int) -> str:
        """A name that is the same for everybody: a relative path, or ``train/17``."""
        ...

    def raw(self, index: int) -> Tensor:
        """One sample before normalisation: uint8 (c, h, w) for an image."""
        ...

    def subset(self, indices: Sequence[int]) -> Split:
        """Some of the samples, in the order given."""
        ...


class TensorSplit:
    """Samples that live in memory as one tensor.

    Args:
        samples: (n, …), uint8 for images and clips, float32 for signals.
        targets: (n,) whole numbers are classes; (n,) or (n, quantities) numbers with a point are quantities.
        names: one identity for each sample, or a prefix to which the position is added.
        groups: one group for each sample, or None.
        origin: what the samples were made from, such as their files; it says what they are, however they are prepared.
    """

    def __init__(
        self,
        samples: Tensor,
        targets: Tensor,
        names: Sequence[str] | str,
        groups: Sequence[str] | None = None,
        origin: Split | None = None,
    ) -> None:
        assert len(samples) == len(targets)
        assert origin is None or len(origin) == len(samples)
        assert isinstance(names, str) or len(names) == len(samples)
        self.samples = samples
        self.targets: Targets = as_targets(targets)
        self.groups = groups
        self.origin = origin
        self._names = names
        self._on_device: dict[tuple[str, int, tuple[int, ...] | None], Tensor] = {}

    def __len__(self) -> int:
        return len(self.samples)

    def identity(self, index: int) -> str:
        return f"{self._names}/{index}" if isinstance(self._names, str) else self._names[index]

    def raw(self, index: int) -> Tensor:
        return self.samples[index]

    def subset(self, indices: Sequence[int]) -> TensorSplit:
        chosen = torch.as_tensor(indices, dtype=torch.int64)
        return TensorSplit(
            self.samples[chosen],
            self.targets[chosen],
            [self.identity(int(i)) for i in chosen],
            None if self.groups is None else [self.groups[int(i)] for i in chosen],
            None if self.origin is None else self.origin.subset(indices),
        )

    def contents(self) -> list[str]:
        """A digest of each sample, of what it was made from."""
        return of_tensor(self.samples) if self.origin is None else contents(self.origin)

    def on_device(self, device: torch.device, border: int = 0, background: tuple[int, ...] | None = None) -> Tensor:
        """The samples on a device, with ``border`` pixels of the background around height and width.

        Made once and kept.
        """
        key = (str(device), border, background)
        if key not in self._on_device:
            samples = self.samples.to(device)
            self._on_device[key] = bordered(samples, border, background) if border else samples.contiguous()
        return self._on_device[key]


def bordered(samples: Tensor, border: int, background: tuple[int, ...] | None = None) -> Tensor:
    """(n, c, …, h, w) with pixels of the background, one value for each channel, on each side; None is black."""
    around = (border,) * 4
    if background is None or not any(background):
        return F.pad(samples, around)
    if len(set(background)) == 1:
        return F.pad(samples, around, value=background[0])
    planes = [F.pad(samples[:, i], around, value=value) for i, value in enumerate(background)]
    return torch.stack(planes, 1)


class FileSplit:
    """Samples that stay in their files and are decoded when they are needed.

    Args:
        places: where each sample lies: all of them files, or all of them members of archives.
        targets: as in `TensorSplit`.
        root: identities are paths relative to this folder.
        preprocessing: how a file becomes a uint8 (c, h, w) tensor.
        groups: one group for each sample, or None.
    """

    def __init__(
        self,
        places: Sequence[Place],
        targets: Tensor,
        root: Path,
        preprocessing: Preprocessing,
        groups: Sequence[str] | None = None,
    ) -> None:
        assert len(places) == len(targets)
        self.places = Places(places, root)
        self.targets: Targets = as_targets(targets)
        self.root = root
        self.preprocessing = preprocessing
        self.groups = groups

    def __len__(self) -> int:
        return len(self.places)

    def identity(self, index: int) -> str:
        return self.places.identity(index)

    def raw(self, index: int) -> Tensor:
        with self._open(index) as opened:
            return self.preprocessing.decode(opened.image)

    def look(self, index: int, view: View) -> Tensor:
        """One sample as a step of training wants it: uint8 (c, h, w) of another size, or a part of the picture.

        NOTE Where the part has four times the side that is wanted, or more, a JPEG is decoded at a quarter of its size:
        the same part of the picture, to the pixels of the smaller one, but a little sharper.
        """
        with self._open(index, view.shrink) as opened:
            return self.preprocessing.look(opened, view)

    @contextmanager
    def _open(self, index: int, shrink: Callable[[int, int], int] | None = None) -> Iterator[Opened]:
        try:
            with opening(self.places[index], shrink) as opened:
                yield opened
        except ImageError as error:
            help = "restore it, and go on; or start anew without it: --set data.unreadable=skip"
            raise ImageError(error.message, f"{help}; `profond data check DATA` looks at all of them") from None

    def contents(self) -> list[str]:
        """A digest of each sample's file."""
        return of_places(self.places)

    def subset(self, indices: Sequence[int]) -> FileSplit:
        chosen = [int(i) for i in indices]
        return FileSplit(
            [self.places[i] for i in chosen],
            self.targets[torch.tensor(chosen, dtype=torch.int64)],
            self.root,
            self.preprocessing,
            None if self.groups is None else [self.groups[i] for i in chosen],
        )


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
        workers: int | None = None,
        epochs: float | None = None,
    ) -> Batches:
        """Batches of one split: (inputs float32 normalised, targets as the split has them), both on ``device``.

        Args:
            split: ``train``, ``valid`` or ``test``.
            batch_size: samples in a batch, over all processes together.
            seed: decides order and augmentation.
            shuffle: a new order each epoch.
            augment: random changes to the inputs, or None.
            device: where the batches are wanted.
            drop_last: leave out a last batch that is not full.
            workers: processes that decode files; None chooses. Data in memory needs none.
            epochs: of the whole training, which an augmentation whose size changes needs to know.
        """
        from profond.data.loader import Batches

        return Batches(
            self.split(split),
            self.preprocessing,
            batch_size,
            num_classes=self.spec.num_classes,
            seed=seed,
            shuffle=shuffle,
            augment=augment,
            device=torch.device(device),
            drop_last=drop_last,
            workers=workers,
            epochs=epochs,
        )

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
        placed = assign(names, strata(train.targets), train.groups, fractions, seed=seed, copies=copies)
        parts = {name: [i for i, where in enumerate(placed) if where == name] for name in ("train", "valid")}
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
            "spec": self.spec.to_json(),
            "splits": {name: len(split) for name, split in self.splits.items()},
            "notes": list(self.notes),
            "warnings": list(self.warnings),
        }


def _few(train: Split) -> str:
    text = f"it has {len(train)} sample{'' if len(train) == 1 else 's'} to learn from"
    if train.targets.is_floating_point():
        return text
    return f"{text}, {max(train.targets.bincount().tolist(), default=0)} of a class at most"


def equal_samples(split: Split) -> list[list[int]]:
    """Sets of samples of a split that are equal, as indices: in memory or as files; of other splits none is known."""
    if isinstance(split, TensorSplit):
        return equal_rows(split.samples)
    return equal_files([split.places[i] for i in range(len(split))]) if isinstance(split, FileSplit) else []


def contents(split: Split) -> list[str]:
    """A digest of what each sample of a split holds; a kind of split that knows a cheaper one has a ``contents``."""
    own = getattr(split, "contents", None)
    if callable(own):
        made: list[str] = own()
        return made
    return [of_tensor(split.raw(index)[None])[0] for index in range(len(split))]


def hash_samples(samples: Iterable[tuple[str, str]]) -> str:
    """SHA-256 over (identity, target or content) pairs, in no order."""
    lines = sorted(f"{identity}\t{label}" for identity, label in samples)
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
