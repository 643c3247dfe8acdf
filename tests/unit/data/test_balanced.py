"""Batches of as many samples of each class, and pictures between two values."""

from __future__ import annotations

import pytest
import torch

from profond.core.errors import ConfigError
from profond.core.spec import Spec
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import TensorSplit

COUNTS = (5, 12)


def dataset(targets=None, classes=("a", "b")):
    """Sample i of class c has the value 100 c + i in all its pixels."""
    if targets is None:
        targets = torch.cat([torch.full((count,), label) for label, count in enumerate(COUNTS)])
    number = torch.cat([torch.arange(int((targets == label).sum())) for label in targets.unique()])
    samples = (100 * targets + number).to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).contiguous()
    preprocessing = Preprocessing(size=(2, 2), mode="L", scale=1.0)
    return Dataset(
        "two",
        Spec((1, 2, 2), "chw", classes=classes),
        preprocessing,
        {"train": TensorSplit(samples, targets, "train")},
        "made",
    )


def seen(batches):
    return [inputs[:, 0, 0, 0].int().tolist() for inputs, _ in batches]


def test_classes_take_turns_and_the_smaller_one_comes_again_whole():
    batches = dataset().batches("train", 4, shuffle=True, balanced=True)
    values = [value for batch in seen(batches.at(0)) for value in batch]
    assert len(batches) == len(seen(batches.at(0))) == 6
    assert [value // 100 for value in values] == [0, 1] * 12
    assert sorted(values[1::2]) == [100 + i for i in range(12)]
    smaller = values[0::2]
    assert sorted(smaller[:5]) == sorted(smaller[5:10]) == list(range(5))
    assert len(set(smaller[10:])) == 2


def test_each_epoch_has_an_order_of_its_own_which_seed_and_epoch_decide():
    def order(seed, epoch):
        return seen(dataset().batches("train", 4, shuffle=True, balanced=True, seed=seed).at(epoch))

    assert order(0, 1) == order(0, 1)
    assert order(0, 0) != order(0, 1) != order(1, 1)


@pytest.mark.parametrize("start", [1, 4, 6])
def test_it_goes_on_at_any_batch(start):
    whole = seen(dataset().batches("train", 4, shuffle=True, balanced=True, seed=3).at(2))
    again = dataset().batches("train", 4, shuffle=True, balanced=True, seed=3)
    assert seen(again.at(2, start)) == whole[start:]


@pytest.mark.parametrize("size", [4, 8, 6])
def test_two_processes_share_each_batch_and_both_have_both_classes_alike(size):
    batches = dataset().batches("train", size, shuffle=True, balanced=True)
    alone = seen(batches.at(1))
    shares = [seen(batches.at(1, rank=rank, world_size=2)) for rank in range(2)]
    for k, batch in enumerate(alone):
        assert sorted(shares[0][k] + shares[1][k]) == sorted(batch)
        for share in shares:
            labels = [value // 100 for value in share[k]]
            assert labels.count(0) == labels.count(1)


def test_a_class_without_samples_and_samples_without_classes_cannot_be_balanced():
    with pytest.raises(ConfigError, match="a class has no sample"):
        dataset(classes=("a", "b", "c")).batches("train", 4, shuffle=True, balanced=True)
    with pytest.raises(ConfigError, match="have no classes"):
        dataset(torch.zeros(6, dtype=torch.int64), classes=()).batches("train", 4, shuffle=True, balanced=True)
    with pytest.raises(ConfigError, match="shuffle=True"):
        dataset().batches("train", 4, balanced=True)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_pictures_between_two_values_are_black_at_the_one_and_white_at_the_other(mode):
    planes = 1 if mode == "L" else 3
    raw = torch.tensor([0, 51, 255], dtype=torch.uint8).view(3, 1, 1, 1).expand(-1, planes, 2, 2).contiguous()
    usual = Preprocessing((2, 2), mode, (0.3,) * planes, (0.2,) * planes, padding=1, background=(255,) * planes)
    spec = Spec((planes, 4, 4), "chw")
    opened = Dataset("greys", spec, usual, {"train": TensorSplit(raw, torch.zeros(3), "train")}, "made")
    bounded = opened.between(-1.0, 1.0)
    inputs, _ = next(iter(bounded.batches("train", 3)))
    assert inputs[:, :, 1, 1].mean(1).tolist() == pytest.approx([-1, -0.6, 1])
    assert float(inputs[0, 0, 0, 0]) == pytest.approx(1)  # what comes in from outside is the background, white
    assert bounded.split_hash("train") == opened.split_hash("train")
    assert opened.between(0.0, 1.0).preprocessing.normalise(raw)[2].max() == pytest.approx(1)
