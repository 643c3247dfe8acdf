"""What a launcher, such as torchrun or srun, says of the processes that it has started."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from profond.core.errors import ConfigError

_ADDRESS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


# NOTE `profond --help` waits for what is imported here: no dataclasses.
class Started(NamedTuple):
    """What a launcher says of the processes that it started.

    Args:
        by: its name, for people.
        rank: of this process among all of them.
        size: how many there are.
        here: how many of them are on this machine.
    """

    by: str
    rank: int
    size: int
    here: int

    @property
    def nodes(self) -> int:
        return self.size // self.here


def started() -> Started | None:
    """What torchrun, or whoever sets its variables, or SLURM's srun has started; None for a process of its own.

    Raises: ConfigError for variables that contradict each other.
    """
    environment = os.environ
    if all(name in environment for name in _ADDRESS):
        by = "torchrun" if "TORCHELASTIC_RUN_ID" in environment else "the launcher"
        size = _number(environment, "WORLD_SIZE")
        here = _number(environment, "LOCAL_WORLD_SIZE") if "LOCAL_WORLD_SIZE" in environment else size
        found = Started(by, _number(environment, "RANK"), size, here)
    elif "SLURM_NTASKS" in environment and environment.get("SLURM_JOB_NAME") not in ("bash", "interactive"):
        size = _number(environment, "SLURM_NTASKS")
        if size > 1 and "SLURM_NTASKS_PER_NODE" not in environment:
            raise ConfigError(
                f"SLURM's job has {size} tasks, and does not say how many are on each node",
                f"ask for them by node: --ntasks-per-node={size} in the place of --ntasks={size}",
            )
        if size > 1 and "SLURM_STEP_ID" not in environment:
            raise ConfigError(
                f"SLURM's job has {size} tasks, and this command was not started by srun", "put srun before it"
            )
        here = _number(environment, "SLURM_NTASKS_PER_NODE") if size > 1 else 1
        found = Started("srun", _number(environment, "SLURM_PROCID") if size > 1 else 0, size, here)
    else:
        return None
    if not (0 <= found.rank < found.size and 1 <= found.here <= found.size and found.size % found.here == 0):
        raise ConfigError(
            f"{found.by} counts {found.size} processes, {found.here} on this machine, and calls this one {found.rank}",
            "start as many on each machine",
        )
    return found if found.size > 1 else None


def leading() -> bool:
    """Whether this process is the only one, or the first of those that were started."""
    found = started()
    return found is None or found.rank == 0


def _number(environment: Mapping[str, str], name: str) -> int:
    try:
        return int(environment[name])
    except (KeyError, ValueError):
        raise ConfigError(
            f"{name} is {environment.get(name)!r} in the environment, not a number",
            "the launcher sets it; unset it for a training in one process",
        ) from None
