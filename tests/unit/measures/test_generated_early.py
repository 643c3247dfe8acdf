"""Samples of early in a training beside those of its end: each measure as the early ones alone would have it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from support.bad_generators import Fixed, as_made, drawn, shapes
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.data.dataset import Dataset
from profond.data.open import open_dataset
from profond.measures.features import Features, random_features
from profond.measures.generated import SamplesMeter, with_early
from profond.measures.generated_beside import beside_training
from profond.measures.judge import Judge
from profond.measures.report import Report

OF_REAL_ONES = "judge_accuracy"


class Corner(nn.Module):
    """Takes a picture for the first class where its upper half is the darker one."""

    head = "output"

    def __init__(self) -> None:
        super().__init__()
        self.output = nn.Identity()

    def forward(self, inputs: Tensor) -> Tensor:
        halves = inputs[:, 0].flatten(1).chunk(2, 1)
        return self.output(torch.stack([-half.mean(1) for half in halves], 1))


def measured(dataset: Dataset, model: Fixed) -> Report:
    meter = SamplesMeter(dataset.spec)
    with torch.no_grad():
        for batch in dataset.batches("test", 16):
            meter.update(model, batch)
    return meter.report()


def check_each_measure_has_its_early_one(dataset: Dataset, now: Fixed, early: Fixed, **more: Any) -> Report:
    then = beside_training(measured(dataset, early), dataset, "test", **more).metrics
    report = measured(dataset, now)
    report = replace(report, findings=with_early(report.findings, early, "after 2 of 9 steps"))
    report = beside_training(report, dataset, "test", **more)
    names = list(report.metrics)
    own = [name for name in names if not name.startswith(("real_", "early_", "judge_real_")) and name != OF_REAL_ONES]
    assert own
    for name in own:
        one = report.metrics[f"early_{name}"]
        assert one == then[name].called(f"early: {then[name].title}", unit=then[name].unit), name
        assert names.index(f"early_{name}") == names.index(name) + 1
    assert len([name for name in names if name.startswith("early_")]) == len(own)
    plain = beside_training(measured(dataset, now), dataset, "test", **more)
    assert plain.metrics == {name: one for name, one in report.metrics.items() if not name.startswith("early_")}
    return report


def test_each_measure_of_pictures_stands_beside_what_it_was_early_in_the_training() -> None:
    dataset, judge = shapes(), Judge("it", Corner(), shapes().preprocessing, shapes().spec.classes)
    good, rough = as_made(drawn(60, 7)[0]), torch.rand(60, 1, 16, 16) * 2 - 1
    report = check_each_measure_has_its_early_one(
        dataset, Fixed(good, num_classes=2), Fixed(rough, num_classes=2), judge=judge, inception=another()
    )
    assert {"early_conditional_accuracy", "early_memorised", "early_kid", "early_judge_coverage"} <= set(report.metrics)
    assert report.metrics["early_kernel_distance"].value > report.metrics["kernel_distance"].value
    assert "early: after 2 of 9 steps" in report.lines


def another() -> Features:
    """In the place of those that FID and KID are defined by, which take long."""
    return Features("another", random_features().of)


def test_modes_of_points_stand_beside_those_of_early_in_the_training() -> None:
    dataset = open_dataset("ring", train_points=400, test_points=100)
    train: Any = dataset.splits["train"]
    one = train.samples[train.marks["mode"] == 0]
    report = check_each_measure_has_its_early_one(dataset, Fixed(train.samples), Fixed(one))
    assert report.metrics["modes"].value == 8
    assert report.metrics["early_modes"].value == 1


def test_a_training_that_has_brought_nothing_since_is_told_so() -> None:
    dataset, rough = shapes(), torch.rand(60, 1, 16, 16) * 2 - 1
    report = measured(dataset, Fixed(rough))
    report = replace(report, findings=with_early(report.findings, Fixed(rough), "after 2 of 9 steps"))
    for split in ("test", "train"):  # where training data are measured nothing is held against them but this
        assert any(
            line.startswith("early: after 2 of 9 steps; ") and line.endswith("has brought nothing")
            for line in beside_training(report, dataset, split).lines
        )


def test_early_samples_that_are_not_finite_are_refused() -> None:
    report = measured(shapes(), Fixed(torch.zeros(9, 1, 16, 16)))
    with pytest.raises(ConfigError, match="not finite"):
        with_early(report.findings, Fixed(torch.full((9, 1, 16, 16), torch.nan)), "early")
