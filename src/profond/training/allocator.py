"""Keep the memory of one step for the next."""

from __future__ import annotations

import ctypes
import platform
from functools import cache

_LARGEST_KEPT = 32 * 2**20  # bytes: the most that glibc takes for M_MMAP_THRESHOLD
_MOST_KEPT = 512 * 2**20
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of glibc's malloc.h


@cache
def keep_freed_memory() -> bool:
    """Ask glibc not to give freed tensors back to the system; returns whether it will.

    Every step of a training frees and asks for the same tensors. By default those over 128 KiB go back to the system
    and come again page by page, each page filled with zeros first: for LeNet-5 a sixth of the time of a step.

    NOTE once a process, before the first step; at most 512 MiB of freed memory stay.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT)) and bool(libc.mallopt(_TRIM_THRESHOLD, _MOST_KEPT))
