"""A file in another arithmetic says what share of the labels stays, and what share is right."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from support.exported import CLASSES, of_pictures, weights
from support.processor import MAY_USE_BF16
from torch import Tensor, nn

from profond.core.errors import ConfigError, Unequal, UnknownName, UsageError
from profond.data.preprocessing import Preprocessing
from profond.export.export import lower_of
from profond.export.leaving import Leaving, Source
from profond.export.lowered import Own, check, lowered
from profond.export.openvino_file import write_openvino
from profond.runtime.exported import ExportedFile
from profond.runtime.metadata import metadata_of
from profond.tasks.task import Part, Tensors

pytest.importorskip("openvino")
PICTURES = Preprocessing(size=(8, 8), mode="RGB", scale=1.0, mean=(0.0,), std=(1.0,))


class _Net(nn.Module):
    """What the graph of `of_pictures` computes."""

    def __init__(self, turned: float = 1.0) -> None:
        super().__init__()
        self.weights = torch.from_numpy(weights()) * turned

    def forward(self, inputs: Tensor) -> Tensor:
        return (inputs.permute(0, 2, 3, 1).flatten(1) @ self.weights).softmax(1)


def leaving(network: nn.Module, preprocessing: Preprocessing | None = PICTURES) -> Leaving:
    inputs, outputs = Tensors("inputs", (3, 8, 8), "float32"), Tensors("probabilities", (3,), "float32")
    answer = {"kind": "classes", "classes": list(CLASSES)}
    part = Part(network, (inputs,), (outputs,), lambda count, _: (torch.rand(count, 3, 8, 8),), answer)
    return Leaving(part, Source("signs", "classify", preprocessing))


def own(count: int = 64) -> Own:
    """Pictures, and their classes as the network sees them but for the last quarter."""
    random = torch.Generator().manual_seed(1)
    learned, tried = (torch.randint(0, 256, (count, 3, 8, 8), dtype=torch.uint8, generator=random) for _ in "ab")
    targets = _Net()(tried.float()).argmax(1)
    targets[-count // 4 :] = (targets[-count // 4 :] + 1) % 3
    return Own(learned, tried, targets, "valid")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    graph = of_pictures(tmp_path / "signs.onnx")
    write_openvino(graph.read_bytes(), tmp_path / "signs.xml", json.dumps(metadata_of(graph)))
    return tmp_path / "signs.xml"


def test_in_8_bits_labels_are_counted_against_python_and_against_the_truth(path: Path) -> None:
    data = own()
    found = lowered(leaving(_Net()), path, "int8", data)
    file = ExportedFile(path, threads=1)
    file.load([64])
    said = file.run({"pictures": data.tried.permute(0, 2, 3, 1).contiguous().numpy()})["probabilities"].argmax(1)
    ours = _Net()(data.tried.float()).argmax(1).numpy()
    assert (found.samples, found.learned, found.exact) == (64, 64, 0.75)
    assert found.equal == (said == ours).mean() >= 0.9
    assert found.right == (said == data.targets.numpy()).mean()
    assert found.line().startswith("in int8: ")
    assert found.line().endswith(" right, in fp32 75.0%")
    assert found.to_json()["accuracy"] == {"int8": found.right, "fp32": 0.75}


@MAY_USE_BF16
def test_in_bf16_pictures_of_every_kind_stand_in_for_data_that_are_not_there(path: Path) -> None:
    found = lowered(leaving(_Net()), path, "bf16", None)
    assert found.samples > 100
    assert found.equal >= 0.9
    assert found.line().endswith(" pictures of every kind as in Python")
    assert "accuracy" not in found.to_json()


@MAY_USE_BF16
def test_a_file_that_changes_too_many_labels_is_refused(path: Path) -> None:
    with pytest.raises(Unequal, match="changes too many answers") as refusal:
        lowered(leaving(_Net(-1.0)), path, "bf16", own())
    assert refusal.value.exit_code == 1


def test_what_has_no_other_arithmetic_is_refused_with_the_reason() -> None:
    for few in (None, own(31)):
        with pytest.raises(ConfigError, match="32 of each are needed"):
            check(leaving(_Net()), "int8", few)
    with pytest.raises(ConfigError, match="how many labels of pictures stay"):
        check(leaving(_Net(), None), "bf16", own())
    with pytest.raises(ConfigError, match="resizes them in the graph"):
        check(leaving(_Net(), replace(PICTURES, crop=0.897)), "bf16", own())
    with pytest.raises(UsageError, match="int8 is OpenVINO's"):
        lower_of("int8", "onnx")
    with pytest.raises(UnknownName, match="int4"):
        lower_of("int4", "openvino")
