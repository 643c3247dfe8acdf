"""Errors of estimated numbers: the values are scikit-learn's, the intervals hold what they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from profond.core.spec import Quantity
from profond.measures.measured import Measured
from profond.measures.value_report import value_report
from profond.measures.values import DEVIATIONS, Estimates, value_metrics

KG, METRE = Quantity("weight", "kg"), Quantity("height", "m")
LOSS = Measured(0.5, better="lower")


def estimates(
    count: int = 200, noise: float = 1.0, seed: int = 0, mean: tuple[float, ...] | None = (50.0,)
) -> Estimates:
    random = np.random.default_rng(seed)
    true = random.normal(50, 3, (count, 1))
    return Estimates((KG,), true, true + random.normal(0, noise, true.shape), mean, (3.0,))


class Samples:
    """As a split is to a report's pictures."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def __len__(self) -> int:
        return 200

    def identity(self, index: int) -> str:
        return str(index)

    def raw(self, index: int) -> torch.Tensor:
        return torch.rand(self.shape)


def test_values_are_those_of_scikit_learn() -> None:
    found = estimates()
    metrics = dict(value_metrics(found))
    true, said = found.true[:, 0], found.said[:, 0]
    assert metrics["mae"].value == pytest.approx(mean_absolute_error(true, said))
    assert metrics["rmse"].value == pytest.approx(root_mean_squared_error(true, said))
    assert metrics["r2"].value == pytest.approx(r2_score(true, said))
    always = np.full_like(true, 50.0)
    assert metrics["baseline_mae"].value == pytest.approx(mean_absolute_error(true, always))
    assert metrics["baseline_rmse"].value == pytest.approx(root_mean_squared_error(true, always))


def test_units_and_directions_are_said() -> None:
    metrics = dict(value_metrics(estimates()))
    said = {name: (measured.unit, measured.better) for name, measured in metrics.items()}
    assert said == {
        "mae": ("kg", "lower"),
        "rmse": ("kg", "lower"),
        "r2": ("", "higher"),
        "baseline_mae": ("kg", None),
        "baseline_rmse": ("kg", None),
    }


@pytest.mark.parametrize(("name", "truth"), [("mae", np.sqrt(2 / np.pi)), ("rmse", 1.0), ("r2", 1 - 1 / 9)])
def test_intervals_hold_the_truth_about_as_often_as_they_say(name: str, truth: float) -> None:
    held = 0
    for seed in range(100):
        measured = dict(value_metrics(estimates(60, seed=seed)))[name]
        assert measured.low is not None
        assert measured.high is not None
        assert measured.low <= measured.value <= measured.high
        held += measured.low <= truth <= measured.high
    assert 86 <= held <= 99


def test_too_few_samples_and_equal_ones_have_no_made_up_interval() -> None:
    alone = dict(value_metrics(estimates(1)))
    assert alone["mae"].low is None
    assert "r2" not in alone
    equal = Estimates((KG,), np.full((9, 1), 5.0), np.full((9, 1), 6.0), (5.0,), (1.0,))
    metrics = dict(value_metrics(equal))
    assert metrics["rmse"].value == 1
    assert metrics["rmse"].low is None
    assert "R² is not defined" in value_report(equal, LOSS).lines[1]


def test_large_splits_have_intervals_too() -> None:
    metrics = dict(value_metrics(estimates(5000)))
    r2 = metrics["r2"]
    assert r2.low is not None
    assert r2.high is not None
    assert r2.low < r2.value < r2.high < r2.low + 0.02


@pytest.mark.parametrize(
    ("noise", "said"), [(0.5, "better than"), (9.0, "WORSE than"), (2.95, "no better than")], ids=str
)
def test_whether_it_beats_the_mean_is_said(noise: float, said: str) -> None:
    line = value_report(estimates(noise=noise), LOSS).lines[0]
    assert line.startswith(f"{said} always saying the mean of train, 50 kg")


def test_without_a_mean_of_train_the_samples_own_is_named() -> None:
    found = estimates(mean=None)
    assert "the mean of these samples" in value_report(found, LOSS).lines[0]
    assert found.constant[0] == pytest.approx(found.true.mean())


def test_several_quantities_are_measured_in_their_own_units_and_together() -> None:
    random = np.random.default_rng(0)
    true = random.normal((50, 1.7), (3, 0.1), (80, 2))
    said = true + random.normal(0, (3, 0.1), true.shape)
    found = Estimates((KG, METRE), true, said, (50.0, 1.7), (3.0, 0.1))
    metrics = dict(value_metrics(found))
    assert metrics["mae_height"].unit == "m"
    assert metrics["mae_height"].value == pytest.approx(mean_absolute_error(true[:, 1], said[:, 1]))
    assert metrics["r2_weight"].value == pytest.approx(r2_score(true[:, 0], said[:, 0]))
    expected = (mean_absolute_error(true[:, 0], said[:, 0]) / 3 + mean_absolute_error(true[:, 1], said[:, 1]) / 0.1) / 2
    assert (metrics["mae"].unit, metrics["mae"].value) == (DEVIATIONS, pytest.approx(expected))
    report = value_report(found, LOSS)
    assert report.tables["predictions"].columns[3:] == ["height value", "height estimate", "height error"]
    row = [float(cell) for cell in next(iter(report.tables["predictions"].rows))]
    assert row == pytest.approx([true[0, 0], said[0, 0], said[0, 0] - true[0, 0], true[0, 1], said[0, 1], row[5]])


def test_a_report_has_a_row_and_a_score_for_each_sample() -> None:
    found = estimates(20)
    report = value_report(found, LOSS)
    assert report.scores is not None
    assert report.scores.metric == report.headline == "mae"
    assert report.scores.values.mean() == pytest.approx(report.metrics["mae"].value)
    rows = [[float(cell) for cell in row] for row in report.tables["predictions"].rows]
    assert [abs(error) for _, _, error in rows] == pytest.approx(report.scores.values.tolist(), abs=1e-4)


@pytest.mark.parametrize("shape", [(1, 6, 6), (3, 6, 6), (2, 30)], ids=["grey", "colour", "signal"])
def test_residuals_and_the_worst_samples_are_drawn(shape: tuple[int, ...]) -> None:
    found = estimates(30)
    report = value_report(found, LOSS)
    residuals = report.pictures["residuals"](Samples(shape), "run, test")
    against, around = residuals.axes
    assert (against.get_xlabel(), around.get_ylabel()) == ("true weight (kg)", "estimate - truth (kg)")
    dots = np.asarray(around.collections[0].get_offsets())
    assert np.allclose(dots[:, 1], found.errors[:, 0])
    worst = report.pictures["worst"](Samples(shape), "run, test")
    words = [text.get_text() for text in worst.axes[0].texts]
    farthest = int(np.argmax(found.distances))
    assert words[:2] == [f"true {found.true[farthest, 0]:.4g}", f"said {found.said[farthest, 0]:.4g}"]
    worst.canvas.draw()
