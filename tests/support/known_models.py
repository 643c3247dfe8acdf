"""Three models whose answers anybody knows: a sum, words given back, halves doubled. As ONNX files, and for tests that
hold a model up, in Python.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from profond.core.errors import DataError
from profond.runtime.engines.engine import Arrays, Port

WIDTH = 3
NAMES = ("sum", "words", "halves")


def write(folder: Path) -> list[Path]:
    """The three as exported files, ``sum.onnx``, ``words.onnx`` and ``halves.onnx``."""
    numbers = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", WIDTH])
        for name in ("left", "right", "sum", "difference")
    ]
    words = [helper.make_tensor_value_info(name, TensorProto.STRING, ["n", 2]) for name in ("words", "again")]
    halves = [helper.make_tensor_value_info(name, TensorProto.FLOAT16, ["n", WIDTH]) for name in ("halves", "doubled")]
    two = helper.make_tensor("two", TensorProto.FLOAT16, [], np.array(2, np.float16).tobytes(), raw=True)
    graphs = {
        "sum": helper.make_graph(
            [
                helper.make_node("Add", ["left", "right"], ["sum"]),
                helper.make_node("Sub", ["left", "right"], ["difference"]),
            ],
            "sum",
            numbers[:2],
            numbers[2:],
        ),
        "words": helper.make_graph([helper.make_node("Identity", ["words"], ["again"])], "words", words[:1], words[1:]),
        "halves": helper.make_graph(
            [helper.make_node("Mul", ["halves", "two"], ["doubled"])], "halves", halves[:1], halves[1:], [two]
        ),
    }
    return [_written(folder / f"{name}.onnx", graph) for name, graph in graphs.items()]


def _written(path: Path, graph: onnx.GraphProto) -> Path:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    about = {"profond": 1, "version": "0", "name": path.stem, "task": "arithmetic", "takes": "tensors", "answer": {}}
    helper.set_model_props(model, {"profond": json.dumps(about)})
    onnx.save(model, path)
    return path


class Sum:
    """`left` + `right`, in Python; a test can hold it, count it and have it fail.

    It fails alone for a sample whose first number is not finite.
    """

    version = "1"
    platform = "numpy"
    takes = "tensors"
    inputs = (Port("left", "float32", ("n", WIDTH)), Port("right", "float32", ("n", WIDTH)))
    outputs = (Port("sum", "float32", ("n", WIDTH)), Port("difference", "float32", ("n", WIDTH)))
    about: Mapping[str, Any] = {"task": "arithmetic"}

    def __init__(self, name: str = "sum", *, fails_to_load: Exception | None = None) -> None:
        self.name = name
        self.fails_to_load = fails_to_load
        self.may_load = threading.Event()
        self.may_run = threading.Event()
        self.may_load.set()
        self.may_run.set()
        self.began = threading.Semaphore(0)
        self.shapes: set[tuple[int, ...]] = set()
        self.samples = 0

    def load(self, batch_sizes: Sequence[int]) -> None:
        self.may_load.wait(30)
        if self.fails_to_load:
            raise self.fails_to_load
        self.sizes = tuple(batch_sizes)

    def prepared(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        if not np.isfinite(inputs["left"]).all():
            raise DataError("left has numbers that are not finite")
        return dict(inputs)

    def decoded(self, body: bytes) -> dict[str, NDArray[Any]]:
        raise DataError("there is no file of two tensors")

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        self.began.release()
        self.may_run.wait(30)
        self.shapes.add(inputs["left"].shape)
        self.samples += len(inputs["left"])
        return {"sum": inputs["left"] + inputs["right"], "difference": inputs["left"] - inputs["right"]}

    def answer(self, outputs: Arrays, index: int) -> dict[str, Any]:
        return {"sum": outputs["sum"][index].tolist()}
