"""What is wrong with a data set, or worth a note: one thing each, and all of them together."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from profond.core.spec import Quantity

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


@dataclass(frozen=True)
class Report:
    """All that is wrong with one data set, or worth a note.

    Args:
        name: what was checked.
        samples: how many there are.
        counts: samples by split and class; split ``""`` when there are none; of numbers, by split alone, as class
            ``""``.
        issues: worst first.
        root: items are relative to it; None for registered data.
        noun: what one sample is called.
        quantities: what is estimated; empty where there are classes.
        written: what is to be written of each sample, such as ``"captions"``; empty where nothing is.
    """

    name: str
    samples: int
    counts: dict[str, dict[str, int]]
    issues: tuple[Issue, ...]
    root: Path | None = None
    noun: str = "image"
    quantities: tuple[Quantity, ...] = ()
    written: str = ""

    @property
    def target(self) -> str:
        """What is learned, in words: ``3 classes``, the quantities, or what is to be written."""
        if self.written:
            return self.written
        if self.quantities:
            return f"to estimate {', '.join(map(str, self.quantities))}"
        names = {label for counts in self.counts.values() for label in counts if label}
        return f"{len(names)} classes" if names else "without classes"

    @property
    def usable(self) -> bool:
        return not any(issue.severity == "error" for issue in self.issues)

    def to_json(self) -> dict[str, Any]:
        issues = [
            {"kind": f.kind, "severity": f.severity, "message": f.message, "items": [list(i) for i in f.items]}
            for f in self.issues
        ]
        return {
            "name": self.name,
            "samples": self.samples,
            "counts": self.counts,
            **({"quantities": list(map(asdict, self.quantities))} if self.quantities else {}),
            "usable": self.usable,
            "findings": issues,
        }
