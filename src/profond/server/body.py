"""The body of a request, read within its limits; and whether whoever sent it still waits."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import Request
from starlette.types import Receive

from profond.server.refused import Refused, bad, busy
from profond.server.settings import Settings

_CLOSE = {"Connection": "close"}
_ENCODINGS = {"gzip": 31, "deflate": 15}
"""What zlib calls them."""

_MOST_PACKED = 1032
"""Bytes that one byte of zlib can become."""

OBJECTS = 24
"""Bytes of memory that one byte of JSON can become, as ``[[],[],…]`` does; cells of a table need no more."""

Found = TypeVar("Found")


class Gone(Exception):
    """Whoever asked no longer waits for the answer."""


class Bodies:
    """Those that are in memory.

    Args:
        settings: how many bytes one, and all together, may have, and how long one may take to come.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.held = 0

    async def read(self, request: Request, facts: dict[str, object]) -> bytes:
        """All of it, with its length in ``facts`` until the request is over.

        Raises: Refused where it is too large or too slow, Gone.
        """
        said = request.headers.get("content-length")
        if said is not None and (not said.isascii() or not said.isdigit()):
            raise bad("Content-Length is not a number")
        self._check(0 if said is None else int(said))
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", *_ENCODINGS):
            raise Refused(
                415,
                f"Content-Encoding is {encoding[:40]!r}: send gzip, deflate or the body as it is",
                {"Accept-Encoding": "gzip, deflate", **_CLOSE},
            )
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self.settings.seconds / 2):
                while True:
                    message = await request.receive()
                    if message["type"] == "http.disconnect":
                        raise Gone
                    part = message.get("body", b"")
                    if part:
                        size += len(part)
                        self._check(size)
                        self.hold(len(part), facts)
                        parts.append(part)
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            raise Refused(408, f"the body was not here within {self.settings.seconds / 2:g} seconds", _CLOSE) from None
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        return body if encoding == "identity" else self._unpacked(body, _ENCODINGS[encoding], facts)

    def release(self, count: int) -> None:
        self.held -= count

    def _check(self, size: int) -> None:
        if size > self.settings.body_bytes:
            raise Refused(
                413, f"the body is larger than the {self.settings.body_bytes} bytes that this server takes", _CLOSE
            )

    def hold(self, count: int, facts: dict[str, object]) -> None:
        """Count bytes as taken until the request is over. Raises: Refused where there is no room for them."""
        if self.held + count > self.settings.memory_bytes:
            refused = busy("the requests under way take all memory that they may: come again")
            refused.headers |= _CLOSE
            raise refused
        self.held += count
        facts["bytes"] = int(str(facts.get("bytes", 0))) + count

    def _unpacked(self, body: bytes, kind: int, facts: dict[str, object]) -> bytes:
        self.hold(min(self.settings.body_bytes, _MOST_PACKED * len(body)), facts)
        unpacking = zlib.decompressobj(kind)
        try:
            found = unpacking.decompress(body, self.settings.body_bytes + 1)
        except zlib.error:
            raise bad("the body is not packed as Content-Encoding says") from None
        self._check(len(found))
        if not unpacking.eof or unpacking.unused_data:
            raise bad("the packed body is cut off, or something follows it")
        return found


async def while_waited_for(receive: Receive, work: Awaitable[Found]) -> Found:
    """What work gives; it is cancelled once whoever asked has gone. Raises: Gone."""
    task = asyncio.current_task()
    assert task is not None
    gone = False

    async def watch() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        task.cancel()

    watching = asyncio.create_task(watch())
    try:
        return await work
    except asyncio.CancelledError:
        if gone and not task.uncancel():
            raise Gone from None
        raise
    finally:
        watching.cancel()
