"""Runs of the command line that are stopped and continued."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file


def profond(*arguments: str) -> subprocess.Popen[str]:
    """The command line in a process of its own, with one thread."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "profond", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def only_run(out: Path) -> Path | None:
    runs = [path for path in out.glob("*") if not path.name.startswith(".")] if out.exists() else []
    return runs[0] if runs else None


def begun(process: subprocess.Popen[str], out: Path) -> Path:
    """Waits for the run's folder."""
    while (run := only_run(out)) is None:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.002)
    return run


def finished(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors


def outcome(run: Path) -> tuple[dict[str, bytes], list[dict[str, Any]], Any]:
    """Weights, metrics and evaluation, without what a clock decides."""
    weights = {name: array.tobytes() for name, array in load_file(run / "model.safetensors").items()}
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        del line["seconds"]
    return weights, lines, json.loads((run / "evaluation.json").read_text())["metrics"]
