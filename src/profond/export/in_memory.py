"""A network in memory as the graph of an engine, for inputs of one shape."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.runtime.engines.openvino import core, last_line, unreported

INPUT, OUTPUT = "inputs", "outputs"
"""What the one input and the one output of such a graph are called."""
AGREE = 0.9
"""Share of the samples to which 8-bit arithmetic, or another one, must give the network's own answer."""
LEARNED_FROM, FEWEST = 128, 32
"""Samples that 8-bit arithmetic takes its ranges from, at most, and at least."""


def onnx_graph(model: nn.Module, inputs: Tensor) -> bytes:
    """An ONNX graph of a network of one tensor to one tensor, for batches of exactly this shape.

    Args:
        model: on the CPU, in eval mode; left as it is.

    Raises: ConfigError when it cannot be written as one.
    """
    written = io.BytesIO()
    try:
        with warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
            warnings.simplefilter("ignore")  # of values that the trace takes for constants: the answers are compared
            # NOTE by the trace, which takes half a second where torch.export takes seven; the file that leaves Python
            # is made by torch.export.
            torch.onnx.export(
                model,
                (inputs.clone(),),
                written,  # type: ignore[arg-type]
                input_names=[INPUT],
                output_names=[OUTPUT],
                opset_version=18,
                dynamo=False,
            )
    except Exception as error:  # whatever a network's forward pass raises, and the exporter's own
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ConfigError(f"{type(model).__name__} cannot be written as ONNX: {reason}", "use --engine torch") from None
    return written.getvalue()


def openvino_graph(model: nn.Module, inputs: Tensor) -> Any:
    """OpenVINO's graph of a network of one tensor to one tensor, for batches of exactly this shape.

    Args:
        model: on the CPU, in eval mode; left as it is.

    Raises: MissingError where OpenVINO is not installed; ConfigError when it cannot be read.
    """
    core()
    # NOTE not by ``openvino.convert_model``, which reports its use over the network
    with unreported():
        from openvino.frontend import FrontEndManager
        from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    try:
        with warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
            warnings.simplefilter("ignore")  # of values that the trace takes for constants: the answers are compared
            traced = torch.jit.trace(model, inputs[:2].clone(), check_trace=False)  # type: ignore[no-untyped-call]
        frontend = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(traced)
        graph = frontend.convert(frontend.load(decoder))
        graph.reshape(list(inputs.shape))
        graph.inputs[0].get_tensor().set_names({INPUT})
        graph.outputs[0].get_tensor().set_names({OUTPUT})
    except (RuntimeError, TypeError, ValueError) as error:
        raise ConfigError(
            f"OpenVINO cannot compile {type(model).__name__}: {last_line(error)}", "use --engine torch"
        ) from None
    return graph


def quantised(graph: Any, examples: Sequence[NDArray[np.generic]]) -> Any:
    """An OpenVINO graph of one input in 8-bit arithmetic, its ranges taken from the examples by NNCF.

    Raises: ConfigError.
    """
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), unreported():  # it draws bars there
        warnings.simplefilter("ignore")
        import nncf

        nncf.set_log_level(logging.ERROR)
        try:
            return nncf.quantize(
                graph, nncf.Dataset(list(examples)), preset=nncf.QuantizationPreset.MIXED, subset_size=len(examples)
            )
        except Exception as error:  # its errors have no other class in common
            raise ConfigError(f"NNCF cannot bring it to 8 bits: {last_line(error)}", "use another precision") from error
