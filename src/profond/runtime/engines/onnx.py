"""ONNX Runtime as an engine."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import ConfigError, MissingError
from profond.core.processor import usable_cores
from profond.runtime.engines.engine import Arrays, Port, check_inputs, first_line

_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(string)": "str",
    "tensor(bool)": "bool",
}


def library() -> Any:
    """ONNX Runtime, unreported. Raises: MissingError where it is not installed."""
    # NOTE otherwise it reports its use over the network, and leaves files at home, from its import on
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingError("ONNX Runtime is not installed", "pip install onnxruntime") from error
    return onnxruntime


class OnnxEngine:
    """Computes an ONNX graph with ONNX Runtime, on the CPU.

    Args:
        graph: a file, or its bytes.
        threads: that compute one batch; 0 takes as many as there are cores.

    Raises: MissingError where ONNX Runtime is not installed; ConfigError for what is no graph that it can compute.
    """

    name = "onnx"

    def __init__(self, graph: Path | bytes, threads: int = 0) -> None:
        onnxruntime = library()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or usable_cores()
        # Threads that wait for work would otherwise turn in circles, and take the cores from decoding.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        given = graph if isinstance(graph, bytes) else str(graph)
        try:
            self.session = onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors have no other class in common
            name = "the graph" if isinstance(graph, bytes) else str(graph)
            raise ConfigError(f"ONNX Runtime cannot compute {name}: {first_line(error)}", "export it again") from None
        self.inputs = tuple(map(_port, self.session.get_inputs()))
        self.outputs = tuple(map(_port, self.session.get_outputs()))

    @property
    def metadata(self) -> dict[str, str]:
        """What the file says of itself."""
        return dict(self.session.get_modelmeta().custom_metadata_map)

    def prepare(self, shapes: Sequence[Mapping[str, tuple[int, ...]]]) -> None:
        """Computes zeros once, for memory is laid out at the first batch."""
        for shape in shapes:
            self.run({port.name: np.zeros(shape[port.name], port.dtype) for port in self.inputs})

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        check_inputs(self.inputs, inputs)
        names = [port.name for port in self.outputs]
        try:
            found = self.session.run(names, dict(inputs))
        except Exception as error:  # its errors have no other class in common
            raise ConfigError(f"ONNX Runtime cannot compute this: {first_line(error)}") from None
        return dict(zip(names, found, strict=True))


def _port(found: Any) -> Port:
    kind = _TYPES.get(found.type) or found.type.removeprefix("tensor(").removesuffix(")")
    return Port(found.name, kind, tuple(axis if isinstance(axis, int) else str(axis) for axis in found.shape))
