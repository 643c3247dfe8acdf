"""What kill -9 leaves at some moment is the run's folder as it is then: a copy of it, resumed, ends with the same bits.

Copies are made inside one process, so that every way of training can be tried; the tests of real kills are elsewhere.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.runs import outcome

from profond import models
from profond.core.errors import ConfigError
from profond.core.run import Run
from profond.evaluation import kept
from profond.experiments.configuration import changed, for_finetuning, for_model, from_recipe, on_data
from profond.experiments.experiment import assemble
from profond.experiments.train import resume_run, train_experiment
from profond.training.checkpoint import LAST
from profond.training.settings import OPTIMIZERS

pytestmark = pytest.mark.slow

SIDE = 24
STAGES = [[0.3, ["last", "body.6"]], [0.6, ["stem", "body.[0-5].*"]]]
HARDEST = {"ema": 0.9, "dropout": 0.2, "augment.mixup": 0.2, "augment.shift": 2, "hidden": [16], "gradient_clip": 1.0}

TRAININGS: dict[str, dict[str, Any]] = {
    "a recipe": {"of": "lenet5"},
    "a model on a folder": {"of": "convnet2d"},
    "a model on a folder, streamed": {"of": "convnet2d", "data.memory_mib": 0, "loader.workers": 0},
    "everything that has a state": {"of": "mlp", **HARDEST, "accumulate": 2, "validate_every_epochs": 0.4},
    "a plateau": {"of": "mlp", "schedule": "plateau", "plateau_patience": 1, "epochs": 5, "learning_rate": 0.3},
    "early stopping": {"of": "mlp", "patience": 1, "monitor": "accuracy", "learning_rate": 0.01, "epochs": 40},
    "the last weights": {"of": "mlp", "keep": "last", "loader.drop_last": True},
    "steps": {"of": "mlp", "training.steps": 7},
    "bf16": {"of": "convnet2d", "precision": "bf16"},
    "without validation": {"of": "mlp", "keep": "last", "loader.valid_fraction": 0.0, "data.valid_fraction": 0.0},
    "weighed classes": {"of": "mlp", "task.class_weights": "balanced"},
    "few of each class": {"of": "mlp", "loader.per_class": {"train": 9}},
    **{f"optimizer {name}": {"of": "convnet2d", "optimizer": name, "epochs": 2} for name in OPTIMIZERS},
    "a head alone": {"of": "tuned", "parts": 0},
    "a head alone, averaged, the last weights": {"of": "tuned", "parts": 0, "ema": 0.9, "keep": "last"},
    "a head alone, through the whole network": {"of": "tuned", "parts": 0, "transfer.features": False},
    "a head alone, augmented": {"of": "tuned", "parts": 0, "augment.shift": 2},
    "parts of a network": {"of": "tuned", "parts": 3},
    "numbers": {"of": "convnet2d", "listed": "values.csv", "loss": "huber", "augment.mixup": 0.2},
    "several numbers, a head alone": {"of": "tuned", "parts": 0, "listed": "values.csv", "data.target": "a,value"},
    "parts by name, norms trained": {"of": "tuned", "unfreeze": STAGES, "freeze_norms": False, "ema": 0.9},
}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number in range(60):
        random = np.random.default_rng(number)
        pixels = random.integers(0, 120, (SIDE, SIDE, 3), dtype=np.uint8)
        pixels[6 * (number % 3) : 6 * (number % 3) + 4] += 100
        (folder / f"c{number % 3}").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / f"c{number % 3}" / f"{number}.png")
    rows = [f"c{number % 3}/{number}.png,{number % 3 + number / 100},{number % 3}.5" for number in range(60)]
    (folder / "values.csv").write_text("\n".join(["path,value (kg),a", *rows]))
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "own.pth"
    torch.manual_seed(0)
    model = models.create("mobilenet_v2", input_shape=(3, SIDE, SIDE), num_classes=7, width=0.35)
    torch.save(model.state_dict(), path)
    return path


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_draw", lambda *_: None)  # pictures are another matter, and most of the time


def configuration(photos: Path, weights: Path, of: str, **changes: Any) -> dict[str, Any]:
    common: dict[str, Any] = {"batch_size": 16, "checkpoint_every_seconds": 0.0, "log_every_steps": 2}
    if "training.steps" not in changes:
        common["epochs"] = 3
    if "precision" not in changes:
        common["precision"] = "fp32"
    photos /= changes.pop("listed", "")
    if of == "tuned":
        made = for_finetuning("mobilenet_v2", str(photos), parts=changes.pop("parts", None))
        own = {"model.width": 0.35, "model.input_shape": [3, SIDE, SIDE], "transfer.weights": str(weights)}
        return changed(made, {**own, **common, **changes})
    made = on_data(from_recipe(of), str(photos)) if of == "lenet5" else for_model(of, str(photos))
    return changed(made, {**common, **changes})


class Copies:
    """Copies the run's folder at three moments: before there is a checkpoint, later, and just after a validation."""

    def __init__(self, out: Path, folder: Path) -> None:
        self.out, self.folder = out, folder
        self.validated = 0

    def copy(self, name: str) -> None:
        (run,) = (path for path in self.out.iterdir() if not path.name.startswith("."))
        shutil.copytree(run, self.folder / name)

    def started(self, progress: Any) -> None:
        pass

    def stepped(self, progress: Any) -> None:
        if progress.step in (1, 5):
            self.copy(f"step {progress.step}")

    def logged(self, progress: Any, record: Mapping[str, Any]) -> None:
        self.validated += record["split"] == "valid"
        if record["split"] == "valid" and self.validated == 2:  # the best weights are newer than the checkpoint
            self.copy("validated")

    def finished(self, progress: Any) -> None:
        pass


@pytest.mark.parametrize("name", TRAININGS)
def test_a_run_killed_at_any_moment_ends_with_the_same_bits(
    name: str, photos: Path, weights: Path, tmp_path: Path
) -> None:
    config = configuration(photos, weights, **TRAININGS[name])
    copies = Copies(tmp_path / "whole", tmp_path / "copies")
    whole = train_experiment(assemble(config), out=copies.out, observers=(copies,))
    copies.copy("complete but for its card")
    (copies.folder / "complete but for its card" / "README.md").unlink()
    expected = outcome(whole.path)
    found = sorted(copies.folder.iterdir())
    assert len(found) >= 3
    assert not (copies.folder / "step 1" / LAST).exists()
    assert (copies.folder / "step 5" / LAST).exists()
    for folder in found:
        run = Run.open(folder)
        resume_run(run)
        assert outcome(run.path) == expected, f"{name}, killed at: {folder.name}"


@pytest.mark.parametrize("harm", ["moved", "changed"])
def test_own_weights_that_are_needed_and_gone_or_changed_are_told(
    harm: str, photos: Path, weights: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.pth"
    shutil.copy(weights, own)
    config = configuration(photos, own, "tuned", parts=0)
    copies = Copies(tmp_path / "whole", tmp_path / "copies")
    train_experiment(assemble(config), out=copies.out, observers=(copies,))
    if harm == "moved":
        own.rename(tmp_path / "elsewhere.pth")
    else:
        tensors = torch.load(own, weights_only=True)
        tensors["stem.convolution.weight"] += 1
        torch.save(tensors, own)
    for folder in copies.folder.iterdir():
        before = (folder / LAST).read_bytes() if (folder / LAST).exists() else None
        with pytest.raises(ConfigError, match=r"own\.pth"):
            resume_run(Run.open(folder))
        assert before is None or (folder / LAST).read_bytes() == before
        assert not (folder / "model.safetensors").exists()


def test_a_checkpoint_of_the_whole_network_needs_its_weights_no_more(
    photos: Path, weights: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.pth"
    shutil.copy(weights, own)
    copies = Copies(tmp_path / "whole", tmp_path / "copies")
    whole = train_experiment(
        assemble(configuration(photos, own, "tuned", parts=2)), out=copies.out, observers=(copies,)
    )
    own.unlink()
    run = Run.open(copies.folder / "step 5")
    resume_run(run)
    assert outcome(run.path) == outcome(whole.path)
