"""The run that a command is about; where it was called `last`, it is said which one that is."""

from __future__ import annotations

from pathlib import Path

from profond.cli.output import say
from profond.core import find_run as finding
from profond.core.run import Run


def find_run(
    reference: str,
    out: Path | str = "runs",
    *,
    finished: bool | None = True,
    kind: str | None = finding.TRAINED,
    quiet: bool = False,
) -> Run:
    """As `profond.core.find_run.find_run`. Raises: ConfigError, MissingError."""
    run = finding.find_run(reference, out, finished=finished, kind=kind)
    if reference == "last" and run.name != "last":
        say(f"last is {run.path}", quiet)
    return run
