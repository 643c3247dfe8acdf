"""A queue for each model: an idle engine takes what is there at once, and while it computes, requests gather."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import DataError, ProfondError
from profond.runtime.engines.engine import Arrays
from profond.runtime.served import Served
from profond.server.metrics import ModelMetrics
from profond.server.refused import Refused, busy

Sample = tuple[dict[str, NDArray[Any]], int]
"""The outputs of a batch, and which of its samples is meant."""
Shape = tuple[tuple[str, tuple[int, ...]], ...]


class Waiting:
    """One sample that is to be computed."""

    __slots__ = ("answer", "inputs", "shape")

    def __init__(self, inputs: Arrays, answer: asyncio.Future[Sample]) -> None:
        self.inputs = inputs
        self.answer = answer
        self.shape: Shape = tuple((name, values.shape) for name, values in inputs.items())


class Queue:
    """The samples of one model that wait, and the engine that computes them.

    Args:
        sizes: that a batch may have: see `profond.server.sizes`.
        capacity: samples that may be here at one time, waiting or being computed.
    """

    def __init__(self, served: Served, sizes: Sequence[int], capacity: int, metrics: ModelMetrics) -> None:
        self.served = served
        self.sizes = sorted(sizes, reverse=True)
        self.capacity = capacity
        self.metrics = metrics
        self.taken = 0
        self._waiting: dict[int, Waiting] = {}
        self._number = 0
        self._computing = False
        self._lock = threading.Lock()
        """Held while what waits, or whether the engine computes, is looked at or changed."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"engine-{served.name}")

    def enter(self, count: int) -> None:
        """Take places, before anything is decoded. Raises: Refused where there is no room."""
        if count > self.capacity:
            raise Refused(413, f"{count} samples in one request, and {self.capacity} are taken")
        if self.taken + count > self.capacity:
            self.metrics.full.inc()
            raise busy(f"{self.taken} samples wait already, and {self.capacity} is the most: come again")
        self.taken += count
        self.metrics.queue.set(self.taken)

    def leave(self, count: int) -> None:
        """Give places back."""
        self.taken -= count
        self.metrics.queue.set(self.taken)

    async def computed(self, samples: Sequence[Arrays]) -> list[Sample]:
        """The outputs of samples, each with a batch axis of 1; whoever is cancelled here no longer waits.

        Raises: ProfondError of the first that fails.
        """
        loop = asyncio.get_running_loop()
        keys, answers = [], []
        with self._lock:
            for inputs in samples:
                self._number += 1
                answer: asyncio.Future[Sample] = loop.create_future()
                self._waiting[self._number] = Waiting(inputs, answer)
                keys.append(self._number)
                answers.append(answer)
            idle, self._computing = not self._computing, True
        if idle:
            self._thread.submit(self._work, loop)
        try:
            if len(answers) == 1:
                return [await answers[0]]
            found = await asyncio.gather(*answers, return_exceptions=True)
        finally:
            with self._lock:
                for key in keys:
                    self._waiting.pop(key, None)
            for answer in answers:
                answer.cancel()
        for one in found:
            if isinstance(one, BaseException):
                raise one
        return [one for one in found if not isinstance(one, BaseException)]

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        """In the engine's thread: compute what waits until nothing does, while answers are written elsewhere."""
        while batch := self._taken():
            taken, size = batch
            found = self._compute([waiting.inputs for waiting in taken], size)
            try:
                loop.call_soon_threadsafe(_tell, taken, found)
            except RuntimeError:  # the server has ended
                return

    def _taken(self) -> tuple[list[Waiting], int] | None:
        """The next batch, in the order in which its samples came, and its size; None where none wait."""
        with self._lock:
            if not self._waiting:
                self._computing = False
                return None
            first = next(iter(self._waiting.values())).shape
            batch = []
            for key, waiting in self._waiting.items():
                if waiting.shape == first:
                    batch.append((key, waiting))
                if len(batch) == max(self.sizes[0], 1):
                    break
            size = next((size for size in self.sizes if size <= len(batch)), self.sizes[-1])
            for key, _ in batch[:size]:
                del self._waiting[key]
        taken = [waiting for _, waiting in batch[:size]]
        self.metrics.batch.observe(len(taken))
        return taken, size

    def _compute(self, inputs: list[Arrays], size: int) -> list[Sample | ProfondError]:
        """In the engine's thread: a batch, or where that fails each sample alone, so that one alone fails.

        Too few samples for a batch of this size are filled up with copies of the last one.
        """
        filled = [*inputs, *[inputs[-1]] * (size - len(inputs))]
        try:
            outputs = self.served.run(
                {name: np.concatenate([one[name] for one in filled]) for name in filled[0]} if size > 1 else filled[0]
            )
        except Exception as error:  # a server goes on, whatever an engine raises
            if len(inputs) > 1:
                return [answer for one in inputs for answer in self._compute([one], self.sizes[-1])]
            return [error if isinstance(error, ProfondError) else _failed(error)]
        return [(outputs, index) for index in range(len(inputs))]


def _tell(taken: list[Waiting], found: list[Sample | ProfondError]) -> None:
    """Where requests are answered: what became of a batch."""
    for waiting, one in zip(taken, found, strict=True):
        if waiting.answer.done():
            continue  # nobody waits any longer
        if isinstance(one, ProfondError):
            waiting.answer.set_exception(one)
        else:
            waiting.answer.set_result(one)


def _failed(error: Exception) -> ProfondError:
    return ProfondError(f"the engine failed: {type(error).__name__}")


def is_of_the_request(error: ProfondError) -> bool:
    """Whether what was sent is to blame."""
    return isinstance(error, DataError)
