"""A client of HTTP that costs little, for it shares the machine with the server: at full speed, or at a constant rate.

At a constant rate, each request has a time at which it is due, whether or not those before it were answered, and its
latency counts from there: a server that stops for a second cannot hide that by not being asked.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import numpy as np

MOST_CONNECTIONS = 512
"""More requests than these under way at one time count as not answered."""


def closed(
    port: int, path: str, bodies: Sequence[str], kind: str, *, connections: int, seconds: float, header: str = ""
) -> dict[str, float]:
    """Each connection asks again as soon as it is answered.

    Args:
        bodies: files, which are sent in turn.
        kind: of the content.
        header: one more, such as ``"Inference-Header-Content-Length: 90"``.
    """
    return _run(_closed(port, _requests(path, bodies, kind, header), connections, seconds))


def constant(
    port: int, path: str, bodies: Sequence[str], kind: str, *, rate: float, seconds: float, header: str = ""
) -> dict[str, float]:
    """So many requests a second, evenly, however long they take."""
    return _run(_constant(port, _requests(path, bodies, kind, header), rate, seconds))


def _requests(path: str, bodies: Sequence[str], kind: str, header: str) -> list[bytes]:
    more = f"{header}\r\n" if header else ""
    found = []
    for name in bodies:
        body = Path(name).read_bytes()
        lines = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n{more}"
        found.append(f"{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return found


def _run(work: Coroutine[Any, Any, dict[str, float]]) -> dict[str, float]:
    # NOTE epoll rounds the time that it waits up to whole milliseconds; select does not.
    def loop() -> asyncio.AbstractEventLoop:
        return asyncio.SelectorEventLoop(selectors.SelectSelector())

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(work)


class Connection:
    """One, kept open. Raises: OSError, asyncio.IncompleteReadError where the server closes it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> int:
        """The status of the answer, whose body is read and passed over."""
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await self.reader.readexactly(int(length.split(b":")[1]))
        return int(head.split(b" ", 2)[1])

    def close(self) -> None:
        self.writer.close()


async def _closed(port: int, requests: Sequence[bytes], count: int, seconds: float) -> dict[str, float]:
    latencies: list[float] = []
    failed = 0
    until = time.perf_counter() + seconds

    async def work(first: int) -> None:
        nonlocal failed
        connection = await Connection.open(port)
        number = first
        while (began := time.perf_counter()) < until:
            status = await connection.ask(requests[number % len(requests)])
            number += count
            failed += status != 200
            latencies.append(time.perf_counter() - began)
        connection.close()

    began = time.perf_counter()
    await asyncio.gather(*(work(first) for first in range(count)))
    return _said(latencies, failed, time.perf_counter() - began)


async def _constant(port: int, requests: Sequence[bytes], rate: float, seconds: float) -> dict[str, float]:
    latencies: list[float] = []
    failed = 0
    under_way: set[asyncio.Task[None]] = set()
    free = [await Connection.open(port) for _ in range(4)]

    async def one(number: int, due: float) -> None:
        nonlocal failed
        connection = free.pop() if free else await Connection.open(port)
        try:
            failed += await connection.ask(requests[number % len(requests)]) != 200
        except (OSError, asyncio.IncompleteReadError):
            failed += 1
            connection.close()
        else:
            free.append(connection)
        latencies.append(time.perf_counter() - due)

    began = time.perf_counter()
    for number in range(round(rate * seconds)):
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if len(under_way) >= MOST_CONNECTIONS:
            failed += 1
            latencies.append(float("inf"))
            continue
        task = asyncio.create_task(one(number, due))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)
    took = time.perf_counter() - began
    for connection in free:
        connection.close()
    return _said(latencies, failed, took)


def _said(latencies: Sequence[float], failed: int, seconds: float) -> dict[str, float]:
    """Requests a second, and latencies in milliseconds."""
    p50, p99 = np.percentile(np.array(latencies) * 1000, (50, 99), method="higher")
    return {
        "rate": (len(latencies) - failed) / seconds,
        "p50": float(p50),
        "p99": float(p99),
        "failed": failed,
        "requests": len(latencies),
    }
