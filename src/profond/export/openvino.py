"""The format ``openvino``: a .xml and its .bin, made of the same graph as the ONNX file."""

from __future__ import annotations

from pathlib import Path

from profond.export import onnx
from profond.export.leaving import Leaving
from profond.export.openvino_file import describe, write_openvino
from profond.runtime.engines.openvino import OpenVinoEngine, core, unreported

__all__ = ["SUFFIXES", "describe", "engine", "engine_name", "write"]

SUFFIXES = (".xml", ".bin")


def write(leaving: Leaving, path: Path) -> None:
    """The graph, without what it says of itself. Raises: ConfigError for what OpenVINO cannot read; MissingError."""
    core()
    write_openvino(onnx.graph(leaving).SerializeToString(), path, "{}")


def engine(path: Path, leaving: Leaving) -> OpenVinoEngine:
    return OpenVinoEngine(path, any_shape=True)


def engine_name() -> str:
    with unreported():
        import openvino

    return f"openvino {openvino.__version__.split('-')[0]}"
