"""Small exported files, made by hand, so that what opens them is tested without what writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

CLASSES = ("stop", "yield", "no entry")


def weights(size: tuple[int, int] = (8, 8), channels: int = 3) -> NDArray[np.float32]:
    """Of `of_pictures`: (height × width × channels, classes)."""
    random = np.random.default_rng(0)
    return (random.normal(size=(size[0] * size[1] * channels, len(CLASSES))) / 400).astype(np.float32)


def of_pictures(path: Path, size: tuple[int, int] = (8, 8), mode: str = "RGB", **picture: Any) -> Path:
    """Resizes, then multiplies all pixels with `weights`: probabilities and labels."""
    channels = 1 if mode == "L" else 3
    nodes = [
        helper.make_node("Cast", ["pictures"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Shape", ["planes"], ["start"], start=0, end=2),
        helper.make_node("Concat", ["start", "size"], ["sizes"], axis=0),
        helper.make_node("Resize", ["planes", "", "", "sizes"], ["resized"], mode="linear", antialias=1),
        helper.make_node("Transpose", ["resized"], ["last"], perm=[0, 2, 3, 1]),
        helper.make_node("Flatten", ["last"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["probabilities"], ["index"], axis=1, keepdims=0),
        helper.make_node("Gather", ["names", "index"], ["label"], axis=0),
    ]
    constants = {
        "size": np.array(size, np.int64),
        "weights": weights(size, channels),
        "names": np.array(CLASSES, dtype=object),
    }
    return write(
        path,
        nodes,
        [helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", "height", "width", channels])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", len(CLASSES)]),
            helper.make_tensor_value_info("label", TensorProto.STRING, ["n"]),
        ],
        constants,
        {
            "takes": "images",
            "task": "classify",
            "answer": {"kind": "classes", "classes": list(CLASSES)},
            "picture": {"mode": mode, "size": list(size), "resize": "crop", "crop": 1.0, **picture},
        },
    )


def of_series(path: Path, preparation: Mapping[str, Any]) -> Path:
    """The mean of each channel, as a number each."""
    channels = int(preparation["channels"])
    quantities = [{"name": "speed", "unit": "m/s"}, {"name": "b", "unit": ""}]
    return write(
        path,
        [helper.make_node("ReduceMean", ["series", "time"], ["values"], keepdims=0)],
        [helper.make_tensor_value_info("series", TensorProto.FLOAT, ["n", channels, "time"])],
        [helper.make_tensor_value_info("values", TensorProto.FLOAT, ["n", channels])],
        {"time": np.array([2], np.int64)},
        {
            "takes": "series",
            "answer": {"kind": "numbers", "quantities": quantities[:channels]},
            "series": dict(preparation),
            "fill": [1.0, 2.0][:channels],
        },
    )


def of_texts(path: Path, text: Mapping[str, Any]) -> Path:
    """How many tokens there are, up to three, as the class; what is behind the end does not count."""
    nodes = [
        helper.make_node("Equal", ["tokens", "padding"], ["empty"]),
        helper.make_node("Not", ["empty"], ["real"]),
        helper.make_node("Cast", ["real"], ["ones"], to=TensorProto.INT64),
        helper.make_node("ReduceSum", ["ones", "time"], ["count"], keepdims=0),
        helper.make_node("OneHot", ["count", "depth", "values"], ["probabilities"]),
    ]
    constants = {
        "padding": np.array(0, np.int64),
        "time": np.array([1], np.int64),
        "depth": np.array(len(CLASSES), np.int64),
        "values": np.array([0, 1], np.float32),
    }
    return write(
        path,
        nodes,
        [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["n", "time"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", len(CLASSES)])],
        constants,
        {"takes": "texts", "answer": {"kind": "classes", "classes": list(CLASSES)}, "text": dict(text)},
    )


def write(
    path: Path,
    nodes: Sequence[Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    constants: Mapping[str, NDArray[Any]],
    metadata: Mapping[str, Any] | None,
) -> Path:
    """A graph as a file, with what it says of itself."""
    kept = [numpy_helper.from_array(values, name) for name, values in constants.items()]
    graph = helper.make_graph(list(nodes), "test", list(inputs), list(outputs), kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    if metadata is not None:
        known = {"profond": 1, "version": "0.0.0", "name": path.stem, **metadata}
        helper.set_model_props(model, {"other": "é" * 200, "profond": json.dumps(known)})
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path
