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

_SECONDS = 1.0
"""That trying may take: a network for which it takes longer gains little by batches on a CPU."""
_LENGTHS = (24, 40)
"""Of an axis of any length."""


def equal_sizes(served: Served, sizes: Sequence[int]) -> tuple[int, ...]:
    """Those of the sizes, 1 among them, at which every sample of a batch has the bits that it has alone.

    Tried with samples of noise, for engines take other ways through a multiplication of matrices when there are more
    rows: it depends on the network, the engine and the processor, and not on the numbers. Where samples have no one
    shape, no size can be tried for all, and each is computed alone.
    """
    try:
        noise = _noise(served, max(sizes), _LENGTHS[0])
        other = _noise(served, 1, _LENGTHS[1])
    except ProfondError:
        return (1,)
    if any(noise[name].shape[1:] != other[name].shape[1:] for name in noise):
        return (1,)
    start = time.perf_counter()
    alone: list[Arrays] = []
    found = [1]
    for size in sorted(size for size in sizes if size > 1):
        done = time.perf_counter() - start
        if alone and done + 2 * size * done / len(alone) > _SECONDS:
            break
        alone += [served.run(_part(noise, index, index + 1)) for index in range(len(alone), size)]
        together = served.run(_part(noise, 0, size))
        if all(_same(together, index, one) for index, one in enumerate(alone)):
            found.append(size)
    return tuple(found)


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
        else values[index] == alone[name][0]
        for name, values in together.items()
    )
