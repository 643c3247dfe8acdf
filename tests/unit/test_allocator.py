"""Freed tensors stay with the process, so that a step finds its memory ready."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

STEPS = """
import resource, sys, torch
from profond.training.allocator import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
def steps():
    for _ in range(50):
        layers = [torch.ones(2**18) for _ in range(16)]  # of 1 MiB each, freed together as after a backward pass
        del layers
steps()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
steps()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's malloc is told")
def test_kept_memory_is_not_fetched_from_the_system_again() -> None:
    def faults(how: str) -> int:
        # glibc moves its threshold as it goes, by chance too; fixed at its usual start, only being told can raise it.
        environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(2**17)}
        command = [sys.executable, "-c", STEPS, how]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        return int(done.stdout)

    assert faults("kept") < 100
    assert faults("as it is") > 10_000  # 50 steps of 16 MiB in pages of 4 KiB are 200,000
