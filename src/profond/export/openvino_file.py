"""OpenVINO's files, made of an ONNX graph: in fp32, to be computed in bf16, or in 8-bit arithmetic.

NOTE the graph's own resizing stays, which has Pillow's weights. OpenVINO has a resizing "as Pillow's", but it takes no
part of a picture, as a crop of the middle needs, and it differs from Pillow by a level in one of four values, and by
up to seven with bicubic interpolation (tests/unit/export/test_openvino_file.py).
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import ConfigError, MissingError
from profond.export.in_memory import FEWEST, quantised
from profond.runtime.engines.openvino import PRECISION, core, information, last_line, unreported
from profond.runtime.metadata import KEY

Precision = Literal["bf16", "int8"]
"""Other than fp32, which files are in unless another is asked for."""
_MEGABYTE = 1 << 20


def write_openvino(graph: bytes, path: Path, about: str) -> None:
    """An ONNX graph as a .xml, and its weights as a .bin beside it.

    Args:
        graph: ONNX, with preprocessing and answers. Outputs of texts are left out: the names are in ``about``.
        about: JSON, what the file says of itself.

    Raises: MissingError where OpenVINO is not installed; ConfigError for a graph that it cannot read; OSError where the
    disk is full.
    """
    try:
        made = core().read_model(graph)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ConfigError(f"OpenVINO cannot read the graph: {last_line(error)}", "use --format onnx") from None
    for output in list(made.outputs):
        if output.get_element_type().get_type_name() == "string":
            made.remove_result(output.get_node())
    made.set_rt_info(about, [KEY])
    _save(made, path)


def lower(path: Path, precision: Precision, learned: NDArray[Any] | None = None) -> None:
    """Bring a file that `write_openvino` wrote to another arithmetic; what it says of itself stays.

    Args:
        precision: ``"bf16"`` is a hint that the file holds for engines; ``"int8"`` is in the graph.
        learned: of ``"int8"``, pictures as the decoder gives them, of the network's size: uint8 (n, h, w, c); real
            ones, for the ranges come from them.

    Raises: MissingError where NNCF is not installed; ConfigError for a graph that cannot be brought to it.
    """
    made = core().read_model(str(path))
    about = information(made, KEY) or "{}"
    if precision == "int8":
        made = _in_8_bits(made, learned)
        made.set_rt_info(about, [KEY])  # it is another graph, which says nothing of itself
    # NOTE 8 bits are for whole numbers: what is not in them is computed in fp32.
    made.set_rt_info("bf16" if precision == "bf16" else "fp32", [PRECISION])
    _save(made, path)


def describe(path: Path, about: str) -> None:
    """Write into a file what it is; the graph stays as it is."""
    made = core().read_model(str(path))
    made.set_rt_info(about, [KEY])
    _save(made, path)


def _in_8_bits(graph: Any, learned: NDArray[Any] | None) -> Any:
    """All that comes after decoded pixels of the right size; the resizing before it keeps its arithmetic."""
    import importlib.util

    if importlib.util.find_spec("nncf") is None:
        raise MissingError("NNCF is not installed", "pip install 'profond[openvino]', or use another precision")
    if learned is None or len(learned) < FEWEST:
        count = 0 if learned is None else len(learned)
        raise ConfigError(
            f"8-bit arithmetic takes its ranges from real samples, and {count} are too few", f"give {FEWEST} or more"
        )
    if len(graph.inputs) != 1:
        raise ConfigError("8-bit arithmetic is for networks of one input", "use --precision fp32")
    with unreported():
        from openvino import Model, opset13
    (parameter,) = graph.get_parameters()
    kinds = [(node, node.input(0).get_source_output()) for node in graph.get_ordered_ops() if _to_numbers(node)]
    if not kinds:
        raise ConfigError("no pixels become numbers in the graph", "use another precision")
    convert, pixels = kinds[-1]  # after the resizing: what comes before it is about pixels too
    channels_first = _channels_first(pixels, learned)
    entry = opset13.parameter(list(pixels.get_partial_shape()), np.uint8, name="pixels")
    convert.input(0).replace_source_output(entry.output(0))
    results = graph.get_results()
    ready = np.ascontiguousarray(learned.transpose(0, 3, 1, 2)) if channels_first else learned
    network = quantised(Model(results, [entry], "network"), [one[None] for one in ready])
    (entry,) = network.get_parameters()
    for target in entry.output(0).get_target_inputs():
        target.replace_source_output(pixels)
    return Model(network.get_results(), [parameter], graph.get_friendly_name())


def _to_numbers(node: Any) -> bool:
    kinds = (
        node.get_type_name(),
        *(port.get_element_type().get_type_name() for port in (*node.inputs(), *node.outputs())),
    )
    return kinds == ("Convert", "u8", "f32")


def _channels_first(pixels: Any, learned: NDArray[Any]) -> bool:
    """Whether colours are the second axis where pixels become numbers: those of networks are, if the lengths differ."""
    shape = pixels.get_partial_shape()
    return len(shape) == 4 and shape[1].is_static and shape[1].get_length() == learned.shape[3]


def _save(graph: Any, path: Path) -> None:
    with unreported():
        from openvino import save_model

    # NOTE beside, and then moved: whoever has the file open looks at its weights on the disk, and would end where they
    # were written over.
    new = path.with_name(f"new-{path.name}")
    try:
        save_model(graph, str(new), compress_to_fp16=False)
        for ending in (".bin", ".xml"):
            os.replace(new.with_suffix(ending), path.with_suffix(ending))
    except RuntimeError as error:
        _need_room(path, graph)
        raise ConfigError(f"OpenVINO cannot write {path.name}: {last_line(error)}", "use --format onnx") from None


def _need_room(path: Path, graph: Any) -> None:
    """OpenVINO does not say that a disk is full. Raises: OSError where it is."""
    size = sum(node.get_byte_size() for node in graph.get_ops() if node.get_type_name() == "Constant")
    for suffix in (".bin", ".xml"):
        path.with_name(f"new-{path.name}").with_suffix(suffix).unlink(missing_ok=True)
    with tempfile.TemporaryFile(dir=path.parent) as trial:
        for _ in range(size // _MEGABYTE + 2):
            trial.write(bytes(_MEGABYTE))
