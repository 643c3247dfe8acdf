"""A network's forward pass through an engine, which compiles it for the processor at hand; for many images on a CPU.

Compiling takes seconds, so it is worth its while from some hundred images on. What it gives is compared with the
model's own answer before it is believed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from profond.core.device import choose_precision
from profond.core.errors import ConfigError, MissingError
from profond.export.in_memory import (
    AGREE,
    FEWEST,
    INPUT,
    LEARNED_FROM,
    OUTPUT,
    onnx_graph,
    openvino_graph,
    quantised,
)
from profond.runtime.engines.choice import PACKAGES, Name
from profond.runtime.engines.engine import Engine
from profond.runtime.engines.onnx import OnnxEngine
from profond.runtime.engines.openvino import OpenVinoEngine

PAYS_FROM = 500
"""Images from which on compiling pays for itself."""
CLOSE = {"fp32": 1e-3, "bf16": 0.1}
"""Greatest difference from the model's own answer, relative to its greatest number."""
COMPARED = 64
"""Images that 8-bit arithmetic is tried on."""

_IN_WORDS = {"openvino": "OpenVINO", "onnx": "ONNX Runtime"}
SameAnswers = Callable[[Tensor, Tensor], Tensor]
"""For each sample, whether two models that put these out say the same: bool (n)."""


def installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


class Compiled(nn.Module):
    """A network that an engine computes, once it was prepared for a size of batch; smaller ones are filled up.

    Args:
        model: on the CPU, in eval mode, one tensor to one tensor; left as it is.
        engine: ``"openvino"`` or ``"onnx"``.
        precision: of its arithmetic. ONNX Runtime's is fp32. ``"int8"`` needs NNCF, and real inputs to take its ranges
            from: see `prepare`.
        otherwise: answers in its place where it cannot be compiled; without it that is an error.
        agree: share of images that must get the model's own answer in ``"int8"``.
        same_answers: by which ``"int8"`` is tried.

    Raises: MissingError when the engine or NNCF is not installed; ConfigError for ``"int8"`` without ``same_answers``.
    """

    def __init__(
        self,
        model: nn.Module,
        engine: Name = "openvino",
        precision: Literal["fp32", "bf16", "int8"] = "fp32",
        otherwise: nn.Module | None = None,
        agree: float = AGREE,
        same_answers: SameAnswers | None = None,
    ) -> None:
        super().__init__()
        if precision == "int8" and same_answers is None:
            raise ConfigError(
                "8-bit arithmetic is tried on whether the answers stay the same, and this task has no measure for that",
                "use --precision auto",
            )
        if not installed(PACKAGES[engine]):
            extra = "pip install 'profond[openvino]'" if engine == "openvino" else "pip install onnxruntime"
            raise MissingError(f"{_IN_WORDS[engine]} is not installed", f"{extra}, or use --engine torch")
        if precision == "int8" and not installed("nncf"):
            raise MissingError("NNCF is not installed", "pip install 'profond[openvino]', or use --precision auto")
        self.model, self.engine, self.precision = model, engine, precision
        self.otherwise, self.agree, self.same_answers = otherwise, agree, same_answers
        self.batch_size = 0
        self.refusal = ""
        self.run: Engine | None = None
        self.agreement: tuple[int, int] | None = None
        self._shape: tuple[int, ...] = ()

    def is_ready(self, shape: tuple[int, ...], batch_size: int) -> bool:
        """Whether nothing is won by preparing it for batches of this size of samples of this shape."""
        if self.refusal:
            return True
        enough = self.batch_size >= batch_size or self.precision == "int8"  # of more, it would have to learn again
        return self.run is not None and self._shape == shape and enough

    @torch.inference_mode()
    def forward(self, inputs: Tensor) -> Tensor:
        """Raises: ConfigError where it was not prepared for such inputs: nothing is compiled here."""
        if self.refusal and self.otherwise is not None:
            return self.otherwise(inputs)  # type: ignore[no-any-return]
        if self.run is None or tuple(inputs.shape[1:]) != self._shape:
            raise ConfigError(f"{_IN_WORDS[self.engine]} was not made ready for these inputs", "call prepare first")
        parts = torch.split(inputs, self.batch_size)
        return torch.cat([_answers(self.run, part, self.batch_size) for part in parts])

    @torch.inference_mode()
    def prepare(self, examples: Tensor, batch_size: int) -> None:
        """Compile for batches of this size, and compare some answers with the model's own.

        Args:
            examples: inputs such as will come. ``"int8"`` takes the ranges of all that is between its layers from up
                to 128 of them, and is tried on up to 64 others, or on the same where there are no others.

        Raises: ConfigError when the network cannot be compiled, or gives other answers then, and nothing answers
        otherwise: then ``refusal`` says why.
        """
        batch_size = min(batch_size, len(examples))
        try:
            if self.precision == "int8":
                run = self._in_8_bits(examples, batch_size)
            else:
                run = compiled(self.model, examples[:batch_size], self.engine, self.precision)
                own, found = self.model(examples[:2]), _answers(run, examples[:2], batch_size)
                _compare(own, found, CLOSE[self.precision], _IN_WORDS[self.engine])
        except ConfigError as error:
            if self.otherwise is None:
                raise
            self.refusal = error.message
            return
        self.run, self.batch_size, self._shape = run, batch_size, tuple(examples.shape[1:])

    def _in_8_bits(self, examples: Tensor, batch_size: int) -> Engine:
        if len(examples) < FEWEST:
            raise ConfigError(
                f"8-bit arithmetic takes its ranges from the images themselves, and {len(examples)} are too few",
                f"give {FEWEST} or more at once, or use --precision auto",
            )
        # Blocks of the same size; the last few images are left out rather than filled up with nothing.
        learned = examples[: min(LEARNED_FROM, len(examples)) // batch_size * batch_size]
        others = examples[len(learned) :][:COMPARED]
        tried = others if len(others) >= FEWEST else examples[-COMPARED:]
        run = compiled(self.model, learned[:batch_size], self.engine, "int8", learned)
        parts = torch.split(tried, batch_size)
        own = torch.cat([self.model(part) for part in parts])
        found = torch.cat([_answers(run, part, batch_size) for part in parts])
        assert self.same_answers is not None
        self.agreement = equal, count = int(self.same_answers(own, found).sum()), len(tried)
        if equal < self.agree * count:
            raise ConfigError(
                f"8-bit arithmetic changes too much in {type(self.model).__name__}: "
                f"{equal} of {count} images get the answer that the network itself gives them",
                "use --precision auto",
            )
        return run


def compiled(
    model: nn.Module, inputs: Tensor, engine: Name = "openvino", precision: str = "fp32", learned: Tensor | None = None
) -> Engine:
    """A network for batches of exactly this shape, one tensor to one tensor.

    Args:
        precision: ``"fp32"``, or of OpenVINO ``"bf16"`` or ``"int8"``.
        learned: inputs from which ``"int8"`` takes its ranges, a whole number of batches.

    Raises: ConfigError when it cannot be compiled.
    """
    run: Engine
    if engine == "onnx":
        run = OnnxEngine(onnx_graph(model, inputs))
    else:
        graph = openvino_graph(model, inputs)
        if precision == "int8":
            assert learned is not None
            graph = quantised(graph, [one.numpy() for one in torch.split(learned, len(inputs))])
        rest = choose_precision(torch.device("cpu")).precision if precision == "int8" else precision
        run = OpenVinoEngine(graph, precision="bf16" if rest == "bf16" else "fp32")
    try:
        run.prepare([{INPUT: tuple(inputs.shape)}])
    except ConfigError as error:
        raise ConfigError(f"{type(model).__name__}: {error.message}", "use --engine torch") from None
    return run


def _answers(run: Engine, inputs: Tensor, batch_size: int) -> Tensor:
    """Of up to ``batch_size`` inputs, filled up with zeros."""
    count = len(inputs)
    batch = inputs.contiguous().numpy()
    if count < batch_size:
        batch = np.concatenate([batch, np.zeros((batch_size - count, *batch.shape[1:]), batch.dtype)])
    return torch.from_numpy(run.run({INPUT: batch})[OUTPUT][:count].copy())


def _compare(expected: Tensor, found: Tensor, close: float, engine: str) -> None:
    """Raises: ConfigError for other answers."""
    scale = float(expected.abs().max()) or 1.0
    error = float((found - expected).abs().max()) / scale if found.shape == expected.shape else float("nan")
    if not error <= close:
        raise ConfigError(
            f"{engine} gives other answers than the network: they differ by {error:.1g} of the greatest",
            "use --engine torch",
        )
