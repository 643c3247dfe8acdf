"""One thing that is wrong with a data set, or worth a note."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Issue:
    """One kind of problem.

    Args:
        kind: a word for programs: ``unreadable``, ``leak``, ``duplicate`` …
        severity: ``error`` makes the data unusable or the score worthless.
        message: one line for people.
        items: the samples concerned; a list of several when they belong together, such as duplicates.
    """

    kind: str
    severity: Severity
    message: str
    items: tuple[tuple[str, ...], ...] = ()
