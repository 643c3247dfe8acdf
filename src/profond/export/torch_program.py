"""torch.export's own files: the same graph for programs that have PyTorch, and need no Profond."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from profond.export.capture import captured, unheard
from profond.export.leaving import Leaving
from profond.runtime.engines.engine import Arrays, Port

SUFFIXES = (".pt2",)


def write(leaving: Leaving, path: Path) -> None:
    """Raises: ConfigError for what torch.export cannot capture."""
    _save(captured(leaving), path)


def describe(path: Path, about: str) -> None:
    """Write into a file what it is."""
    with unheard():
        program = torch.export.load(str(path))
    _save(program, path, {"profond.json": about})


def _save(program: torch.export.ExportedProgram, path: Path, beside: dict[str, Any] | None = None) -> None:
    """Raises: OSError."""
    made = io.BytesIO()  # NOTE PyTorch's writer of files ends the whole process where a disk is full
    with unheard():
        torch.export.save(program, made, extra_files=beside)
    path.write_bytes(made.getbuffer())


def engine(path: Path, leaving: Leaving) -> ProgramEngine:
    return ProgramEngine(path, leaving)


def engine_name() -> str:
    return f"torch {torch.__version__}"


class ProgramEngine:
    """Computes a file of torch.export that was just written, to prove it.

    NOTE only files of our own: such a file may hold anything, as every program.
    """

    name = "torch"

    def __init__(self, path: Path, leaving: Leaving) -> None:
        with unheard():
            self._module = torch.export.load(str(path)).module()
        self.inputs = tuple(Port(one.name, one.dtype, ("n", *one.shape)) for one in leaving.inputs)
        self.outputs = tuple(Port(one.name, one.dtype, ("n", *one.shape)) for one in leaving.outputs)

    def prepare(self, shapes: Sequence[Mapping[str, tuple[int, ...]]]) -> None:
        """Nothing: it computes any shape at once."""

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        given = [torch.from_numpy(inputs[port.name]) for port in self.inputs]
        with torch.inference_mode():
            found = self._module(*given)
        return {port.name: value.numpy() for port, value in zip(self.outputs, found, strict=True)}
