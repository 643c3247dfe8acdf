"""What is learned from: sources, splits, loaders, augmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from profond.data.registered import register_data, registry

if TYPE_CHECKING:
    from pathlib import Path

    from profond.data.dataset import Dataset

__all__ = ["open_dataset", "register_data", "registry"]


def open_dataset(reference: str | Path, **options: Any) -> Dataset:
    """Open a registered data set, a folder of images or a CSV manifest; see ``profond.data.open``."""
    from profond.data import open as opener  # not above: listing names must not import torch

    return opener.open_dataset(reference, **options)
