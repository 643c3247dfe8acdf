"""How many processes a training has: those that a launcher started, or others that this one starts beside itself."""

from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
import sys

import torch

from profond.core.device import choose_device, usable_cores
from profond.core.errors import ConfigError, DeviceError
from profond.core.launcher import started
from profond.training.settings import Training


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
