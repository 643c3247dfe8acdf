"""The models of a server: each is loaded beside the others, and says whether it is ready, or why not."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from profond.core.errors import ProfondError
from profond.runtime.engines.engine import Port
from profond.runtime.served import Served
from profond.server import logs
from profond.server.batching import Queue
from profond.server.metrics import Metrics, ModelMetrics
from profond.server.refused import Refused, busy, in_words
from profond.server.settings import Settings
from profond.server.sizes import equal_sizes


@dataclass(frozen=True)
class Offered:
    """A model that is to be served.

    Args:
        name: in the address.
        open: gives it, not yet loaded; called in a thread.
    """

    name: str
    open: Callable[[], Served]


class Hosted:
    """One model: loading, ready, or not to be had."""

    def __init__(self, offered: Offered, metrics: ModelMetrics) -> None:
        self.name = offered.name
        self.metrics = metrics
        self.queue: Queue | None = None
        self.failure: str | None = None
        self._open = offered.open

    async def load(self, settings: Settings) -> None:
        """Open it, make it ready, and find out how it may be batched."""
        start = time.perf_counter()

        def work() -> tuple[Served, tuple[int, ...]]:
            served = self._open()
            served.load(settings.batch_sizes)
            return served, equal_sizes(served, settings.batch_sizes, settings.trying_seconds)

        try:
            served, sizes = await asyncio.to_thread(work)
        except ProfondError as error:
            self.failure = in_words(error)
        except Exception as error:  # whatever a damaged file makes an engine do, the other models are served
            self.failure = f"it cannot be loaded: {type(error).__name__}: {error}"
        else:
            self.queue = Queue(served, sizes, settings.queue, self.metrics)
            self.metrics.ready.set(1)
        seconds = time.perf_counter() - start
        self.metrics.load.set(seconds)
        if self.failure is not None:
            logs.say("failed", level="error", model=self.name, error=self.failure)
        else:
            logs.say(
                "loaded", model=self.name, platform=served.platform, seconds=round(seconds, 3), batches=list(sizes)
            )

    def ready(self) -> Queue:
        """Its queue. Raises: Refused while it cannot answer."""
        if self.queue is not None:
            return self.queue
        if self.failure is not None:
            raise Refused(503, f"the model {self.name!r} could not be loaded: {self.failure}")
        raise busy(f"the model {self.name!r} is still loading")

    @property
    def served(self) -> Served:
        return self.ready().served

    @property
    def outputs(self) -> dict[str, Port]:
        return {port.name: port for port in self.served.outputs}


class Models:
    """All models of a server, by name.

    Args:
        offered: the first is the one that a plain ``POST /predict`` asks.
    """

    def __init__(self, offered: Sequence[Offered], settings: Settings, metrics: Metrics) -> None:
        self.settings = settings
        self.all = {one.name: Hosted(one, metrics.of(one.name)) for one in offered}
        self.draining = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to load them, one after the other."""

        async def work() -> None:
            for model in self.all.values():
                await model.load(self.settings)
            # NOTE what is here now stays: without this, collecting garbage goes through all of it every few thousand
            # requests, which takes tens of milliseconds in which nobody is answered.
            gc.collect()
            gc.freeze()

        self._tasks.append(asyncio.create_task(work()))

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for model in self.all.values():
            if model.queue is not None:
                model.queue.close()

    @property
    def ready(self) -> bool:
        return bool(self.all) and not self.draining and all(model.queue is not None for model in self.all.values())

    def why_not(self) -> str:
        """Why it is not ready, in words."""
        if self.draining:
            return "the server is stopping"
        if not self.all:
            return "no model is served"
        failed = [f"{model.name}: {model.failure}" for model in self.all.values() if model.failure is not None]
        if failed:
            return "; ".join(failed)
        return "still loading: " + ", ".join(model.name for model in self.all.values() if model.queue is None)

    def find(self, name: str, version: str | None = None) -> Hosted:
        """Raises: Refused for an unknown name or version."""
        model = self.all.get(name)
        if model is None:
            raise Refused(404, f"no model is called {name[:80]!r}: GET / says which are served")
        if version is not None and (queue := model.queue) is not None and version != queue.served.version:
            raise Refused(404, f"the model {name!r} has no version {version[:80]!r}: it has {queue.served.version!r}")
        return model
