"""A network that sees samples alone, and reads real pictures."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from profond.core.errors import DataError
from profond.core.spec import Spec
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import TensorSplit
from profond.evaluation.learned_from_samples import learned_from_samples

CLASSES = ("upper", "lower", "left")


def pictures(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Which half of a noisy picture is bright."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    found = torch.randint(0, 130, (count, 1, 8, 8), generator=random)
    found[labels == 0, :, :4] += 90
    found[labels == 1, :, 4:] += 90
    found[labels == 2, :, :, :4] += 90
    return found.to(torch.uint8), labels


@pytest.fixture(scope="module")
def real() -> Dataset:
    samples, labels = pictures(90, 0)
    preprocessing = Preprocessing(size=(8, 8), mode="L", mean=(0.4,), std=(0.2,), fixed_size=True)
    return Dataset(
        "halves",
        Spec((1, 8, 8), "chw", classes=CLASSES),
        preprocessing,
        {"test": TensorSplit(samples, labels, "t")},
        "here",
    )


def test_what_good_samples_teach_is_read_and_what_wrongly_labelled_ones_teach_is_not(real: Dataset) -> None:
    samples, labels = pictures(384, 1)
    good = learned_from_samples(samples, labels, real, epochs=6)
    assert good.title == "learned from samples"
    assert good.low is not None
    assert good.low > 0.85
    shuffled = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))]
    bad = learned_from_samples(samples, shuffled, real, epochs=6)
    assert bad.high is not None
    assert bad.high < good.low


def test_samples_that_teach_nothing_of_the_kind_are_refused(real: Dataset) -> None:
    samples, labels = pictures(30, 1)
    with pytest.raises(DataError, match="no sample of left"):
        learned_from_samples(samples[labels < 2], labels[labels < 2], real)
    with pytest.raises(DataError, match=r"shape \(1, 8, 4\)"):
        learned_from_samples(samples[..., :4], labels, real)
