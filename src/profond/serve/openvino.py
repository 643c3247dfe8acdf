"""A model's forward pass through OpenVINO, which compiles it for the processor at hand; for many images on a CPU.

Compiling takes seconds, so it is worth its while from some hundred images on. What it gives is compared with the
model's own answer before it is believed.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import io
import logging
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from profond.core.device import choose_precision, usable_cores
from profond.core.errors import ConfigError, MissingError

PAYS_FROM = 500
"""Images from which on compiling pays for itself."""
CLOSE = {"fp32": 1e-3, "bf16": 0.1}
"""Greatest difference from the model's own answer, relative to its greatest number."""
AGREE = 0.9
"""Share of images that 8-bit arithmetic must give the model's own answer."""
LEARNED_FROM, COMPARED, FEWEST = 128, 64, 32
"""Images that 8-bit arithmetic takes its ranges from, those that it is then tried on, and how many there must be."""
_HINTS = {"fp32": "f32", "bf16": "bf16"}

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]
SameAnswers = Callable[[Tensor, Tensor], Tensor]
"""For each sample, whether two models that put these out say the same: bool (n)."""


def installed(package: str = "openvino") -> bool:
    return importlib.util.find_spec(package) is not None


class OpenVino(nn.Module):
    """A network compiled by OpenVINO when the first batch comes, for batches of its size; smaller ones are filled up.

    Args:
        model: on the CPU, in eval mode, one tensor to one tensor; left as it is.
        precision: of its arithmetic. ``"int8"`` needs NNCF, and real inputs to take its ranges from: see `prepare`.
        otherwise: answers in its place where it cannot be compiled; without it that is an error.
        agree: share of images that must get the model's own answer in ``"int8"``.
        same_answers: by which ``"int8"`` is tried.

    Raises: MissingError when OpenVINO or NNCF is not installed; ConfigError for ``"int8"`` without ``same_answers``,
    and, at the first batch, when the network cannot be compiled, or gives other answers then.
    """

    def __init__(
        self,
        model: nn.Module,
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
        if not installed():
            raise MissingError("OpenVINO is not installed", "pip install 'profond[openvino]', or use --engine torch")
        if precision == "int8" and not installed("nncf"):
            raise MissingError("NNCF is not installed", "pip install 'profond[openvino]', or use --precision auto")
        self.model, self.precision, self.otherwise, self.agree = model, precision, otherwise, agree
        self.same_answers = same_answers
        self.batch_size = 0
        self.run: Run | None = None
        self.agreement: tuple[int, int] | None = None

    @torch.inference_mode()
    def forward(self, inputs: Tensor) -> Tensor:
        if self.run is None or inputs.shape[0] > self.batch_size:
            if self.otherwise is not None and self.batch_size < 0:
                return self.otherwise(inputs)  # type: ignore[no-any-return]
            try:
                self.prepare(inputs, len(inputs))
            except ConfigError:
                if self.otherwise is None:
                    raise
                self.batch_size = -1
                return self.otherwise(inputs)  # type: ignore[no-any-return]
        assert self.run is not None
        return _answers(self.run, inputs, self.batch_size)

    @torch.inference_mode()
    def prepare(self, examples: Tensor, batch_size: int) -> None:
        """Compile for batches of this size, and compare some answers with the model's own.

        Args:
            examples: inputs such as will come. ``"int8"`` takes the ranges of all that is between its layers from up
                to 128 of them, and is tried on up to 64 others, or on the same where there are no others.

        Raises: ConfigError when the network cannot be compiled, or gives other answers then.
        """
        batch_size = min(batch_size, len(examples))
        if self.precision == "int8":
            run = self._in_8_bits(examples, batch_size)
        else:
            run = compiled(self.model, examples[:batch_size], self.precision)
            _compare(self.model(examples[:2]), _answers(run, examples[:2], batch_size), CLOSE[self.precision])
        self.run, self.batch_size = run, batch_size

    def _in_8_bits(self, examples: Tensor, batch_size: int) -> Run:
        if len(examples) < FEWEST:
            raise ConfigError(
                f"8-bit arithmetic takes its ranges from the images themselves, and {len(examples)} are too few",
                f"give {FEWEST} or more at once, or use --precision auto",
            )
        # Blocks of the same size; the last few images are left out rather than filled up with nothing.
        learned = examples[: min(LEARNED_FROM, len(examples)) // batch_size * batch_size]
        others = examples[len(learned) :][:COMPARED]
        tried = others if len(others) >= FEWEST else examples[-COMPARED:]
        run = compiled(
            self.model, learned[:batch_size], "int8", [one.numpy() for one in torch.split(learned, batch_size)]
        )
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


def _answers(run: Run, inputs: Tensor, batch_size: int) -> Tensor:
    """Of up to ``batch_size`` inputs, filled up with zeros."""
    count = len(inputs)
    if count == batch_size:
        batch = inputs.contiguous().numpy()
    else:
        batch = np.zeros((batch_size, *inputs.shape[1:]), np.float32)
        batch[:count] = inputs.numpy()
    return torch.from_numpy(run(batch)[:count].copy())


def _compare(expected: Tensor, found: Tensor, close: float) -> None:
    """Raises: ConfigError for other answers."""
    scale = float(expected.abs().max()) or 1.0
    error = float((found - expected).abs().max()) / scale if found.shape == expected.shape else float("nan")
    if not error <= close:
        raise ConfigError(
            f"OpenVINO gives other answers than the network: they differ by {error:.1g} of the greatest",
            "use --engine torch",
        )


def compiled(model: nn.Module, inputs: Tensor, precision: str, examples: Sequence[NDArray[np.float32]] = ()) -> Run:
    """A network for batches of exactly this shape.

    Args:
        precision: ``"fp32"``, ``"bf16"`` or ``"int8"``.
        examples: batches of that shape from which ``"int8"`` takes its ranges.

    Raises: ConfigError when it cannot be compiled.
    """
    # NOTE not by ``openvino.convert_model``, which reports its use over the network
    with _unreported():
        from openvino.frontend import FrontEndManager
        from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    rest = choose_precision(torch.device("cpu")).precision if precision == "int8" else precision
    try:
        with warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
            warnings.simplefilter("ignore")  # of values that the trace takes for constants: the answers are compared
            traced = torch.jit.trace(model, inputs[:2].clone(), check_trace=False)  # type: ignore[no-untyped-call]
        frontend = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(traced)
        read = frontend.load(decoder)
        graph = frontend.convert(read)
        graph.reshape(list(inputs.shape))
        if precision == "int8":
            graph = _quantised(graph, examples)
        settings = {
            "INFERENCE_PRECISION_HINT": _HINTS[rest],
            "PERFORMANCE_HINT": "LATENCY",  # all cores work on one batch
            "INFERENCE_NUM_THREADS": usable_cores(),
        }
        request = _core().compile_model(graph, "CPU", settings).create_infer_request()
    except (RuntimeError, TypeError, ValueError) as error:
        reason = str(error).strip().split("\n")[-1]
        raise ConfigError(f"OpenVINO cannot compile {type(model).__name__}: {reason}", "use --engine torch") from None

    def run(batch: NDArray[Any]) -> NDArray[Any]:
        return request.infer([batch], share_inputs=True, share_outputs=True)[0]  # type: ignore[no-any-return]

    return run


def _quantised(graph: Any, examples: Sequence[NDArray[np.float32]]) -> Any:
    """The graph in 8-bit arithmetic, its ranges taken from the examples by NNCF. Raises: RuntimeError."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), _unreported():  # it draws bars there
        warnings.simplefilter("ignore")
        import nncf

        nncf.set_log_level(logging.ERROR)
        try:
            return nncf.quantize(
                graph, nncf.Dataset(list(examples)), preset=nncf.QuantizationPreset.MIXED, subset_size=len(examples)
            )
        except Exception as error:  # its errors have no other class in common
            raise RuntimeError(str(error)) from error


@contextlib.contextmanager
def _unreported() -> Iterator[None]:
    """Imports OpenVINO and NNCF without the package by which they report their use and leave files at home."""
    if "openvino_telemetry" in sys.modules:
        yield
        return
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["openvino_telemetry"]


@functools.cache
def _core() -> Any:
    with _unreported():
        from openvino import Core
    return Core()
