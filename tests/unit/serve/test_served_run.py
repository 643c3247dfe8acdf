"""A trained run as a server serves it says what `predict` says, alone and among others."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

import profond
from profond.core.errors import DataError
from profond.experiments.configuration import changed, for_model
from profond.experiments.experiment import assemble
from profond.experiments.train import train_experiment
from profond.runtime.exported import ExportedFile
from profond.runtime.served import Served
from profond.serve.predictor import Predictor
from profond.serve.served_run import ServedRun
from profond.server.sizes import equal_sizes

pytestmark = pytest.mark.usefixtures("undrawn")  # pictures are other tests' matter


def png(seed: int, size: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    root = tmp_path_factory.mktemp("served")
    for number in range(12):
        for kind, name in enumerate(("a", "b")):
            (root / "data" / name).mkdir(parents=True, exist_ok=True)
            (root / "data" / name / f"{number}.png").write_bytes(png(2 * number + kind, (8, 8 + number)))
    few = {"hidden": [8], "training.steps": 2, "size": 8, "device": "cpu", "keep": "last"}
    return train_experiment(assemble(changed(for_model("mlp", str(root / "data")), few)), out=root / "runs")


def test_a_run_answers_for_files_and_arrays_as_predict_does(trained) -> None:
    served: Served = ServedRun(trained.path, "last", "cpu")
    served.load([1, 2])
    predictor = Predictor.open(trained.path, device="cpu", engine="torch")
    files = [png(seed, (9, 30 - seed)) for seed in range(3)]
    inputs = [served.decoded(file) for file in files]
    for file, one in zip(files, inputs, strict=True):
        assert served.answer(served.run(one), 0) == predictor.predict(file, top=5)[0].answer.to_json()
    found = served.run(inputs[0])
    assert list(found) == [port.name for port in served.outputs] == ["probabilities", "label"]
    assert found["label"].tolist() == ["ab"[found["probabilities"][0].argmax()]]
    pixels = np.asarray(Image.open(io.BytesIO(files[1])))[None]
    assert torch.equal(
        torch.tensor(served.prepared({"pictures": pixels})["pictures"]), torch.tensor(inputs[1]["pictures"])
    )
    assert served.inputs[0].takes(pixels.shape)
    with pytest.raises(DataError, match="not an image"):
        served.decoded(b"no picture")


@pytest.mark.slow
def test_a_client_does_not_see_whether_a_run_is_served_or_the_file_that_it_is_exported_to(trained, tmp_path) -> None:
    run = ServedRun(trained.path, "last", "cpu")
    file = ExportedFile(profond.export(trained.path, out=tmp_path / "run.onnx")[0].path, "onnx")
    run.load([1])
    file.load([1])
    assert [(port.name, port.dtype, len(port.shape)) for port in run.inputs] == [
        (port.name, port.dtype, len(port.shape)) for port in file.inputs
    ]
    assert (run.inputs, run.outputs) == (file.inputs, file.outputs)
    said, told = (one.run(one.decoded(png(3, (9, 30)))) for one in (run, file))
    assert said["label"].tolist() == told["label"].tolist()
    np.testing.assert_allclose(said["probabilities"], told["probabilities"], atol=1e-6)


def test_what_leaves_otherwise_than_it_answers_is_one_json_text(tmp_path) -> None:
    (tmp_path / "pairs.csv").write_text("source,target\n" + "".join(f"{n} a,{n} b\n" for n in range(20)))
    settings = {"hidden": 4, "width": 4, "training.steps": 1, "device": "cpu", "training.keep": "last"}
    config = changed(for_model("seq2seq", str(tmp_path / "pairs.csv")), settings)
    served = ServedRun(train_experiment(assemble(config), out=tmp_path / "runs").path, "last", "cpu")
    served.load([1])
    assert [port.name for port in served.outputs] == ["answer"]
    found = served.run(served.decoded(b"3 a"))
    assert json.loads(found["answer"][0]) == served.answer(found, 0)
    assert "text" in served.answer(found, 0)


def test_a_run_on_a_table_answers_for_each_row_of_the_table_that_it_was_trained_on(tmp_path) -> None:
    path, random = tmp_path / "wide.csv", np.random.default_rng(0)
    rows = [
        f"{'ab'[i % 2]};" + ";".join(f"{v:.2f}".replace(".", ",") for v in random.normal(size=6)) for i in range(20)
    ]
    path.write_text("\n".join(["kind;t1;t2;t3;t4;t5;t6", *rows]) + "\n")
    few = {"hidden": [4], "training.steps": 1, "device": "cpu", "training.keep": "last"}
    run = train_experiment(assemble(changed(for_model("mlp", str(path)), few)), out=tmp_path / "runs")
    served = ServedRun(run.path, "last", "cpu")
    served.load([1])
    found = served.rows(path.read_bytes())
    assert found is not None
    expected = Predictor.open(run.path, device="cpu", engine="torch").predict(str(path), batch_size=1, top=5)
    assert [served.answer(served.run(one), 0) for one in found.values()] == [one.answer.to_json() for one in expected]


def test_its_samples_are_computed_alone_for_pytorch_has_other_bits_in_batches(trained) -> None:
    served = ServedRun(trained.path, "last", "cpu")
    served.load([1, 2, 4])
    assert equal_sizes(served, (1, 2, 4)) == (1,)
