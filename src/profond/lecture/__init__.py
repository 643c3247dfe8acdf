"""The lecture, item by item, each as an experiment with its stated result."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from profond.core.registry import Registry

if TYPE_CHECKING:
    from profond.lecture.outcome import Item

registry = Registry("item", "profond.lecture")


def register_item(name: str, /, *, try_it: str, takes_image: bool = False) -> Callable[[Item], Item]:
    """Make a function from options to an outcome an item of the lecture.

    Args:
        name: such as ``"L16"``; the catalogue has its words in each language, ``catalogue/en/L16.json`` and the like.
        try_it: a command line that lets a reader look closer.
        takes_image: whether it can look at a picture of one's own, ``--image``.
    """
    return registry.register(name, try_it=try_it, takes_image=takes_image)
