"""A connection that is closed when the first lines of a request do not come, or have no end."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

_HEAD_BYTES = 1 << 16
"""Of the first lines of a request."""


class Prompt(AutoHTTPProtocol):  # type: ignore[valid-type, misc]
    """uvicorn's protocol of HTTP, with a limit on the headers of a request.

    NOTE uvicorn limits how long a connection may be idle, and not how slowly a request may begin: a client that sends a
    letter a second would hold it for ever.

    Args:
        seconds: until they are here.
        given: what uvicorn gives.
    """

    def __init__(self, seconds: float, **given: Any) -> None:
        super().__init__(**given)
        self._seconds = seconds
        self._late: asyncio.TimerHandle | None = None
        self._head = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._late = self.loop.call_later(self._seconds, transport.close)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._in_time()
            return
        if self.cycle is None or not self.cycle.more_body:  # else it is the rest of a body that was refused
            self._head += len(data)
        if self._head > _HEAD_BYTES:
            self.transport.close()
        elif self._late is None and not self.transport.is_closing():
            self._late = self.loop.call_later(self._seconds, self.transport.close)

    def connection_lost(self, error: Exception | None) -> None:
        self._in_time()
        super().connection_lost(error)

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
        self._head = 0
