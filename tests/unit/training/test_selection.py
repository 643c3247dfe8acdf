"""What is trained from which step on: frozen, unfrozen later, at which rate."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from profond.core.errors import ConfigError
from profond.core.run import Run
from profond.tasks.classify import Classify
from profond.training import Fitted, Progress, Training, fit

LATER = ((0.5, ("0", "1")),)  # the convolution and its BatchNorm


def network() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.1), nn.Flatten(), nn.Linear(144, 2)
    )


def loader() -> DataLoader[Any]:
    inputs = torch.randn(128, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return DataLoader(TensorDataset(inputs, (inputs.mean((1, 2, 3)) > 0).long()), 32, shuffle=True)


def settings(**changes: Any) -> Training:
    usual = {"steps": 8, "precision": "fp32", "learning_rate": 0.01, "schedule": "constant"}
    return Training(**{**usual, **changes})


class States:
    """Copies of the model's state after each step."""

    def __init__(self, end_at: int | None = None) -> None:
        self.after: dict[int, dict[str, Tensor]] = {}
        self.end_at = end_at

    def started(self, progress: Progress) -> None:
        self.after[progress.step] = self._copy(progress)

    def stepped(self, progress: Progress) -> None:
        self.after[progress.step] = self._copy(progress)
        if progress.step == self.end_at:
            raise KeyboardInterrupt

    def logged(self, progress: Progress, record: Mapping[str, Any]) -> None:
        pass

    def finished(self, progress: Progress) -> None:
        pass

    def moved(self, first: int, last: int) -> set[str]:
        return {name for name, value in self.after[first].items() if not torch.equal(value, self.after[last][name])}

    @staticmethod
    def _copy(progress: Progress) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in progress.model.state_dict().items()}


def watched(training: Training, model: nn.Module | None = None) -> States:
    states = States()
    fit(model or network(), Classify(), loader(), training, observers=[states])
    return states


def test_what_is_unfrozen_later_moves_from_exactly_that_step_on_and_its_statistics_too() -> None:
    states = watched(settings(unfreeze=LATER))
    assert states.moved(0, 4) == {"5.weight", "5.bias"}
    below = {"0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"}
    assert states.moved(4, 5) == below | {"5.weight", "5.bias"}


def test_no_flag_is_left_on_the_model() -> None:
    model = network()
    watched(settings(unfreeze=LATER, freeze_norms=True), model)
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_batch_norm_can_be_kept_as_it_was_given_while_all_else_is_trained() -> None:
    states = watched(settings(freeze_norms=True))
    assert states.moved(0, 8) == {"0.weight", "0.bias", "5.weight", "5.bias"}


def test_a_batch_norm_without_scale_and_shift_is_frozen_by_its_own_name() -> None:
    def bare() -> nn.Sequential:
        model = network()
        model[1] = nn.BatchNorm2d(4, affine=False)
        return model

    assert "1.running_mean" in watched(settings(freeze=("0",)), bare()).moved(0, 8)
    with pytest.raises(ConfigError, match="matches no parameter"):  # a pattern must mean something that is trained
        watched(settings(freeze=("1",)), bare())
    assert "1.running_mean" not in watched(settings(freeze_norms=True), bare()).moved(0, 8)
    assert "1.running_mean" not in watched(settings(freeze=("[01].*",)), bare()).moved(0, 8)


def test_a_rate_factor_scales_the_step_of_the_parameters_it_names() -> None:
    plain = settings(steps=1, optimizer="sgd", momentum=0.0)
    slow = settings(steps=1, optimizer="sgd", momentum=0.0, rate_factors={"0": 0.25})
    steps = []
    for training in (plain, slow):
        states = watched(training)
        steps.append({name: states.after[1][name] - states.after[0][name] for name in ("0.weight", "5.weight")})
    torch.testing.assert_close(steps[1]["0.weight"], 0.25 * steps[0]["0.weight"], rtol=1e-3, atol=1e-8)
    torch.testing.assert_close(steps[1]["5.weight"], steps[0]["5.weight"])


def test_what_is_unfrozen_later_has_a_warm_up_of_its_own() -> None:
    sizes = []
    for warmup in (0.0, 0.25):
        states = watched(settings(unfreeze=LATER, warmup=warmup, optimizer="sgd", momentum=0.0))
        sizes.append((states.after[5]["0.weight"] - states.after[4]["0.weight"]).norm())
    assert sizes[1] < 0.6 * sizes[0]  # two steps of warm-up: the first at half the rate


@pytest.mark.parametrize("optimizer", ["adamw", "muon", "sgd", "rmsprop", "nadam"])
def test_a_run_ended_on_either_side_of_a_border_resumes_to_the_same_bits(tmp_path: Path, optimizer: str) -> None:
    training = settings(
        optimizer=optimizer, unfreeze=((0.25, ("1",)), (0.5, ("0",))), rate_factors={"0": 0.1, "1": 0.3}, ema=0.9,
        warmup=0.2, weight_decay=0.01, gradient_clip=1.0, checkpoint_every_seconds=0.0, keep="best",
    )  # fmt: skip

    def train(run: Run, end_at: int | None = None, resume: bool = False) -> Fitted:
        return fit(
            network(), Classify(), loader(), training, valid=loader(), run=run, resume=resume,
            observers=[States(end_at)],
        )  # fmt: skip

    expected = train(Run.create(tmp_path, "whole", {})).model.state_dict()
    for end_at in range(1, 8):
        run = Run.create(tmp_path, f"cut{end_at}", {})
        with pytest.raises(KeyboardInterrupt):
            train(run, end_at)
        resumed = train(run, resume=True).model.state_dict()
        assert all(torch.equal(value, resumed[name]) for name, value in expected.items()), end_at


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "muon", "nadam", "radam", "rmsprop", "sgd"])
def test_a_network_whose_weights_lie_channels_last_resumes_to_the_same_bits(tmp_path: Path, optimizer: str) -> None:
    training = settings(optimizer=optimizer, checkpoint_every_seconds=0.0)

    def train(run: Run, end_at: int | None = None, resume: bool = False) -> dict[str, Tensor]:
        torch.manual_seed(3)
        model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.Flatten(), nn.Linear(64, 2))
        watch = States(end_at)
        return fit(model, Classify(), loader(), training, run=run, resume=resume, observers=[watch]).model.state_dict()

    expected = train(Run.create(tmp_path, "whole", {}))
    run = Run.create(tmp_path, "cut", {})
    with pytest.raises(KeyboardInterrupt):
        train(run, 4)
    resumed = train(run, resume=True)
    assert all(torch.equal(value, resumed[name]) for name, value in expected.items())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"unfreeze": ((0.5, ("features",)),)}, "unfreeze pattern 'features'"),
        ({"unfreeze": ((1.5, ("0",)),)}, "less than 1"),
        ({"unfreeze": ((0.5, ("*",)),)}, "nothing|no parameter to train at first"),
        ({"rate_factors": {"layer9": 0.1}}, "rate pattern 'layer9'"),
        ({"rate_factors": {"0": 0.0}}, "greater than 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        watched(settings(**changes))
    assert any(word in str(refusal.value) for word in words.split("|"))
