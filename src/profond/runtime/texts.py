"""A text as it comes in a body."""

from __future__ import annotations

from profond.core.errors import DataError


def text_of(body: bytes) -> str:
    """A text in UTF-8, with or without a byte order mark. Raises: DataError."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"the text is not UTF-8: {error.reason} at byte {error.start}"
        raise DataError(what, "save it as UTF-8") from None
