"""An exported file asked over HTTP, as any other program would: the server is a process of its own."""

from __future__ import annotations

import http.client
import io
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from profond.core.errors import ProfondError
from profond.data.images.adapt import to_image

_PATIENCE = 60.0
"""Seconds that the server may take to start, and an answer to come."""


def answers_over_http(file: Path, pictures: Iterable[Tensor]) -> tuple[list[dict[str, Any]], list[float]]:
    """What an exported file says of each picture, and the seconds that each answer took.

    Args:
        file: exported, of pictures.
        pictures: uint8 (c, h, w); each is sent as PNG.

    Raises: ProfondError where the server does not start, or does not answer.
    """
    answers, seconds = [], []
    with _server(file) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
        try:
            for picture in pictures:
                content = io.BytesIO()
                to_image(picture).save(content, "PNG")
                began = time.perf_counter()
                connection.request("POST", "/predict", content.getvalue(), {"Content-Type": "image/png"})
                response = connection.getresponse()
                said = json.loads(response.read())
                seconds.append(time.perf_counter() - began)
                if response.status != 200:
                    raise ProfondError(f"the server answered {response.status}: {said.get('error')}")
                answers.append(said)
        finally:
            connection.close()
    return answers, seconds


@contextmanager
def _server(file: Path) -> Iterator[int]:
    """A process that serves the file; its port."""
    command = [sys.executable, "-P", "-m", "profond.server.command", str(file), "--port", "0", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        assert server.stdout is not None
        try:
            said = []
            for line in server.stdout:
                said.append(line.strip())
                if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                    _wait_for(int(found[1]))
                    yield int(found[1])
                    break
            else:
                raise ProfondError(f"the server did not start: {' '.join(said[-3:])}")
        finally:
            server.terminate()
            server.communicate(timeout=_PATIENCE)


def _wait_for(port: int) -> None:
    """Until the server is ready: it answers while it still reads the file. Raises: ProfondError."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
        try:
            connection.request("GET", "/v2/health/ready")
            if connection.getresponse().status == 200:
                return
        except ConnectionError:
            pass  # it says where it will listen a moment before it does
        finally:
            connection.close()
        time.sleep(0.05)
    raise ProfondError(f"the server is not ready after {_PATIENCE:.0f} s")
