"""Disks that are small, full or not to be written to."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """A small disk of its own at ``folder``; the test is skipped where mounting is not allowed."""
    folder.mkdir(exist_ok=True)
    if os.name == "nt" or os.geteuid() != 0:
        pytest.skip("needs a disk of its own: only root may mount one")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip(f"needs a disk of its own, and mount refused: {done.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
