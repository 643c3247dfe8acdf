"""A request that gets no answer: its status, and why in words."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse

from profond.core.errors import ProfondError


class Refused(Exception):
    """What a client is told.

    Args:
        status: of HTTP.
        message: what was wrong with the request.
        headers: beside the answer.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})

    def response(self) -> JSONResponse:
        return JSONResponse({"error": self.message}, self.status, self.headers)


def bad(message: str) -> Refused:
    """A request that is wrong in itself."""
    return Refused(400, message)


def busy(message: str, seconds: int = 1) -> Refused:
    """A request that may come again."""
    return Refused(503, message, {"Retry-After": str(seconds)})


def in_words(error: ProfondError) -> str:
    return error.message if error.help is None else f"{error.message}: {error.help}"
