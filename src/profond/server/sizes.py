"""Which sizes of a batch give each sample the same answer in each of them, equal to the bit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import ProfondError
from profond.runtime.engines.engine import Arrays, Port
from profond.runtime.served import Served

_NUMBERS = 2048
"""That are compared for each size, where a network has fewer than this many outputs: those of one or two samples may be
equal by chance."""
_MOST = 256
"""Samples that are tried for each size."""
_SLOW = 32
"""Samples that are tried for each size, at least, where there is no time for as many as give `_NUMBERS`."""
_TIMED = 4
"""Samples of which the quickest says how long one takes."""
_SAMPLES, _SECONDS, _CLEARLY, _BEARABLE = 200, 5.0, 0.75, 2.0
"""How long trying may take, in times that one sample takes, and at most; what part of the time of others is clearly
less; and how many times as long as alone a sample may take that has to be filled up."""
_LENGTHS = (24, 40)
"""Of an axis of any length."""
_NEVER_EQUAL = ("pytorch",)
"""Platforms whose bits depend on the size of the batch for every network that was measured."""


def equal_sizes(served: Served, sizes: Sequence[int], seconds: float = 1.0) -> tuple[int, ...]:
    """Sizes of a batch at which every sample has the same bits, whichever of them it stands in.

    Tried with samples of noise, for engines take other ways through a multiplication of matrices when there are more
    rows: which ones depends on the network, the engine and the processor. Where samples have no one shape, no size can
    be tried for all, and each is computed alone. Sizes that agree with each other but not with 1 are taken where they
    are clearly faster; a sample that comes alone is then computed in the smallest of them, beside copies of itself.

    Args:
        seconds: that trying may take; of a network that needs long for a sample, `_SAMPLES` times as long as that,
            up to `_SECONDS`.
    """
    if served.platform in _NEVER_EQUAL:
        return (1,)
    try:
        noise = _noise(served, _MOST, _LENGTHS[0])
        other = _noise(served, 1, _LENGTHS[1])
    except ProfondError:
        return (1,)
    if any(noise[name].shape[1:] != other[name].shape[1:] for name in noise):
        return (1,)
    first = _Tried(served, noise, 1)
    first.compute(_TIMED)
    numbers = sum(values[:1].size for values in first.found[0].values())
    spare = max(seconds, min(_SAMPLES * first.quickest, _SECONDS))
    in_time = int(spare / first.quickest) // (len(sizes) + 1)
    enough = min(_MOST, -(-_NUMBERS // max(1, numbers)), max(_SLOW, in_time))
    end = time.perf_counter() + spare
    groups = [[first]]
    for size in sorted(size for size in sizes if size > 1):
        count = -(-enough // size) * size
        tried = _Tried(served, noise, size)
        if time.perf_counter() + count * first.quickest > end:
            break
        tried.compute(count)
        for group in groups:
            if time.perf_counter() + max(0, count - len(group[0])) * group[0].quickest > end:
                return _fastest(groups)
            if group[0].equals(tried, count):
                group.append(tried)
                break
        else:
            groups.append([tried])
    return _fastest(groups)


def _fastest(groups: Sequence[Sequence[_Tried]]) -> tuple[int, ...]:
    """The sizes that agree with 1, unless others are clearly faster and do not keep one alone waiting.

    The first group is that of 1; in each the smallest size comes first.
    """
    alone = groups[0][0].quickest
    bearable = [group for group in groups if group[0].quickest * group[0].size <= _BEARABLE * alone]
    quickest = [min(tried.quickest for tried in group) for group in bearable]
    best = min(range(len(bearable)), key=quickest.__getitem__)
    chosen = bearable[best if quickest[best] < _CLEARLY * quickest[0] else 0]
    return tuple(tried.size for tried in chosen)


class _Tried:
    """Outputs of the samples of noise, computed so many at a time; `quickest` is seconds for one sample."""

    def __init__(self, served: Served, noise: Arrays, size: int) -> None:
        self.served, self.noise, self.size = served, noise, size
        self.found: list[Arrays] = []
        self.quickest = float("inf")

    def __len__(self) -> int:
        return len(self.found) * self.size

    def compute(self, count: int) -> None:
        """Until there are so many samples."""
        while len(self) < count:
            before = time.perf_counter()
            self.found.append(self.served.run(_part(self.noise, len(self), len(self) + self.size)))
            self.quickest = min(self.quickest, (time.perf_counter() - before) / self.size)

    def equals(self, other: _Tried, count: int) -> bool:
        """Whether the first samples have the same bits in both."""
        count = min(count, _MOST // self.size * self.size)
        self.compute(count)
        return all(_same(*self._at(index), *other._at(index)) for index in range(min(count, len(self), len(other))))

    def _at(self, index: int) -> tuple[Arrays, int]:
        return self.found[index // self.size], index % self.size


def _noise(served: Served, count: int, length: int) -> dict[str, NDArray[Any]]:
    random = np.random.default_rng(0)
    return served.prepared({port.name: _of(port, count, length, random) for port in served.inputs})


def _of(port: Port, count: int, length: int, random: np.random.Generator) -> NDArray[Any]:
    shape = (count, *(axis if isinstance(axis, int) else length for axis in port.shape[1:]))
    if port.dtype == "str":
        return np.full(shape, "a", object)
    dtype = np.dtype(port.dtype)
    if dtype.kind == "f":
        return random.normal(size=shape).astype(dtype)
    return random.integers(1, 256 if dtype == np.uint8 else 3, shape).astype(dtype)


def _part(arrays: Arrays, start: int, stop: int) -> dict[str, NDArray[Any]]:
    return {name: values[start:stop] for name, values in arrays.items()}


def _same(one: Arrays, at: int, other: Arrays, there: int) -> bool:
    return all(
        values[at].tobytes() == other[name][there].tobytes()
        if values.dtype != object
        else np.array_equal(values[at], other[name][there])
        for name, values in one.items()
    )
