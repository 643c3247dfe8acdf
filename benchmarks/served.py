"""Servers as processes to be measured, and exported networks for them to serve."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.child import environment
from benchmarks.machine import ROOT, cores

SECONDS = 60.0


def exported(folder: Path, model: str, side: int, classes: int) -> Path:
    """A network of random weights as ONNX, through the command line: how fast it is does not depend on its weights."""
    data = folder / f"{model}_data"
    noise = np.random.default_rng(0)
    for number in range(classes):
        (data / f"class_{number}").mkdir(parents=True)
        for turn in range(3):
            pixels = noise.integers(0, 256, (side, side, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(data / f"class_{number}" / f"{turn}.png")
    runs, file = folder / f"{model}_runs", folder / f"{model}.onnx"
    _profond("train", "--model", model, "--data", str(data), "--steps", "1", "--out", str(runs), "--quiet")
    _profond("export", "last", "--runs", str(runs), "--out", str(file), "--quiet")
    return file


def photos(folder: Path, side: int, count: int = 32, kind: str = "jpg") -> list[str]:
    """Files of pictures about as large as given, none like another, that pack as photos do."""
    found, noise = [], np.random.default_rng(1)
    for number in range(count):
        width, height = (int(side * scale) for scale in noise.uniform(0.8, 1.4, 2))
        coarse = noise.integers(0, 256, (max(2, height // 16), max(2, width // 16), 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        found.append(str(folder / f"{side}_{number}.{kind}"))
        image.save(found[-1], quality=85) if kind == "jpg" else image.save(found[-1])
    return found


def tensors(folder: Path, name: str, values: np.ndarray) -> tuple[str, str]:
    """(file of a request with one binary tensor, the header that it needs)."""
    tensor = {
        "name": name,
        "shape": list(values.shape),
        "datatype": "UINT8",
        "parameters": {"binary_data_size": values.nbytes},
    }
    said = {"inputs": [tensor], "parameters": {"binary_data_output": True}}
    head = json.dumps(said).encode()
    path = folder / f"{name}_{'x'.join(map(str, values.shape))}.bin"
    path.write_bytes(head + values.tobytes())
    return str(path), f"Inference-Header-Content-Length: {len(head)}"


@contextmanager
def serving(command: Sequence[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A server on the two cores, ready; it is told to stop at the end. Raises: RuntimeError where it does not start."""
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, cores()),
    )
    try:
        until = time.monotonic() + SECONDS
        while not answers(port, "/v2/health/ready"):
            if child.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"it did not start: {' '.join(command)}")
            time.sleep(0.01)
        yield child
    finally:
        child.terminate()
        child.wait(40)


def ours(file: Path, port: int) -> list[str]:
    """The command of a server without PyTorch."""
    return [sys.executable, "-m", "profond.server.command", str(file), "--port", str(port), "--quiet"]


def bare(port: int) -> list[str]:
    return [sys.executable, "-c", f"from benchmarks.serving_peers import bare; bare({port})"]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def answers(port: int, path: str, body: bytes | None = None) -> bool:
    """Whether a request is answered by 200, on a connection of its own."""
    verb = "GET" if body is None else "POST"
    head = (
        f"{verb} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body or b'')}\r\n\r\n"
    )
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
            connection.sendall(head.encode() + (body or b""))
            return connection.recv(64).split(b" ", 2)[1] == b"200"
    except (OSError, IndexError):
        return False


def _profond(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "profond", *arguments],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"profond {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
