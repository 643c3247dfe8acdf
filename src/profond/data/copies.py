"""Equal samples: found by their bytes alone, without decoding, so that they can be kept on one side of a split."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from profond.core.errors import DataError
from profond.data.locations import Location, Member

MOST = 100_000
"""Files that are compared; to look at more would take minutes before anything begins."""
_START = 4096
_SHOWN = 3


def equal_files(locations: Sequence[Location]) -> list[list[int]]:
    """Sets of files with the same content, as indices: equal in size, then in how they begin, then in all.

    Files that cannot be read equal none. Of more than `MOST`, none are looked at.
    """
    if len(locations) > MOST:
        return []
    sets = _apart([list(range(len(locations)))], lambda i: _size(locations[i]))
    sets = _apart(sets, lambda i: _digest(locations[i], _START))
    return _apart(sets, lambda i: _digest(locations[i]))


def equal_rows(samples: Tensor) -> list[list[int]]:
    """Sets of equal samples in memory, (n, …), as indices."""
    rows = samples.detach().cpu().flatten(1) if samples.ndim > 1 else samples.detach().cpu()[:, None]
    data = rows.contiguous().view(torch.uint8).numpy()
    if not data.size:
        return []
    sets = _apart([list(range(len(data)))], lambda i: hash(data[i].tobytes()))
    return _apart(sets, lambda i: data[i].tobytes())


def equal_digests(digests: Sequence[Hashable]) -> list[list[int]]:
    """Sets of samples whose digests are equal, as indices."""
    return _apart([list(range(len(digests)))], lambda i: digests[i])


def leak(sets: Sequence[Sequence[str]], words: str, noun: str = "images") -> str:
    """One line about samples of two splits that are the same, or nearly."""
    many = f"{len(sets)} set{'s' if len(sets) > 1 else ''}"
    shown = "; ".join(" = ".join(group[:4]) for group in sets[:_SHOWN]) + ("; …" if len(sets) > _SHOWN else "")
    return f"LEAK: {many} of {noun} that are {words}, in two splits: {shown}"


def _apart(sets: Iterable[Sequence[int]], of: Callable[[int], Hashable]) -> list[list[int]]:
    """Each set divided by a property of its members; those that are alone with theirs, or have None, are dropped."""
    kept = []
    for group in sets:
        together: dict[Hashable, list[int]] = defaultdict(list)
        for i in group:
            together[of(i)].append(i)
        kept += [members for key, members in together.items() if key is not None and len(members) > 1]
    return kept


def _size(location: Location) -> int | None:
    if isinstance(location, Member):
        return location.size or None
    try:
        return os.stat(location).st_size or None  # empty files are no copies of each other, they are lost
    except OSError:
        return None


def _digest(location: Location, length: int | None = None) -> bytes | None:
    try:
        if isinstance(location, Member):
            data = location.read()
        else:
            with Path(location).open("rb") as file:
                data = file.read() if length is None else file.read(length)
    except (OSError, DataError):
        return None
    return hashlib.blake2b(data, digest_size=16).digest()
