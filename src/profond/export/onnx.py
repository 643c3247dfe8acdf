"""ONNX files: one graph from decoded inputs to answers, with what it is in its metadata."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from profond.core.errors import ConfigError
from profond.export.capture import axes, cannot, captured, unheard
from profond.export.leaving import Leaving
from profond.runtime.engines.onnx import OnnxEngine, library

SUFFIXES = (".onnx",)
OPSET = 18
LARGEST = 2**31 - 2**20
"""Bytes that one file holds; what protobuf can read is 2 GiB."""


def write(leaving: Leaving, path: Path) -> None:
    """The graph, without what it says of itself. Raises: ConfigError for what ONNX cannot express, or hold."""
    import onnx

    size = sum(one.numel() * one.element_size() for one in leaving.state_dict().values())
    if size > LARGEST:
        raise ConfigError(
            f"the network has {size / 1e9:.1f} GB of weights, and one ONNX file holds 2 GB",
            "--format torch or openvino has no such limit",
        )
    made = graph(leaving)
    _with_labels(made, leaving)
    _check(made)
    onnx.save(made, str(path))


def describe(path: Path, about: str) -> None:
    """Write into a file what it is."""
    import onnx

    made = onnx.load(str(path))
    onnx.helper.set_model_props(made, {"profond": about})
    onnx.save(made, str(path))


def engine(path: Path, leaving: Leaving) -> OnnxEngine:
    return OnnxEngine(path)


def engine_name() -> str:
    return f"onnxruntime {library().__version__}"


def graph(leaving: Leaving) -> Any:
    """As an ONNX model. Raises: ConfigError."""
    program = captured(leaving)
    with unheard(), torch.no_grad():
        try:
            made = torch.onnx.export(
                program,
                dynamo=True,
                opset_version=OPSET,
                input_names=[one.name for one in leaving.inputs],
                output_names=[one.name for one in leaving.outputs],
                dynamic_shapes=(axes(leaving),),
                verbose=False,
            )
        except Exception as error:
            raise cannot(leaving, "ONNX", error) from None
    assert made is not None
    from onnxscript import optimizer

    optimizer.remove_unused_nodes(made.model)  # with constants that the exporter folded into others and left behind
    return made.model_proto


def _with_labels(made: Any, leaving: Leaving) -> None:
    """The name of the most probable class, as one more output."""
    from onnx import TensorProto, helper, numpy_helper

    answer: Mapping[str, Any] = leaving.part.answer
    if answer.get("kind") != "classes":
        return
    scores = leaving.outputs[0].name
    names = np.array(answer["classes"], dtype=object)
    made.graph.initializer.append(numpy_helper.from_array(names, "profond_classes"))
    made.graph.node.append(helper.make_node("ArgMax", [scores], ["profond_best"], axis=1, keepdims=0))
    made.graph.node.append(helper.make_node("Gather", ["profond_classes", "profond_best"], ["label"]))
    made.graph.output.append(helper.make_tensor_value_info("label", TensorProto.STRING, ["n"]))


def _check(made: Any) -> None:
    import onnx

    try:
        onnx.checker.check_model(made, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ConfigError(f"the graph is not valid: {str(error).strip().splitlines()[0]}") from None
