"""A trained run as a server serves it: PyTorch computes, and the task answers for itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from profond.core.errors import ConfigError, DataError
from profond.core.version import VERSION
from profond.export.leaving import Leaving, Source
from profond.runtime.answers import LABEL, answer, with_labels
from profond.runtime.engines.engine import Arrays, Port
from profond.runtime.series import Series
from profond.runtime.served import Kind
from profond.runtime.texts import text_of
from profond.serve.predictor import Predictor
from profond.tasks.exportable import InArrays
from profond.tasks.task import Part

ANSWER = "answer"
"""The output of a task whose network leaves otherwise than it answers: as ``profond predict --json`` has it."""
_TOP = 5
"""Classes that are named, where the answers have that option."""


class ServedRun:
    """A run behind `profond.runtime.served.Served`.

    It takes and gives what a file takes and gives that it is exported to, where that is one graph; else JSON comes out.

    Args:
        run: its folder.
        name: as which it is served.
        device: where it is computed.
        threads: that compute one batch; 0 leaves it to PyTorch.
        resize: take pictures of another size than all that it was trained on.
    """

    version = "1"
    platform = "pytorch"

    def __init__(self, run: Path, name: str, device: str = "auto", threads: int = 0, resize: bool = False) -> None:
        self.name = name
        self._run, self._device, self._threads, self._resize = run, device, threads, resize
        self.takes: Kind = "images"
        self.inputs: tuple[Port, ...] = ()
        self.outputs: tuple[Port, ...] = (Port(ANSWER, "str", ("n",)),)
        self.about: Mapping[str, Any] = {"run": name}

    def load(self, batch_sizes: Sequence[int]) -> None:
        if self._threads:
            torch.set_num_threads(self._threads)
        self._predictor = predictor = Predictor.open(
            self._run, device=self._device, resize=self._resize, engine="torch"
        )
        if predictor.takes == "videos":
            raise ConfigError("this run takes videos, which are not served", "`profond predict` answers for them")
        self.takes = predictor.takes
        self._part = part = _one_part(predictor)
        self.inputs = (_port(predictor, part),)
        if part is not None:
            named = [Port(one.name, one.dtype, ("n", *one.shape)) for one in part.outputs]
            self.outputs = (*named, *([Port(LABEL, "str", ("n",))] if part.answer.get("kind") == "classes" else []))
        known = predictor.preprocessing.series
        self._series = None if known is None else Series(known, predictor.preprocessing.mean)
        self._options = {"top": _TOP} if "top" in predictor.options else {}
        spec = predictor.spec
        self.about = {
            "profond": VERSION,
            "run": self.name,
            "classes": list(spec.classes),
            "notes": list(predictor.notes),
        }

    def prepared(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        name = self.inputs[0].name
        values = inputs[name]
        if self.takes == "images":
            return {name: np.stack([self._picture(one, index) for index, one in enumerate(values)])}
        if self._series is not None:
            return {name: self._series.fitted(values)}
        known = self._predictor.preprocessing.text
        assert known is not None
        if values.size and not (values.min() >= 0 and values.max() < len(known)):
            raise DataError("there are tokens that the network does not know", f"they go from 0 to {len(known) - 1}")
        return {name: values}

    def decoded(self, body: bytes) -> dict[str, NDArray[Any]]:
        name = self.inputs[0].name
        if self._series is not None:
            return {name: self._series.decoded(body)}
        if self.takes == "images":
            return {name: self._pixels(self._predictor.decode(body, "the picture")[0])[None]}
        return {name: self._predictor.decode(text_of(body), "the text")[0].numpy()[None]}

    def rows(self, body: bytes) -> dict[str, dict[str, NDArray[Any]]] | None:
        rows = None if self._series is None else self._series.rows(body)
        return None if rows is None else {id: {self.inputs[0].name: values} for id, values in rows.items()}

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        values = torch.from_numpy(np.array(inputs[self.inputs[0].name]))
        if self.takes == "images":
            values = values.permute(0, 3, 1, 2)
        if self._part is not None:
            return with_labels(self._part.answer, self._arrays(self._part, values))
        said = self._predictor.answer([""] * len(values), list(values), **self._options)
        answers = np.empty(len(said), object)
        answers[:] = [json.dumps(one.answer.to_json()) for one in said]
        return {ANSWER: answers}

    def answer(self, outputs: Arrays, index: int) -> dict[str, Any]:
        if self._part is not None:
            return answer(self._part.answer, outputs, index)
        found: dict[str, Any] = json.loads(outputs[ANSWER][index])
        return found

    @torch.inference_mode()
    def _arrays(self, part: Part, raws: Tensor) -> dict[str, NDArray[Any]]:
        predictor = self._predictor
        assert isinstance(predictor.task, InArrays)
        inputs = predictor.preprocessing.normalise(raws.to(predictor.device))
        found = predictor.task.arrays(predictor.ready, inputs)
        return {one.name: value.float().cpu().numpy() for one, value in zip(part.outputs, found, strict=True)}

    def _picture(self, pixels: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
        grey = pixels.shape[2] == 1
        image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if grey else pixels))
        return self._pixels(self._predictor.decode(image, f"picture {index}")[0])

    @staticmethod
    def _pixels(raw: Tensor) -> NDArray[np.uint8]:
        """(c, h, w) to (h, w, c)."""
        found: NDArray[np.uint8] = raw.permute(1, 2, 0).numpy()
        return np.ascontiguousarray(found)


def _one_part(predictor: Predictor) -> Part | None:
    """What leaves of a run that leaves as one graph of what it takes, without its module; else None."""
    task = predictor.task
    if not isinstance(task, InArrays):
        return None
    try:
        part, *others = task.exported(predictor.model, predictor.spec)
    except ConfigError:  # a network of parts that cannot leave
        return None
    if others or part.raw or len(part.inputs) != 1:
        return None
    inputs = Leaving(part, Source("", "", predictor.preprocessing)).inputs
    return replace(part, module=nn.Identity(), inputs=inputs)


def _port(predictor: Predictor, part: Part | None) -> Port:
    preprocessing = predictor.preprocessing
    if part is not None and not (preprocessing.fixed_size and predictor.resize):
        (one,) = part.inputs
        return Port(one.name, one.dtype, ("n", *one.shape))
    if preprocessing.series is not None:
        return Port("series", "float32", ("n", preprocessing.series.channels, "time"))
    if preprocessing.text is not None:
        return Port("tokens", "int64", ("n", "time"))
    return Port("pictures", "uint8", ("n", "height", "width", 1 if preprocessing.mode == "L" else 3))
