"""A file's bytes, and the text in them, whichever of the usual encodings it is in."""

from __future__ import annotations

from pathlib import Path

from profond.core.errors import DataError

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""Marks at the beginning of a file."""


def bytes_of(path: Path, most: int | None = None, advice: str = "cut it into several files") -> bytes:
    """All of a file.

    Args:
        most: bytes that are read; a larger file is refused.
        advice: what to do with a larger one.

    Raises: DataError for a file that is too large or cannot be read.
    """
    try:
        if most is not None and path.stat().st_size > most:
            raise DataError(
                f"{path} has {path.stat().st_size / 2**20:,.0f} MiB, more than the {most // 2**20} that are read",
                advice,
            )
        return path.read_bytes()
    except PermissionError:
        raise DataError(f"{path} may not be read", "change its permissions: chmod u+r") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", "check the path") from None


def decode_text(data: bytes, path: Path, advice: str) -> tuple[str, str]:
    """A file's text and its encoding: UTF-8 (``utf-8-sig`` with its mark), UTF-16 with its mark, else Windows-1252.

    Args:
        path: of the file, for people.
        advice: what to do where it is no text at all.

    Raises: DataError.
    """
    if data[:2] in _UTF_16:
        try:
            return data.decode("utf-16"), "utf-16"
        except UnicodeDecodeError:
            raise DataError(f"{path} is not text: it begins like UTF-16 and is none", "save it as UTF-8") from None
    if b"\0" in data:
        raise DataError(f"{path} is not text: it holds zero bytes", advice)
    try:
        return data.decode("utf-8-sig"), "utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8"
    except UnicodeDecodeError:
        # What spreadsheets save on Windows. Numbers are the same in both, and names of columns are only names.
        return data.decode("cp1252", "replace"), "cp1252"


def beginning(path: Path, count: int) -> str:
    """The text of a file's first bytes, for a look; what is no text becomes signs of replacement. Raises: OSError."""
    with path.open("rb") as file:
        start = file.read(count)
    encoding = "utf-16" if start[:2] in _UTF_16 else "utf-8"
    return start.decode(encoding, "replace").removeprefix("\ufeff")
