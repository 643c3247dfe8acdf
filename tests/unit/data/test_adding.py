"""The adding problem: two marked numbers, and nothing else, make the sum."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from profond.core.errors import ConfigError
from profond.data import open_dataset


def test_the_target_is_the_sum_of_the_two_marked_numbers_one_in_each_half() -> None:
    data = open_dataset("adding", length=11, train_sequences=200, test_sequences=20)
    split = data.split("train")
    sequences = torch.stack([split.raw(index) for index in range(200)])
    numbers, marks = sequences.unbind(1)
    assert torch.equal(marks.sum(1), torch.full((200,), 2.0))
    assert torch.equal(marks[:, :5].sum(1), torch.ones(200))
    torch.testing.assert_close((numbers * marks).sum(1), split.targets[:, 0])
    assert 0 <= float(numbers.min()) <= float(numbers.max()) <= 1
    places = marks.nonzero()[:, 1].bincount(minlength=11)
    assert int(places.min()) > 0, "every step is marked in some sequence"


def test_another_seed_gives_other_sequences_and_test_is_not_train() -> None:
    one, other = (open_dataset("adding", length=5, train_sequences=8, test_sequences=8, seed=seed) for seed in (0, 1))
    assert not torch.equal(one.split("train").raw(0), other.split("train").raw(0))
    assert not torch.equal(one.split("train").raw(0), one.split("test").raw(0))


@pytest.mark.parametrize("wrong", [{"length": 1}, {"length": 20_000}, {"train_sequences": 1}, {"test_sequences": 0}])
def test_a_problem_that_cannot_be_set_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))} of adding is {next(iter(wrong.values()))}"):
        open_dataset("adding", **wrong)
