"""What a server may be told: where it listens, who may ask, and how much it takes on."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from profond.core.errors import UsageError
from profond.data.images.decoding import MAX_PIXELS

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Settings:
    """One server's.

    Args:
        host: the address to listen at; any that others can reach needs a token.
        port: 0 takes a free one.
        token: asked of every route but the health of the server; None asks for none.
        allowed_hosts: names by which it may be called, besides the loopback's and the address that a connection came
            in at; ``"*"`` allows any.
        origins: web pages that may ask, such as ``"https://example.org"``.
        batch_sizes: that an engine is made ready for.
        queue: samples of one model that may wait or be computed at one time.
        seconds: that a request may take, from its first line to its answer; half of it for its body.
        header_seconds: until the first lines of a request are here.
        drain_seconds: that requests under way are given when the server is told to stop.
        body_bytes: of one request.
        json_bytes: of its part that is JSON, or of series in a text.
        memory_bytes: of all bodies, and of what is made of them, at one time.
        pixels: of one picture.
        elements: of one tensor.
        threads: that decode.
        trying_seconds: that finding out which sizes of a batch may be used takes at most.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    batch_sizes: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    queue: int = 256
    seconds: float = 30.0
    header_seconds: float = 10.0
    drain_seconds: float = 30.0
    body_bytes: int = 64 * MEGABYTE
    json_bytes: int = 16 * MEGABYTE
    memory_bytes: int = 512 * MEGABYTE
    pixels: int = MAX_PIXELS
    elements: int = 1 << 26
    threads: int = 2
    trying_seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.token is None and not is_loopback(self.host):
            raise UsageError(
                f"{self.host} can be reached by others, and no token is asked of them",
                "give --token-file FILE (or PROFOND_TOKEN), or listen at 127.0.0.1",
            )
        if self.token is not None and len(self.token) < 16:
            raise UsageError(
                f"the token has {len(self.token)} characters",
                "make one of 16 or more, such as: python -c 'import secrets; print(secrets.token_urlsafe())'",
            )
        if self.token is not None and not (self.token.isascii() and self.token.isprintable() and " " not in self.token):
            raise UsageError("the token has characters that no HTTP header carries", "use letters and digits")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
