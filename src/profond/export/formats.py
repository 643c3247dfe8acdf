"""The formats that networks leave in: each a file of this room, imported when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast

from profond.core.errors import UnknownName
from profond.export.leaving import Leaving
from profond.runtime.engines.engine import Engine

FORMATS = {
    "onnx": "profond.export.onnx",
    "torch": "profond.export.torch_program",
    "openvino": "profond.export.openvino",
}


class Format(Protocol):
    """What each of these files has."""

    SUFFIXES: Sequence[str]
    """Of the files that it writes; the first is the one that is named."""

    def write(self, leaving: Leaving, path: Path) -> None:
        """Raises: ConfigError for what it cannot express; MissingError."""
        ...

    def describe(self, path: Path, about: str) -> None:
        """Write what it is, one JSON object, into a file that was proved."""
        ...

    def engine(self, path: Path, leaving: Leaving) -> Engine:
        """What computes the file, to prove it."""
        ...

    def engine_name(self) -> str:
        """With its version."""
        ...


def format_of(name: str) -> Format:
    """Raises: UnknownName."""
    if name not in FORMATS:
        raise UnknownName("format", name, FORMATS)
    return cast(Format, importlib.import_module(FORMATS[name]))
