"""Regression: standardised inside, the data's units outside, and refusals in words."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from profond.core.errors import ConfigError, DataError, UnknownName
from profond.core.spec import Quantity, Spec
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import Split, TensorSplit
from profond.evaluation.evaluate import evaluate
from profond.nn.auxiliary import Logits
from profond.tasks.classify import Classify
from profond.tasks.regress import Regress
from profond.training import Training, fit

PHASE = Regress.phases[0]
SPEC = Spec((3,), "c", quantities=(Quantity("weight", "kg"),))


def dataset(spec: Spec = SPEC, **targets: torch.Tensor) -> Dataset:
    splits: dict[str, Split] = {
        name: TensorSplit(torch.rand(len(values), 3), values, name) for name, values in targets.items()
    }
    return Dataset("numbers", spec, Preprocessing(scale=1.0), splits, "made here")


class Says(nn.Module):
    """Says the same numbers, whatever it is given."""

    def __init__(self, *numbers: float) -> None:
        super().__init__()
        self.numbers = nn.Parameter(torch.tensor(numbers))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.numbers.expand(len(inputs), -1)


def test_scale_and_mean_are_settled_from_train_alone() -> None:
    settings, notes = Regress().settle(dataset(train=torch.tensor([1.0, 3.0]), test=torch.tensor([2.0, 900.0])))
    assert settings == {"target_mean": [2.0], "target_scale": [1.0]}
    assert notes[0] == "weight: 1 to 3 kg in train, mean 2, standard deviation 1"
    assert notes[1] == "1 of 2 samples of test have a weight beyond those of train: the network never saw such"


def test_the_loss_is_of_standardised_numbers_and_the_estimate_in_the_datas_unit() -> None:
    task = Regress(target_mean=[100.0], target_scale=[20.0])
    model, inputs = Says(0.5), torch.rand(2, 3)
    targets = torch.tensor([100.0, 120.0])
    for given in (targets, targets[:, None]):
        loss = task.loss(model, (inputs, given), PHASE)
        assert loss.value.item() == pytest.approx(0.25)
        assert loss.report["mae"].tolist() == pytest.approx([10.0, 10.0])
        assert loss.weight == 2
    (answer, _) = task.answer(model, inputs, SPEC)
    assert answer.line() == "110.0 kg"
    assert answer.row() == {"weight (kg)": "110"}
    assert answer.to_json() == {"estimates": [{"name": "weight", "unit": "kg", "value": 110.0}]}


@pytest.mark.parametrize("name", ["mse", "mae", "huber"])
def test_each_loss_is_pytorchs_and_a_validation_says_the_same(name: Any) -> None:
    expected = {"mse": F.mse_loss, "mae": F.l1_loss, "huber": F.huber_loss}[name]
    task = Regress(name, target_mean=[10.0], target_scale=[4.0])
    targets, inputs = torch.tensor([[2.0], [11.0], [30.0]]), torch.rand(3, 3)
    value = task.loss(Says(0.25), (inputs, targets), PHASE).value.item()
    assert value == pytest.approx(expected(torch.full((3, 1), 0.25), (targets - 10) / 4).item())
    meter = task.meter(SPEC)
    for part in (slice(0, 2), slice(2, 3)):
        with torch.inference_mode():
            meter.update(Says(0.25), (inputs[part], targets[part]))
    assert meter.metrics()["loss"].value == pytest.approx(value)


def test_auxiliary_heads_teach_too() -> None:
    class Two(nn.Module):
        def forward(self, inputs: torch.Tensor) -> Logits:
            return Logits(torch.zeros(len(inputs), 1), torch.ones(1, len(inputs), 1))

    loss = Regress().loss(Two(), (torch.rand(4, 3), torch.zeros(4)), PHASE)
    assert loss.value.item() == pytest.approx(0.3)
    assert loss.report["main_loss"].item() == 0


def test_numbers_of_one_column_are_never_spread_against_each_other() -> None:
    """(n, 1) outputs and (n) targets would give n × n differences; the loss of a perfect model would not be 0."""
    values = torch.tensor([1.0, 2.0, 3.0])
    assert Regress().loss(nn.Identity(), (values[:, None], values), PHASE).value.item() == 0


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        (torch.rand(4, 2), "gives 1 numbers for each sample, and the targets are 4×2"),
        (torch.rand(4, 1, 1), "the targets are 4×1×1"),
    ],
)
def test_targets_of_another_shape_are_refused(targets: torch.Tensor, said: str) -> None:
    with pytest.raises(DataError, match=said):
        Regress().loss(Says(0.0), (torch.rand(4, 3), targets), PHASE)


def test_what_cannot_be_estimated_is_refused_in_words() -> None:
    with pytest.raises(DataError, match="weight is 2 for all 3 samples of train"):
        Regress().settle(dataset(train=torch.full((3,), 2.0)))
    with pytest.raises(DataError, match="missing or infinite"):
        Regress().settle(dataset(train=torch.tensor([1.0, float("nan")])))
    classes = Spec((3,), "c", classes=("a", "b"))
    with pytest.raises(DataError, match="has classes, and numbers are to be estimated"):
        Regress().settle(dataset(classes, train=torch.tensor([0, 1])))
    with pytest.raises(DataError, match="no classes to be told apart") as error:
        Classify().settle(dataset(train=torch.tensor([0.5, 1.0])))
    assert "--model" in str(error.value.help)
    with pytest.raises(UnknownName, match="loss"):
        Regress("l2")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="target_scale"):
        Regress(target_scale=[0.0])
    with pytest.raises(ConfigError, match="target_mean has 2 numbers, and the model gives 1"):
        Regress(target_mean=[0.0, 1.0]).predict(Says(0.0), torch.rand(1, 3))
    with pytest.raises(ConfigError, match="not finite"):
        Regress().answer(Says(float("nan")), torch.rand(1, 3))
    with pytest.raises(ConfigError, match="the model gives 2 numbers for each sample, but 1 are to be estimated"):
        Regress().answer(Says(0.0, 1.0), torch.rand(1, 3), SPEC)


def test_other_data_settle_anew_and_a_persons_choice_stays() -> None:
    settings = {"loss": "mae", "target_mean": [1.0], "target_scale": [2.0]}
    assert Regress.unsettled(settings) == {"loss": "mae"}


def test_the_number_to_explain_is_chosen_by_name() -> None:
    spec = dataclasses.replace(SPEC, quantities=(Quantity("weight", "kg"), Quantity("height", "m")))
    task = Regress(target_mean=[50.0, 1.7], target_scale=[3.0, 0.1])
    outputs = torch.tensor([[1.0, -1.0]])
    assert task.explained(outputs, spec).said == "weight\t53.00 kg"
    chosen = task.explained(outputs, spec, "height")
    assert (chosen.index, chosen.said) == (1, "height\t1.600 m")
    with pytest.raises(UnknownName) as error:
        task.explained(outputs, spec, "heigth")
    assert error.value.help == "did you mean 'height'?"


@pytest.mark.parametrize("kind", ["one column", "flat", "whole numbers"])
def test_ordinary_pytorch_objects_are_fitted_by_the_tasks_name(kind: str) -> None:
    torch.manual_seed(0)
    inputs = torch.rand(256, 3)
    targets = 2 + inputs @ torch.tensor([5.0, -3.0, 1.0])
    given = {"one column": targets[:, None], "flat": targets, "whole numbers": (targets * 10).round().long()}[kind]
    batches = DataLoader(TensorDataset(inputs, given), batch_size=64, shuffle=True)
    model = nn.Linear(3, 1)
    fit(model, "regress", batches, Training(epochs=60, learning_rate=0.3 if kind != "whole numbers" else 3.0))
    report = evaluate(model, "regress", batches)
    assert report.metrics["r2"].value > 0.95
    assert report.metrics["mae"].value < report.metrics["baseline_mae"].value / 4
