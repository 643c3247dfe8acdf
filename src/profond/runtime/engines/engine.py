"""The interface that every engine has: named arrays go in, named arrays come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import ConfigError

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Port:
    """One named array that goes in or comes out.

    Args:
        name: in the graph.
        dtype: as NumPy calls it, such as ``"uint8"``; ``"str"`` for texts.
        shape: a number for an axis of that length, a name for one of any length, such as ``"n"``.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]

    def takes(self, shape: Sequence[int]) -> bool:
        """Whether an array of this shape fits."""
        return len(shape) == len(self.shape) and all(
            isinstance(wanted, str) or wanted == length for wanted, length in zip(self.shape, shape, strict=True)
        )

    def holds(self, values: NDArray[Any]) -> bool:
        """Whether an array is of this type and shape; texts are arrays of Python's, or NumPy's own."""
        same = values.dtype.kind in "OUS" if self.dtype == "str" else values.dtype == np.dtype(self.dtype)
        return same and self.takes(values.shape)


class Engine(Protocol):
    """Computes one graph. It is prepared explicitly, and nothing is compiled while it runs.

    `run` may be called by several threads at once; each call computes on all of the engine's threads.
    """

    name: str
    """``"torch"``, ``"onnx"`` or ``"openvino"``."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    def prepare(self, shapes: Sequence[Mapping[str, tuple[int, ...]]]) -> None:
        """Make ready for inputs of exactly these shapes, so that the first answer is as quick as the next.

        Args:
            shapes: each a shape for every input, by name.

        Raises: ConfigError for a shape that the graph does not take.
        """
        ...

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        """All outputs by name.

        Raises: ConfigError for inputs of a shape that was not prepared, where the engine computes prepared ones alone;
        for names, types and shapes that do not fit the ports.
        """
        ...


def check_inputs(ports: Sequence[Port], inputs: Arrays) -> None:
    """Raises: ConfigError for arrays whose names, types or shapes are not those of the ports, or not all of them."""
    known = {port.name: port for port in ports}
    if unlike := sorted(known.keys() ^ inputs.keys()):
        verb = "is missing" if unlike[0] in known else "is unknown"
        raise ConfigError(f"the input {unlike[0]!r} {verb}", f"the inputs are {', '.join(known)}")
    for name, values in inputs.items():
        port = known[name]
        if not port.holds(values):
            wanted = f"{port.dtype} {'×'.join(map(str, port.shape))}"
            received = f"{values.dtype} {'×'.join(map(str, values.shape))}"
            raise ConfigError(f"the input {name!r} is {received}, and not {wanted}", "give what the graph takes")


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
