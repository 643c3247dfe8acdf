"""Names of files on the standard streams: they are bytes, and need be no text in any encoding."""

from __future__ import annotations

import codecs
import sys


def print_any_name() -> None:
    """From here on a name is printed as the bytes that it is, as ``ls`` and ``find`` do when they are piped.

    What the stream's encoding lacks is written as an escape.
    """
    codecs.register_error("profond-names", _as_it_is)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="profond-names")


def _as_it_is(error: UnicodeError) -> tuple[str | bytes, int]:
    assert isinstance(error, UnicodeEncodeError)
    letter = error.object[error.start]
    if "\udc80" <= letter <= "\udcff":
        return bytes([ord(letter) - 0xDC00]), error.start + 1
    return letter.encode("ascii", "backslashreplace"), error.start + 1
