"""The weights of early in a training: those that are kept then, once in a run, whatever stops it or makes it longer."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from profond.core.errors import Interrupted
from profond.core.run import Run
from profond.data.open import open_dataset
from profond.models import create
from profond.tasks.generate import Generate
from profond.training import Training, checkpoint, fit
from profond.training.early import EarlyWeights, early_step
from profond.training.observers import Progress

RING: Any = open_dataset("ring", train_points=64, test_points=32)


class At:
    """Copies the weights that are kept after a step, or stops the training there."""

    def __init__(self, step: int, *, stop: bool = False) -> None:
        self.step, self.stop = step, stop
        self.weights: dict[str, torch.Tensor] = {}

    def stepped(self, progress: Progress) -> None:
        if progress.step == self.step:
            self.weights = {name: tensor.clone() for name, tensor in progress.kept.state_dict().items()}
            if self.stop:
                signal.raise_signal(signal.SIGTERM)

    def started(self, progress: Progress) -> None:
        pass

    def logged(self, progress: Progress, record: Mapping[str, Any]) -> None:
        pass

    finished = started


def trained(run: Run | None, steps: int, *observers: Any, resume: bool = False, **settings: Any) -> nn.Module:
    torch.manual_seed(0)
    model = create("points_gan", RING.spec, hidden=[8], latent_size=2)
    training = Training(steps=steps, optimizer="adam", precision="fp32", device="cpu", **settings)
    batches = RING.batches("train", 16, shuffle=True)
    return fit(model, Generate(), batches, training, observers=observers, run=run, resume=resume).model


def kept(run: Run) -> tuple[dict[str, torch.Tensor], int]:
    weights, facts = checkpoint.load_tensors(run.file(checkpoint.EARLY))
    return weights, facts["step"]


def same(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(("total", "step"), [(1, 0), (2, 1), (14, 1), (20, 2), (2_500, 250), (4_687, 469)])
def test_early_is_after_a_tenth_of_the_steps_and_never_the_end(total: int, step: int) -> None:
    assert early_step(total) == step


@pytest.mark.parametrize("settings", [{}, {"ema_half_life": 0.2}])
def test_the_weights_that_are_kept_then_are_written_and_the_training_has_the_same_bits(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    run, then = Run.create(tmp_path, "whole", {}), At(2)
    model = trained(run, 20, EarlyWeights(run), then, **settings)
    weights, step = kept(run)
    assert step == 2
    assert same(weights, then.weights)
    assert not same(weights, model.state_dict())
    assert same(model.state_dict(), trained(None, 20, **settings).state_dict())


@pytest.mark.parametrize("stop", [1, 2, 7])
def test_a_run_that_is_stopped_and_goes_on_has_those_of_one_that_was_not(stop: int, tmp_path: Path) -> None:
    whole, run = Run.create(tmp_path, "whole", {}), Run.create(tmp_path, "stopped", {})
    trained(whole, 20, EarlyWeights(whole))
    with pytest.raises(Interrupted):
        trained(run, 20, EarlyWeights(run), At(stop, stop=True))
    assert run.holds(checkpoint.EARLY) == (stop >= 2)
    trained(run, 20, EarlyWeights(run), resume=True)
    assert run.file(checkpoint.EARLY).read_bytes() == whole.file(checkpoint.EARLY).read_bytes()


def test_a_longer_run_keeps_the_first_and_one_that_has_none_gets_them_on_its_way(tmp_path: Path) -> None:
    run, past, ahead = (Run.create(tmp_path, name, {}) for name in ("longer", "past", "ahead"))
    trained(run, 3, EarlyWeights(run))
    first = run.file(checkpoint.EARLY).read_bytes()
    trained(run, 50, EarlyWeights(run), resume=True)
    assert run.file(checkpoint.EARLY).read_bytes() == first
    for before in (past, ahead):  # made when nothing was kept
        trained(before, 3)
    trained(past, 20, EarlyWeights(past), resume=True)
    assert not past.holds(checkpoint.EARLY), "a tenth of it was done already"
    trained(ahead, 50, EarlyWeights(ahead), resume=True)
    assert kept(ahead)[1] == 5


def test_those_of_a_course_that_a_kill_cut_off_are_written_again(tmp_path: Path) -> None:
    run, then = Run.create(tmp_path, "killed", {}), At(4)
    checkpoint.save_tensors(run.file(checkpoint.EARLY), {"weight": torch.zeros(1)}, {"step": 2})
    trained(run, 40, EarlyWeights(run), then, resume=True)  # nothing else was kept: from the start, to another length
    weights, step = kept(run)
    assert step == 4
    assert same(weights, then.weights)


def test_damaged_ones_are_written_again_where_their_step_is_still_to_come(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "damaged", {})
    run.file(checkpoint.EARLY).parent.mkdir(parents=True)
    run.file(checkpoint.EARLY).write_bytes(b"no tensors")
    trained(run, 20, EarlyWeights(run), resume=True)
    assert kept(run)[1] == 2


def test_what_cannot_be_written_is_said_once_and_the_training_goes_on(tmp_path: Path) -> None:
    run, told = Run.create(tmp_path, "refused", {}), list[str]()
    run.file("checkpoints").mkdir()
    run.file("checkpoints/early").write_bytes(b"no folder")
    trained(run, 20, EarlyWeights(run, told.append))
    assert len(told) == 1
    assert "the early weights are not kept" in told[0]
    assert run.state["status"] == "done"


def test_weights_that_are_not_finite_are_left_to_the_loop(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "lost", {})
    model: Any = create("points_gan", RING.spec, hidden=[8], latent_size=2)
    model.generator.output.bias.data[0] = float("nan")
    EarlyWeights(run).stepped(Progress(2, 20, 0, 0.0, model, model))
    assert not run.holds(checkpoint.EARLY)
