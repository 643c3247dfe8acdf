"""Every engine gives the same answers for the same graph, from many threads."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from support.exported import CLASSES, of_pictures, of_texts, weights

from profond.core.errors import ConfigError, DataError, MissingError, UnknownName
from profond.runtime.engines import choice
from profond.runtime.engines.choice import open_engine
from profond.runtime.engines.onnx import OnnxEngine
from profond.runtime.engines.openvino import OpenVinoEngine

pytest.importorskip("openvino")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return of_pictures(tmp_path_factory.mktemp("graph") / "signs.onnx")


def pictures(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)


def expected(given: np.ndarray) -> np.ndarray:
    scores = given.reshape(len(given), -1).astype(np.float64) @ weights()
    shares = np.exp(scores - scores.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)


@pytest.mark.parametrize("as_bytes", [False, True])
@pytest.mark.parametrize("name", ["onnx", "openvino"])
def test_an_engine_computes_the_graph(file: Path, name: str, as_bytes: bool) -> None:
    engine = open_engine(file.read_bytes() if as_bytes else file, name, threads=1)
    engine.prepare([{"pictures": (count, 8, 8, 3)} for count in (1, 4)])
    assert engine.name == name
    assert [(port.name, port.dtype) for port in engine.outputs] == [("probabilities", "float32"), ("label", "str")]
    assert engine.inputs[0].takes((7, 20, 30, 3))
    assert not engine.inputs[0].takes((7, 20, 30, 1))
    for count in (1, 4):
        found = engine.run({"pictures": pictures(count)})
        np.testing.assert_allclose(found["probabilities"], expected(pictures(count)), rtol=1e-4, atol=1e-6)
        assert found["label"].tolist() == [CLASSES[i] for i in expected(pictures(count)).argmax(1)]


@pytest.mark.parametrize("name", ["onnx", "openvino"])
def test_many_threads_get_their_own_answers(file: Path, name: str) -> None:
    engine = open_engine(file, name, threads=1)
    engine.prepare([{"pictures": (2, 8, 8, 3)}])
    given = [pictures(2, seed) for seed in range(64)]
    alone = [engine.run({"pictures": one})["probabilities"] for one in given]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda one: engine.run({"pictures": one})["probabilities"], given * 3))
    for one, own in zip(found, alone * 3, strict=True):
        assert np.array_equal(one, own)


@pytest.mark.parametrize("name", ["onnx", "openvino"])
def test_what_does_not_fit_is_refused_in_words(file: Path, name: str) -> None:
    engine = open_engine(file, name, threads=1)
    engine.prepare([{"pictures": (1, 8, 8, 3)}])
    with pytest.raises(ConfigError, match=r"float32 1×8×8×3, and not uint8 n×"):
        engine.run({"pictures": pictures(1).astype(np.float32)})
    with pytest.raises(ConfigError, match="input 'pictures' is missing"):
        engine.run({})
    with pytest.raises(ConfigError, match="input 'more' is unknown"):
        engine.run({"pictures": pictures(1), "more": pictures(1)})
    with pytest.raises(ConfigError, match="1×8×8×4"):
        engine.prepare([{"pictures": (1, 8, 8, 4)}])


def test_openvino_computes_no_shape_that_it_was_not_made_ready_for(file: Path) -> None:
    engine = OpenVinoEngine(file, threads=1)
    with pytest.raises(ConfigError, match="made ready for nothing, and was given pictures 1×8×8×3"):
        engine.run({"pictures": pictures(1)})
    engine.prepare([{"pictures": (2, 8, 8, 3)}])
    with pytest.raises(ConfigError, match="made ready for pictures 2×8×8×3, and was given pictures 1×8×8×3"):
        engine.run({"pictures": pictures(1)})


def test_the_fastest_that_is_installed_is_taken(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(open_engine(file, threads=1), OpenVinoEngine)
    found = choice.importlib.util.find_spec
    monkeypatch.setattr(choice.importlib.util, "find_spec", lambda name: None if name == "openvino" else found(name))
    assert isinstance(open_engine(file, threads=1), OnnxEngine)
    monkeypatch.setattr(choice.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingError, match="no engine"):
        open_engine(file)


def test_an_engine_that_is_asked_for_and_not_installed_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingError, match="ONNX Runtime is not installed"):
        open_engine(file, "onnx")


def test_what_is_no_graph_is_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="engine 'tensorrt'"):
        open_engine(file, "tensorrt")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="is not a file"):
        open_engine(tmp_path / "none.onnx")
    other = tmp_path / "network.pt"
    other.write_bytes(b"anything")
    with pytest.raises(DataError, match="not an exported file by its name"):
        open_engine(other)
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(file.read_bytes()[:300])
    for name in ("onnx", "openvino"):
        with pytest.raises(ConfigError, match=r"broken\.onnx"):
            open_engine(broken, name)
    own = tmp_path / "broken.xml"
    own.write_text("<net")
    with pytest.raises(ConfigError, match="ONNX Runtime does not read"):
        open_engine(own, "onnx")
    with pytest.raises(ConfigError, match=r"OpenVINO cannot read .*broken\.xml"):
        open_engine(own)


def test_a_graph_of_texts_takes_any_length_with_onnx_runtime(tmp_path: Path) -> None:
    engine = open_engine(of_texts(tmp_path / "texts.onnx", {}), "onnx", threads=1)
    for length in (1, 5):
        found = engine.run({"tokens": np.ones((1, 2), np.int64).repeat(length, 0)})["probabilities"]
        assert found.argmax(1).tolist() == [2] * length


def test_the_engines_need_no_torch_leave_nothing_at_home_and_report_to_nobody(file: Path, tmp_path: Path) -> None:
    code = f"""
import os, sys
from pathlib import Path
from profond.runtime.exported import ExportedFile
for engine in ("onnx", "openvino"):
    one = ExportedFile(Path({str(file)!r}), engine, 1)
    one.load([1])
heavy = {{"torch", "scipy", "pydantic", "matplotlib", "onnx", "pandas"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
assert not any(name.startswith("openvino_telemetry") for name in sys.modules)
assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
"""
    ours = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", code], check=True, env={**ours, "HOME": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []
