"""Every measure of samples, tried on generators whose fault is known; nothing of theirs is trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from profond.data.open import open_dataset
from profond.data.split import TensorSplit
from profond.measures.compared import Comparison, compared
from profond.measures.features import Features, random_features
from profond.measures.judge import Judge
from profond.measures.judged import judged
from profond.measures.measured import Measured
from profond.measures.memorised import memorised, nearest
from profond.models import create
from profond.training import Training, fit

COUNT = 300
WORSE, SAME, BETTER = "worse", "same", "better"

# What each fault does to each measure, beside other real pictures in place of the samples.
EXPECTED: dict[str, dict[str, str]] = {
    "copies": {
        "kernel_distance": SAME,
        "precision": SAME,
        "recall": SAME,
        "density": SAME,
        "coverage": SAME,
        "conditional_accuracy": SAME,
        "classes_made": SAME,
        "classes_kl": SAME,
        "judge_kernel_distance": SAME,
        "judge_coverage": SAME,
        "memorised": WORSE,
    },
    # Typical ones: precision, density and the judge like them, and what is missing is told by the other measures alone.
    "one_a_class": {
        "kernel_distance": WORSE,
        "precision": BETTER,
        "recall": WORSE,
        "density": BETTER,
        "coverage": WORSE,
        "conditional_accuracy": BETTER,
        "worst_class": BETTER,
        "classes_made": SAME,
        "classes_kl": SAME,
        "judge_kernel_distance": WORSE,
        "judge_frechet_distance": WORSE,
        "judge_coverage": WORSE,
        "memorised": WORSE,
    },
    "shuffled_labels": {
        "kernel_distance": SAME,
        "precision": SAME,
        "recall": SAME,
        "density": SAME,
        "coverage": SAME,
        "conditional_accuracy": WORSE,
        "worst_class": WORSE,
        "classes_made": SAME,
        "classes_kl": SAME,
        "judge_kernel_distance": SAME,
        "judge_coverage": SAME,
        "memorised": SAME,
    },
    "blurred": {
        "kernel_distance": WORSE,
        "precision": WORSE,
        "density": WORSE,
        "coverage": WORSE,
        "judge_kernel_distance": WORSE,
        "judge_frechet_distance": WORSE,
        "judge_coverage": WORSE,
        "memorised": SAME,
    },
    "half_the_classes": {
        "kernel_distance": WORSE,
        "precision": SAME,
        "recall": WORSE,
        "coverage": WORSE,
        "conditional_accuracy": WORSE,
        "worst_class": WORSE,
        "classes_made": WORSE,
        "classes_kl": WORSE,
        "judge_kernel_distance": WORSE,
        "judge_frechet_distance": WORSE,
        "judge_coverage": WORSE,
        "memorised": SAME,
    },
}
PAIRS = [(fault, measure) for fault, directions in EXPECTED.items() for measure in directions]


@dataclass(frozen=True)
class Pictures:
    """Of equal classes in equal order: those that samples are held against, others, and some of the training data."""

    real: Tensor
    others: Tensor
    training: Tensor
    labels: Tensor
    classes: tuple[str, ...]


def of_each_class(split: TensorSplit, count: int, start: int = 0) -> Tensor:
    """As many of each class, in turn, from the ``start``-th of each on."""
    chosen = [(split.targets == label).nonzero()[start : start + count, 0] for label in range(10)]
    return split.samples[torch.stack(chosen, 1).flatten()]


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    dataset = open_dataset("fashion_mnist")
    test, train = dataset.splits["test"], dataset.splits["train"]
    assert isinstance(test, TensorSplit)
    assert isinstance(train, TensorSplit)
    each = COUNT // 10
    return Pictures(
        of_each_class(test, each),
        of_each_class(test, each, each),
        of_each_class(train, 2 * each),
        torch.arange(10).repeat(each),
        dataset.spec.classes,
    )


@pytest.fixture(scope="module")
def judge() -> Judge:
    dataset = open_dataset("fashion_mnist")
    torch.manual_seed(0)
    model = create("mlp", dataset.spec, hidden=[64])
    fit(
        model,
        "classify",
        dataset.batches("train", 100, shuffle=True),
        Training(steps=250, optimizer="adam", learning_rate=2e-3, precision="fp32", device="cpu"),
    )
    return Judge("a perceptron", model.eval(), dataset.preprocessing, dataset.spec.classes)


def samples_with(fault: str, pictures: Pictures) -> Tensor:
    """Samples that were made for the classes of the real ones, in their order, by a generator with a fault."""
    others, labels = pictures.others, pictures.labels
    if fault == "copies":
        return pictures.training[torch.arange(COUNT)]
    if fault == "one_a_class":
        pixels = pictures.training.float().view(-1, 10, 28 * 28)
        typical = (pixels - pixels.mean(0)).norm(dim=2).argmin(0)
        return pictures.training.view(-1, 10, 1, 28, 28)[typical, torch.arange(10)][labels]
    if fault == "shuffled_labels":
        return others[torch.randperm(COUNT, generator=torch.Generator().manual_seed(0))]
    if fault == "blurred":
        return F.avg_pool2d(others.float(), 5, 1, 2, count_include_pad=False).round().to(torch.uint8)
    if fault == "half_the_classes":
        rows = torch.arange(COUNT)
        return others[rows - labels + labels % 5]
    assert fault == "none"
    return others


def measured(fault: str, pictures: Pictures, judge: Judge, features: Features) -> dict[str, Measured]:
    made = samples_with(fault, pictures)
    found = Comparison(pictures.real, made, pictures.labels, features, True, pictures.classes, COUNT)
    training = [pictures.training]
    told = memorised(nearest(made, training), nearest(pictures.real, training))
    return {**compared(features, found.real, made), **judged(found, judge).metrics, "memorised": told.share}


@pytest.fixture(scope="module")
def of_all(pictures: Pictures, judge: Judge) -> dict[str, dict[str, Measured]]:
    features = random_features()
    return {fault: measured(fault, pictures, judge, features) for fault in ("none", *EXPECTED)}


def direction(good: Measured, bad: Measured) -> str:
    """Worse where the intervals are apart, the same where they are not; where there is none, where they are equal."""
    assert good.better is not None
    sign = 1 if good.better == "higher" else -1
    margin = 0.02 * abs(good.value) + 0.05
    ends = [(one.value - margin, one.value + margin) if one.low is None else (one.low, one.high) for one in (good, bad)]
    (good_low, good_high), (bad_low, bad_high) = [sorted((sign * low, sign * (high or 0.0))) for low, high in ends]
    if bad_high < good_low:
        return WORSE
    return BETTER if bad_low > good_high else SAME


@pytest.mark.parametrize(("fault", "measure"), PAIRS)
def test_each_fault_moves_each_measure_as_it_should(
    fault: str, measure: str, of_all: dict[str, dict[str, Measured]]
) -> None:
    good, bad = of_all["none"][measure], of_all[fault][measure]
    assert direction(good, bad) == EXPECTED[fault][measure], (str(good), str(bad))


def test_every_measure_is_moved_by_some_fault(of_all: dict[str, dict[str, Measured]]) -> None:
    judged_ones = {name for name, one in of_all["none"].items() if one.better is not None}
    moved = {measure for fault, measure in PAIRS if EXPECTED[fault][measure] == WORSE}
    assert judged_ones - moved == {"judge_precision", "judge_recall", "judge_density"}


def test_held_out_pictures_are_not_flagged_as_copies_and_a_tenth_of_copies_is(pictures: Pictures) -> None:
    training = [pictures.training]
    held_out = nearest(pictures.real, training)
    assert not memorised(nearest(pictures.others, training), held_out).found
    some = pictures.others.clone()
    some[:45] = pictures.training[:45].flip(3)  # mirrored ones are copies too
    told = memorised(nearest(some, training), held_out)
    assert told.found
    assert told.near[:45].all()
    assert "some are copies" in told.words


def test_the_nearest_training_picture_of_a_copy_is_its_original(pictures: Pictures) -> None:
    found = nearest(pictures.training[40:50], pictures.training.split(64))
    np.testing.assert_array_equal(found.index, np.arange(40, 50))
    np.testing.assert_allclose(found.apart, 0, atol=0.01)
