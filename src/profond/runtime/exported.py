"""An exported file, ready to answer for pictures, series and texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import ConfigError, DataError, MissingError
from profond.core.tokens import PADDING, Tokens
from profond.runtime.answers import LABEL, answer, with_labels
from profond.runtime.engines.choice import Choice, chosen, installed, open_engine
from profond.runtime.engines.engine import Arrays, Engine, Port
from profond.runtime.metadata import metadata_of
from profond.runtime.pictures import Pictures
from profond.runtime.series import Series
from profond.runtime.served import Kind
from profond.runtime.texts import text_of

_PLATFORMS = {"onnx": "onnxruntime_onnx", "openvino": "openvino"}
_SHORTEST = 16
"""Tokens that a text is filled up to, at least; longer ones to the next power of two, so that shapes are few."""


class ExportedFile:
    """A file of `profond export`, as `Served`: what it takes and says stands in the file.

        file = ExportedFile(Path("signs.onnx"))
        file.load([1])
        file.answer(file.run(file.decoded(Path("photo.jpg").read_bytes())), 0)

    Args:
        path: a .onnx, or OpenVINO's .xml with its .bin beside it.
        engine: what computes; ``"auto"`` takes the fastest that is installed, and ONNX Runtime where inputs have no one
            shape.
        threads: that compute one batch; 0 takes as many as there are cores.
        name: as which it is served; None takes the one in the file.

    Raises: MissingError, DataError, ConfigError, UnknownName as `metadata_of` and `chosen`.
    """

    def __init__(self, path: Path, engine: Choice = "auto", threads: int = 0, name: str | None = None) -> None:
        self._choice = chosen(path, engine)
        self.path, self._threads = path, threads
        self.about: Mapping[str, Any] = metadata_of(path)
        self.name = name or str(self.about.get("name") or path.stem)
        self.version = "1"
        takes = self.about["takes"]
        if takes not in get_args(Kind):
            raise ConfigError(f"{path} takes {takes!r}, which is not known here", "install a later version")
        self.takes: Kind = takes
        self.pictures = Pictures.from_json(self._said("picture")) if takes == "images" else None
        self.series = Series.from_json(self._said("series"), self.about.get("fill")) if takes == "series" else None
        self.tokens = _tokens(self._said("text"), path) if self.about.get("text") else None
        if takes == "texts" and self.tokens is None:
            raise ConfigError(f"{path} takes texts and does not say what they are written in", "export it again")
        if not self._one_shape and self._choice == "openvino":
            if engine != "auto" or path.suffix.lower() != ".onnx" or "onnx" not in installed():
                raise ConfigError(
                    f"OpenVINO computes inputs of one shape, and {path} takes any",
                    "take ONNX Runtime: --engine onnx, with a .onnx file",
                )
            self._choice = "onnx"
        self.platform = _PLATFORMS[self._choice]
        self.inputs: tuple[Port, ...] = ()
        self.outputs: tuple[Port, ...] = ()
        self._engine: Engine | None = None

    def load(self, batch_sizes: Sequence[int]) -> None:
        engine = open_engine(self.path, self._choice, self._threads)
        if self._one_shape:
            shapes = [{port.name: (size, *self._shape(port)) for port in engine.inputs} for size in batch_sizes]
            engine.prepare(shapes)
        self.inputs = tuple(map(self._with_names, engine.inputs))
        self._engine = engine
        given = {port.name for port in engine.outputs}
        named = self.about.get("answer", {}).get("kind") == "classes" and "probabilities" in given
        self.outputs = (*engine.outputs, *([Port(LABEL, "str", ("n",))] if named and LABEL not in given else []))

    def prepared(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        """As `Served.prepared`. Texts are filled up to the next of a few lengths, and pictures of a network that takes
        any size stay as they are: of those, arrays of one batch have to be of one shape.
        """
        known = {port.name: port for port in self.inputs}
        if unlike := sorted(known.keys() ^ inputs.keys()):
            verb = "is missing" if unlike[0] in known else "is unknown"
            raise DataError(f"the input {unlike[0]!r} {verb}", f"the inputs are {', '.join(known)}")
        found = {name: self._fitted(known[name], values) for name, values in inputs.items()}
        counts = {len(values) for values in found.values()}
        if len(counts) != 1:
            raise DataError("the inputs are not of the same number of samples", "give as many of each")
        return found

    def decoded(self, body: bytes) -> dict[str, NDArray[Any]]:
        if self.takes == "tensors" or not self.inputs:
            raise DataError(f"{self.name} takes arrays alone, no file", "give it arrays by the names of its inputs")
        name = self.inputs[0].name
        if self.pictures is not None:
            return {name: self.pictures.decoded(body)}
        if self.series is not None:
            return {name: self.series.decoded(body)}
        assert self.tokens is not None
        text = text_of(body)
        ids = self.tokens.encode(text)
        if not ids:
            raise DataError("the text is without a word" if text.strip() else "the text is empty", "give it words")
        return {name: _filled_up(np.array([ids], np.int64))}

    def rows(self, body: bytes) -> dict[str, dict[str, NDArray[Any]]] | None:
        if self.series is None:
            return None
        rows = self.series.rows(body)
        return None if rows is None else {id: {self.inputs[0].name: values} for id, values in rows.items()}

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        assert self._engine is not None, "load it first"
        return with_labels(self.about.get("answer", {}), self._engine.run(inputs))

    def answer(self, outputs: Arrays, index: int) -> dict[str, Any]:
        return answer(self.about.get("answer", {}), outputs, index, self.tokens)

    @property
    def _one_shape(self) -> bool:
        """Whether all samples are brought to one shape."""
        if self.pictures is not None:
            return self.pictures.canvas is not None
        return self.series is not None and self.series.length is not None

    def _shape(self, port: Port) -> tuple[int, ...]:
        """Of one sample, where there is one shape."""
        if self.pictures is not None and self.pictures.canvas is not None:
            return (*self.pictures.canvas, self.pictures.channels)
        assert self.series is not None
        assert self.series.length is not None
        return (self.series.channels, self.series.length)

    def _with_names(self, port: Port) -> Port:
        """The axes by the names that people know, which OpenVINO does not keep."""
        names = {"images": ("n", "height", "width"), "series": ("n", "channels", "time"), "texts": ("n", "time")}
        known = names.get(self.takes, ())
        named = [
            known[place] if isinstance(axis, str) and place < len(known) else axis
            for place, axis in enumerate(port.shape)
        ]
        return Port(port.name, port.dtype, tuple(named))

    def _fitted(self, port: Port, values: NDArray[Any]) -> NDArray[Any]:
        if self.pictures is not None:
            return self.pictures.fitted(values)
        if self.series is not None:
            return self.series.fitted(values)
        if not port.holds(values):
            wanted, received = ("×".join(map(str, shape)) for shape in (port.shape, values.shape))
            raise DataError(f"the input {port.name!r} is {values.dtype} {received}", f"give {port.dtype} {wanted}")
        return _filled_up(values) if self.takes == "texts" else values

    def _said(self, key: str) -> Mapping[str, Any]:
        found = self.about.get(key)
        if not isinstance(found, Mapping):
            raise ConfigError(f"{self.path} does not say what its {key} is like", "export it again")
        return found


def _tokens(found: Mapping[str, Any], path: Path) -> Tokens:
    """Raises: MissingError where sentencepiece is needed and not installed; ConfigError."""
    try:
        tokens = Tokens.from_json(found)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"the vocabulary in {path} is damaged: {error}", "export it again") from None
    try:
        len(tokens)
    except ImportError as error:
        what = "its texts are cut by sentencepiece, which is not installed"
        raise MissingError(what, "pip install sentencepiece") from error
    return tokens


def _filled_up(tokens: NDArray[Any]) -> NDArray[Any]:
    length = max(_SHORTEST, 1 << (max(1, tokens.shape[1]) - 1).bit_length())
    return np.pad(tokens, ((0, 0), (0, length - tokens.shape[1])), constant_values=PADDING)
