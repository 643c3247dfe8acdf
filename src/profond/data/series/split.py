"""Series that stay in their files, and how one of them becomes a sample."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from profond.data.fingerprint import of_locations
from profond.data.locations import Locations
from profond.data.preprocessing import Preprocessing
from profond.data.series.read import read_recording
from profond.data.targets import Targets, as_targets


class SeriesSplit:
    """Series that stay in their files and are read when they are needed.

    Args:
        paths: of the files.
        targets: as in `TensorSplit`.
        root: identities are paths relative to this folder.
        preprocessing: how a file becomes float32 (c, t).
        groups: one group for each, or None.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        targets: Tensor,
        root: Path,
        preprocessing: Preprocessing,
        groups: Sequence[str] | None = None,
    ) -> None:
        self.locations = Locations(paths, root)
        self.targets: Targets = as_targets(targets)
        self.root = root
        self.preprocessing = preprocessing
        self.groups = groups

    def __len__(self) -> int:
        return len(self.locations)

    def identity(self, index: int) -> str:
        return self.locations.identity(index)

    def raw(self, index: int) -> Tensor:
        return prepared(self._path(index), self.preprocessing)

    def contents(self) -> list[str]:
        """A digest of each sample's file."""
        return of_locations(self.locations)

    def subset(self, indices: Sequence[int]) -> SeriesSplit:
        chosen = [int(i) for i in indices]
        return SeriesSplit(
            [self._path(i) for i in chosen],
            self.targets[torch.tensor(chosen, dtype=torch.int64)],
            self.root,
            self.preprocessing,
            None if self.groups is None else [self.groups[i] for i in chosen],
        )

    def _path(self, index: int) -> Path:
        path = self.locations[index]
        assert isinstance(path, Path)
        return path


def prepared(path: Path, preprocessing: Preprocessing, notes: list[str] | None = None) -> Tensor:
    """A file as raw sample float32 (c, t). Raises: DataError."""
    preparation = preprocessing.series
    assert preparation is not None
    found = read_recording(path, preparation.decimal, preparation.missing)
    if notes is not None:
        notes += found.notes
    return preparation.fitted(preparation.signal(found, notes), preprocessing.mean)
