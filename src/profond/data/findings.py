"""What was found in a data set that was looked at: one kind of problem each, and all of them together."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from profond.core.spec import Quantity

Severity = Literal["error", "warning", "note"]
SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
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
    """All findings on one data set.

    Args:
        name: what was checked.
        samples: how many there are.
        counts: samples by split and class; split ``""`` when there are none;
            of numbers, by split alone, as class ``""``.
        findings: worst first.
        root: items are relative to it; None for registered data.
        noun: what one sample is called.
        quantities: what is estimated; empty where there are classes.
    """

    name: str
    samples: int
    counts: dict[str, dict[str, int]]
    findings: tuple[Finding, ...]
    root: Path | None = None
    noun: str = "image"
    quantities: tuple[Quantity, ...] = ()

    @property
    def target(self) -> str:
        """What is learned, in words: ``3 classes``, or the quantities."""
        if self.quantities:
            return f"to estimate {', '.join(map(str, self.quantities))}"
        return f"{len({label for counts in self.counts.values() for label in counts})} classes"

    @property
    def usable(self) -> bool:
        return not any(finding.severity == "error" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        findings = [
            {"kind": f.kind, "severity": f.severity, "message": f.message, "items": [list(i) for i in f.items]}
            for f in self.findings
        ]
        return {
            "name": self.name,
            "samples": self.samples,
            "counts": self.counts,
            **({"quantities": list(map(asdict, self.quantities))} if self.quantities else {}),
            "usable": self.usable,
            "findings": findings,
        }
