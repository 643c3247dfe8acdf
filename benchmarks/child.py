"""One measurement in a fresh interpreter: ``python -m benchmarks.child MODULE FUNCTION JSON`` prints JSON."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.machine import CORES, ROOT, cores


def measure(
    module: str, function: str, *, preload: str | None = None, backend: str = "tensorflow", **settings: Any
) -> Any:
    """Call a function of one of these modules in an interpreter of its own, on two cores, with two threads.

    Args:
        preload: a shared library for the dynamic linker, such as another memory allocator.
        backend: of Keras.

    Raises: RuntimeError with what the child said, when it fails.
    """
    command = [sys.executable, "-m", "benchmarks.child", module, function, json.dumps(settings)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(preload, backend), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{module}.{function} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def environment(preload: str | None = None, backend: str = "tensorflow") -> Mapping[str, str]:
    """A child's environment: as many threads as cores, or fewer where OMP_NUM_THREADS says so."""
    threads = os.environ.get("OMP_NUM_THREADS") or str(len(cores()))
    settings = {
        **os.environ,
        "OMP_NUM_THREADS": threads,
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": threads,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
        "KERAS_BACKEND": backend,
    }
    return {**settings, "LD_PRELOAD": preload} if preload else settings


def tcmalloc() -> str | None:
    """Google's allocator where the system has it (Debian: libtcmalloc-minimal4)."""
    found = sorted(Path("/usr/lib").glob("*/libtcmalloc_minimal.so*"))
    return str(found[0]) if found else None


def main() -> None:
    module, function, settings = sys.argv[1:]
    os.sched_setaffinity(0, cores())
    assert len(os.sched_getaffinity(0)) <= CORES
    answer = getattr(importlib.import_module(f"benchmarks.{module}"), function)(**json.loads(settings))
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
