"""OpenVINO's files answer as the ONNX graph that they are made of, and say what they are."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.exported import CLASSES, of_pictures
from support.processor import MAY_USE_BF16

from profond.core.errors import ConfigError
from profond.export.openvino_file import Precision, describe, lower, write_openvino
from profond.runtime.engines.openvino import OpenVinoEngine, core, information
from profond.runtime.exported import ExportedFile
from profond.runtime.metadata import metadata_of

pytest.importorskip("openvino")


def pictures(count: int, side: int = 8) -> np.ndarray:
    return np.random.default_rng(side).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return of_pictures(tmp_path_factory.mktemp("graph") / "signs.onnx")


def photo() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pictures(1, 31)[0]).save(buffer, "PNG")
    return buffer.getvalue()


def written(
    graph: Path, path: Path, precision: Precision | None = None, learned: np.ndarray | None = None
) -> ExportedFile:
    write_openvino(graph.read_bytes(), path, json.dumps(metadata_of(graph)))
    if precision is not None:
        lower(path, precision, learned)
    found = ExportedFile(path, threads=1)
    found.load([1, 16])
    return found


def test_it_answers_as_the_graph_and_says_the_same_of_itself(graph: Path, tmp_path: Path) -> None:
    own, exact = written(graph, tmp_path / "signs.xml"), ExportedFile(graph, "onnx", 1)
    exact.load([1])
    assert sorted(file.name for file in tmp_path.iterdir()) == ["signs.bin", "signs.xml"]
    assert own.platform == "openvino"
    assert (own.inputs, own.outputs) == (exact.inputs, exact.outputs)  # the graph itself has no texts
    assert own.about == exact.about
    said, expected = (one.answer(one.run(one.decoded(photo())), 0) for one in (own, exact))
    assert said["label"] == expected["label"]
    assert own.run(own.decoded(photo()))["label"].tolist() == [said["label"]]
    assert said["probability"] == pytest.approx(expected["probability"], abs=1e-5)


def test_a_file_is_described_when_it_was_proved(graph: Path, tmp_path: Path) -> None:
    path = tmp_path / "signs.xml"
    write_openvino(graph.read_bytes(), path, "{}")
    engine = OpenVinoEngine(path, threads=1, any_shape=True)
    before = engine.run({"pictures": pictures(2, 31)})["probabilities"]
    describe(path, json.dumps({**metadata_of(graph), "card": ['<&"é>\n']}))
    assert metadata_of(path)["card"] == ['<&"é>\n']
    again = OpenVinoEngine(path, threads=1, any_shape=True)
    assert json.loads(again.metadata["profond"]) == metadata_of(path)
    np.testing.assert_array_equal(again.run({"pictures": pictures(2, 31)})["probabilities"], before)


@MAY_USE_BF16
def test_bf16_is_a_hint_in_the_file(graph: Path, tmp_path: Path) -> None:
    own = written(graph, tmp_path / "signs.xml", "bf16")
    assert information(OpenVinoEngine(tmp_path / "signs.xml").graph, "profond_precision") == "bf16"
    assert OpenVinoEngine(tmp_path / "signs.xml")._settings["INFERENCE_PRECISION_HINT"] == "bf16"
    assert own.answer(own.run(own.decoded(photo())), 0)["label"] in CLASSES


def test_8_bits_are_learned_from_pictures(graph: Path, tmp_path: Path) -> None:
    own = written(graph, tmp_path / "signs.xml", "int8", pictures(64))
    exact = ExportedFile(graph, "onnx", 1)
    exact.load([16])
    assert own.about == exact.about
    tried = pictures(80, 8)[64:]
    expected = exact.run({"pictures": tried})["probabilities"]
    found = own.run({"pictures": tried})["probabilities"]
    assert not np.allclose(found, expected, atol=1e-6)  # it is another arithmetic
    assert float(np.abs(found - expected).max()) < 0.1
    assert any("FakeQuantize" in node.get_type_name() for node in core().read_model(tmp_path / "signs.xml").get_ops())
    with pytest.raises(ConfigError, match="3 are too few"):
        written(graph, tmp_path / "few.xml", "int8", pictures(3))


def test_what_openvino_cannot_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="OpenVINO cannot read"):
        write_openvino(b"nothing", tmp_path / "x.xml", "{}")


def test_openvinos_own_resizing_as_pillows_is_not_pillows() -> None:
    from openvino import Model, opset13

    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (99, 33, 3), dtype=np.uint8))
    for mode, filter in (("bilinear_pillow", Image.Resampling.BILINEAR), ("bicubic_pillow", Image.Resampling.BICUBIC)):
        given = opset13.parameter([-1, -1, -1, 3], np.uint8)
        size, axes = (opset13.constant(np.array(values, np.int64)) for values in ([32, 32], [1, 2]))
        node = opset13.interpolate(
            given, size, mode, "sizes", axes=axes, pads_begin=[0] * 4, pads_end=[0] * 4, cube_coeff=-0.5
        )
        made = core().compile_model(Model([opset13.result(node)], [given], "resize"), "CPU")
        found = made(np.asarray(image)[None])[0][0].astype(int)
        differs = found != np.asarray(image.resize((32, 32), filter))
        assert differs.mean() > 0.1  # so that our graph keeps its own
