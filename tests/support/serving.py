"""Servers in this process, on a port of their own, and requests that no client of HTTP would send."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import uvicorn
from starlette.applications import Starlette

from profond.runtime.served import Served
from profond.server.app import application
from profond.server.hosted import Offered
from profond.server.settings import Settings


@dataclass(frozen=True)
class Running:
    """One server.

    Args:
        url: of it.
        app: what it answers with.
    """

    url: str
    app: Starlette

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def ready(self, seconds: float = 120) -> Running:
        """Waits until its models are. Raises: AssertionError where they are not in time."""
        until = time.monotonic() + seconds
        while httpx.get(f"{self.url}/v2/health/ready").status_code != 200:
            assert time.monotonic() < until
            time.sleep(0.01)
        return self

    def raw(self, text: bytes, seconds: float = 10) -> bytes:
        """All that is answered to bytes on a connection of their own, until it is closed or nothing comes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            connection.sendall(text)
            found = b""
            try:
                while part := connection.recv(1 << 16):
                    found += part
            except (TimeoutError, ConnectionResetError):
                pass
            return found

    def status(self, text: bytes) -> int:
        """That of the first answer; 0 where the connection is closed without one."""
        found = self.raw(text)
        return int(found.split(b" ", 2)[1]) if found else 0


@contextmanager
def running(models: Sequence[Served], settings: Settings | None = None) -> Iterator[Running]:
    """A real server on a free port of the loopback, with uvicorn in a thread; it stops with the block."""
    app = application([Offered(model.name, lambda model=model: model) for model in models], settings or Settings())
    config = uvicorn.Config(app, log_config=None, lifespan="on", ws="none", timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as the command does
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.005)
        yield Running(f"http://127.0.0.1:{listening.getsockname()[1]}", app)
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()
        assert not thread.is_alive()
