"""One process at a time writes into a folder: a lock of the system's, which ends with its process, by kill -9 too."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from profond.core.errors import ConfigError
from profond.core.files import storage_errors

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NAME = ".lock"
_TAKEN = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES}


@dataclass
class _Held:
    """A lock of this process."""

    handle: int
    thread: int
    times: int = 1


_held: dict[str, _Held] = {}
_guard = threading.Lock()


@contextlib.contextmanager
def held(folder: Path, doing: str) -> Iterator[None]:
    """Nobody else writes into a folder within this context; in the same thread it may be entered again.

    A file ``.lock`` in the folder says who holds it, as long as it is held. Where the file system knows no locks, that
    file alone must do: it counts as long as the process that it names is alive on this machine.

    Args:
        doing: what is done meanwhile, for the one who comes too late, such as ``"training"``.

    Raises: ConfigError that says who holds it; StorageError where nothing can be written.
    """
    key = os.path.realpath(folder)
    with _guard:
        own = _held.get(key)
        if own is not None and own.thread == threading.get_ident():
            own.times += 1
        elif own is not None:
            raise _in_use(folder, {"pid": os.getpid(), "host": socket.gethostname(), "doing": "using"})
        else:
            _held[key] = own = _Held(_take(folder, doing), threading.get_ident())
    try:
        yield
    finally:
        with _guard:
            own.times -= 1
            if own.times == 0:
                del _held[key]
                with contextlib.suppress(OSError):  # removed while it is still held: nobody else's is removed
                    os.unlink(folder / NAME)
                os.close(own.handle)


def _take(folder: Path, doing: str) -> int:
    """The open, locked file; it holds the lock until it is closed."""
    path = folder / NAME
    note = {"pid": os.getpid(), "host": socket.gethostname(), "doing": doing, "since": _now()}
    with storage_errors(folder):
        while True:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NONBLOCK", 0), 0o644)
            try:
                _lock(handle, folder)
                if _still_there(handle, path):
                    os.ftruncate(handle, 0)
                    os.write(handle, json.dumps(note).encode())
                    return handle
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)  # the one before removed it just now: once more


def _lock(handle: int, folder: Path) -> None:
    """Raises: ConfigError when another process holds it."""
    if fcntl is None:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = _read(handle)
        if error.errno in _TAKEN or _is_alive(holder):  # else the file system knows no locks
            raise _in_use(folder, holder) from None


def _still_there(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _read(handle: int) -> dict[str, Any]:
    try:
        note = json.loads(os.read(handle, 4096))
    except (OSError, ValueError, RecursionError):
        return {}
    return note if isinstance(note, dict) else {}


def _is_alive(holder: dict[str, Any]) -> bool:
    """Whether a process on this machine is the one that a note names; of other machines nothing can be known."""
    pid = holder.get("pid")
    if holder.get("host") != socket.gethostname() or not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _in_use(folder: Path, holder: dict[str, Any]) -> ConfigError:
    pid, host = holder.get("pid"), holder.get("host")
    who = f"process {pid} on {host}" if pid and host else "another process"
    since = f" since {holder['since']}" if "since" in holder else ""
    return ConfigError(
        f"{folder} is in use: {who} is {holder.get('doing', 'working')} there{since}", "wait until it ends, or stop it"
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _forget() -> None:
    """In a child the lock is not held: a worker that lives on for a moment must not keep it for a parent that died."""
    global _guard
    _guard = threading.Lock()  # another thread of the parent may have had it just then
    for own in _held.values():
        with contextlib.suppress(OSError):
            os.close(own.handle)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
