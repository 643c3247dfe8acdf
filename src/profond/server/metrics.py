"""What Prometheus is told; with several processes, the sums over all of them."""

from __future__ import annotations

import os
from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    multiprocess,
)
from prometheus_client.exposition import choose_encoder

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
disable_created_metrics()  # type: ignore[no-untyped-call]  # the time at which each series began, which nobody asks for

_SIZES = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class ModelMetrics:
    """Those of one model."""

    queue: Gauge
    batch: Histogram
    full: Counter
    load: Gauge
    ready: Gauge
    seconds: Histogram


class Metrics:
    """All of one server."""

    def __init__(self) -> None:
        self._known: dict[str, ModelMetrics] = {}
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "profond_requests", "Requests answered.", ["route", "model", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "profond_request_seconds",
            "From the first line of a request to its answer.",
            ["model"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._batch = Histogram(
            "profond_batch_size", "Samples computed together.", ["model"], buckets=_SIZES, registry=self.registry
        )
        self._full = Counter("profond_queue_full", "Requests sent away.", ["model"], registry=self.registry)
        self._queue = self._gauge("profond_queue_samples", "Samples waiting or being computed.")
        self._load = self._gauge("profond_load_seconds", "That loading took.", "max")
        self._ready = self._gauge("profond_model_ready", "Processes in which the model is ready.")

    def _gauge(self, name: str, words: str, mode: str = "livesum") -> Gauge:
        return Gauge(name, words, ["model"], registry=self.registry, multiprocess_mode=mode)  # type: ignore[arg-type]

    def of(self, model: str) -> ModelMetrics:
        if model not in self._known:
            self._known[model] = ModelMetrics(
                self._queue.labels(model),
                self._batch.labels(model),
                self._full.labels(model),
                self._load.labels(model),
                self._ready.labels(model),
                self._seconds.labels(model),
            )
        return self._known[model]

    def text(self, accept: str) -> tuple[bytes, str]:
        """(page, its content type), as a scraper accepts it."""
        registry = self.registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        encoder, kind = choose_encoder(accept)
        return encoder(registry), kind
