"""Whether samples are of the class that was asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from profond.core.spec import Spec
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import Split, TensorSplit
from profond.measures.judge import Judge
from profond.measures.on_demand import frechet_ratio, on_demand, real_of_each

AS_IT_IS = Preprocessing(size=(1, 1), mode="L")


class Brightness(nn.Module):
    """Which third of all shades a pixel is of."""

    def forward(self, inputs: Tensor) -> Tensor:
        return -(inputs[:, :, 0, 0] - torch.tensor([0.1, 0.5, 0.9])).abs()


def shades(*values: int) -> Tensor:
    return torch.tensor(values, dtype=torch.uint8).view(-1, 1, 1, 1)


def test_what_a_judge_reads_of_samples_and_of_real_pictures_is_counted_class_by_class() -> None:
    judge = Judge("brightness", Brightness(), AS_IT_IS, ("dark", "fair", "bright"))
    made, asked = shades(10, 10, 128, 240, 240, 10, 240, 240), torch.tensor([0, 0, 1, 1, 1, 2, 2, 2])
    real, labels = shades(10, 128, 240, 240), torch.tensor([0, 1, 2, 1])
    found = on_demand(judge, made, asked, real, labels)
    assert found.made.tolist() == [[2, 0, 0], [0, 1, 2], [1, 0, 2]]
    assert found.real.tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 1]]
    assert found.accuracy.value == 5 / 8
    assert found.judge_accuracy.value == 3 / 4
    assert [one.value for one in found.by_class] == [1, 1 / 3, 2 / 3]
    assert found.classes[found.worst] == "bright"  # the fair ones are worse, and so are real fair ones
    assert found.largest_gap == pytest.approx(1 / 3)


def test_real_pictures_are_as_many_of_each_class_in_turn() -> None:
    samples, labels = shades(1, 2, 3, 4, 5, 6), torch.tensor([1, 1, 0, 1, 0, 0])
    splits: dict[str, Split] = {"test": TensorSplit(samples, labels, "t")}
    data = Dataset("two", Spec((1, 1, 1), "chw", classes=("a", "b")), AS_IT_IS, splits, "here")
    found, classes = real_of_each(data, "test", 2)
    assert found.flatten().tolist() == [3, 1, 5, 2]
    assert classes.tolist() == [0, 1, 0, 1]


def test_a_ratio_of_frechet_distances_has_an_interval_that_knows_how_many_samples_there_were() -> None:
    random = np.random.default_rng(0)
    few, many = ([random.normal(shift, 1, (count, 2)) for shift in (0, 1, 2)] for count in (60, 2000))
    wide, narrow = (frechet_ratio(*rows, draws=30) for rows in (few, many))
    assert wide is not None
    assert narrow is not None
    assert narrow.value == pytest.approx(1 / 4, abs=0.03)  # of squared distances 1 and 2
    assert narrow.low is not None
    assert narrow.high is not None
    assert wide.low is not None
    assert wide.high is not None
    assert 0 < narrow.low < narrow.value < narrow.high < 1
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
    assert frechet_ratio(*(rows[:3] for rows in few)) is None
