"""Runs by path, by name, or the last one."""

from __future__ import annotations

import contextlib
from pathlib import Path

from profond.core.errors import ConfigError, MissingError, suggest
from profond.core.run import Run, all_runs


def find_run(reference: str, out: Path | str = "runs", *, finished: bool = True) -> Run:
    """A run by its folder, its name below ``out``, or ``last``: the newest one, finished or (if asked) not.

    Raises: ConfigError, MissingError.
    """
    path = Path(reference).expanduser()
    if reference == "last" and not path.exists():
        others = []
        for run in reversed(all_runs(out)):
            with contextlib.suppress(ConfigError):  # a damaged run is not the one that was meant
                if (run.state.get("status") == "done") == finished:
                    return Run.open(run.path)
                others.append(run)
        if finished and others:
            help = f"`profond runs resume {others[0].path}` goes on with the newest unfinished one"
            raise MissingError(f"there is no finished run under {out}", help)
        if finished:
            raise MissingError(f"there is no finished run under {out}", "train one: profond train lenet5")
        raise MissingError(f"there is no unfinished run under {out}", "`profond runs list` shows all")
    if not path.exists() and (Path(out) / reference).is_dir():
        path = Path(out) / reference
    if not path.exists():
        names = [run.name for run in all_runs(out)]
        raise ConfigError(f"there is no run {reference}", suggest(reference, [*names, "last"]))
    return Run.open(path)
