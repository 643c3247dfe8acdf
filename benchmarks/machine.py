"""Where a number was measured, without which it says nothing."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from profond.core import processor

CORES = 2
ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("torch", "lightning-fabric", "numpy", "tensorflow-cpu", "keras", "jax")


def cores() -> list[int]:
    """The processors that everything here is bound to."""
    return sorted(os.sched_getaffinity(0))[:CORES]


def description() -> str:
    """Date, machine, versions and commit, as lines of Markdown."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    bf16 = f"bf16 by {found}" if (found := processor.bf16().instructions) else "no bf16"
    lines = [
        f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {_commit()}",
        f"- {processor.processor_name()}, {len(cores())} cores used, {bf16}, {memory:.0f} GiB",
        f"- {platform.system()} {platform.release()}, Python {platform.python_version()}, "
        + ", ".join(f"{name} {found}" for name in PACKAGES if (found := _version(name))),
        f"- load of the machine when it began: {os.getloadavg()[0]:.2f}",
    ]
    return "\n".join(lines)


def has_bf16() -> bool:
    return processor.bf16().instructions is not None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _commit() -> str:
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or "unknown"
