"""What is learned from: sources, splits, loaders, augmentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from profond.core.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

    from profond.data.dataset import Dataset

registry = Registry("data", "profond.data")


def register_data(
    name: str, /, *, splits: Mapping[str, int] | None = None
) -> Callable[[Callable[..., Dataset]], Callable[..., Dataset]]:
    """Make a function that returns a data set one that opens by its name; its parameters are its options.

    Args:
        name: what people type.
        splits: how many samples each split has as published, where that is known; the tests count them.
    """
    return registry.register(name, **({} if splits is None else {"splits": dict(splits)}))


def open_dataset(reference: str | Path, **options: Any) -> Dataset:
    """Open a registered data set, a folder of images or a CSV manifest; see ``profond.data.open``."""
    from profond.data import open as door  # not above: listing names must not import torch

    return door.open_dataset(reference, **options)
