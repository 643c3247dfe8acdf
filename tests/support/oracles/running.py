"""Servers of the three known models as processes: ours, and others where they are installed.

An environment for each of the others, of its own, anywhere; the variable names its Python:

    python3.11 -m venv mlserver && mlserver/bin/pip install mlserver==1.7.1
    python3.11 -m venv kserve   && kserve/bin/pip install kserve==0.21.0
    export PROFOND_ORACLE_MLSERVER=$PWD/mlserver/bin/python PROFOND_ORACLE_KSERVE=$PWD/kserve/bin/python

`PROFOND_ORACLE_URL` is the address of any other server that has the three models already.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from support import known_models

HERE = Path(__file__).parent
SECONDS = 60.0
PORTS = {
    "sum": ({"left": "FP32", "right": "FP32"}, {"sum": "FP32", "difference": "FP32"}, 3),
    "words": ({"words": "BYTES"}, {"again": "BYTES"}, 2),
    "halves": ({"halves": "FP16"}, {"doubled": "FP16"}, 3),
}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


OTHERS = ("mlserver", "kserve", "url")


def variable(name: str) -> str:
    """In which the environment says where another server is."""
    return f"PROFOND_ORACLE_{name.upper()}"


def is_there(name: str) -> bool:
    return bool(os.environ.get(variable(name)))


@dataclass(frozen=True)
class Answering:
    """A server that is ready.

    Args:
        process: its; None for one that was there already.
    """

    url: str
    process: subprocess.Popen[bytes] | None = None

    def memory(self) -> int:
        """Bytes that it keeps in memory."""
        assert self.process is not None
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def url(folder: Path) -> Iterator[Answering]:
    yield Answering(os.environ[variable("url")].rstrip("/"))


@contextmanager
def ours(folder: Path) -> Iterator[Answering]:
    """`profond-serve` with the three exported files."""
    files = [str(path) for path in known_models.write(folder)]
    port = free_port()
    with process([sys.executable, "-m", "profond.server.command", *files, "--port", str(port)], folder, port) as one:
        yield one


@contextmanager
def mlserver(folder: Path) -> Iterator[Answering]:
    """MLServer with the three models in Python."""
    python = os.environ[variable("mlserver")]
    ports = [free_port() for _ in range(3)]
    for name, (inputs, outputs, width) in PORTS.items():
        (folder / name).mkdir()
        about = {
            "name": name,
            "implementation": f"in_mlserver.{name.title()}",
            "versions": ["1"],
            "parameters": {"version": "1"},
            "platform": "numpy",
            "inputs": [{"name": port, "datatype": kind, "shape": [-1, width]} for port, kind in inputs.items()],
            "outputs": [{"name": port, "datatype": kind, "shape": [-1, width]} for port, kind in outputs.items()],
        }
        (folder / name / "model-settings.json").write_text(json.dumps(about))
    settings = dict(zip(("http_port", "grpc_port", "metrics_port"), ports, strict=True))
    (folder / "settings.json").write_text(json.dumps({"host": "127.0.0.1", "parallel_workers": 0, **settings}))
    command = [str(Path(python).parent / "mlserver"), "start", str(folder)]
    with process(command, folder, ports[0], {"PYTHONPATH": str(HERE)}) as one:
        yield one


@contextmanager
def kserve(folder: Path) -> Iterator[Answering]:
    """KServe's server in Python, with the three models."""
    python = os.environ[variable("kserve")]
    port = free_port()
    with process([python, str(HERE / "in_kserve.py"), str(port)], folder, port) as one:
        yield one


@contextmanager
def process(
    command: Sequence[str], folder: Path, port: int, environment: Mapping[str, str] | None = None
) -> Iterator[Answering]:
    """A server, once it is ready; it ends with the block.

    Raises: AssertionError with what it said, where it ends before or is not ready in time.
    """
    said = folder / "said.txt"
    with said.open("wb") as stream:
        child = subprocess.Popen(
            command, cwd=folder, stdout=stream, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
        )
    one = Answering(f"http://127.0.0.1:{port}", child)
    try:
        until = time.monotonic() + SECONDS
        while not is_ready(one.url):
            assert child.poll() is None, said.read_text()[-3000:]
            assert time.monotonic() < until, said.read_text()[-3000:]
            time.sleep(0.05)
        yield one
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/v2/health/ready", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
