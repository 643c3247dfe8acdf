"""What a report says equals what scikit-learn says."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as oracle
import torch
from torch import nn

from profond.evaluation.evaluate import evaluate
from profond.tasks.classify import Classify


def said(count: int, classes: int, seed: int, strength: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits that lean to the right class, with rare classes."""
    random = torch.Generator().manual_seed(seed)
    shares = torch.arange(1.0, classes + 1)
    labels = torch.multinomial(shares, count, replacement=True, generator=random)
    logits = torch.randn(count, classes, generator=random)
    logits[torch.arange(count), labels] += strength
    return logits, labels


def report_of(logits, labels, batch=64):
    parts = zip(logits.split(batch), labels.split(batch), strict=True)
    return evaluate(nn.Identity(), Classify(), parts)


CASES = [(300, 2, 0, 1.0), (1000, 10, 1, 2.0), (500, 40, 2, 1.5), (60, 30, 3, 0.5)]


@pytest.mark.parametrize(("count", "classes", "seed", "strength"), CASES)
def test_accuracy_f1_and_confusion_equal_scikit_learn(count, classes, seed, strength):
    logits, labels = said(count, classes, seed, strength)
    report = report_of(logits, labels)
    true, found = labels.numpy(), logits.argmax(1).numpy()
    assert report.count == count
    assert report.metrics["accuracy"].value == pytest.approx(oracle.accuracy_score(true, found))
    assert report.metrics["macro_f1"].value == pytest.approx(oracle.f1_score(true, found, average="macro"), abs=1e-6)
    np.testing.assert_array_equal(
        report.findings.confusion, oracle.confusion_matrix(true, found, labels=range(classes))
    )
    precision, recall, f1, support = oracle.precision_recall_fscore_support(
        true, found, labels=range(classes), zero_division=0
    )
    np.testing.assert_allclose([score.precision for score in report.findings.per_class], precision, atol=1e-6)
    np.testing.assert_allclose([score.recall for score in report.findings.per_class], recall, atol=1e-6)
    np.testing.assert_allclose([score.f1 for score in report.findings.per_class], f1, atol=1e-6)
    assert [score.count for score in report.findings.per_class] == support.tolist()


@pytest.mark.parametrize(("count", "classes", "seed", "strength"), CASES[1:])
def test_top_five_and_the_loss_equal_scikit_learn(count, classes, seed, strength):
    logits, labels = said(count, classes, seed, strength)
    report = report_of(logits, labels)
    probabilities = logits.double().softmax(1).numpy()
    top5 = oracle.top_k_accuracy_score(labels.numpy(), probabilities, k=5, labels=range(classes))
    assert report.metrics["top5_accuracy"].value == pytest.approx(top5)
    loss = oracle.log_loss(labels.numpy(), probabilities, labels=range(classes))
    assert report.metrics["loss"].value == pytest.approx(loss, rel=1e-5)


def test_top_five_of_five_classes_is_left_out():
    assert "top5_accuracy" not in report_of(*said(50, 5, 0, 1.0)).metrics


@pytest.mark.parametrize("strength", [0.5, 2.0, 6.0])
def test_the_calibration_error_is_the_mean_gap_of_the_bins(strength):
    logits, labels = said(800, 10, 4, strength)
    report = report_of(logits, labels)
    gap = sum(each.count * abs(each.accuracy - each.confidence) for each in report.findings.bins) / 800
    assert report.metrics["ece"].value == pytest.approx(gap, abs=1e-5)
    confidence, found = logits.softmax(1).max(1)
    by_hand = 0.0
    for low in np.arange(15) / 15:
        inside = ((confidence > low) & (confidence <= low + 1 / 15)).numpy()
        if inside.any():
            right = (found == labels).numpy()[inside].mean()
            by_hand += inside.mean() * abs(right - confidence.numpy()[inside].mean())
    assert report.metrics["ece"].value == pytest.approx(by_hand, abs=1e-5)


def test_the_size_of_the_batches_changes_nothing():
    logits, labels = said(333, 7, 5, 1.0)
    small, large = report_of(logits, labels, 10), report_of(logits, labels, 333)
    for name, measured in large.metrics.items():
        assert small.metrics[name].value == pytest.approx(measured.value, rel=1e-6), name
    np.testing.assert_array_equal(small.findings.predictions.predicted, large.findings.predictions.predicted)
