"""Progress for people: a bar on a terminal, one plain line elsewhere, nothing when PROFOND_QUIET is set."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any, TypeVar

Item = TypeVar("Item")


def announce(text: str) -> None:
    """One line to standard error."""
    if not os.environ.get("PROFOND_QUIET"):
        print(text, file=sys.stderr, flush=True)


def bar(total: int | None, label: str, *, unit: str = "B") -> Any:
    """A tqdm bar to be updated by hand; silent without a terminal."""
    from tqdm import tqdm

    hidden = not sys.stderr.isatty() or bool(os.environ.get("PROFOND_QUIET"))
    return tqdm(total=total, desc=label, unit=unit, unit_scale=unit == "B", disable=hidden, leave=False)


def track(items: Iterable[Item], total: int, label: str, *, unit: str = " files") -> Iterable[Item]:
    """The items, with a bar beside them."""
    with bar(total, label, unit=unit) as shown:
        for item in items:
            yield item
            shown.update()
