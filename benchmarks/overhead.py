"""What the loop costs besides the model's arithmetic, at batch 256.

``fit`` and a bare loop do the same arithmetic (forward, loss, backward, optimizer step) on the same batches in one
process, **step by step in turn**: an observer of `fit` does one bare step after each of its steps, so that whatever
else the machine does falls on both alike. The difference is all that `fit` adds: schedule, seeds, checks, metrics,
observers. Another row draws the batches from our loader, with shuffling, a shift of one pixel and normalisation.
"""

from __future__ import annotations

import copy
import statistics
import time
from typing import Any

import torch
import torch.nn.functional as F

from benchmarks.child import measure
from benchmarks.report import spread, table
from profond.core.device import choose_precision
from profond.core.spec import Spec
from profond.data.dataset import Dataset
from profond.data.images.augment import Augment
from profond.data.preprocessing import Preprocessing
from profond.data.split import TensorSplit
from profond.models import create
from profond.tasks.classify import Classify
from profond.training import Training, fit
from profond.training.observers import Observer, Progress

TITLE = "The loop's own cost"
BATCH = 256
SPEC = Spec((1, 28, 28), "chw", (0.0, 255.0), tuple("0123456789"))


def noise(count: int) -> Dataset:
    pictures = torch.randint(0, 256, (count, 1, 28, 28), dtype=torch.uint8)
    split = TensorSplit(pictures, torch.randint(0, 10, (count,)), "train")
    return Dataset("noise", SPEC, Preprocessing((28, 28), "L", (0.1307,), (0.3081,)), {"train": split}, "made here")


class BareSteps(Observer):
    """After each step of `fit`, one step of a bare loop; keeps the milliseconds of both."""

    def __init__(self, model: torch.nn.Module, batches: list[Any]) -> None:
        self.model, self.batches = model.train(), batches
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
        self.bf16 = choose_precision(torch.device("cpu")).precision == "bf16"
        self.fit: list[float] = []
        self.bare: list[float] = []
        self.ended: float | None = None

    def stepped(self, progress: Progress) -> None:
        began = time.perf_counter()
        if self.ended is not None:
            self.fit.append(1000 * (began - self.ended))
        x, y = self.batches[progress.step % len(self.batches)]
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            loss = F.cross_entropy(self.model(x).float(), y)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.ended = time.perf_counter()
        self.bare.append(1000 * (self.ended - began))


def turns(network: str, rounds: int, steps: int) -> dict[str, list[float]]:
    """Of each round the median step in milliseconds: bare and fit on the same batches, bare and fit on our loader."""
    data = noise(BATCH * 20)
    batches = [
        (x.contiguous(memory_format=torch.channels_last), y) for x, y in data.batches("train", BATCH, shuffle=True)
    ]
    loader = data.batches("train", BATCH, shuffle=True, augment=Augment(shift=1))
    model = create(network, SPEC).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    other = copy.deepcopy(model)
    found: dict[str, list[float]] = {"bare": [], "fit": [], "bare beside": [], "loader": []}
    for turn in range(rounds + 1):
        for source, names in ((batches, ("bare", "fit")), (loader, ("bare beside", "loader"))):
            watch = BareSteps(other, batches)
            fit(model, Classify(), source, Training(steps=steps, optimizer="adam"), observers=[watch])
            if turn:  # the first warms up
                for name, times in zip(names, (watch.bare, watch.fit), strict=True):
                    found[name].append(statistics.median(times[2:]))
    return found


def run(quick: bool, short: bool = False) -> str:
    rounds, steps = (1, 4) if quick else (5, 100) if short else (15, 150)
    rows = []
    for network in ("lenet5",) if quick else ("lenet5", "mlp"):
        found = measure("overhead", "turns", network=network, rounds=rounds, steps=steps)
        for what, bare, ours in (("same batches", "bare", "fit"), ("our loader", "bare beside", "loader")):
            added = [100 * (b / a - 1) for a, b in zip(found[bare], found[ours], strict=True)]
            rows.append([network, what, spread(found[bare], 2), spread(found[ours], 2), f"{spread(added)} %"])
    columns = ("ms a step, batch 256", "`fit` draws from", "bare loop", "`fit`", "added to the bare loop")
    return table(columns, rows)
