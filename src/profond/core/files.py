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
_REASONS = {
    errno.EFBIG: (
        "{path} would be larger than a file may be there",
        "FAT32 holds files up to 4 GB; `ulimit -f` shows the shell's own limit",
    ),
    errno.EIO: ("the disk that holds {path} failed", "check the disk, or use another; then resume"),
    errno.ENAMETOOLONG: ("cannot write to {path}: the name is too long", "choose a shorter one"),
    errno.EEXIST: ("cannot write to {path}: a file stands where a folder is needed", "choose another folder"),
    errno.ENOTDIR: ("cannot write to {path}: a file stands where a folder is needed", "choose another folder"),
    errno.ELOOP: ("cannot write to {path}: its links lead in a circle", "choose another folder"),
}


@contextlib.contextmanager
def storage_errors(path: Path | str) -> Iterator[None]:
    """Turn what the system says of a disk or a path that is written to into a StorageError in words.

    That nothing is there, FileNotFoundError, stays as it is: whoever reads knows best what it means.
    """
    try:
        yield
    except (StorageError, FileNotFoundError, BrokenPipeError, TimeoutError):
        raise
    except OSError as error:
        if error.errno is None:  # not the system's
            raise
        name = shortened(path)
        if error.errno in _FULL:
            raise StorageError(f"no space left on the disk that holds {name}", "free some space, then resume") from None
        message, help = _REASONS.get(
            error.errno, (f"cannot write to {{path}}: {error.strerror}", "choose a writable folder")
        )
        raise StorageError(message.format(path=name), help) from None


def shortened(path: Path | str) -> str:
    """A path for people: thousands of letters are no help to find it."""
    text = str(path)
    return text if len(text) <= 300 else f"{text[:140]} … {text[-140:]}"


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
    """UTF-8; the bytes of a file's name that are no text stay what they are."""
    write_bytes(path, text.encode("utf-8", "surrogateescape"))


def write_json(path: Path | str, data: Any) -> None:
    """UTF-8; the bytes of a file's name that are no text become escapes, which are read back as the same name."""
    text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def sha256(path: Path | str) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def md5(path: Path | str) -> str:
    """For files whose publisher gives no other checksum: it tells damage, not forgery."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def cache_folder() -> Path:
    """Where fetched data and weights are kept: ``PROFOND_CACHE``, or the user's cache folder."""
    if folder := os.environ.get("PROFOND_CACHE"):
        return Path(folder).expanduser()
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
