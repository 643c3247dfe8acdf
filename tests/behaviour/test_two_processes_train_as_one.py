"""Two processes on this machine, started by `fit` itself or by torchrun, learn what one would."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from support.runs import digit_pictures, finished, free_port, only_run, outcome, profond, two

from profond import models

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}

pytestmark = pytest.mark.slow

SCRIPT = """
import json, sys
import torch
from torch import nn
from profond.core.spec import Spec
from profond.data.dataset import Dataset
from profond.data.split import TensorSplit
from profond.data.preprocessing import Preprocessing
from profond.tasks.classify import Classify
from profond.training import Training, fit

random = torch.Generator().manual_seed(0)
pictures = torch.randint(0, 256, (512, 1, 8, 8), generator=random, dtype=torch.uint8)
labels = (pictures.float().mean((1, 2, 3)) > 127.5).long()
dataset = Dataset(
    "brightness", Spec((1, 8, 8), "chw", classes=("dark", "bright")),
    Preprocessing(size=(8, 8), mode="L", mean=(0.5,), std=(0.29,)),
    {"train": TensorSplit(pictures, labels, "train")}, "made here",
)
training = Training(
    epochs=2, precision="fp32", device="cpu", devices=int(sys.argv[1]), optimizer="sgd", learning_rate=0.1
)


def learn(model):
    fitted = fit(model, Classify(), dataset.batches("train", 64, shuffle=True), training)
    return [fitted.steps, [p.flatten().tolist() for p in model.parameters()]]


torch.manual_seed(0)
given = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
torch.seed()  # each process starts from other weights
print("RESULT" + json.dumps([learn(given), learn(nn.Sequential(nn.Flatten(), nn.Linear(64, 2)))]))
"""


def results(printed: str) -> list[Any]:
    return [json.loads(part.splitlines()[0]) for part in printed.split("RESULT")[1:]]


@pytest.mark.parametrize("launcher", ["fit", "torchrun"])
def test_two_processes_learn_what_one_learns_from_the_leading_ones_weights(
    launcher: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    monkeypatch.setattr(sys, "argv", [str(script), "1"])
    runpy.run_path(str(script))
    ((alone, _),) = results(capsys.readouterr().out)
    torchrun = ["-m", "torch.distributed.run", "--nproc-per-node=2", f"--master-port={free_port()}"]
    command = [sys.executable, *(torchrun if launcher == "torchrun" else []), str(script), "2"]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    first, second = results(done.stdout)
    assert first == second
    (steps, weights), _ = first
    assert steps == alone[0] == 16
    for ours, reference in zip(weights, alone[1], strict=True):
        np.testing.assert_allclose(ours, reference, rtol=1e-4, atol=1e-5)


# batch normalisation, mixup, shifts, an average, clipping, batches that two cannot halve, a split with an odd number
SETTINGS = [
    "--model=convnet2d", "--epochs=2", "--batch-size=31", "--precision=fp32", "--valid-fraction=0.2", "--quiet",
    "--set=widths=[6,8]", "--set=augment.shift=1", "--set=augment.mixup=0.3", "--set=ema=0.8", "--set=accumulate=2",
    "--set=gradient_clip=0.5", "--set=log_every_steps=2", "--set=validate_every_epochs=0.5",
]  # fmt: skip


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return digit_pictures(tmp_path_factory.mktemp("digits"), 203)


@pytest.fixture(scope="module")
def alone(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("alone")
    finished(profond("train", f"--data={pictures}", f"--out={out}", *SETTINGS))
    run = only_run(out)
    assert run is not None
    return run


def test_a_run_of_two_processes_is_the_run_of_one(alone: Path, pictures: Path, tmp_path: Path) -> None:
    leading, other = two("train", f"--data={pictures}", f"--out={tmp_path}", *SETTINGS)
    finished(leading)
    assert other.communicate(timeout=60) == ("", "")
    assert other.returncode == 0
    run = only_run(tmp_path)
    assert run is not None
    weights, lines, metrics = outcome(run)
    expected_weights, expected_lines, expected_metrics = outcome(alone)
    assert weights.keys() == expected_weights.keys()
    for name, array in load_file(run / "model.safetensors").items():
        np.testing.assert_allclose(array, load_file(alone / "model.safetensors")[name], rtol=1e-3, atol=1e-4)
    assert [line.keys() for line in lines] == [line.keys() for line in expected_lines]
    for line, expected in zip(lines, expected_lines, strict=True):
        for name, value in expected.items():
            assert line[name] == (pytest.approx(value, rel=1e-3, abs=1e-4) if isinstance(value, float) else value)
    assert metrics.keys() == expected_metrics.keys()
    for split, measured in expected_metrics.items():
        for name, expected in measured.items():
            assert metrics[split][name]["value"] == pytest.approx(expected["value"], rel=1e-3, abs=1e-4)
        rows = [(path / f"evaluation/{split}/predictions.csv").read_text().splitlines() for path in (run, alone)]
        samples, expected_samples = ([row.split(",")[0] for row in one] for one in rows)
        assert samples == expected_samples, "each sample once, in order"
    assert (run / "split.csv").read_text() == (alone / "split.csv").read_text()
    config, of_one = (json.loads((path / "config.json").read_text()) for path in (run, alone))
    assert config["training"].pop("devices") == 2
    assert of_one["training"].pop("devices") == 1
    assert config == of_one


def test_the_command_line_starts_the_other_processes_itself(alone: Path, pictures: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "profond", "train", f"--data={pictures}", f"--out={tmp_path}", "--json", *SETTINGS]
    done = subprocess.run(
        [*command, "--set=devices=2"], capture_output=True, text=True, timeout=300, env=ENVIRONMENT, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    document = json.loads(done.stdout)  # one object, of one process
    assert document["metrics"]["valid"]["accuracy"]["value"] == outcome(alone)[2]["valid"]["accuracy"]["value"]
    assert len([path for path in tmp_path.iterdir() if not path.name.startswith(".")]) == 1


def test_two_processes_find_the_learning_rate_that_one_finds(pictures: Path, tmp_path: Path) -> None:
    settings = [f"--data={pictures}", "--model=mlp", "--steps=4", "--learning-rate=auto", "--precision=fp32"]
    single = profond("train", f"--out={tmp_path / 'one'}", *settings)
    leading, other = two("train", f"--out={tmp_path / 'two'}", *settings)
    for process in (single, leading, other):
        finished(process)
    runs = [only_run(tmp_path / name) for name in ("one", "two")]
    rates = [json.loads((run / "config.json").read_text())["training"]["learning_rate"] for run in runs if run]
    assert len(rates) == 2
    assert rates[0] == rates[1]


def test_unfrozen_layers_are_fine_tuned_by_two_processes_as_by_one(tmp_path: Path) -> None:
    """Norms stay as they were given: trained ones would amplify the rounding of a network as deep as this."""
    (tmp_path / "digits").mkdir()
    pictures = digit_pictures(tmp_path / "digits", 100)
    torch.manual_seed(0)
    network = models.create("mobilenet_v2", input_shape=(3, 24, 24), num_classes=7, width=0.35)
    torch.save(network.state_dict(), tmp_path / "own.pth")
    start = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    settings = [
        "--model=mobilenet_v2", f"--data={pictures}", f"--weights={tmp_path / 'own.pth'}", "--size=24", "--quiet",
        "--set=width=0.35", "--steps=6", "--batch-size=16", "--precision=fp32", "--set=dropout=0",
        "--set=optimizer=sgd", "--learning-rate=0.01", "--set=freeze_norms=true",
        '--set=unfreeze=[[0.3,["last","body.6"]],[0.6,["stem","body.[0-5].*"]]]', '--set=rate_factors={"stem":0.1}',
    ]  # fmt: skip
    single = profond("finetune", f"--out={tmp_path / 'one'}", *settings)
    for process in (single, *two("finetune", f"--out={tmp_path / 'two'}", *settings)):
        finished(process)
    one, shared = (only_run(tmp_path / name) for name in ("one", "two"))
    assert one is not None
    assert shared is not None
    reference, learned = (load_file(run / "model.safetensors") for run in (one, shared))
    for name, array in reference.items():
        np.testing.assert_allclose(learned[name], array, rtol=1e-4, atol=1e-6, err_msg=name)
    assert any((reference[name] != array).any() for name, array in start.items() if name.startswith("stem."))


def test_a_generator_of_two_processes_is_measured_by_one_and_beside_its_early_weights(tmp_path: Path) -> None:
    settings = ["--model=points_gan", "--data=ring", "--set=data.train_points=64", "--set=data.test_points=32"]
    settings += ["--set=hidden=[8]", "--steps=4", "--device=cpu", "--precision=fp32", "--quiet"]
    for process in two("train", f"--out={tmp_path}", *settings):
        finished(process)
    run = only_run(tmp_path)
    assert run is not None
    assert {"frechet_distance", "early_frechet_distance", "early_modes"} <= outcome(run)[2]["test"].keys()
