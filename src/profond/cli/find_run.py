"""The run that a command is about; where it was called `last`, it is said which one that is."""

from __future__ import annotations

from pathlib import Path

from profond.cli.output import say
from profond.core import find_run as finding
from profond.core.run import Run, all_runs


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


def split_out(reference: str | None, runs: str | None, out: Path | None) -> tuple[str, Path | None]:
    """(folder of the runs, where the result goes) of a verb that has both --runs and --out.

    Verbs that write no file call the folder of the runs --out. So --out is that here too, where it is a folder in which
    RUN lies, and --runs is not given.
    """
    if runs is None and out is not None and reference is not None and not Path(reference).exists():
        named = all_runs(out) if reference == "last" else [out / reference] if (out / reference).is_dir() else []
        if named:
            return str(out), None
    return runs or "runs", out
