"""The loss of a classification, auxiliary heads included."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.nn.auxiliary import Logits
from profond.tasks.classify import Classify
from profond.tasks.task import Phase


class ThreeHeads(nn.Module):
    """Auxiliary logits in training, as GoogLeNet has them."""

    def __init__(self) -> None:
        super().__init__()
        self.main, self.first, self.second = (nn.Linear(4, 3) for _ in range(3))

    def forward(self, inputs: Tensor) -> Tensor | Logits:
        main = self.main(inputs)
        return Logits(main, torch.stack([self.first(inputs), self.second(inputs)])) if self.training else main


@pytest.fixture
def model() -> ThreeHeads:
    torch.manual_seed(0)
    return ThreeHeads()


LABELS = torch.tensor([0, 2, 1, 1, 0])
MIXED = torch.tensor([[0.5, 0.5, 0], [0, 0, 1], [0.2, 0.7, 0.1], [0, 1, 0], [1, 0, 0]])


@pytest.mark.parametrize("targets", [LABELS, MIXED])
@pytest.mark.parametrize("weights", [None, (1.0, 2.0, 0.5)])
def test_each_auxiliary_head_adds_its_share_of_the_same_loss(
    model: ThreeHeads, targets: Tensor, weights: tuple[float, ...] | None
) -> None:
    inputs = torch.randn(5, 4)

    def entropy(head: nn.Module) -> Tensor:
        weight = None if weights is None else torch.tensor(weights)
        return F.cross_entropy(head(inputs), targets, weight=weight, label_smoothing=0.1)

    loss = Classify(0.1, weights).loss(model.train(), (inputs, targets), Phase())
    torch.testing.assert_close(
        loss.value, entropy(model.main) + 0.3 * entropy(model.first) + 0.3 * entropy(model.second)
    )
    torch.testing.assert_close(loss.report["main_loss"], entropy(model.main).detach())
    assert not loss.report["main_loss"].requires_grad


def test_the_accuracy_is_that_of_the_main_head(model: ThreeHeads) -> None:
    inputs = torch.randn(5, 4)
    right = model.main(inputs).argmax(1)
    assert Classify().loss(model.train(), (inputs, right), Phase()).report["accuracy"].all()


def test_without_weight_the_auxiliary_heads_learn_nothing(model: ThreeHeads) -> None:
    Classify(auxiliary_weight=0.0).loss(model.train(), (torch.randn(5, 4), LABELS), Phase()).value.backward()
    assert model.main.weight.grad is not None
    assert model.main.weight.grad.abs().sum() > 0
    assert model.first.weight.grad is not None
    assert model.first.weight.grad.abs().sum() == 0


def test_plain_logits_have_the_plain_loss(model: ThreeHeads) -> None:
    inputs = torch.randn(5, 4)
    loss = Classify().loss(model.eval(), (inputs, LABELS), Phase())
    torch.testing.assert_close(loss.value, F.cross_entropy(model(inputs), LABELS))
    assert set(loss.report) == {"accuracy"}


def test_predictions_are_the_main_head_s(model: ThreeHeads) -> None:
    inputs = torch.randn(5, 4)
    predicted = Classify().predict(model.eval(), inputs)
    torch.testing.assert_close(predicted.probabilities, model.main(inputs).softmax(1))


@pytest.mark.parametrize("weight", [-0.1, math.inf, math.nan])
def test_an_impossible_auxiliary_weight_is_refused(weight: float) -> None:
    with pytest.raises(ConfigError, match="auxiliary_weight"):
        Classify(auxiliary_weight=weight)


def test_flipping_at_test_averages_the_logits_of_a_picture_and_its_mirror_image():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 6 * 6, 5)).eval()
    inputs = torch.randn(7, 3, 8, 8)
    logits = [model(x) for x in (inputs, inputs.flip(3))]
    with torch.no_grad():
        both = Classify(flip_at_test=True).predict(model, inputs).probabilities
        mirrored = Classify(flip_at_test=True).predict(model, inputs.flip(3)).probabilities
        plain = Classify().predict(model, inputs).probabilities
    torch.testing.assert_close(both, ((logits[0] + logits[1]) / 2).softmax(1))
    torch.testing.assert_close(mirrored, both)
    torch.testing.assert_close(plain, logits[0].softmax(1))
    assert not torch.allclose(plain, both)
    loss = [Classify(flip_at_test=flip).loss(model, (inputs, torch.zeros(7).long()), Phase()).value for flip in (0, 1)]
    assert loss[0] == loss[1], "training is left as it is"


def test_signals_have_no_mirror_image():
    with pytest.raises(ConfigError, match="pictures"):
        Classify(flip_at_test=True).predict(nn.Flatten(), torch.zeros(2, 3, 9))
