"""Training and inference of three networks of the zoo, images per second, with noise for images, data in memory.

``fit`` and the predictor's forward pass beside torchvision's networks in plain PyTorch and Keras's own. Each
variant warms up for two batches, then runs for about four seconds; two rounds, one for what has to be compiled. Where
the processor has no bf16 everything is measured in float32, and kept in a table of its own.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.child import measure, tcmalloc
from benchmarks.peers import keras_resnet18
from benchmarks.report import spread, table
from benchmarks.throughput import Clock
from profond.core.processor import bf16

BF16 = bf16().instructions is not None
SECTION = "zoo" if BF16 else "zoo_float32"
TITLE = "The zoo: training and inference, images per second" + ("" if BF16 else ", on a processor without bf16")
# network: side, batch
CASES = {"resnet18": (32, 128), "resnet50": (224, 16), "mobilenet_v2": (224, 16)}
KERAS_APPLICATIONS = {"resnet50": "ResNet50", "mobilenet_v2": "MobileNetV2"}
SECONDS = 4.0


def ours(network: str) -> Any:
    from profond.models import create

    side, _ = CASES[network]
    small = {"small_images": True} if side == 32 else {}
    return create(network, input_shape=(3, side, side), num_classes=1000, **small)


def theirs(network: str) -> Any:
    """torchvision's, with the same stem; from where ``scripts/originals`` puts it."""
    import sys

    import torch

    from profond.lecture.originals import torchvision_models

    sys.path.append(str(Path(sys.prefix) / "originals"))
    model = getattr(torchvision_models(), network)()
    if CASES[network][0] == 32:
        model.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        model.maxpool = torch.nn.Identity()
    return model


def kerass(network: str) -> Any:
    """Keras Applications'; for ResNet-18, which it has not, the same layers written in Keras."""
    import keras

    side, _ = CASES[network]
    if network == "resnet18":
        return keras_resnet18(side, 1000)
    build = getattr(keras.applications, KERAS_APPLICATIONS[network])
    return build(weights=None, input_shape=(side, side, 3), classifier_activation=None)


def profond_fit(network: str, seconds: float, compiled: bool = False) -> float:
    """Through `fit`, at whatever precision it chooses."""
    import torch

    from profond.tasks.classify import Classify
    from profond.training import Training, fit

    side, batch = CASES[network]
    x, y = torch.randn(batch, 3, side, side), torch.randint(0, 1000, (batch,))
    clock = Clock()
    began: list[float] = []

    class Until(Clock):
        def stepped(self, progress: Any) -> None:
            clock.stepped(progress)
            if len(clock.times) == 2:
                began.append(clock.times[-1])
            if began and clock.times[-1] - began[0] > seconds and len(clock.times) >= 4:
                raise StopIteration

    training = Training(steps=10_000, optimizer="sgd", learning_rate=1e-3, warmup=0.5, compile=compiled)
    with contextlib.suppress(StopIteration, RuntimeError):
        fit(ours(network), Classify(), [(x, y)] * 10_000, training, observers=[Until()])
    return batch * (len(clock.times) - 2) / (clock.times[-1] - clock.times[1])


def torch_loop(network: str, seconds: float, best: bool = False, compiled: bool = False) -> float:
    import torch
    import torch.nn.functional as F

    side, batch = CASES[network]
    layout = torch.channels_last if best else torch.contiguous_format
    model = theirs(network).to(memory_format=layout)
    run = torch.compile(model) if compiled else model
    x, y = torch.randn(batch, 3, side, side).contiguous(memory_format=layout), torch.randint(0, 1000, (batch,))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, nesterov=True, fused=best or None)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16) if best and BF16 else contextlib.nullcontext():
            loss = F.cross_entropy(run(x).float(), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return _rate(step, batch, seconds)


def keras_fit(network: str, seconds: float, bf16: bool = True) -> float:
    import keras
    import numpy as np

    keras.mixed_precision.set_global_policy("mixed_bfloat16" if bf16 else "float32")
    side, batch = CASES[network]
    model = kerass(network)
    model.compile(keras.optimizers.SGD(1e-3, 0.9), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((batch, side, side, 3), dtype=np.float32), rng.integers(0, 1000, batch)
    for _ in range(2):
        model.train_on_batch(x, y)
    return _timed(lambda: model.train_on_batch(x, y), batch, seconds)


def tensorflow_step(network: str, seconds: float, bf16: bool = True) -> float:
    import keras
    import tensorflow as tf

    keras.mixed_precision.set_global_policy("mixed_bfloat16" if bf16 else "float32")
    side, batch = CASES[network]
    model = kerass(network)
    optimizer = keras.optimizers.SGD(1e-3, 0.9)
    optimizer.build(model.trainable_variables)
    x, y = tf.random.normal((batch, side, side, 3)), tf.random.uniform((batch,), 0, 1000, tf.int64)

    @tf.function
    def step() -> None:
        with tf.GradientTape() as tape:
            logits = tf.cast(model(x, training=True), tf.float32)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)

    return _rate(step, batch, seconds)


def profond_inference(network: str, seconds: float, engine: str = "torch") -> float:
    """The forward pass of `predict`, in the precision that the processor does well."""
    import torch

    from profond.serve.compiled import Compiled
    from profond.serve.inference import prepared

    side, batch = CASES[network]
    x = torch.randn(batch, 3, side, side)
    model = prepared(ours(network), torch.device("cpu"), precision="auto", engine=engine)
    if isinstance(model, Compiled):
        model.prepare(x, batch)
    return _rate(lambda: model(x), batch, seconds)


def profond_8_bits(network: str, seconds: float) -> float:
    """The forward pass of ``predict --precision int8``; the labels of random weights say nothing, so any will do."""
    import torch

    from profond.serve.compiled import Compiled

    side, batch = CASES[network]
    model = Compiled(ours(network).eval(), "openvino", "int8", agree=0.0, same_answers=lambda own, _: own[:, 0] > 0)
    model.prepare(torch.randn(128, 3, side, side), batch)
    x = torch.randn(batch, 3, side, side)
    return _rate(lambda: model(x), batch, seconds)


def torch_inference(network: str, seconds: float, best: bool = False, compiled: bool = False) -> float:
    import torch

    side, batch = CASES[network]
    layout = torch.channels_last if best else torch.contiguous_format
    model = theirs(network).eval()
    x = torch.randn(batch, 3, side, side)
    if best:
        from torch.fx.experimental.optimization import fuse

        dtype = torch.bfloat16 if BF16 else torch.float32
        model, x = fuse(model).to(dtype).to(memory_format=layout), x.to(dtype)
    x = x.contiguous(memory_format=layout)
    run = torch.compile(model) if compiled else model
    with torch.inference_mode():
        return _rate(lambda: run(x), batch, seconds)


def openvino_inference(network: str, seconds: float, precision: str = "auto") -> float:
    """torchvision's network, as OpenVINO alone runs it."""
    import torch

    from profond.core.device import choose_precision
    from profond.export.in_memory import INPUT
    from profond.serve.compiled import compiled

    side, batch = CASES[network]
    x = torch.randn(batch, 3, side, side)
    array = x.numpy()
    if precision == "auto":
        precision = choose_precision(torch.device("cpu")).precision
    learned = torch.randn(max(1, 128 // batch) * batch, *x.shape[1:]) if precision == "int8" else None
    run = compiled(theirs(network).eval(), x, "openvino", precision, learned)
    return _rate(lambda: run.run({INPUT: array}), batch, seconds)


def keras_inference(network: str, seconds: float, bf16: bool = True) -> float:
    import keras
    import numpy as np

    keras.mixed_precision.set_global_policy("mixed_bfloat16" if bf16 else "float32")
    side, batch = CASES[network]
    model = kerass(network)
    x = np.random.default_rng(0).standard_normal((batch, side, side, 3), dtype=np.float32)
    return _rate(lambda: model.predict_on_batch(x), batch, seconds)


def memory(network: str, which: str) -> float:
    """Greatest resident memory in MiB of a process that trains four steps."""
    import resource

    if which == "ours":
        profond_fit(network, 0.0)
    else:
        torch_loop(network, 0.0, best=True)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _rate(step: Callable[[], Any], batch: int, seconds: float) -> float:
    for _ in range(2):
        step()
    return _timed(step, batch, seconds)


def _timed(step: Callable[[], Any], batch: int, seconds: float) -> float:
    began = time.perf_counter()
    for done in itertools.count(1):
        step()
        passed = time.perf_counter() - began
        if passed > seconds and done >= 2:
            return batch * done / passed
    raise AssertionError


FAST = "bf16" if BF16 else "float32"
BEST = "channels_last, bf16 autocast, fused" if BF16 else "channels_last, fused"
TRAINING: dict[str, dict[str, Any]] = {
    "Profond `fit`": {"function": "profond_fit"},
    "Profond `fit`, compile=true": {"function": "profond_fit", "compiled": True},
    "PyTorch float32": {"function": "torch_loop"},
    f"PyTorch {BEST}": {"function": "torch_loop", "best": True},
    "the same, torch.compile": {"function": "torch_loop", "best": True, "compiled": True},
    f"TensorFlow function, {FAST}": {"function": "tensorflow_step", "bf16": BF16},
    "Keras on TensorFlow, float32": {"function": "keras_fit", "bf16": False},
    f"Keras on PyTorch, {FAST}": {"function": "keras_fit", "backend": "torch", "bf16": BF16},
}
INFERENCE: dict[str, dict[str, Any]] = {
    "Profond, as `predict` runs few images": {"function": "profond_inference"},
    "Profond, as `predict` runs many, on OpenVINO": {"function": "profond_inference", "engine": "openvino"},
    "Profond, as `predict --precision int8` runs many": {"function": "profond_8_bits"},
    "PyTorch float32": {"function": "torch_inference"},
    f"PyTorch {FAST}, BatchNorm folded, channels_last": {"function": "torch_inference", "best": True},
    "the same, torch.compile": {"function": "torch_inference", "best": True, "compiled": True},
    f"OpenVINO alone, {FAST}": {"function": "openvino_inference"},
    "OpenVINO alone, int8 by NNCF": {"function": "openvino_inference", "precision": "int8"},
    "Keras on TensorFlow, float32": {"function": "keras_inference", "bf16": False},
    f"Keras on PyTorch, {FAST}": {"function": "keras_inference", "backend": "torch", "bf16": BF16},
}
if BF16:
    TRAINING["Keras on TensorFlow, bf16"] = {"function": "keras_fit"}
    INFERENCE["Keras on TensorFlow, bf16"] = {"function": "keras_inference"}
if LIBRARY := tcmalloc():
    TRAINING["Profond `fit`, tcmalloc"] = {"function": "profond_fit", "preload": LIBRARY}
    TRAINING[f"PyTorch {BEST}, tcmalloc"] = {"function": "torch_loop", "best": True, "preload": LIBRARY}


def run(quick: bool) -> str:
    rounds, seconds = (1, 0.0) if quick else (2, SECONDS)
    cases = ["resnet18"] if quick else list(CASES)
    parts = []
    for what, variants in (("training", TRAINING), ("inference", INFERENCE)):
        rates: dict[tuple[str, str], list[float]] = {}
        for turn in range(rounds):
            for network in cases:
                for name, settings in variants.items():
                    if turn and settings.get("compiled"):
                        continue  # compiling takes minutes
                    rates.setdefault((name, network), []).append(
                        measure("zoo", **settings, network=network, seconds=seconds)
                    )
        rows = [[name, *(spread(rates[name, network]) for network in cases)] for name in variants]
        heads = [f"{network}, {CASES[network][0]} px, batch {CASES[network][1]}" for network in cases]
        parts.append(table([what, *heads], rows))
    if not quick:
        used = {which: measure("zoo", "memory", network="resnet50", which=which) for which in ("ours", "theirs")}
        parts.append(
            f"Memory of a process that trains ResNet-50 at batch 16: {used['ours']:,.0f} MiB through `fit`, "
            f"{used['theirs']:,.0f} MiB in plain PyTorch at the same settings ({used['ours'] / used['theirs']:.2f}×)."
        )
    return "\n\n".join(parts)
