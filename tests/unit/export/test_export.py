"""A network leaves Python only where the file says what the network says; nothing else leaves a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from support.disk import mounted
from torch import Tensor, nn

from profond.core.errors import ConfigError, StorageError, Unequal, UnknownName, UsageError
from profond.core.spec import Spec
from profond.data.preprocessing import Preprocessing
from profond.export import onnx
from profond.export.export import Exported, export_parts, parts_of
from profond.export.leaving import Leaving, Source
from profond.export.verify import verify
from profond.tasks.classify import Classify

NAMES = ("rouge", "été", "blue")
ALONE = """
import json, sys
import numpy, onnxruntime
from PIL import Image
session = onnxruntime.InferenceSession(sys.argv[1])
said = []
for path in sys.argv[2:]:
    pixels = numpy.asarray(Image.open(path).convert("RGB"))[None]
    probabilities, label = session.run(["probabilities", "label"], {"pictures": pixels})
    said.append([str(label[0]), *map(float, probabilities[0])])
assert not {"torch", "profond"} & set(sys.modules)
print(json.dumps(said))
"""


class _Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 6 * 6, 3))

    def forward(self, inputs: Tensor) -> Tensor:
        return 8 * self.layers(inputs)


PREPROCESSING = Preprocessing(size=(8, 8), mode="RGB", mean=(0.5,), std=(0.25,))
SPEC = Spec((3, 8, 8), "chw", classes=NAMES)


def export(out: Path, task: Classify | None = None, format: str = "onnx", **options: Any) -> list[Exported]:
    task = task or Classify()
    parts = parts_of(task, _Net().eval(), SPEC)
    return export_parts(parts, Source("net", "classify", PREPROCESSING), out, format, **options)


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export(tmp_path_factory.mktemp("réseau") / "mon réseau")[0]


def test_a_file_is_proved_and_says_what_it_is(exported: Exported) -> None:
    assert exported.path.name == "mon réseau.onnx"
    assert os.listdir(exported.path.parent) == ["mon réseau.onnx"]
    assert exported.verified.samples == 200
    assert exported.verified.largest < 1e-5
    assert exported.verified.line().startswith("verified on 200 inputs: labels equal, probabilities within ")
    about = json.loads(onnx.OnnxEngine(exported.path).metadata["profond"])
    assert about["answer"] == {"kind": "classes", "classes": list(NAMES)}
    assert about["takes"] == "images"
    assert about["picture"]["size"] == [8, 8]
    assert about["verified"]["samples"] == 200


def test_the_file_answers_without_torch_and_profond(exported: Exported, tmp_path: Path) -> None:
    from PIL import Image

    paths = []
    for number, size in enumerate(((40, 30), (8, 8), (5, 90))):
        path = tmp_path / f"{number}.png"
        Image.effect_noise(size, 90).convert("RGB").save(path)
        paths.append(path)
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(exported.path), *map(str, paths)], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""  # ONNX Runtime warns of what a graph has and does not use
    task, model = Classify(), _Net().eval()
    for said, path in zip(json.loads(done.stdout), paths, strict=True):
        inputs = PREPROCESSING.normalise(PREPROCESSING.decode(Image.open(path))[None])
        (own,) = task.answer(model, inputs, SPEC, top=3)
        assert said[0] == own.label
        assert max(said[1:]) == pytest.approx(own.probability, abs=1e-5)


def test_a_file_that_says_something_else_is_refused(exported: Exported) -> None:
    (part,) = parts_of(Classify(), _Net().eval(), SPEC)
    leaving = Leaving(part, Source("net", "classify", PREPROCESSING))
    with torch.no_grad():
        leaving.module.model.layers[0].weight.mul_(1.01)  # type: ignore[union-attr, index, operator]
    with pytest.raises(Unequal, match="differs by"):
        verify(leaving, onnx.OnnxEngine(exported.path), "onnxruntime", samples=20)


@pytest.fixture
def written(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    """The graph as it was made before, for making it takes long."""
    monkeypatch.setattr(onnx, "write", lambda leaving, path: path.write_bytes(exported.path.read_bytes()))


@pytest.mark.usefixtures("written")
def test_above_the_tolerance_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(Unequal, match="is allowed") as refusal:
        export(tmp_path / "net.onnx", samples=30, tolerance=-1.0)
    assert refusal.value.exit_code == 1
    assert os.listdir(tmp_path) == []


def test_an_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(count: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(onnx, "write", lambda leaving, path: path.write_bytes(b"half"))
    monkeypatch.setattr(onnx, "engine", lambda path, leaving: stop(0))
    with pytest.raises(KeyboardInterrupt):
        export(tmp_path / "net.onnx")
    assert os.listdir(tmp_path) == []


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_text("mine")
    with pytest.raises(UsageError, match="exists"):
        export(tmp_path / "net")
    assert (tmp_path / "net.onnx").read_text() == "mine"


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(UnknownName, match="onxn"):
        export(Path("net"), format="onxn")


def test_more_weights_than_one_file_holds_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx, "LARGEST", 100)
    with pytest.raises(ConfigError, match="holds 2 GB"):
        export(tmp_path / "net")
    assert os.listdir(tmp_path) == []


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize(
    "format", ["onnx", *(pytest.param(one, marks=pytest.mark.slow) for one in ("torch", "openvino"))]
)
def test_a_full_disk_is_said_and_leaves_nothing(format: str, tmp_path: Path) -> None:
    with mounted(tmp_path / "full", "size=4k") as folder:
        with pytest.raises(StorageError, match=r"no space left on the disk that holds .*/full/net"):
            export(folder / "net", samples=1, format=format)
        assert os.listdir(folder) == []


def test_a_name_of_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"net\.xml is named like a file of --format openvino, and the format is onnx"):
        export(tmp_path / "net.xml")
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("task", [Classify(flip_at_test=True), Classify(average_at_test=0.05)])
def test_what_is_averaged_at_test_leaves_too(task: Classify, tmp_path: Path) -> None:
    assert export(tmp_path / "net", task, samples=60)[0].verified.largest < 1e-5


@pytest.mark.slow
def test_a_program_of_torch_says_the_same(tmp_path: Path) -> None:
    (made,) = export(tmp_path / "net", format="torch", samples=60)
    assert made.path.name == "net.pt2"
    found = {"profond.json": ""}
    torch.export.load(str(made.path), extra_files=found)
    assert json.loads(found["profond.json"])["verified"]["engine"] == f"torch {torch.__version__}"
