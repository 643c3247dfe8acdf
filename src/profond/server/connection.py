"""A connection that is closed when the first lines of a request do not come."""

from __future__ import annotations

import asyncio
from typing import Any


def protocol(seconds: float) -> type[asyncio.Protocol]:
    """uvicorn's protocol of HTTP, with a limit on the time until the headers of a request are here.

    NOTE uvicorn limits how long a connection may be idle, and not how slowly a request may begin: a client that sends a
    letter a second would hold it for ever.
    """
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

    class Prompt(AutoHTTPProtocol):  # type: ignore[valid-type, misc]
        _late: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._late = self.loop.call_later(seconds, transport.close)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._in_time()
            elif self._late is None and not self.transport.is_closing():
                self._late = self.loop.call_later(seconds, self.transport.close)

        def connection_lost(self, error: Exception | None) -> None:
            self._in_time()
            super().connection_lost(error)

        def _in_time(self) -> None:
            if self._late is not None:
                self._late.cancel()
                self._late = None

    return Prompt
