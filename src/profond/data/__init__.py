"""What is learned from: sources, splits, loaders, augmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from profond.core.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

    from profond.data.dataset import Dataset

registry = Registry("data", "profond.data")
register_data = registry.register


def open_dataset(reference: str | Path, **options: Any) -> Dataset:
    """Open a registered data set, a folder of images or a CSV manifest; see ``profond.data.open``."""
    from profond.data import open as door  # not above: listing names must not import torch

    return door.open_dataset(reference, **options)
