"""Three digits on top of each other: the number that they make is the class."""

from __future__ import annotations

import pytest
import torch

from profond.core.errors import ConfigError, MissingError
from profond.data import open_dataset


@pytest.fixture(scope="module")
def numbers():
    try:
        return open_dataset("stacked_mnist", train_pictures=20_000)
    except MissingError as error:
        pytest.skip(f"MNIST cannot be fetched: {error.message}")


def test_red_green_and_blue_are_the_hundreds_tens_and_ones(numbers):
    digits = open_dataset("mnist").split("test")
    known = {
        sample.numpy().tobytes(): label
        for sample, label in zip(digits.samples[:, 0], digits.targets.tolist(), strict=True)
    }
    test = numbers.split("test")
    for i in range(200):
        read = [known[plane.numpy().tobytes()] for plane in test.samples[i]]
        assert numbers.spec.target_text(int(test.targets[i])) == "".join(map(str, read))


def test_all_thousand_modes_are_there_and_too_few_pictures_for_that_are_refused(numbers):
    assert len(numbers.spec.classes) == 1000
    assert int(numbers.split("train").targets.bincount(minlength=1000).min()) > 0
    with pytest.raises(ConfigError, match="train_pictures"):
        open_dataset("stacked_mnist", train_pictures=500)


def test_another_seed_stacks_other_digits(numbers):
    other = open_dataset("stacked_mnist", train_pictures=20_000, seed=1)
    assert not torch.equal(other.split("train").targets, numbers.split("train").targets)
