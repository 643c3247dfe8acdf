"""The interface that every engine has: named arrays go in, named arrays come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

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
