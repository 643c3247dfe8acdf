"""Which sizes of a batch give each sample the answer that it gets alone, equal to the bit."""

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
_TIMED = 4
"""Samples of which the quickest says how long one takes."""
_LENGTHS = (24, 40)
"""Of an axis of any length."""
_NEVER_EQUAL = ("pytorch",)
"""Platforms whose bits depend on the size of the batch for every network that was measured."""


def equal_sizes(served: Served, sizes: Sequence[int], seconds: float = 1.0) -> tuple[int, ...]:
    """Those of the sizes, 1 among them, at which every sample of a batch has the bits that it has alone.

    Tried with samples of noise, for engines take other ways through a multiplication of matrices when there are more
    rows: which ones depends on the network, the engine and the processor. Where samples have no one shape, no size can
    be tried for all, and each is computed alone.

    Args:
        seconds: that trying may take; a network for which it takes longer gains little by batches on a CPU.
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
    start = time.perf_counter()
    alone, one = [], seconds
    for index in range(_TIMED):
        before = time.perf_counter()
        alone.append(served.run(_part(noise, index, index + 1)))
        one = min(one, time.perf_counter() - before)
    enough = min(_MOST, -(-_NUMBERS // max(1, sum(values.size for values in alone[0].values()))))
    found = [1]
    for size in sorted(size for size in sizes if size > 1):
        count = -(-enough // size) * size
        if (count + max(0, count - len(alone))) * one + time.perf_counter() - start > seconds:
            break
        alone += [served.run(_part(noise, index, index + 1)) for index in range(len(alone), count)]
        if all(_equal(served, noise, first, size, alone) for first in range(0, count, size)):
            found.append(size)
    return tuple(found)


def _equal(served: Served, noise: Arrays, first: int, size: int, alone: Sequence[Arrays]) -> bool:
    together = served.run(_part(noise, first, first + size))
    return all(_same(together, index, alone[first + index]) for index in range(size))


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


def _same(together: Arrays, index: int, alone: Arrays) -> bool:
    return all(
        values[index].tobytes() == alone[name][0].tobytes()
        if values.dtype != object
        else np.array_equal(values[index], alone[name][0])
        for name, values in together.items()
    )
