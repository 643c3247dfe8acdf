"""Each symptom is seen in a generator that is bad in a known way, once it has lasted, and none in a good one."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from support.bad_generators import Fixed, as_made, drawn, shapes, unlike
from torch import Tensor

from profond.data.dataset import Dataset
from profond.tasks.adversarial import GAMES
from profond.tasks.generated_show import GeneratedShow
from profond.tasks.symptoms import LOOKS

REPEATED = unlike(1).expand(64, 1, 16, 16)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return shapes()


def said(dataset: Dataset, model: Fixed, live: Fixed | None = None, loss: str = "relativistic") -> list[list[str]]:
    """What is said at each of several looks, as the symptoms' names."""
    show = GeneratedShow(dataset, 0, GAMES[loss].critic)
    looks = []
    for _ in range(LOOKS + 1):
        lag = [] if live is None else show.lag(model, live)
        looks.append([*lag, *show.symptoms(model, {})])
    assert all(": " in text for look in looks for text in look)
    return [[text.partition(":")[0] for text in look] for look in looks]


def once(*symptoms: str) -> list[list[str]]:
    """Nothing until they have lasted, and then each once."""
    return [*([] for _ in range(LOOKS - 1)), list(symptoms), []]


def means_of(pictures: Tensor, many: int) -> Tensor:
    return pictures.view(-1, many, *pictures.shape[1:]).mean(1)


def test_a_good_generator_has_none(dataset: Dataset) -> None:
    assert said(dataset, Fixed(unlike())) == [[]] * (LOOKS + 1)
    assert said(dataset, Fixed(unlike(), num_classes=2)) == [[]] * (LOOKS + 1)


def test_the_same_grey_everywhere_is_grey_and_alike(dataset: Dataset) -> None:
    assert said(dataset, Fixed(torch.zeros(64, 1, 16, 16))) == once("the samples are grey", "the samples are alike")


def test_one_picture_again_and_again_is_alike_and_not_grey(dataset: Dataset) -> None:
    assert said(dataset, Fixed(REPEATED)) == once("the samples are alike")


def test_one_picture_for_each_class_is_alike_although_there_are_two(dataset: Dataset) -> None:
    two = unlike(2)
    model = Fixed(lambda latents, labels: two[labels], num_classes=2)
    assert said(dataset, model) == once("the samples are alike")


def test_a_class_that_has_collapsed_alone_is_named(dataset: Dataset) -> None:
    bars, disc = unlike(128)[1::2], unlike(1)[0]

    def half(latents: Tensor, labels: Tensor | None) -> Tensor:
        assert labels is not None
        return torch.where(labels[:, None, None, None] == 0, disc, bars[: len(latents)])

    assert said(dataset, Fixed(half, num_classes=2)) == once("the samples of disc are alike")


def test_means_of_many_pictures_are_grey_and_no_copies(dataset: Dataset) -> None:
    many = as_made(drawn(64 * 16, 5)[0])
    found = said(dataset, Fixed(means_of(many, 16)))
    assert "the samples are grey" in found[LOOKS - 1]
    assert "the samples are copies" not in found[LOOKS - 1]


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_copies_of_training_pictures_are_told_and_those_of_others_are_not(dataset: Dataset, noise: float) -> None:
    train, test = (as_made(dataset.split(name).samples[:60]) for name in ("train", "test"))  # type: ignore[attr-defined]
    changed = train + noise * torch.randn(train.shape, generator=torch.Generator().manual_seed(0))
    assert said(dataset, Fixed(changed)) == once("the samples are copies")
    assert said(dataset, Fixed(test)) == [[]] * (LOOKS + 1)


def test_an_average_that_lags_is_told_from_a_generator_that_is_grey(dataset: Dataset) -> None:
    live, averaged = Fixed(unlike()), Fixed(0.2 * unlike())
    lags, grey = said(dataset, averaged, live), said(dataset, averaged, averaged)
    assert lags == once("the average of the weights lags behind")
    assert grey == once("the samples are grey", "the samples are alike")
    assert said(dataset, live, live) == [[]] * (LOOKS + 1)


def sure(samples: Tensor) -> Tensor:
    return 20.0 * (F.cosine_similarity(samples.flatten(1), REPEATED[:1].flatten(1)) < 0.9).float()


@pytest.mark.parametrize("loss", ["relativistic", "hinge", "non_saturating"])
def test_a_critic_that_is_never_wrong_is_told(dataset: Dataset, loss: str) -> None:
    found = said(dataset, Fixed(REPEATED, critic=lambda samples: sure(samples) - 10), loss=loss)
    assert "the critic is sure of every sample" in found[LOOKS - 1]


def test_a_critic_whose_loss_has_no_least_value_is_left_alone(dataset: Dataset) -> None:
    show = GeneratedShow(dataset, 0, None)
    model = Fixed(REPEATED, critic=lambda samples: 1000 * sure(samples))
    assert [len(show.symptoms(model, {})) for _ in range(LOOKS)] == [0, 0, 1]


def test_a_symptom_that_does_not_last_is_not_told(dataset: Dataset) -> None:
    show = GeneratedShow(dataset, 0, None)
    bad, good = Fixed(REPEATED), Fixed(unlike())
    assert [show.symptoms(model, {}) for model in (bad, bad, good, bad, bad)] == [[]] * 5
    assert len(show.symptoms(bad, {})) == 1


def test_points_that_fell_together_are_alike() -> None:
    from profond.data.open import open_dataset

    show = GeneratedShow(open_dataset("ring", train_points=600, test_points=10), 0, None)
    at = torch.tensor([[1.0, 0.0]]) + 0.01 * torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
    looks = [show.symptoms(Fixed(at), {}) for _ in range(LOOKS)]
    assert [text.partition(":")[0] for text in looks[-1]] == ["the samples are alike"]
    good = GeneratedShow(open_dataset("ring", train_points=600, test_points=10), 0, None)
    assert [good.symptoms(Fixed(good.samples.roll(7, 0)), {}) for _ in range(LOOKS)] == [[]] * LOOKS
