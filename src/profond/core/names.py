"""Names of files are bytes; where they have to be text, or a library wants text, this is what they become.

Python shows a byte that is not UTF-8 as a lone surrogate, U+DC80 to U+DCFF, and turns it back where a file is opened.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def is_text(name: str) -> bool:
    """Whether a name is UTF-8 on the disk."""
    return name.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in name)


def as_text(name: str) -> str:
    """A name for people and for labels: what is not UTF-8 is read as Latin-1, which old archives are in."""
    if is_text(name):
        return name
    return "".join(
        chr(ord(letter) - 0xDC00) if "\udc80" <= letter <= "\udcff" else _printable(letter) for letter in name
    )


def _printable(letter: str) -> str:
    return letter if is_text(letter) else "\ufffd"


@contextmanager
def openable(path: Path) -> Iterator[Path]:
    """A name of the same file for libraries that take UTF-8 alone. Raises: OSError."""
    if is_text(str(path)):
        yield path
        return
    with path.open("rb") as file:
        yield Path(f"/dev/fd/{file.fileno()}") if os.name == "posix" else path
