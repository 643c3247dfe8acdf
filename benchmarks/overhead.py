"""What the loop costs besides the model's arithmetic, at batch 256.

``fit`` and a bare loop do the same arithmetic (forward, loss, backward, optimizer step) on the same batches, in one
process, in turns; the difference is all that `fit` adds: schedule, seeds, checks, metrics, observers. A third column
draws the batches from our loader, with shuffling, a shift of one pixel and normalisation.
"""

from __future__ import annotations

import itertools
import statistics
import time
from typing import Any

import torch
import torch.nn.functional as F

from benchmarks.child import measure
from benchmarks.report import spread, table
from benchmarks.throughput import Clock
from profond.core.device import choose_precision
from profond.core.spec import Spec
from profond.data.augment import Augment
from profond.data.dataset import Dataset, TensorSplit
from profond.data.preprocessing import Preprocessing
from profond.models import create
from profond.tasks.classify import Classify
from profond.training import Training, fit

TITLE = "The loop's own cost"
BATCH = 256
SPEC = Spec((1, 28, 28), "chw", (0.0, 255.0), tuple("0123456789"))


def noise(count: int) -> Dataset:
    pictures = torch.randint(0, 256, (count, 1, 28, 28), dtype=torch.uint8)
    split = TensorSplit(pictures, torch.randint(0, 10, (count,)), "train")
    return Dataset("noise", SPEC, Preprocessing((28, 28), "L", (0.1307,), (0.3081,)), {"train": split}, "made here")


def bare_loop(model: torch.nn.Module, batches: list[Any], steps: int) -> list[float]:
    """Milliseconds of each step."""
    bf16 = choose_precision(torch.device("cpu")).precision == "bf16"
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    times = [time.perf_counter()]
    for step in range(steps):
        x, y = batches[step % len(batches)]
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = F.cross_entropy(model(x).float(), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        times.append(time.perf_counter())
    return _differences(times)


def loop(model: torch.nn.Module, batches: Any, steps: int) -> list[float]:
    """The same through `fit`."""
    clock = Clock()
    fit(model, Classify(), batches, Training(steps=steps, optimizer="adam"), observers=[clock])
    return _differences(clock.times)


def turns(network: str, rounds: int, steps: int) -> dict[str, list[float]]:
    """The median step of each round, in milliseconds: bare, fit on the same batches, fit on our loader."""
    data = noise(BATCH * 20)
    batches = list(data.batches("train", BATCH, shuffle=True))
    channels_last = [(x.contiguous(memory_format=torch.channels_last), y) for x, y in batches]
    loader = data.batches("train", BATCH, shuffle=True, augment=Augment(shift=1))
    model = create(network, SPEC).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    found: dict[str, list[float]] = {"bare": [], "fit": [], "loader": []}
    for turn in range(rounds + 1):
        step_times = {
            "bare": bare_loop(model, channels_last, steps),
            "fit": loop(model, channels_last, steps),
            "loader": loop(model, loader, steps),
        }
        if turn:  # the first warms up
            for name, times in step_times.items():
                found[name].append(statistics.median(times[2:]))
    return found


def run(quick: bool) -> str:
    rounds, steps = (1, 4) if quick else (15, 100)
    rows = []
    for network in ("lenet5",) if quick else ("lenet5", "mlp"):
        found = measure("overhead", "turns", network=network, rounds=rounds, steps=steps)
        loops = [100 * (b / a - 1) for a, b in zip(found["bare"], found["fit"], strict=True)]
        loaders = [100 * (c / b - 1) for b, c in zip(found["fit"], found["loader"], strict=True)]
        rows.append(
            [network, *(spread(found[name], 2) for name in found), f"{spread(loops)} %", f"{spread(loaders)} %"]
        )
    columns = ("ms a step, batch 256", "bare loop", "`fit`", "`fit` and our loader", "loop adds", "loader adds")
    return table(columns, rows)


def _differences(times: list[float]) -> list[float]:
    return [1000 * (after - before) for before, after in itertools.pairwise(times)]
