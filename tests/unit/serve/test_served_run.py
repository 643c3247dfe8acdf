"""A trained run as a server serves it says what `predict` says, alone and among others."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from profond.core.errors import DataError
from profond.experiments.configuration import changed, for_model
from profond.experiments.experiment import assemble
from profond.experiments.train import train_experiment
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
    assert json.loads(served.run(inputs[0])["answer"][0])["label"] in ("a", "b")
    pixels = np.asarray(Image.open(io.BytesIO(files[1])))[None]
    assert torch.equal(
        torch.tensor(served.prepared({"pictures": pixels})["pictures"]), torch.tensor(inputs[1]["pictures"])
    )
    assert served.inputs[0].takes(pixels.shape)
    with pytest.raises(DataError, match="not an image"):
        served.decoded(b"no picture")


def test_its_samples_are_computed_alone_for_pytorch_has_other_bits_in_batches(trained) -> None:
    served = ServedRun(trained.path, "last", "cpu")
    served.load([1, 2, 4])
    assert equal_sizes(served, (1, 2, 4)) == (1,)
