"""The registered data sets; read from syntax trees, so that listing their names imports none of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from profond.core.registry import Registry

if TYPE_CHECKING:
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
