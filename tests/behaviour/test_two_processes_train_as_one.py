"""Two processes on this machine, started by `fit` itself or by torchrun, learn what one would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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
model = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))  # not seeded: each process starts from other weights
if len(sys.argv) == 3:
    model.load_state_dict(torch.load(sys.argv[2], weights_only=True))
start = {name: value.clone() for name, value in model.state_dict().items()}
training = Training(
    epochs=2, precision="fp32", device="cpu", devices=int(sys.argv[1]), optimizer="sgd", learning_rate=0.1
)
fitted = fit(model, Classify(), dataset.batches("train", 64, shuffle=True), training)
print("RESULT" + json.dumps([fitted.steps, [p.flatten().tolist() for p in model.parameters()]]))
"""


def weights(command: list[str]) -> list[tuple[int, list[list[float]]]]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(part.splitlines()[0])) for part in done.stdout.split("RESULT")[1:]]


@pytest.mark.parametrize("launcher", ["fit", "torchrun"])
def test_two_processes_learn_what_one_learns(launcher: str, tmp_path: Path) -> None:
    import torch
    from torch import nn

    start, script = tmp_path / "start.pt", tmp_path / "train.py"
    torch.save(nn.Sequential(nn.Flatten(), nn.Linear(64, 2)).state_dict(), start)
    script.write_text(SCRIPT)
    run = [sys.executable] if launcher == "fit" else [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--master-port=29517"
    ]  # fmt: skip
    (alone,) = weights([sys.executable, str(script), "1", str(start)])
    first, second = weights([*run, str(script), "2", str(start)])
    assert first == second
    assert first[0] == alone[0] == 16
    for ours, reference in zip(first[1], alone[1], strict=True):
        torch.testing.assert_close(torch.tensor(ours), torch.tensor(reference), rtol=1e-4, atol=1e-5)


def test_processes_that_start_from_other_weights_end_with_the_same(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    first, second = weights([sys.executable, str(script), "2"])
    assert first == second
