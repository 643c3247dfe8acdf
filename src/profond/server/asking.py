"""From a request that was understood to the answers of a model: admitted, prepared, queued, computed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import DataError, ImageError, ProfondError
from profond.data.images.decoding import MAX_PIXELS, size_of
from profond.data.locations import FileInMemory
from profond.runtime.engines.engine import Arrays
from profond.runtime.series import Series
from profond.server.batching import Queue, Sample
from profond.server.datatypes import BYTES, datatype_of, fitted, shape_of
from profond.server.refused import Refused, bad, in_words
from profond.server.request import Asked
from profond.server.settings import Settings

_AT_ONCE = 1 << 16
"""Bytes of tensors that are prepared where they are; more of them in a thread, where others go on meanwhile."""
_ROWS = 32
"""Series of one table that wait or are computed at one time, so that others get in between."""

Found = TypeVar("Found")


class Asking:
    """Answers for the models of a server.

    Args:
        settings: how many threads decode, and what may be decoded.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._threads = ThreadPoolExecutor(settings.threads, thread_name_prefix="decode")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def tensors(self, queue: Queue, asked: Asked) -> tuple[dict[str, NDArray[Any]], int]:
        """All outputs of a request, and how many samples it has. Raises: Refused, ProfondError."""
        served = queue.served
        names = {port.name for port in served.outputs}
        for name in asked.outputs or ():
            if name not in names:
                raise bad(f"the model has no output {name[:80]!r}: it has {', '.join(sorted(names))}")
        files = _files(queue, asked)
        if files is not None:
            found = await self.files(queue, files)
            count = len(files)
        else:
            inputs = _fitting(queue, asked)
            count = len(next(iter(inputs.values())))
            queue.enter(count)
            try:
                if sum(values.nbytes for values in inputs.values()) <= _AT_ONCE:
                    ready = served.prepared(inputs)
                else:
                    ready = await self.in_a_thread(served.prepared, inputs)
                found = await queue.computed(_one_by_one(ready, count))
            finally:
                queue.leave(count)
        if len(found) == 1:
            outputs, index = found[0]
            return {name: values[index : index + 1] for name, values in outputs.items()}, 1
        return {
            name: np.concatenate([outputs[name][index : index + 1] for outputs, index in found]) for name in names
        }, count

    async def files(self, queue: Queue, files: Sequence[bytes]) -> list[Sample]:
        """The outputs of files of the kind that the model takes. Raises: Refused, ProfondError."""
        queue.enter(len(files))
        try:
            decoded = [await self.in_a_thread(self._decoded, queue, file) for file in files]
            return await queue.computed(decoded)
        finally:
            queue.leave(len(files))

    async def file(self, queue: Queue, body: bytes) -> Sample | dict[str, Sample]:
        """The outputs of a file of the kind that the model takes; of a table those of all its series, by their ids.

        A table of any number of series takes places for a few, which are computed one after the other.

        Raises: Refused, ProfondError.
        """
        queue.enter(1)
        places = 1
        try:
            decoded = await self.in_a_thread(self._opened, queue, body)
            if isinstance(decoded, tuple):
                return (await queue.computed(decoded))[0]
            ids, inputs = list(decoded), list(decoded.values())
            more = min(len(ids), _ROWS, queue.capacity) - places
            queue.enter(more)
            places += more
            found: list[Sample] = []
            for start in range(0, len(ids), places):
                found += await queue.computed(inputs[start : start + places])
            return dict(zip(ids, found, strict=True))
        finally:
            queue.leave(places)

    async def in_a_thread(self, work: Callable[..., Found], *given: Any) -> Found:
        """What is computed where decoding is."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *given)

    def _check(self, queue: Queue, file: bytes) -> None:
        """Raises: Refused for numbers in a text of which too many objects would be made."""
        if queue.served.takes == "series" and len(file) > self.settings.json_bytes and Series.is_text(file):
            raise Refused(
                413, f"{len(file)} bytes of text, and {self.settings.json_bytes} are taken: send .npy, or fewer series"
            )

    def _opened(self, queue: Queue, file: bytes) -> tuple[Arrays] | dict[str, dict[str, NDArray[Any]]]:
        self._check(queue, file)
        rows = queue.served.rows(file)
        return (self._decoded(queue, file),) if rows is None else rows

    def _decoded(self, queue: Queue, file: bytes) -> Arrays:
        self._check(queue, file)
        if queue.served.takes == "images" and self.settings.pixels < MAX_PIXELS:  # the decoder itself sees to those
            (width, height), _ = size_of(FileInMemory(file, "the picture"))
            if width * height > self.settings.pixels:
                raise Refused(413, f"the picture has {width} × {height} pixels, and {self.settings.pixels} are taken")
        return queue.served.decoded(file)


def refused_for(error: ProfondError) -> Refused:
    """What a client is told of an error: whether what was sent is to blame."""
    if isinstance(error, ImageError):
        return bad(error.message)  # its help is about files that people have: delete it, restore it
    if isinstance(error, DataError):
        return bad(in_words(error))
    return Refused(500, in_words(error))


def _files(queue: Queue, asked: Asked) -> list[bytes] | None:
    """What was given as files instead of a tensor, one for each sample; None for tensors."""
    served = queue.served
    if served.takes == "tensors" or len(served.inputs) != 1 or len(asked.inputs) != 1:
        return None
    port = served.inputs[0]
    given = asked.inputs.get(port.name)
    if given is None or given.datatype != BYTES or port.dtype == "str":
        return None
    if len(given.shape) > 2 or given.shape[1:] not in ((), (1,)):
        raise bad(f"input {port.name!r}: files come in the shape [n] or [n, 1], not {list(given.shape)}")
    return list(given.values)


def _fitting(queue: Queue, asked: Asked) -> dict[str, NDArray[Any]]:
    """The tensors of a request in the types of the model's ports."""
    ports = {port.name: port for port in queue.served.inputs}
    for name in asked.inputs:
        if name not in ports:
            raise bad(f"the model has no input {name[:80]!r}: it has {', '.join(sorted(ports))}")
    found: dict[str, NDArray[Any]] = {}
    for name, port in ports.items():
        given = asked.inputs.get(name)
        if given is None:
            raise bad(f"input {name!r} is not given")
        if not port.takes(given.shape):
            raise bad(f"input {name!r} has the shape {list(given.shape)}, and the model takes {shape_of(port)}")
        if (given.datatype == BYTES) != (port.dtype == "str"):
            raise bad(f"input {name!r} is {given.datatype}, and the model takes {datatype_of(port)}")
        if port.dtype == "str":
            found[name] = _as_text(given.values, name).reshape(given.shape)
        else:
            found[name] = fitted(given.values, port)
    if len({len(values) for values in found.values()}) > 1:
        counts = ", ".join(f"{name} {len(values)}" for name, values in found.items())
        raise bad(f"the inputs have different numbers of samples: {counts}")
    return found


def _as_text(values: NDArray[Any], name: str) -> NDArray[Any]:
    found = np.empty(len(values), object)
    try:
        found[:] = [one.decode() for one in values]
    except UnicodeDecodeError:
        raise bad(f"input {name!r} is not UTF-8") from None
    return found


def _one_by_one(inputs: Arrays, count: int) -> list[dict[str, NDArray[Any]]]:
    if count == 1:
        return [dict(inputs)]
    return [{name: values[index : index + 1] for name, values in inputs.items()} for index in range(count)]
