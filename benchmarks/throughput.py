"""Training samples a second in steady state: LeNet-5 and the MLP 512-512, forward to optimizer step, data in memory."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.child import measure, tcmalloc
from benchmarks.peers import PARAMETERS, keras_network, torch_network
from benchmarks.report import spread, table

TITLE = "Training throughput, samples per second"
SAMPLES = 20_000


class Clock:
    """An observer that notes the time of each step."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def started(self, progress: Any) -> None:
        pass

    def stepped(self, progress: Any) -> None:
        self.times.append(time.perf_counter())

    def logged(self, progress: Any, record: Mapping[str, Any]) -> None:
        pass

    def finished(self, progress: Any) -> None:
        pass


def profond_fit(network: str, batch_size: int, steps: int) -> float:
    """Through `fit` and our loader, without augmentation, at whatever precision `fit` chooses."""
    import torch

    from profond.core.spec import Spec
    from profond.data.dataset import Dataset
    from profond.data.preprocessing import Preprocessing
    from profond.data.split import TensorSplit
    from profond.models import create
    from profond.tasks.classify import Classify
    from profond.training import Training, fit

    spec = Spec((1, 28, 28), "chw", (0.0, 255.0), tuple("0123456789"))
    pictures = torch.randint(0, 256, (SAMPLES, 1, 28, 28), dtype=torch.uint8)
    split = TensorSplit(pictures, torch.randint(0, 10, (SAMPLES,)), "train")
    preprocessing = Preprocessing(size=(28, 28), mode="L", mean=(0.1307,), std=(0.3081,))
    data = Dataset("noise", spec, preprocessing, {"train": split}, "made here")
    model = create(network, spec)
    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS[network]
    clock = Clock()
    warm = max(5, steps // 5)
    training = Training(steps=steps + warm, optimizer="adam")
    fit(model, Classify(), data.batches("train", batch_size, shuffle=True), training, observers=[clock])
    return batch_size * (len(clock.times) - warm) / (clock.times[-1] - clock.times[warm - 1])


def torch_loop(
    network: str,
    batch_size: int,
    steps: int,
    channels_last: bool = False,
    bf16: bool = False,
    compiled: bool = False,
) -> float:
    import torch
    import torch.nn.functional as F

    layout = torch.channels_last if channels_last else torch.contiguous_format
    x, y = torch.randn(SAMPLES, 1, 28, 28), torch.randint(0, 10, (SAMPLES,))
    model = torch_network(network).to(memory_format=layout)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=bf16 or None)
    run = torch.compile(model) if compiled else model

    def step(chosen: torch.Tensor) -> None:
        inputs = x[chosen].contiguous(memory_format=layout)
        with torch.autocast("cpu", torch.bfloat16) if bf16 else contextlib.nullcontext():
            loss = F.cross_entropy(run(inputs).float(), y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return steady_rate(lambda: step(torch.randint(0, SAMPLES, (batch_size,))), batch_size, steps)


def tensorflow_function(network: str, batch_size: int, steps: int) -> float:
    import keras
    import tensorflow as tf

    x = tf.random.normal((SAMPLES, 28, 28, 1))
    y = tf.random.uniform((SAMPLES,), 0, 10, tf.int64)
    model = keras_network(network)
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_variables)

    @tf.function
    def step() -> None:
        chosen = tf.random.uniform((batch_size,), 0, SAMPLES, tf.int32)
        with tf.GradientTape() as tape:
            logits = model(tf.gather(x, chosen), training=True)
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.gather(y, chosen), logits=logits)
            )
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)

    return steady_rate(step, batch_size, steps)


def keras_fit(network: str, batch_size: int, steps: int) -> float:
    import keras
    import numpy as np

    count = batch_size * steps
    x = np.random.default_rng(0).standard_normal((count, 28, 28, 1), dtype=np.float32)
    y = np.random.default_rng(0).integers(0, 10, count)
    model = keras_network(network)
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    warm = batch_size * max(5, steps // 5)
    model.fit(x[:warm], y[:warm], batch_size=batch_size, verbose=0)
    began = time.perf_counter()
    model.fit(x, y, batch_size=batch_size, verbose=0)
    return count / (time.perf_counter() - began)


def jax_step(network: str, batch_size: int, steps: int) -> float:
    import jax
    import jax.numpy as jnp

    begun = [jnp.asarray(one.detach().numpy()) for one in torch_network(network).parameters()]
    weights = [one.transpose(2, 3, 1, 0) if one.ndim == 4 else one for one in begun]
    x = jax.random.normal(jax.random.key(0), (SAMPLES, 28, 28, 1))
    y = jax.random.randint(jax.random.key(1), (SAMPLES,), 0, 10)

    def loss(weights: list[Any], chosen: Any) -> Any:
        maps = x[chosen]
        if network == "lenet5":
            for kernel, bias, border in ((weights[0], weights[1], 2), (weights[2], weights[3], 0)):
                axes = ("NHWC", "HWIO", "NHWC")
                edges = [(border, border)] * 2
                maps = jax.lax.conv_general_dilated(maps, kernel, (1, 1), edges, dimension_numbers=axes) + bias
                window = (1, 2, 2, 1)
                maps = jax.lax.reduce_window(jax.nn.relu(maps), -jnp.inf, jax.lax.max, window, window, "VALID")
        dense = weights[4 if network == "lenet5" else 0 :]
        out = maps.reshape(batch_size, -1)
        for place in range(0, len(dense), 2):
            out = out @ dense[place].T + dense[place + 1]
            out = jax.nn.relu(out) if place < len(dense) - 2 else out
        return -jnp.take_along_axis(jax.nn.log_softmax(out), y[chosen][:, None], 1).mean()

    def adam(weight: Any, gradient: Any, first: Any, second: Any, count: Any) -> tuple[Any, Any, Any]:
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        change = first / (1 - 0.9**count) / (jnp.sqrt(second / (1 - 0.999**count)) + 1e-8)
        return weight - 1e-3 * change, first, second

    @jax.jit
    def step(state: Any) -> Any:
        weights, firsts, seconds, count = state
        chosen = jax.random.randint(jax.random.key(count), (batch_size,), 0, SAMPLES)
        gradients = jax.grad(loss)(weights, chosen)
        moved = [adam(*one, count + 1.0) for one in zip(weights, gradients, firsts, seconds, strict=True)]
        return (*(list(part) for part in zip(*moved, strict=True)), count + 1)

    state = (weights, [jnp.zeros_like(one) for one in weights], [jnp.zeros_like(one) for one in weights], 0)

    def one_step() -> None:
        nonlocal state
        state = jax.block_until_ready(step(state))

    return steady_rate(one_step, batch_size, steps)


def steady_rate(step: Callable[[], None], batch_size: int, steps: int) -> float:
    for _ in range(max(5, steps // 5)):
        step()
    began = time.perf_counter()
    for _ in range(steps):
        step()
    return batch_size * steps / (time.perf_counter() - began)


def variants() -> dict[str, dict[str, Any]]:
    fastest: dict[str, Any] = {"function": "torch_loop", "channels_last": True, "bf16": True}
    found: dict[str, dict[str, Any]] = {
        "Profond `fit`": {"function": "profond_fit"},
        "PyTorch float32": {"function": "torch_loop"},
        "PyTorch channels_last": {"function": "torch_loop", "channels_last": True},
        "PyTorch channels_last, bf16 autocast, fused Adam": fastest,
        "PyTorch float32, torch.compile": {"function": "torch_loop", "compiled": True},
        "TensorFlow function": {"function": "tensorflow_function"},
        "Keras `fit` (TensorFlow)": {"function": "keras_fit"},
        "Keras `fit` (JAX)": {"function": "keras_fit", "backend": "jax"},
        "JAX jit": {"function": "jax_step"},
    }
    if library := tcmalloc():
        found["Profond `fit`, tcmalloc"] = {"function": "profond_fit", "preload": library}
        found["PyTorch channels_last, bf16 autocast, fused Adam, tcmalloc"] = {**fastest, "preload": library}
    return found


def run(quick: bool) -> str:
    rounds, steps = (1, 3) if quick else (3, 100)
    cases = [("lenet5", 128), ("lenet5", 256), ("mlp", 128)]
    rates: dict[tuple[str, str, int], list[float]] = {}
    for turn in range(rounds):
        for network, batch_size in cases:
            for name, settings in variants().items():
                if turn and settings.get("compiled"):
                    continue  # compiling takes a minute
                settings = {"network": network, "batch_size": batch_size, "steps": steps, **settings}
                rates.setdefault((name, network, batch_size), []).append(measure("throughput", **settings))
    rows = [
        [name, *(spread(rates[name, network, batch_size], 0) for network, batch_size in cases)] for name in variants()
    ]
    names = {"lenet5": "LeNet-5", "mlp": "MLP 512-512"}
    return table(["", *(f"{names[network]}, batch {batch_size}" for network, batch_size in cases)], rows)
