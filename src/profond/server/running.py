"""A server as a process: its socket, its signals, and as many processes as were asked for."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.supervisors import Multiprocess

from profond.core.errors import StorageError
from profond.server import logs
from profond.server.app import application
from profond.server.connection import Prompt
from profond.server.hosted import Offered
from profond.server.settings import Settings

CONNECTIONS = 4096
"""At one time; more get 503."""


def serve(offered: Sequence[Offered], settings: Settings, *, workers: int = 1, quiet: bool = False) -> None:
    """Answer until the process is told to stop; requests under way are answered, and then it ends.

    Args:
        offered: with several processes each opens its own, so that what opens them can be pickled.
        workers: processes; a request goes to one of them.
        quiet: no line for each request.

    Raises: StorageError where the address cannot be had.
    """
    listening = _bound(settings)
    host, port = listening.getsockname()[:2]
    name = f"[{host}]" if ":" in host else host
    print(f"listening at http://{name}:{port}", flush=True)
    config = uvicorn.Config(
        partial(_application, list(offered), settings, quiet),
        factory=True,
        http=partial(Prompt, settings.header_seconds),  # type: ignore[arg-type]
        ws="none",
        lifespan="on",
        workers=workers,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=round(settings.drain_seconds),
    )
    if workers == 1:
        _heard(uvicorn.Server(config).run, [listening])
        return
    with tempfile.TemporaryDirectory(prefix="profond-metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        try:
            Multiprocess(config, [listening]).run()
        finally:
            del os.environ["PROMETHEUS_MULTIPROC_DIR"]


def _application(offered: Sequence[Offered], settings: Settings, quiet: bool) -> Starlette:
    logs.silence(quiet)
    logs.take_over()
    return application(offered, settings)


def _heard(run: Callable[[list[socket.socket]], Any], sockets: list[socket.socket]) -> None:
    """Run with signals that end it in good order: once all is answered, nothing is left to be told by them.

    NOTE uvicorn raises a signal again when it is done, which would end the process as if it had not listened.
    """
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        run(sockets)
    finally:
        for number, action in before.items():
            signal.signal(number, action)


def _bound(settings: Settings) -> socket.socket:
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(*found[:3])
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # NOTE inherited by each connection; without it the body of an answer waits up to 40 ms for the client to
        # acknowledge the headers. asyncio sets it only where the socket says that it is of TCP.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.bind(found[4])
        listening.listen(2048)  # before it is said: whoever reads the line may connect
        listening.set_inheritable(True)
    except OSError as error:
        raise StorageError(
            f"cannot listen at {settings.host}:{settings.port}: {error.strerror or error}",
            "another program may be there: take another --port (0 finds a free one)",
        ) from None
    return listening
