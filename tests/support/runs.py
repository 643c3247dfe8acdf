"""Runs of the command line that are stopped and continued."""

from __future__ import annotations

import atexit
import contextlib
import json
import multiprocessing
import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # as the command line does before torch is imported

# A server imports what every training needs once, and each command is a fork of it: a process of its own, that is
# stopped and killed as any other, without five seconds of imports.
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    ["profond.experiments.train", "profond.cli.train", "profond.cli.runs", "lightning_fabric", "torchmetrics"]
)
_FOLDER = tempfile.mkdtemp()
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)


class Command:
    """The command line in a process of its own, with one thread; the calls are those of `subprocess.Popen`."""

    def __init__(self, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        folder = tempfile.mkdtemp(dir=_FOLDER)
        self._files = [str(Path(folder, name)) for name in ("output", "errors")]
        self._process = _SERVER.Process(target=_profond, args=(arguments, dict(environment or {}), *self._files))
        self._process.start()
        atexit.register(self._end)

    def _end(self) -> None:
        if self._process.exitcode is None:
            self._process.kill()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):  # it may just have ended
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("profond", timeout or 0)
        return self._process.exitcode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        self.wait(timeout)
        output, errors = (Path(file).read_text() if Path(file).exists() else "" for file in self._files)
        return output, errors


def profond(*arguments: str, environment: Mapping[str, str] | None = None) -> Command:
    return Command(*arguments, environment=environment)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def two(*arguments: str) -> list[Command]:
    """The same command in two processes of one training, as a launcher would start them; the first leads."""
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    sizes = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    return [
        profond(*arguments, environment={**address, **sizes, "RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(2)
    ]


def _profond(arguments: tuple[str, ...], environment: dict[str, str], *files: str) -> None:
    """What the fork does."""
    os.environ |= environment
    multiprocessing.set_start_method("fork", force=True)  # for its own workers, as it has on Linux without a server
    os.environ["OMP_NUM_THREADS"] = "1"
    for number, file in zip((1, 2), files, strict=True):
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, number)
        os.close(handle)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
    sys.argv = ["profond", *arguments]
    try:
        runpy.run_module("profond", run_name="__main__")
    finally:
        atexit._run_exitfuncs()  # a fork of a server ends without
        sys.stdout.flush()
        sys.stderr.flush()


def only_run(out: Path) -> Path | None:
    runs = [path for path in out.glob("*") if not path.name.startswith(".")] if out.exists() else []
    return runs[0] if runs else None


def begun(process: Command, out: Path) -> Path:
    """Waits for the run's folder."""
    while (run := only_run(out)) is None:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.002)
    return run


def finished(process: Command) -> None:
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors


def outcome(run: Path) -> tuple[dict[str, bytes], list[dict[str, Any]], Any]:
    """Weights, metrics and evaluation, without what a clock decides."""
    weights = {name: array.tobytes() for name, array in load_file(run / "model.safetensors").items()}
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        del line["seconds"]
    return weights, lines, json.loads((run / "evaluation.json").read_text())["metrics"]


def digit_pictures(folder: Path, count: int) -> Path:
    """Real digits as a folder of PNG files."""
    from PIL import Image

    from profond.data.open import open_dataset

    split = open_dataset("mnist").splits["test"]
    for index in range(count):
        label = int(split.targets[index])
        (folder / str(label)).mkdir(exist_ok=True)
        Image.fromarray(split.raw(index)[0].numpy()).save(folder / str(label) / f"{index:04}.png")
    return folder
