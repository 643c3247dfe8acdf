"""Freed tensors stay with the process, so that a step finds its memory ready."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

STEPS = """
import contextlib, resource, sys, torch
from profond.core.allocator import freed_memory_kept
def steps(size):
    for _ in range(6):
        layers = [torch.ones(size) for _ in range(4)]  # freed together as after a backward pass
        del layers
with freed_memory_kept() if sys.argv[1] == "kept" else contextlib.nullcontext() as kept:
    assert kept in (True, None)
    for mebibytes in (4, 40):
        steps(mebibytes * 2**18)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        steps(mebibytes * 2**18)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

AFTERWARDS = """
import torch
from profond.core.allocator import freed_memory_kept
def resident():
    for line in open("/proc/self/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
with freed_memory_kept():
    layers = [torch.ones(10 * 2**18) for _ in range(40)]
    last = torch.ones(2**10)  # lies behind them
    del layers
    held = resident()
print(held - resident())
"""


COMMAND_LINE = """
import resource, sys, torch, profond.cli
def steps():
    for _ in range(6):
        layers = [torch.ones(40 * 2**18) for _ in range(4)]
        del layers
def verb(arguments):
    torch.nn.functional.relu(torch.ones(4))
    from torch.utils.data import DataLoader, TensorDataset
    from profond.tasks.classify import Classify
    from profond.training import Training, fit
    data = DataLoader(TensorDataset(torch.ones(8, 4), torch.zeros(8).long()), 4)
    fit(torch.nn.Linear(4, 2), Classify(), data, Training(epochs=1))  # gives back nothing that others keep
    steps()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    steps()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    return 0
profond.cli.run = verb
if sys.argv[1] == "command line":
    profond.cli.main([])
else:
    verb([])
"""


def outcomes(program: str, *arguments: str) -> list[float]:
    # glibc moves its threshold as it goes, by chance too; fixed at its usual start, only being told can raise it.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(2**17)}
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return [float(line) for line in done.stdout.split()]


def outcome(program: str, *arguments: str) -> float:
    (found,) = outcomes(program, *arguments)
    return found


pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's malloc is told")


@pytest.mark.slow
def test_kept_memory_is_not_fetched_from_the_system_again() -> None:
    kept, as_it_is = outcomes(STEPS, "kept"), outcomes(STEPS, "as it is")
    assert len(kept) == len(as_it_is) == 2
    assert max(kept) < 100
    assert min(as_it_is) > 10_000  # 6 steps of 16 MiB in pages of 4 KiB are 24,000


@pytest.mark.slow
def test_in_the_end_it_goes_back_to_the_system() -> None:
    assert outcome(AFTERWARDS) > 300  # of 400 MiB


@pytest.mark.slow
def test_the_command_line_keeps_it_all_the_time_and_a_program_of_a_user_is_left_alone() -> None:
    assert outcome(COMMAND_LINE, "command line") < 100
    assert outcome(COMMAND_LINE, "library") > 10_000
