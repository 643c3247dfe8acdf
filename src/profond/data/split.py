"""Samples in a fixed order: in memory as one tensor, or in files that are read when they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from profond.core.errors import ImageError
from profond.data.copies import equal_digests, equal_files, equal_rows
from profond.data.fingerprint import of_locations, of_tensor
from profond.data.images.decoding import Opened, Region, opening
from profond.data.images.view import View
from profond.data.locations import Location, Locations
from profond.data.preprocessing import Preprocessing
from profond.data.series.prepared import prepared
from profond.data.targets import Targets, as_targets
from profond.data.text.texts import Texts


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
        marks: what else is known, by name: of each step, such as ``"hidden"``, bool (n, t), and how these are labelled
            is measured apart; of each sample, such as the ``"mode"`` that it was drawn from, int64 (n).
    """

    def __init__(
        self,
        samples: Tensor,
        targets: Tensor,
        names: Sequence[str] | str,
        groups: Sequence[str] | None = None,
        origin: Split | None = None,
        marks: Mapping[str, Tensor] | None = None,
    ) -> None:
        assert len(samples) == len(targets)
        assert origin is None or len(origin) == len(samples)
        assert isinstance(names, str) or len(names) == len(samples)
        self.samples = samples
        self.targets: Targets = as_targets(targets)
        self.groups = groups
        self.origin = origin
        self.marks: Mapping[str, Tensor] = dict(marks or {})
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
            {name: marked[chosen] for name, marked in self.marks.items()},
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
    """Pictures or series that stay in their files and are read when they are needed.

    Args:
        locations: where each sample lies: all of them files, or all of them members of archives.
        targets: as in `TensorSplit`.
        root: identities are paths relative to this folder.
        preprocessing: how a file becomes a tensor, of a picture uint8 (c, h, w), of a series float32 (c, t).
        groups: one group for each sample, or None.
        regions: the part of each picture that is used: left, top, right, bottom; None is all of it.
    """

    def __init__(
        self,
        locations: Sequence[Location],
        targets: Tensor,
        root: Path,
        preprocessing: Preprocessing,
        groups: Sequence[str] | None = None,
        regions: Sequence[Region] | None = None,
    ) -> None:
        assert len(locations) == len(targets)
        assert regions is None or len(regions) == len(targets)
        self.locations = Locations(locations, root)
        self.targets: Targets = as_targets(targets)
        self.root = root
        self.preprocessing = preprocessing
        self.groups = groups
        self.regions = regions

    def __len__(self) -> int:
        return len(self.locations)

    def identity(self, index: int) -> str:
        return self.locations.identity(index)

    def raw(self, index: int) -> Tensor:
        if self.preprocessing.takes == "series":
            location = self.locations[index]
            assert isinstance(location, Path), "what archives hold are pictures"
            return prepared(location, self.preprocessing)
        with self._open(index) as opened:
            return self.preprocessing.decode(opened.image)

    def decode_view(self, index: int, view: View) -> Tensor:
        """One sample as a step of training wants it: uint8 (c, h, w) of another size, or a part of the picture.

        NOTE Where the part has four times the side that is wanted, or more, a JPEG is decoded at a quarter of its size:
        the same part of the picture, to the pixels of the smaller one, but a little sharper.
        """
        with self._open(index, view.shrink) as opened:
            return self.preprocessing.decode_view(opened, view)

    @contextmanager
    def _open(self, index: int, shrink: Callable[[int, int], int] | None = None) -> Iterator[Opened]:
        region = None if self.regions is None else self.regions[index]
        try:
            with opening(self.locations[index], shrink if region is None else None) as opened:
                yield opened if region is None else opened.cropped(region)
        except ImageError as error:
            help = "restore it, and go on; or start anew without it: --set data.unreadable=skip"
            raise ImageError(error.message, f"{help}; `profond data check DATA` looks at all of them") from None

    def contents(self) -> list[str]:
        """A digest of each sample's file."""
        return of_locations(self.locations)

    def subset(self, indices: Sequence[int]) -> FileSplit:
        chosen = [int(i) for i in indices]
        return FileSplit(
            [self.locations[i] for i in chosen],
            self.targets[torch.tensor(chosen, dtype=torch.int64)],
            self.root,
            self.preprocessing,
            None if self.groups is None else [self.groups[i] for i in chosen],
            None if self.regions is None else [self.regions[i] for i in chosen],
        )


class ChangedSplit:
    """Samples that are changed when they are needed; all else is as in another split.

    Args:
        split: raw samples.
        change: from a raw sample and its identity to what stands in its place; workers get it, so it can be pickled.
    """

    def __init__(self, split: Split, change: Callable[[Tensor, str], Tensor]) -> None:
        self.split, self.change = split, change
        self.targets = split.targets
        self.groups = split.groups

    def __len__(self) -> int:
        return len(self.split)

    def identity(self, index: int) -> str:
        return self.split.identity(index)

    def raw(self, index: int) -> Tensor:
        return self.change(self.split.raw(index), self.identity(index))

    def contents(self) -> list[str]:
        """A digest of each sample as it was before."""
        return contents(self.split)

    def subset(self, indices: Sequence[int]) -> ChangedSplit:
        return ChangedSplit(self.split.subset(indices), self.change)


def equal_samples(split: Split) -> list[list[int]]:
    """Sets of samples of a split that are equal, as indices: in memory or as files; of other splits none is known.

    A kind of split whose samples stay in files has them as ``locations``.
    """
    if isinstance(split, TensorSplit):
        return equal_digests(split.contents()) if isinstance(split.origin, Texts) else equal_rows(split.samples)
    locations = getattr(split, "locations", None)
    return equal_files([locations[i] for i in range(len(split))]) if isinstance(locations, Locations) else []


def contents(split: Split) -> list[str]:
    """A digest of what each sample of a split holds; a kind of split that knows a cheaper one has a ``contents``."""
    own = getattr(split, "contents", None)
    if callable(own):
        made: list[str] = own()
        return made
    return [of_tensor(split.raw(index)[None])[0] for index in range(len(split))]
