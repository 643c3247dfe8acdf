"""Training sequences a second in steady state: an LSTM of 128 units, 32 numbers a step, forward to optimizer step.

Above, all sequences have 64 steps; below, 8 to 64, and all numbers of a sequence but its length are noise. Profond's
loader puts sequences of like length together, as in any training of such a network. FLOP of the layer's matrix products
are counted (forward, and twice that backward), and given as a share of what one large product reaches here.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from typing import Any

from benchmarks.child import measure
from benchmarks.machine import has_bf16
from benchmarks.report import spread, table
from benchmarks.throughput import Clock, steady_rate

TITLE = "Recurrent networks, sequences per second"
INPUTS, HIDDEN, STEPS, BATCH, CLASSES, SHORTEST = 32, 128, 64, 128, 10, 8
SEQUENCES = 4096
EQUAL, UNLIKE = "64 steps", "8 to 64 steps"


def lengths(unlike: bool) -> Any:
    """Of all sequences (n)."""
    import torch

    if not unlike:
        return torch.full((SEQUENCES,), STEPS)
    return torch.randint(SHORTEST, STEPS + 1, (SEQUENCES,), generator=torch.Generator().manual_seed(0))


def profond_fit(cell: str, steps: int, unlike: bool, precision: str = "auto") -> float:
    """Through `fit` and our loader."""
    import torch

    from profond.core.spec import Spec
    from profond.data.dataset import Dataset
    from profond.data.preprocessing import Preprocessing
    from profond.data.split import TensorSplit
    from profond.models import create
    from profond.tasks.classify import Classify
    from profond.training import Training, fit

    spec = Spec((INPUTS, STEPS), "ct", (-3.0, 3.0), tuple("0123456789"))
    samples = torch.randn(SEQUENCES, INPUTS, STEPS)
    samples.masked_fill_(torch.arange(STEPS) >= lengths(unlike)[:, None, None], torch.nan)
    split = TensorSplit(samples, torch.randint(0, CLASSES, (SEQUENCES,)), "train")
    preprocessing = Preprocessing(mean=(0.0,) * INPUTS, std=(1.0,) * INPUTS, scale=1.0)
    data = Dataset("noise", spec, preprocessing, {"train": split}, "made here")
    model = create(cell, spec, hidden=HIDDEN, bidirectional=False, summary="last")
    clock = Clock()
    warm = max(5, steps // 5)
    training = Training(steps=steps + warm, optimizer="adam", precision=precision)  # type: ignore[arg-type]
    fit(model, Classify(), data.batches("train", BATCH, shuffle=True), training, observers=[clock])
    return BATCH * (len(clock.times) - warm) / (clock.times[-1] - clock.times[warm - 1])


def torch_loop(steps: int, unlike: bool, bf16: bool = False, packed: bool = False) -> float:
    """A loop as in a tutorial: padded and read at each sequence's end, or packed."""
    import torch
    import torch.nn.functional as F
    from torch import nn

    ends = lengths(unlike)
    x, y = torch.randn(SEQUENCES, STEPS, INPUTS), torch.randint(0, CLASSES, (SEQUENCES,))
    lstm, output = nn.LSTM(INPUTS, HIDDEN, batch_first=True), nn.Linear(HIDDEN, CLASSES)
    optimizer = torch.optim.Adam([*lstm.parameters(), *output.parameters()], lr=1e-3, fused=bf16 or None)

    def step() -> None:
        chosen = torch.randint(0, SEQUENCES, (BATCH,))
        inputs, last = x[chosen], ends[chosen]
        with torch.autocast("cpu", torch.bfloat16) if bf16 else contextlib.nullcontext():
            if packed:
                parts = nn.utils.rnn.pack_padded_sequence(inputs, last, batch_first=True, enforce_sorted=False)
                read = lstm(parts)[1][0][0]
            else:
                read = lstm(inputs)[0][torch.arange(BATCH), last - 1]
            loss = F.cross_entropy(output(read).float(), y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return steady_rate(step, BATCH, steps)


def keras_fit(steps: int, unlike: bool) -> float:
    """Keras's own `fit`, with a mask where sequences are of unlike length."""
    import keras
    import numpy as np
    from keras import layers

    random, count = np.random.default_rng(0), BATCH * steps
    x = random.standard_normal((count, STEPS, INPUTS), dtype=np.float32)
    y = random.integers(0, CLASSES, count)
    if unlike:
        x[np.arange(STEPS) >= random.integers(SHORTEST, STEPS + 1, count)[:, None]] = 0
    keras.utils.set_random_seed(0)
    body = [*([layers.Masking()] if unlike else []), layers.LSTM(HIDDEN), layers.Dense(CLASSES)]
    model = keras.Sequential([keras.Input((STEPS, INPUTS)), *body])
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    warm = BATCH * max(5, steps // 5)
    model.fit(x[:warm], y[:warm], batch_size=BATCH, verbose=0)
    began = time.perf_counter()
    model.fit(x, y, batch_size=BATCH, verbose=0)
    return count / (time.perf_counter() - began)


def peak(bf16: bool) -> float:
    """FLOP a second of one large matrix product."""
    import torch

    kind = torch.bfloat16 if bf16 else torch.float32
    side, best = 2048, 0.0
    one, other = torch.randn(side, side, dtype=kind), torch.randn(side, side, dtype=kind)
    for _ in range(6):
        began = time.perf_counter()
        one @ other
        best = max(best, 2 * side**3 / (time.perf_counter() - began))
    return best


def flop() -> float:
    """Of one sequence of 64 steps: the layer's two matrix products, forward and twice as many backward."""
    return 3 * 2 * STEPS * 4 * HIDDEN * (INPUTS + HIDDEN)


def variants() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {
        "Profond `fit`, LSTM": {"function": "profond_fit", "cell": "lstm"},
        "Profond `fit`, LSTM, float32": {"function": "profond_fit", "cell": "lstm", "precision": "fp32"},
        "Profond `fit`, minGRU by its scan": {"function": "profond_fit", "cell": "mingru"},
        "PyTorch float32": {"function": "torch_loop"},
        "PyTorch float32, packed": {"function": "torch_loop", "packed": True},
        "Keras `fit` (TensorFlow)": {"function": "keras_fit"},
        "Keras `fit` (JAX)": {"function": "keras_fit", "backend": "jax"},
        "Keras `fit` (PyTorch)": {"function": "keras_fit", "backend": "torch"},
    }
    if has_bf16():
        found["PyTorch bf16 autocast, fused Adam"] = {"function": "torch_loop", "bf16": True}
    return found


def run(quick: bool) -> str:
    rounds, steps = (1, 2) if quick else (3, 40)
    rates: dict[tuple[str, bool], list[float]] = {}
    for turn in range(rounds):
        for unlike in (False, True):
            for name, settings in variants().items():
                slow = settings.get("packed") or settings.get("backend") == "torch"
                if (settings.get("packed") and not unlike) or (turn and slow):
                    continue  # packing is for unlike lengths; what is several times slower is measured once
                some = max(2, steps // 4) if slow else steps
                rate = measure("recurrent", steps=some, unlike=unlike, **settings)
                rates.setdefault((name, unlike), []).append(rate)
    ours = {unlike: statistics.median(rates["Profond `fit`, LSTM", unlike]) for unlike in (False, True)}
    rows = []
    for name in variants():
        cells = [name]
        for unlike in (False, True):
            found = rates.get((name, unlike))
            cells += [spread(found, 0), f"{ours[unlike] / statistics.median(found):.2f}×"] if found else ["", ""]
        rows.append(cells)
    top = {bf16: max(measure("recurrent", "peak", bf16=bf16) for _ in range(2)) for bf16 in ({False, has_bf16()})}
    reached = "; ".join(
        f"{'bf16' if bf16 else 'float32'} {each / 1e9:,.0f} GFLOP/s, of which the LSTM's products reach"
        f" {ours[False] * flop() / each:.0%}"
        for bf16, each in top.items()
        if bf16 == has_bf16()
    )
    columns = ["", EQUAL, "ours beside it", UNLIKE, "ours beside it"]
    return f"{table(columns, rows)}\n\nA large matrix product reaches {reached}."
