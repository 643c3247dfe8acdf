"""One pass over a split, and which of its metrics decides."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from profond.core.errors import ConfigError
from profond.measures.measured import Measured
from profond.tasks.classify import Classify
from profond.tasks.task import Loss, Phase
from profond.training import Training, fit
from profond.training.measure import measure, watched_metric

ERROR, SHARE = Measured(1.0, better="lower"), Measured(0.5, better="higher")


@pytest.mark.parametrize(
    ("monitor", "measured", "watched"),
    [
        ("loss", {"loss": ERROR, "right": SHARE}, "loss"),
        ("right", {"loss": ERROR, "right": SHARE}, "right"),
        ("loss", {"right": SHARE, "distance": ERROR}, "right"),
    ],
)
def test_the_loss_stands_for_the_headline_of_a_task_that_measures_none(
    monitor: str, measured: dict[str, Measured], watched: str
) -> None:
    assert watched_metric(monitor, measured, "right") == watched


def test_a_metric_of_which_neither_way_is_better_cannot_be_watched() -> None:
    with pytest.raises(ConfigError, match="neither way is better") as caught:
        watched_metric("baseline", {"baseline": Measured(1.0), "error": ERROR}, "error")
    assert "error" in (caught.value.help or "")


class Distance:
    """A task of somebody's own, whose metric is called as nobody here calls one."""

    headline, phases = "metres", (Phase(),)

    def __init__(self, better: str) -> None:
        self.better = better

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor], phase: Phase) -> Loss:
        return Loss((model(batch[0])[:, 0] - batch[1]).square().mean())

    def meter(self, spec: object = None) -> Distance:
        self.distances: list[Tensor] = []
        return self

    def update(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> int:
        self.distances.append((model(batch[0])[:, 0] - batch[1]).abs())
        return len(batch[1])

    def metrics(self) -> dict[str, Measured]:
        return {"metres": Measured(float(torch.cat(self.distances).mean()), unit="m", better=self.better)}  # type: ignore[arg-type]


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_the_best_weights_are_those_that_the_metric_itself_calls_better(better: str) -> None:
    torch.manual_seed(0)
    inputs = torch.randn(64, 3)
    batches = DataLoader(TensorDataset(inputs, inputs.sum(1)), batch_size=16)
    model = nn.Linear(3, 1)
    first = model.weight.detach().clone()
    training = Training(epochs=8, learning_rate=0.05, keep="best", schedule="constant", precision="fp32")
    fitted = fit(model, Distance(better), batches, training, valid=batches)
    moved = (model.weight - first).abs().sum().item()
    last = fitted.metrics["valid"]["metres"]
    kept = measure(model, Distance(better), batches, device=torch.device("cpu")).metrics()["metres"].value
    assert kept == pytest.approx(last, rel=1e-5) if better == "lower" else kept > last
    assert moved > 0


def test_every_part_of_the_model_is_left_in_its_own_mode() -> None:
    model = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 2)).train()
    model[1].eval()
    batch = (torch.randn(6, 2), torch.arange(6) % 2)
    counts: list[int] = []
    measure(model, Classify(), [batch, batch], device=torch.device("cpu"), after=counts.append)
    assert [part.training for part in model] == [True, False, True, True]
    assert counts == [6, 6]
