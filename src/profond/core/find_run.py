"""Runs by path, by name, or the last one."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from profond.core.errors import ConfigError, MissingError, suggest
from profond.core.run import Run, all_runs


def find_run(reference: str | Path, out: Path | str = "runs", *, finished: bool | None = True) -> Run:
    """A run by its folder, its name below ``out``, or ``last``: the newest one.

    Args:
        finished: which of them ``last`` may be: finished ones, or (False) unfinished ones, or (None) all.

    Raises: ConfigError, MissingError.
    """
    path = Path(reference).expanduser()
    if str(reference) == "last" and not os.path.lexists(path):
        return _last(out, finished)
    if not os.path.lexists(path) and os.path.lexists(Path(out) / path):
        path = Path(out) / path
    if not os.path.lexists(path):
        names = [run.name for run in all_runs(out)]
        raise ConfigError(f"there is no run {reference}", suggest(str(reference), [*names, "last"]))
    return Run.open(path)


def _last(out: Path | str, finished: bool | None) -> Run:
    others = []
    for run in reversed(all_runs(out)):
        with contextlib.suppress(ConfigError):  # a damaged run is not the one that was meant
            if finished is None or (run.state.get("status") == "done") == finished:
                return Run.open(run.path)
            others.append(run)
    if finished is False:
        raise MissingError(f"there is no unfinished run under {out}", "`profond runs list` shows all")
    if others:
        help = f"`profond runs resume {others[0].path}` goes on with the newest unfinished one"
        raise MissingError(f"there is no finished run under {out}", help)
    raise MissingError(
        f"there is no {'finished ' if finished else ''}run under {out}", "train one: profond train lenet5"
    )
