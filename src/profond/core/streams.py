"""Standard input, output and error of the command line: full, broken or closed, each is told in words.

NOTE for a program of ours alone; the streams of one that uses the library are its own.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any, TextIO

from profond.core.errors import StorageError


class _Output(io.FileIO):
    """Standard output, whose failure is an error of ours; a reader that has gone stays BrokenPipeError."""

    there = True
    """False where the shell had closed it (``>&-``)."""
    dropping = False
    """True when its failure has been told: what is still waiting to be written is then let go."""

    def write(self, data: Any) -> int:
        if self.dropping:
            return len(memoryview(data).cast("B"))
        if not self.there:
            raise StorageError("nothing can be written to standard output: it is closed")
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise StorageError(f"nothing more can be written to standard output: {error.strerror}") from None


class _Remarks(io.FileIO):
    """Standard error: what cannot be said there is let go, for it must not end the work."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(memoryview(data).cast("B"))


_output: _Output | None = None


def prepare() -> None:
    """Stand between the program and its three streams."""
    global _output
    if _output is not None:
        return
    for number in (0, 1, 2):  # a stream that is closed leaves its number to the next file that is opened
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    _output = _Output(1, "w", closefd=False)
    _output.there = sys.stdout is not None
    sys.stdout = _text(_output, sys.stdout)
    sys.stderr = _text(_Remarks(2, "w", closefd=False), sys.stderr)
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115


def let_go() -> None:
    """Standard output has failed, and that was told: Python need not say it again while it ends."""
    if _output is not None:
        _output.dropping = True


def _text(raw: io.FileIO, like: TextIO | None) -> TextIO:
    if isinstance(like, io.TextIOWrapper):
        if os.name == "nt" and like.isatty():  # a console there is no file
            return like
        at_once = like.line_buffering or like.write_through
        return io.TextIOWrapper(
            io.BufferedWriter(raw), like.encoding, like.errors, line_buffering=at_once, write_through=like.write_through
        )
    return io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", "backslashreplace")
