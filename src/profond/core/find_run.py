"""Runs by path, by name, or the last one."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from profond.core.errors import ConfigError, MissingError, suggest
from profond.core.run import Run, all_runs

TRAINED = "training"
"""The kind of a run that says none: one that was trained. Another kind says its name in ``run.json``."""


def find_run(
    reference: str | Path, out: Path | str = "runs", *, finished: bool | None = True, kind: str | None = TRAINED
) -> Run:
    """A run by its folder, its name below ``out``, or ``last``: the newest one.

    Args:
        finished: which of them ``last`` may be: finished ones, or (False) unfinished ones, or (None) all.
        kind: of run; None for any.

    Raises: ConfigError, also for a run of another kind; MissingError.
    """
    path = Path(reference).expanduser()
    if str(reference) == "last" and not os.path.lexists(path):
        return _last(out, finished, kind)
    if not os.path.lexists(path) and os.path.lexists(Path(out) / path):
        path = Path(out) / path
    if not os.path.lexists(path):
        names = [run.name for run in all_runs(out)]
        raise ConfigError(f"there is no run {reference}", suggest(str(reference), [*names, "last"]))
    run = Run.open(path)
    if kind is not None and (own := kind_of(run)) != kind:
        help = "`profond forecast TABLE --from RUN` uses a forecast" if own == "forecast" else "name another run"
        raise ConfigError(f"{run.path} is a run of the kind {own!r}, and one of {kind!r} is needed", help)
    return run


def kind_of(run: Run) -> str:
    """What a run is of. Raises: ConfigError when it is damaged."""
    return str(run.state.get("kind") or TRAINED)


def _last(out: Path | str, finished: bool | None, kind: str | None) -> Run:
    others = []
    for run in reversed(all_runs(out)):
        with contextlib.suppress(ConfigError):  # a damaged run is not the one that was meant
            if kind is not None and kind_of(run) != kind:
                continue
            if finished is None or (run.state.get("status") == "done") == finished:
                return Run.open(run.path)
            others.append(run)
    if finished is False:
        raise MissingError(f"there is no unfinished run under {out}", "`profond runs list` shows all")
    if others:
        help = f"`profond runs resume {others[0].path}` goes on with the newest unfinished one"
        raise MissingError(f"there is no finished run under {out}", help)
    wanted = "" if kind in (None, TRAINED) else f" of the kind {kind!r}"
    first = "profond forecast TABLE --horizon N" if kind == "forecast" else "train one: profond train lenet5"
    raise MissingError(f"there is no {'finished ' if finished else ''}run{wanted} under {out}", first)
