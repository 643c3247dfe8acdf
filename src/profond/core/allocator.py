"""Keep the memory of one step for the next."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator

_LARGEST_KEPT = 32 * 2**20  # bytes: the most that glibc takes for M_MMAP_THRESHOLD
_MOST_KEPT = 512 * 2**20
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4  # names of glibc's malloc.h
_USUAL_MMAP_MAX = 65_536

_for_good = False


def keep_freed_memory() -> bool:
    """Ask glibc not to give freed memory back to the system, for as long as the process lives; gives whether it will.

    For processes that are ours alone, the command line and those that decode pictures for a training: everything that
    computes, not a training alone, frees and asks for the same tensors again and again. A program that uses the library
    decides for itself; there `profond.training.fit` asks for the time of a training.
    """
    global _for_good
    _for_good = _for_good or _ask()
    return _for_good


@contextlib.contextmanager
def freed_memory_kept() -> Iterator[bool]:
    """The same meanwhile, and then as it was, unless the process keeps it anyway.

    Every step of a training frees and asks for the same tensors. By default those over 128 KiB go back to the system
    and come again page by page, each page filled with zeros first: for LeNet-5 a sixth of the time of a step. Those
    over 32 MiB would do so even then, were they not forbidden to be mapped alone.

    NOTE at most 512 MiB of freed memory stay at the end of the heap; at the end all goes back.
    """
    if _for_good:
        yield True
        return
    try:
        yield _ask()
    finally:
        if libc := _libc():
            libc.mallopt(_MMAP_MAX, _USUAL_MMAP_MAX)
            libc.malloc_trim(0)


def _ask() -> bool:
    libc = _libc()
    settings = ((_MMAP_THRESHOLD, _LARGEST_KEPT), (_TRIM_THRESHOLD, _MOST_KEPT), (_MMAP_MAX, 0))
    if libc is None:
        return False
    taken = [libc.mallopt(name, value) for name, value in settings]  # each, whatever becomes of the others
    return all(taken)


def _libc() -> ctypes.CDLL | None:
    try:
        found = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):  # another system, or another library
        return None
    return ctypes.CDLL(None) if found.startswith("glibc") else None
