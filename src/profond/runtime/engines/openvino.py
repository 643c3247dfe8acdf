"""OpenVINO as an engine, on the CPU."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import ConfigError, MissingError
from profond.core.processor import usable_cores
from profond.runtime.engines.engine import Arrays, Port, check_inputs, first_line

Precision = Literal["fp32", "bf16"]
Shapes = tuple[tuple[str, tuple[int, ...]], ...]

PRECISION = "profond_precision"
"""Under which a file says in which arithmetic it wants to be computed."""
HINTS = {"fp32": "f32", "bf16": "bf16"}
"""What OpenVINO calls the arithmetic of a network."""


class OpenVinoEngine:
    """Computes an ONNX graph, or OpenVINO's own, compiled for each shape that it was prepared for, and no other.

    With ``any_shape`` it is compiled once for all shapes, which is slower: for proofs.

    Args:
        graph: a file that ends in ``.onnx`` or ``.xml`` (its ``.bin`` beside it), an ONNX graph's bytes, or a graph
            that OpenVINO has in memory.
        threads: that compute one batch; 0 takes as many as there are cores.
        precision: of its arithmetic; None takes what the file asks for, else fp32. Parts of a graph that are in 8 bits
            stay so.

    Raises: MissingError where OpenVINO is not installed; ConfigError for what is no graph that it can compute.
    """

    name = "openvino"

    def __init__(
        self, graph: Path | bytes | Any, threads: int = 0, precision: Precision | None = None, any_shape: bool = False
    ) -> None:
        made: Any = _read(graph) if isinstance(graph, Path | bytes) else graph
        self.graph = made
        hint = precision or information(self.graph, PRECISION) or "fp32"
        self._settings = {
            "INFERENCE_PRECISION_HINT": HINTS.get(hint, "f32"),
            "PERFORMANCE_HINT": "LATENCY",  # all threads work on one batch
            "INFERENCE_NUM_THREADS": threads or usable_cores(),
        }
        self.inputs = tuple(map(_port, self.graph.inputs))
        self.outputs = tuple(map(_port, self.graph.outputs))
        self._compiled: dict[Shapes, _Compiled] = {}
        self._for_all = self._compile(self.graph) if any_shape else None

    @property
    def metadata(self) -> dict[str, str]:
        """What OpenVINO's own file says of itself; an ONNX graph's is not kept by it."""
        found = information(self.graph, "profond")
        return {} if found is None else {"profond": found}

    def prepare(self, shapes: Sequence[Mapping[str, tuple[int, ...]]]) -> None:
        """Compile for these shapes, those that are compiled already excepted, and compute zeros once."""
        for shape in shapes:
            zeros = {port.name: np.zeros(shape[port.name], port.dtype) for port in self.inputs}
            check_inputs(self.inputs, zeros)
            if (key := _key(zeros)) not in self._compiled:
                compiled = self._compile(self.graph.clone(), key)
                compiled.run(zeros)
                self._compiled[key] = compiled

    def _compile(self, graph: Any, shapes: Shapes = ()) -> _Compiled:
        """Raises: ConfigError."""
        try:
            if shapes:
                graph.reshape({name: list(lengths) for name, lengths in shapes})
            return _Compiled(core().compile_model(graph, "CPU", self._settings), self.outputs)
        except RuntimeError as error:
            raise ConfigError(f"OpenVINO cannot compile the graph: {last_line(error)}", _OTHER) from None

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        check_inputs(self.inputs, inputs)
        compiled = self._compiled.get(_key(inputs), self._for_all)
        if compiled is None:
            known = "; ".join(_in_words(shapes) for shapes in self._compiled) or "nothing"
            raise ConfigError(
                f"OpenVINO was made ready for {known}, and was given {_in_words(_key(inputs))}",
                "prepare the engine for this shape",
            )
        return compiled.run(inputs)


class _Compiled:
    """For one shape; each thread that computes has a request of its own, which keeps its memory."""

    def __init__(self, compiled: Any, outputs: Sequence[Port]) -> None:
        self._compiled = compiled
        self._outputs = outputs
        self._free: list[Any] = [compiled.create_infer_request()]

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        try:
            request = self._free.pop()
        except IndexError:  # all of them compute
            request = self._compiled.create_infer_request()
        try:
            found = request.infer(dict(inputs), share_inputs=True)
            return {
                port.name: values.astype(object) if values.dtype.kind in "US" else values
                for port, values in zip(self._outputs, found.values(), strict=True)
            }
        except RuntimeError as error:
            raise ConfigError(f"OpenVINO cannot compute this: {first_line(error)}") from None
        finally:
            self._free.append(request)


def information(graph: Any, key: str) -> str | None:
    """What a graph in memory says of itself under a name; None where it says nothing."""
    if not graph.has_rt_info([key]):
        return None
    return str(graph.get_rt_info([key]).astype(str))


@contextlib.contextmanager
def unreported() -> Iterator[None]:
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
def core() -> Any:
    """OpenVINO itself. Raises: MissingError where it is not installed."""
    try:
        with unreported():
            from openvino import Core
    except ImportError as error:
        raise MissingError("OpenVINO is not installed", "pip install openvino, or take another engine") from error
    return Core()


def last_line(error: Exception) -> str:
    """The reason, which OpenVINO says at the end of many lines."""
    return (str(error).strip() or type(error).__name__).splitlines()[-1].strip()


_OTHER = "take another engine"


def _read(graph: Path | bytes) -> Any:
    name = "the graph" if isinstance(graph, bytes) else str(graph)
    try:
        return core().read_model(graph if isinstance(graph, bytes) else str(graph))
    except (RuntimeError, ValueError, TypeError) as error:
        raise ConfigError(f"OpenVINO cannot read {name}: {last_line(error)}", "export it again") from None


def _port(found: Any) -> Port:
    """An axis that has no name in OpenVINO's graph gets that of its place; the first is the batch."""
    kind = found.get_element_type().to_dtype().name if found.get_element_type().get_type_name() != "string" else "str"
    axes = []
    for place, axis in enumerate(found.get_partial_shape()):
        axes.append(axis.get_length() if axis.is_static else "n" if place == 0 else f"axis_{place}")
    return Port(found.get_any_name(), kind, tuple(axes))


def _key(inputs: Arrays) -> Shapes:
    return tuple(sorted((name, values.shape) for name, values in inputs.items()))


def _in_words(shapes: Shapes) -> str:
    return ", ".join(f"{name} {'×'.join(map(str, lengths))}" for name, lengths in shapes)
