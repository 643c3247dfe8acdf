"""Milliseconds to make one batch of MNIST-sized pictures from memory: gather, shift, normalise."""

from __future__ import annotations

import itertools
import statistics
import time

from benchmarks.child import measure
from benchmarks.report import spread, table

TITLE = "Making a batch"
SAMPLES = 60_000


def batches(batch_size: int, shift: int, rounds: int) -> list[float]:
    """The median batch of each round, in milliseconds."""
    from benchmarks.overhead import noise
    from profond.data.images.augment import Augment

    loader = noise(SAMPLES).batches("train", batch_size, shuffle=True, augment=Augment(shift=shift))
    found = []
    for epoch in range(rounds + 1):
        times = [time.perf_counter()]
        for _ in loader.at(epoch):
            times.append(time.perf_counter())
        if epoch:  # the first warms up
            found.append(1000 * statistics.median(b - a for a, b in itertools.pairwise(times)))
    return found


def run(quick: bool) -> str:
    rows = []
    for batch_size in (128, 256):
        for shift, what in ((0, "gather, normalise"), (1, "gather, shift by a pixel, normalise")):
            times = measure("pipeline", "batches", batch_size=batch_size, shift=shift, rounds=1 if quick else 7)
            rows.append(
                [f"{what}, batch {batch_size}", spread(times, 3), f"{1e3 * statistics.median(times) / batch_size:.2f}"]
            )
    return table(("", "ms a batch", "µs a sample"), rows)
