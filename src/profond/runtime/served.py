"""What a server serves, whatever computes it: an exported file, or a run in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from profond.runtime.engines.engine import Arrays, Port

Kind = Literal["images", "series", "texts", "tensors"]
"""What people give to it; of ``tensors`` there is no file that people have, only arrays."""


class Served(Protocol):
    """One model behind a name.

    All methods but `load` may be called by several threads at once.
    """

    name: str
    version: str
    platform: str
    """What computes it, such as ``"onnxruntime_onnx"``, ``"openvino"`` or ``"pytorch"``."""

    takes: Kind
    inputs: tuple[Port, ...]
    """The first axis of each is the batch, of any length."""

    outputs: tuple[Port, ...]
    about: Mapping[str, Any]
    """JSON-able, for whoever asks what it is: task, names of classes, units, where it comes from."""

    def load(self, batch_sizes: Sequence[int]) -> None:
        """Read it, and make it ready for batches of these sizes, the greatest of which is the most that `run` is given.

        Raises: ProfondError where it cannot be used.
        """
        ...

    def prepared(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        """Arrays of any shape that the ports take, brought to the one shape that the engine was made ready for.

        Pictures of any height and width get those of the network. The number of samples stays.

        Raises: DataError for what does not fit, in words.
        """
        ...

    def decoded(self, body: bytes) -> dict[str, NDArray[Any]]:
        """One file of the kind that it takes, such as a JPEG, or a text in UTF-8: inputs, each with a batch axis of 1,
        as `prepared` gives them.

        Raises: DataError (`ImageError` …) in words, also for a table with several series.
        """
        ...

    def rows(self, body: bytes) -> dict[str, dict[str, NDArray[Any]]] | None:
        """The series of a table, by their ids, each as `decoded` gives one; None for a body that is no such table.

        Raises: DataError in words.
        """
        ...

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        """The outputs of a batch, prepared, of one of the sizes that it was loaded for."""
        ...

    def answer(self, outputs: Arrays, index: int) -> dict[str, Any]:
        """What is said of one sample of a batch, JSON-able: such as its label, the probability, and the next ones."""
        ...
