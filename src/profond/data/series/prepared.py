"""A file with a series becomes a sample."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from profond.data.preprocessing import Preprocessing
from profond.data.series.read import read_recording


def prepared(path: Path, preprocessing: Preprocessing, notes: list[str] | None = None) -> Tensor:
    """A file as raw sample float32 (c, t). Raises: DataError."""
    preparation = preprocessing.series
    assert preparation is not None
    found = read_recording(path, preparation.decimal, preparation.missing)
    if notes is not None:
        notes += found.notes
    return torch.from_numpy(preparation.fitted(preparation.signal(found, notes), preprocessing.mean))
