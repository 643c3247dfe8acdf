"""How many processes a training has: those that a launcher started, or others that this one starts beside itself."""

from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from profond.core.device import choose_device, usable_cores
from profond.core.errors import ConfigError, DeviceError
from profond.training.settings import Training

_ADDRESS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Started:
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


def settled(training: Training, *, again: bool = False) -> Training:
    """The settings with as many devices and nodes as there will be.

    Args:
        again: for a run that goes on, which may have other processes than before.

    Raises: ConfigError where settings and launcher differ, or a training of several cannot be started from here;
        DeviceError for devices that are not here.
    """
    found = started()
    if found is not None:
        asked = training.devices * training.nodes
        if asked not in (1, found.size) and not again:
            raise ConfigError(
                f"{found.by} started {found.size} processes, and devices is {training.devices}, nodes {training.nodes}",
                f"leave devices and nodes out, or have {found.by} start {asked}",
            )
        training = dataclasses.replace(training, devices=found.here, nodes=found.nodes)
    elif training.nodes > 1:
        raise ConfigError(
            f"nodes is {training.nodes}, and this process was not told where the others are",
            "start one on each machine with torchrun or srun: docs/several_processes.md has the commands",
        )
    if training.devices > 1:
        _check_devices(training)
        if found is None and not _can_be_started_again():
            raise ConfigError(
                f"devices is {training.devices}, and a notebook or a prompt cannot start further processes of itself",
                "use devices=1 here; a script, or `profond train … --set devices=2`, can have several",
            )
    return training


def start_others(devices: int) -> list[subprocess.Popen[bytes]]:
    """The same command as this process's, once for each further device; this process is then the first of them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ |= {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(devices),
        "LOCAL_WORLD_SIZE": str(devices),
        "NODE_RANK": "0",
        "RANK": "0",
        "LOCAL_RANK": "0",
    }
    command = [sys.executable, *sys.orig_argv[1:]]
    return [
        subprocess.Popen(command, env={**os.environ, "RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(1, devices)
    ]


def _can_be_started_again() -> bool:
    """Whether the command that this process was started with would do the same once more."""
    interactive = hasattr(sys, "ps1") or "ipykernel" in sys.modules
    return not interactive and len(sys.orig_argv) > 1 and sys.orig_argv[-1] != "-"


def _check_devices(training: Training) -> None:
    device = choose_device(training.device)
    if device.type == "mps":
        raise DeviceError(
            f"devices is {training.devices}, and this machine has one GPU, which processes cannot share",
            "leave devices out, or use --device cpu",
        )
    here = torch.cuda.device_count() if device.type == "cuda" else usable_cores()
    if training.devices > here:
        kind = "GPU" if device.type == "cuda" else "processor core"
        raise DeviceError(
            f"{training.devices} processes were asked for on this machine, and it has {here} {kind}{'s' * (here != 1)}",
            f"use devices={here} or fewer",
        )


def _number(environment: Mapping[str, str], name: str) -> int:
    try:
        return int(environment[name])
    except (KeyError, ValueError):
        raise ConfigError(
            f"{name} is {environment.get(name)!r} in the environment, not a number",
            "the launcher sets it; unset it for a training in one process",
        ) from None
