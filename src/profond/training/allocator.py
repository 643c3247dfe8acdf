"""Keep the memory of one step for the next."""

from __future__ import annotations

import contextlib
import ctypes
import platform
from collections.abc import Iterator

_LARGEST_KEPT = 32 * 2**20  # bytes: the most that glibc takes for M_MMAP_THRESHOLD
_MOST_KEPT = 512 * 2**20
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4  # names of glibc's malloc.h
_USUAL_MMAP_MAX = 65_536


@contextlib.contextmanager
def freed_memory_kept() -> Iterator[bool]:
    """Ask glibc not to give freed tensors back to the system meanwhile; gives whether it will.

    Every step of a training frees and asks for the same tensors. By default those over 128 KiB go back to the system
    and come again page by page, each page filled with zeros first: for LeNet-5 a sixth of the time of a step. Those
    over 32 MiB would do so even then, were they not forbidden to be mapped alone.

    NOTE at most 512 MiB of freed memory stay at the end of the heap; at the end all goes back.
    """
    if platform.libc_ver()[0] != "glibc":
        yield False
        return
    libc = ctypes.CDLL(None)
    settings = ((_MMAP_THRESHOLD, _LARGEST_KEPT), (_TRIM_THRESHOLD, _MOST_KEPT), (_MMAP_MAX, 0))
    try:
        taken = [libc.mallopt(name, value) for name, value in settings]
        yield all(taken)
    finally:
        libc.mallopt(_MMAP_MAX, _USUAL_MMAP_MAX)
        libc.malloc_trim(0)
