"""Forecasting: missing values never count, bounds never cross, MASE is not defined where nothing changes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from profond.core.errors import ConfigError, DataError
from profond.core.spec import Quantity, Spec
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import TensorSplit
from profond.tasks.forecast import ForecastWindows
from profond.tasks.task import Phase

NAN = float("nan")


class Says(nn.Module):
    """Gives the same whatever it sees."""

    def __init__(self, values: list[Any]) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.tensor(values))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.values.expand(len(inputs), *self.values.shape)


def loss(task: ForecastWindows, model: nn.Module, targets: list[list[float]]) -> Any:
    return task.loss(model, (torch.zeros(len(targets), 1, 5), torch.tensor(targets)), Phase())


def test_a_missing_value_is_neither_learned_nor_scored() -> None:
    model = Says([1.0, 1.0])
    found = loss(ForecastWindows(), model, [[2.0, NAN], [NAN, NAN]])
    assert found.value.item() == 1
    assert found.weight == 1
    found.value.backward()
    assert model.values.grad is not None
    assert model.values.grad.tolist() == [-1, 0]
    meter = ForecastWindows().meter()
    meter.update(model, (torch.zeros(2, 1, 5), torch.tensor([[2.0, NAN], [3.0, 5.0]])))
    assert meter.metrics()["mae"].value == pytest.approx((1 + 2 + 4) / 3)
    report = meter.report()
    assert report.scores is not None
    assert report.scores.values.mean() == pytest.approx(7 / 3)
    assert ["2", "1", "", "1"] in [list(row) for row in report.tables["predictions"].rows]


def test_the_quantile_loss_is_least_at_the_quantile() -> None:
    values = torch.arange(101.0)[:, None]
    task = ForecastWindows(quantiles=(0.9,))
    losses = [task.errors(torch.full((101, 1, 1), guess), values).mean() for guess in (50.0, 80.0, 90.0, 100.0)]
    assert min(losses) == losses[2]
    middle = ForecastWindows(quantiles=(0.5,)).errors(torch.full((101, 1, 1), 30.0), values)
    assert torch.equal(middle, (values - 30).abs()), "of the median it is the absolute error"


def test_bounds_never_cross_whatever_the_network_gives() -> None:
    task = ForecastWindows(quantiles=(0.1, 0.5, 0.9))
    answer = task.answer(Says([[3.0, 1.0, 2.0], [0.0, 5.0, 9.0]]), torch.zeros(1, 1, 5))[0]
    assert answer.values == (2.0, 5.0)
    assert answer.quantiles[0] == {"0.1": 1.0, "0.5": 2.0, "0.9": 3.0}
    assert answer.row()["step 1 0.1"] == "1"
    meter = task.meter()
    meter.update(Says([[3.0, 1.0, 2.0]]), (torch.zeros(2, 1, 4), torch.tensor([[1.5], [4.0]])))
    assert meter.metrics()["held"].value == 0.5
    assert meter.metrics()["mae"].value == pytest.approx((0.5 + 2) / 2)


def test_what_mase_divides_by_is_measured_on_train_or_is_not_defined() -> None:
    def settled(series: Tensor, season: int) -> dict[str, Any]:
        split = TensorSplit(series[None, None], torch.zeros(1, 2), "train")
        spec = Spec((1, len(series)), "ct", quantities=(Quantity("step 1"), Quantity("step 2")))
        return ForecastWindows(season=season).settle(
            Dataset("d", spec, Preprocessing(scale=1.0), {"train": split}, "")
        )[0]

    assert settled(torch.tensor([1.0, 5.0, 2.0, 6.0, NAN, NAN]), 2) == {"naive_error": 1.0}
    assert settled(torch.tensor([1.0, 5.0, 1.0, 5.0, NAN, NAN]), 2) == {"naive_error": None}
    meter = ForecastWindows().meter()
    meter.update(Says([1.0]), (torch.zeros(1, 1, 4), torch.tensor([[2.0]])))
    assert "mase" not in meter.metrics()


def test_what_does_not_fit_is_said_in_words() -> None:
    for settings in ({"quantiles": (0.9, 0.1)}, {"quantiles": (1.0,)}, {"season": 0}, {"naive_error": 0.0}):
        with pytest.raises(ConfigError) as refusal:
            ForecastWindows(**settings)  # type: ignore[arg-type]
        assert refusal.value.help
    with pytest.raises(DataError, match="1×3"):
        loss(ForecastWindows(), Says([1.0, 2.0, 3.0]), [[1.0, 2.0]])
    meter = ForecastWindows().meter()
    meter.update(Says([1.0]), (torch.zeros(1, 1, 4), torch.tensor([[NAN]])))
    with pytest.raises(DataError, match="missing"):
        meter.metrics()
