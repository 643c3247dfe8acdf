"""Files that are whole or absent: written beside, flushed to disk, then moved into place in one step."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from profond.core.errors import StorageError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.EISDIR}


@contextlib.contextmanager
def storage_errors(path: Path | str) -> Iterator[None]:
    """Turn a full or read-only disk into a StorageError that says so."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        if error.errno in _FULL:
            raise StorageError(f"no space left on the disk that holds {path}", "free some space, then resume") from None
        if error.errno in _REFUSED:
            raise StorageError(f"cannot write to {path}: {error.strerror}", "choose a writable folder") from None
        raise


def make_folder(folder: Path) -> None:
    """A folder and those above it. Raises: StorageError where it cannot be made."""
    with storage_errors(folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileNotFoundError:  # below a folder that the system alone fills, such as /proc
            raise StorageError(f"cannot write to {folder}: no folder can be made there", "choose another") from None


@contextlib.contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """A temporary path beside ``path``; on leaving without error it is synced and moved over ``path``.

    After a crash at any moment ``path`` holds either its old content or all of its new content.

    Raises: StorageError when the disk is full or read-only; the old content stays.
    """
    path = Path(path)
    with storage_errors(path):
        make_folder(path.parent)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.chmod(0o644)
            os.replace(temporary, path)
            sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def write_bytes(path: Path | str, data: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path | str, text: str) -> None:
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path | str, data: Any) -> None:
    # NOTE odd bytes of a file's name that is not UTF-8 are surrogates; what this makes of them is JSON's own escape.
    write_bytes(path, (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace"))


def sha256(path: Path | str) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def md5(path: Path | str) -> str:
    """For files whose publisher gives no other checksum: it tells damage, not forgery."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def cache_folder() -> Path:
    """Where fetched data and weights are kept: ``PROFOND_CACHE``, or the user's cache folder."""
    if given := os.environ.get("PROFOND_CACHE"):
        return Path(given).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "profond"


def sync_folder(folder: Path) -> None:
    """Have the disk remember which files a folder holds."""
    if os.name == "nt":  # a folder cannot be opened there
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
