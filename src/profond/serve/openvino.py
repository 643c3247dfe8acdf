"""A model's forward pass through OpenVINO, which compiles it for the processor at hand; for many images on a CPU.

Compiling takes seconds, so it is worth its while from some hundred images on. What it gives is compared with the
model's own answer before it is believed.
"""

from __future__ import annotations

import functools
import importlib.util
import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from profond.core.device import usable_cores
from profond.core.errors import ConfigError, MissingError

WORTH = 500
"""Images from which on compiling pays for itself."""
CLOSE = {"fp32": 1e-3, "bf16": 0.1}
"""Greatest difference from the model's own answer, relative to its greatest number."""
_HINTS = {"fp32": "f32", "bf16": "bf16"}


def installed() -> bool:
    return importlib.util.find_spec("openvino") is not None


class OpenVino(nn.Module):
    """A network compiled by OpenVINO when the first batch comes, for batches of its size; smaller ones are filled up.

    Args:
        model: on the CPU, in eval mode, one tensor to one tensor; left as it is.
        precision: of its arithmetic.
        otherwise: answers in its place where it cannot be compiled; without it that is an error.

    Raises: MissingError when OpenVINO is not installed; ConfigError, at the first batch, when the network cannot be
    compiled, or gives other answers then.
    """

    def __init__(
        self, model: nn.Module, precision: Literal["fp32", "bf16"] = "fp32", otherwise: nn.Module | None = None
    ) -> None:
        super().__init__()
        if not installed():
            raise MissingError("OpenVINO is not installed", "pip install 'profond[openvino]', or use --engine torch")
        self.model, self.precision, self.otherwise = model, precision, otherwise
        self.batch_size = 0
        self.run: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None

    @torch.inference_mode()
    def forward(self, inputs: Tensor) -> Tensor:
        if self.run is None or inputs.shape[0] > self.batch_size:
            if self.otherwise is not None and self.batch_size < 0:
                return self.otherwise(inputs)  # type: ignore[no-any-return]
            try:
                self._prepare(inputs)
            except ConfigError:
                if self.otherwise is None:
                    raise
                self.batch_size = -1
                return self.otherwise(inputs)  # type: ignore[no-any-return]
        assert self.run is not None
        count = inputs.shape[0]
        batch = np.zeros((self.batch_size, *inputs.shape[1:]), np.float32) if count < self.batch_size else None
        if batch is None:
            batch = inputs.contiguous().numpy()
        else:
            batch[:count] = inputs.numpy()
        return torch.from_numpy(self.run(batch)[:count].copy())

    def _prepare(self, inputs: Tensor) -> None:
        """Compile for batches of this size, and compare the first few answers."""
        run = compiled(self.model, inputs, self.precision)
        expected = self.model(inputs[:2])
        found = torch.from_numpy(run(inputs.contiguous().numpy())[:2])
        scale = float(expected.abs().max()) or 1.0
        error = float((found - expected).abs().max()) / scale if found.shape == expected.shape else float("nan")
        if not error <= CLOSE[self.precision]:
            raise ConfigError(
                f"OpenVINO gives other answers than the network: they differ by {error:.1g} of the greatest",
                "use --engine torch",
            )
        self.run, self.batch_size = run, inputs.shape[0]


def compiled(model: nn.Module, inputs: Tensor, precision: str) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """A network for batches of exactly this shape. Raises: ConfigError when it cannot be compiled."""
    # NOTE not by ``openvino.convert_model``, which reports its use over the network
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    try:
        with warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
            warnings.simplefilter("ignore")  # of values that the trace takes for constants: the answers are compared
            traced = torch.jit.trace(model, inputs[:2].clone(), check_trace=False)  # type: ignore[no-untyped-call]
        frontend = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(traced)
        read = frontend.load(decoder)
        graph = frontend.convert(read)
        graph.reshape(list(inputs.shape))
        settings = {
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
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


@functools.cache
def _core() -> Any:
    from openvino import Core

    return Core()
