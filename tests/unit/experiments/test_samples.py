"""Pictures of what a network makes while it learns: every few steps, once each, and never at the training's cost."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from support.disk import mounted
from torch import nn

from profond.core.errors import Interrupted
from profond.core.run import Run
from profond.data.open import open_dataset
from profond.experiments.configuration import changed, for_model
from profond.experiments.experiment import assemble
from profond.experiments.samples import Samples, steps_between
from profond.experiments.train import resume_run, train_experiment
from profond.models import create
from profond.tasks.generate import Generate
from profond.training import Training, fit
from profond.training.observers import Progress

RING: Any = open_dataset("ring", train_points=64, test_points=32)


class Numbered:
    """A square of the shade of the step, from a network that draws random numbers and counts batches if it is let."""

    real = Image.new("L", (8, 8), 255)

    def __init__(self, *found: str) -> None:
        self.found = list(found)

    def picture(self, model: Any) -> Image.Image:
        torch.randn(3)
        model.generator(torch.zeros(2, model.latent_size))
        assert not any(part.training for part in model.modules())
        return Image.new("L", (8, 8), 7)

    def lag(self, model: nn.Module, live: nn.Module) -> list[str]:
        assert live is not model
        assert not any(part.training for part in live.modules())
        torch.randn(4)
        return [text for text in self.found if "lags" in text]

    def symptoms(self, model: nn.Module, means: Mapping[str, float]) -> list[str]:
        assert all(isinstance(value, float) for value in means.values())
        torch.randn(5)
        return [text for text in self.found if "lags" not in text]


def network() -> Any:
    torch.manual_seed(0)
    model: Any = create("points_gan", RING.spec, hidden=[8], latent_size=2)
    model.generator.hidden.append(nn.BatchNorm1d(8))
    model.critic.hidden.append(nn.Dropout(0.5))
    return model


def trained(run: Run | None, steps: int, *observers: Any, resume: bool = False) -> Any:
    settings: dict[str, Any] = {"optimizer": "adam", "ema_half_life": 0.2, "precision": "fp32", "device": "cpu"}
    training = Training(steps=steps, log_every_steps=2, **settings)
    batches = RING.batches("train", 16, shuffle=True)
    return fit(network(), Generate(), batches, training, observers=observers, run=run, resume=resume)


def drawn(run: Run) -> list[int]:
    return [int(path.stem.removeprefix("step_")) for path in sorted(run.file("samples").glob("step_*.png"))]


def frames(run: Run) -> int:
    with Image.open(run.file("samples") / "film.gif") as film:
        return int(getattr(film, "n_frames", 1))


@pytest.mark.parametrize(
    ("total", "every"), [(1, 1), (20, 1), (21, 2), (300, 20), (4000, 200), (4001, 500), (100_000, 5000)]
)
def test_there_are_about_twenty_pictures_at_round_steps(total: int, every: int) -> None:
    assert steps_between(total) == every
    assert total / every <= 20


def test_a_training_that_is_looked_at_ends_with_the_same_bits(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "looked-at", {})
    plain, seen = trained(None, 8).model, trained(None, 8, Samples(run, Numbered("it leans: much"), every=2)).model
    assert drawn(run) == [0, 2, 4, 6, 8]
    for name, tensor in plain.state_dict().items():
        assert torch.equal(seen.state_dict()[name], tensor), name


def test_the_real_ones_stand_beside_and_the_film_says_the_steps(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "whole", {})
    trained(run, 5, Samples(run, Numbered(), every=2))
    assert drawn(run) == [0, 2, 4, 5]
    assert {path.name for path in run.file("samples").glob("[!s]*")} == {"real.png", "film.gif"}
    with Image.open(run.file("samples") / "film.gif") as film:
        assert (film.n_frames, film.info["loop"]) == (4, 0)  # type: ignore[attr-defined]
        below = []
        for frame in range(4):
            film.seek(frame)
            below.append(film.convert("L").crop((0, 8, *film.size)).tobytes())
    assert len(set(below)) == 4, "below each frame stands another step"


class StopAt:
    def __init__(self, step: int) -> None:
        self.step = step

    def stepped(self, progress: Progress) -> None:
        if progress.step == self.step:
            signal.raise_signal(signal.SIGTERM)

    started = finished = lambda self, progress: None
    logged = lambda self, progress, record: None  # noqa: E731


@pytest.mark.parametrize("stop", [4, 5])
def test_a_run_that_goes_on_has_each_picture_once(stop: int, tmp_path: Path) -> None:
    run = Run.create(tmp_path, "stopped", {})
    with pytest.raises(Interrupted):
        trained(run, 10, StopAt(stop), Samples(run, Numbered(), every=2))
    assert drawn(run) == [0, 2, 4]
    assert frames(run) == 3
    for step in (6, 8):  # drawn by a process that was killed before it saved a checkpoint
        Image.new("L", (8, 8), 99).save(run.file("samples") / f"step_{step:06}.png")
    (run.file("samples") / "step_000004.png").unlink()
    trained(run, 10, Samples(run, Numbered(), every=2), resume=True)
    assert drawn(run) == ([0, 2, 4, 6, 8, 10] if stop == 4 else [0, 2, 6, 8, 10])
    assert frames(run) == len(drawn(run))
    for path in run.file("samples").glob("step_*.png"):
        with Image.open(path) as picture:
            assert picture.getpixel((0, 0)) == 7, path


def test_a_symptom_is_said_once_and_kept_also_by_a_run_that_goes_on(tmp_path: Path) -> None:
    told: list[str] = []
    run = Run.create(tmp_path, "ill", {})
    run.update(warnings=["the data are odd"])
    show = Numbered("it leans: by 3")
    trained(run, 4, Samples(run, show, every=1, warn=told.append))
    show.found = ["it leans: by 4", "it lags: twice"]
    trained(run, 6, Samples(run, show, every=1, warn=told.append), resume=True)
    assert told == ["it leans: by 3", "it lags: twice"]
    assert run.state["warnings"] == ["the data are odd", "it leans: by 3", "it lags: twice"]


def test_a_full_disk_is_said_once_and_the_training_goes_on(tmp_path: Path) -> None:
    told: list[str] = []
    with mounted(tmp_path / "small", "size=64k") as disk:
        run = Run.create(disk, "full", {})
        with contextlib.suppress(OSError), (disk / "filling").open("wb") as file:
            file.write(bytes(65_536))
        fitted = trained(None, 6, Samples(run, Numbered("it leans: much"), every=1, warn=told.append))
    assert fitted.steps == 6
    assert len(told) == 1
    assert "no space left" in told[0]


@pytest.mark.slow
def test_a_task_that_can_be_shown_is_shown_and_a_longer_run_goes_on(tmp_path: Path) -> None:
    config = changed(
        for_model("points_gan", "ring"),
        {
            "data.train_points": 64,
            "data.test_points": 32,
            "model.hidden": [8],
            "training.steps": 4,
            "training.show_every_steps": 2,
            "training.device": "cpu",
        },
    )
    run = train_experiment(assemble(config), out=tmp_path)
    assert drawn(run) == [0, 2, 4]
    before = [(run.file("samples") / f"step_{step:06}.png").read_bytes() for step in (0, 2, 4)]
    resume_run(run, steps="+3")
    assert drawn(run) == [0, 2, 4, 6, 7]
    assert [(run.file("samples") / f"step_{step:06}.png").read_bytes() for step in (0, 2, 4)] == before
    assert frames(run) == 5
    assert json.loads(run.file("config.json").read_text())["training"]["show_every_steps"] == 2
    with Image.open(run.file("samples") / "real.png") as real, Image.open(run.file("samples/step_000007.png")) as last:
        assert real.size == last.size
