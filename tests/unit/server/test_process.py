"""`profond-serve` as a process: what it prints, how it ends, and clients that are slow."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest
import uvicorn

from profond.core.errors import UsageError
from profond.runtime.exported import ExportedFile
from profond.server.app import application
from profond.server.command import names_of
from profond.server.connection import Prompt
from profond.server.hosted import Offered
from profond.server.settings import Settings

COMMAND = [sys.executable, "-m", "profond.server.command"]


@contextmanager
def started(*words: str | Path, ready: bool = True) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its address."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, words), "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        while ready and not _answers(url):
            time.sleep(0.02)
        yield process, url
    finally:
        process.kill()
        process.communicate()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/v2/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def half(url: str, body: bytes) -> socket.socket:
    """A connection with a request of which half was sent."""
    port = int(url.rpartition(":")[2])
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    connection.sendall(head + body[: len(body) // 2])
    return connection


def test_told_to_stop_it_answers_what_is_under_way_refuses_what_is_new_and_ends_with_0(
    signs: Path, photo: bytes
) -> None:
    with started(signs, "--engine", "onnx") as (process, url), half(url, photo) as connection:
        httpx.get(f"{url}/v2/health/live")  # by then the half is there
        process.send_signal(signal.SIGTERM)
        with pytest.raises(httpx.TransportError):  # noqa: PT012
            while True:
                httpx.get(f"{url}/v2/health/live")
        assert process.poll() is None
        connection.sendall(photo[len(photo) // 2 :])
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b'"label"' in answer
        assert process.wait(20) == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--host", "0.0.0.0"], 2, "--token-file"),
        (["--name", "a", "--name", "b"], 2, "2 names for 1 models"),
        (["--token-file", os.devnull], 2, "is empty"),
        (["other.onnx"], 4, "other.onnx is not a file"),
    ],
)
def test_wrong_words_are_answered_in_words(signs: Path, words: list[str], code: int, said: str) -> None:
    done = subprocess.run([*COMMAND, str(signs), *words], capture_output=True, text=True)
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (code, True, False), done.stderr


def test_a_model_is_called_as_its_file_unless_it_is_named() -> None:
    assert names_of(["a", "b c"], []) == ["a", "b-c"]
    assert names_of(["a", "b"], ["first"]) == ["first", "b"]
    for defaults, given in ((["a", "a"], []), (["a"], ["x/y"]), (["a"], [""]), (["a"], ["x", "y"])):
        with pytest.raises(UsageError, match=r"name|called"):
            names_of(defaults, given)


@pytest.mark.slow
def test_several_processes_answer_as_one_and_count_together(signs: Path, photo: bytes) -> None:
    with started(signs, "--engine", "onnx", "--workers", "2") as (process, url):
        ready = 'profond_model_ready{model="signs"} 2.0'
        while ready not in httpx.get(f"{url}/metrics").text:
            time.sleep(0.05)
        answers = {httpx.post(f"{url}/predict", content=photo).text for _ in range(20)}
        assert len(answers) == 1
        count = 'profond_requests_total{model="signs",route="predict",status="200"} 20.0'
        assert count in httpx.get(f"{url}/metrics").text
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_slow_clients_are_left(signs: Path, photo: bytes) -> None:
    app = application([Offered("signs", lambda: ExportedFile(signs, "onnx", threads=1))], Settings(seconds=0.8))
    config = uvicorn.Config(app, log_config=None, lifespan="on", ws="none", http=partial(Prompt, 0.3))
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    while not _answers(url):
        time.sleep(0.01)
    with half(url, photo) as connection:  # a body that does not come
        assert b"".join(iter(lambda: connection.recv(1 << 16), b"")).startswith(b"HTTP/1.1 408 ")
    for start in (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\n"):
        with socket.create_connection(listening.getsockname(), timeout=10) as connection:
            connection.sendall(start)
            assert connection.recv(1) == b""
    with socket.create_connection(listening.getsockname(), timeout=10) as connection:
        head = b"GET / HTTP/1.1\r\n" + (b"a: " + b"x" * 1000 + b"\r\n") * 100_000  # without end
        with pytest.raises(OSError, match=r"reset|pipe"):
            connection.sendall(head)
    assert _answers(url)
    server.should_exit = True
    thread.join(20)
