"""Which engine computes: the one that was asked for, or the fastest that is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from profond.core.errors import ConfigError, DataError, MissingError, UnknownName
from profond.runtime.engines.onnx import OnnxEngine
from profond.runtime.engines.openvino import OpenVinoEngine

Choice = Literal["auto", "onnx", "openvino"]
Name = Literal["onnx", "openvino"]
PACKAGES: Mapping[Name, str] = {"openvino": "openvino", "onnx": "onnxruntime"}
"""What each is installed as; the fastest first."""


def installed() -> tuple[Name, ...]:
    """The engines for exported files that are installed, the fastest first."""
    return tuple(name for name, package in PACKAGES.items() if importlib.util.find_spec(package) is not None)


def open_engine(graph: Path | bytes, engine: Choice = "auto", threads: int = 0) -> OnnxEngine | OpenVinoEngine:
    """The engine for an exported file: ONNX Runtime or OpenVINO for ``.onnx``, OpenVINO for ``.xml``.

    Args:
        graph: a file, or an ONNX graph's bytes.
        engine: ``"auto"`` takes the fastest that is installed.
        threads: that compute one batch; 0 takes as many as there are cores.

    Raises: as `chosen`; ConfigError for a file that cannot be computed.
    """
    one = chosen(graph, engine)
    return OpenVinoEngine(graph, threads) if one == "openvino" else OnnxEngine(graph, threads)


def chosen(graph: Path | bytes, engine: Choice = "auto") -> Name:
    """Which engine `open_engine` takes.

    Raises: MissingError where no engine is installed; DataError for a file that is not there, or of another kind;
    ConfigError for one that the engine does not read; UnknownName.
    """
    if engine not in ("auto", *PACKAGES):
        raise UnknownName("engine", engine, ("auto", *PACKAGES))
    if isinstance(graph, Path):
        if not graph.is_file():
            raise DataError(f"{graph} is not a file", "name a .onnx or .xml file that `profond export` wrote")
        if graph.suffix.lower() == ".xml":
            if engine == "onnx":
                raise ConfigError(f"{graph} is OpenVINO's, which ONNX Runtime does not read", "take OpenVINO")
            return "openvino"
        if graph.suffix.lower() != ".onnx":
            raise DataError(f"{graph} is not an exported file by its name", "such files end in .onnx or .xml")
    if engine != "auto":
        return engine
    for one in installed():
        return one
    raise MissingError("no engine is installed", "pip install onnxruntime, or openvino")
