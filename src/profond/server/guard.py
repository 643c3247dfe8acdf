"""What stands before every route: by which name the server is called, from which page, with which token; and the time
that a request may take, its log line and its metrics."""

from __future__ import annotations

import asyncio
import hmac
import re
import time
from collections.abc import Iterable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from profond.server import logs
from profond.server.body import Bodies, Gone
from profond.server.metrics import Metrics
from profond.server.refused import Refused, busy
from profond.server.settings import Settings

HEALTH = ("/v2/health/live", "/v2/health/ready")
"""Asked by whoever watches over the process, without a token."""
FACTS = "profond"
"""Where a route leaves what is to be said of a request: its route, its model, its samples."""

_HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9_](?:[a-z0-9._-]{0,252}))(?::[0-9]{1,5})?")
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_CLOSE = {"Connection": "close"}


class Guard:
    """Wraps an application.

    Args:
        app: the routes, with what answers web pages of other origins where such are allowed.
    """

    def __init__(self, app: ASGIApp, settings: Settings, bodies: Bodies, metrics: Metrics) -> None:
        self.app = app
        self.settings = settings
        self.bodies = bodies
        self.metrics = metrics
        self._names = {*_LOOPBACK, *(name.lower().rstrip(".") for name in settings.allowed_hosts)}
        self._token = None if settings.token is None else settings.token.encode()
        self._origins = set(settings.origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        start = time.perf_counter()
        facts: dict[str, Any] = {"route": "none", "model": ""}
        scope[FACTS] = facts
        status = 0

        async def answered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-content-type-options", b"nosniff"))
            await send(message)

        try:
            async with asyncio.timeout(self.settings.seconds):
                self._admit(scope)
                await self.app(scope, receive, answered)
        except Refused as refused:
            await refused.response()(scope, receive, answered)
        except TimeoutError:
            if not status:
                late = busy(f"not done within {self.settings.seconds:g} seconds")
                await late.response()(scope, receive, answered)
        except Gone:
            status = 499
        except Exception as error:  # a server goes on, whatever one request has found
            logs.fault(error)
            if not status:
                failed = Refused(500, "the server failed at this request", _CLOSE)
                await failed.response()(scope, receive, answered)
        finally:
            self.bodies.release(facts.pop("bytes", 0))
            self._note(scope, facts, status, time.perf_counter() - start)

    def _admit(self, scope: Scope) -> None:
        """Raises: Refused."""
        found = _headers(scope["headers"], (b"host", b"origin", b"authorization"))
        host = found[b"host"][0] if len(found[b"host"]) == 1 else ""
        named = _HOST.fullmatch(host.lower())
        if named is None:
            raise Refused(400, "the header Host is missing, there twice, or no name", _CLOSE)
        name = named[1].rstrip(".")
        if name not in self._names and "*" not in self._names and name != _own_address(scope):
            raise Refused(421, f"this server is not called {name!r}: --allowed-host {name} lets it be", _CLOSE)
        for origin in found[b"origin"]:
            if origin not in self._origins and origin.lower() != f"{scope['scheme']}://{host.lower()}":
                raise Refused(403, f"pages of {origin[:80]!r} may not ask: --cors names those that may", _CLOSE)
        if self._token is None or scope["path"] in HEALTH:
            return
        if scope["method"] == "OPTIONS" and found[b"origin"] and self._origins:
            return  # a browser asks whether it may ask, and sends no token yet
        given = found[b"authorization"][0] if len(found[b"authorization"]) == 1 else ""
        kind, _, token = given.partition(" ")
        if kind.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), self._token):
            raise Refused(401, "the token is missing or wrong", {"WWW-Authenticate": "Bearer", **_CLOSE})

    def _note(self, scope: Scope, facts: dict[str, Any], status: int, seconds: float) -> None:
        self.metrics.requests.labels(facts["route"], facts["model"], str(status)).inc()
        if facts["model"]:
            self.metrics.of(facts["model"]).seconds.observe(seconds)
        if scope["path"] in HEALTH and status == 200:
            return  # asked every second, and never news
        logs.say("request", method=scope["method"], status=status, milliseconds=round(1000 * seconds, 2), **facts)


def _headers(found: Iterable[tuple[bytes, bytes]], wanted: tuple[bytes, ...]) -> dict[bytes, list[str]]:
    values: dict[bytes, list[str]] = {name: [] for name in wanted}
    for name, value in found:
        if name in values:
            values[name].append(value.decode("latin-1"))
    return values


def _own_address(scope: Scope) -> str:
    """The address at which the connection came in. No page can be led there by a name, so it is always a good one."""
    address = str((scope.get("server") or ("", 0))[0])
    return f"[{address}]" if ":" in address else address
