"""The equations of the losses and of their penalties, held against numbers and against each other."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from profond.tasks.adversarial import GAMES, between, one_centred, steepness, zero_centred
from profond.tasks.augmentation import KINDS, changed

REAL, MADE = torch.tensor([1.5, -0.2]), torch.tensor([-0.5, 0.3])


def log_sigmoid(value: float) -> float:
    return -math.log(1 + math.exp(-value))


EXPECTED: dict[str, tuple[Callable[[float, float], float], Callable[[float, float], float]]] = {
    "relativistic": (lambda d, g: -log_sigmoid(d - g), lambda d, g: -log_sigmoid(g - d)),
    "non_saturating": (lambda d, g: -log_sigmoid(d) - log_sigmoid(-g), lambda d, g: -log_sigmoid(g)),
    "saturating": (lambda d, g: -log_sigmoid(d) - log_sigmoid(-g), lambda d, g: log_sigmoid(-g)),
    "wasserstein": (lambda d, g: g - d, lambda d, g: -g),
    "hinge": (lambda d, g: max(0, 1 - d) + max(0, 1 + g), lambda d, g: -g),
    "least_squares": (lambda d, g: ((d - 1) ** 2 + g**2) / 2, lambda d, g: (g - 1) ** 2 / 2),
}


def test_every_game_is_held_against_its_equation() -> None:
    assert EXPECTED.keys() == GAMES.keys()


@pytest.mark.parametrize("name", GAMES)
def test_the_losses_are_those_of_the_equations(name: str) -> None:
    game, (critic, generator) = GAMES[name], EXPECTED[name]
    pairs = list(zip(REAL.tolist(), MADE.tolist(), strict=True))
    assert game.critic(REAL, MADE).tolist() == pytest.approx([critic(*pair) for pair in pairs], rel=1e-5)
    assert game.generator(MADE, REAL).tolist() == pytest.approx([generator(*pair) for pair in pairs], rel=1e-5)


@pytest.mark.parametrize("name", GAMES)
def test_a_critic_wants_real_above_made_and_a_generator_the_reverse(name: str) -> None:
    real, made = (0.5 * REAL).requires_grad_(), MADE.abs().requires_grad_()
    of_real, of_made = torch.autograd.grad(GAMES[name].critic(real, made).sum(), (real, made))
    assert (of_real <= 0).all()
    assert (of_made >= 0).all()
    (of_made,) = torch.autograd.grad(GAMES[name].generator(made, real).sum(), made)
    assert (of_made < 0).all()


def test_the_paired_losses_do_not_change_when_all_scores_do() -> None:
    for name, game in GAMES.items():
        moved = game.critic(REAL + 3, MADE + 3)
        assert torch.allclose(moved, game.critic(REAL, MADE)) == (name in ("relativistic", "wasserstein"))


def quadratic(samples: Tensor, factor: Tensor) -> Tensor:
    """½ a ‖x‖², whose slope is a x."""
    return 0.5 * factor * samples.flatten(1).square().sum(1)


def test_the_penalties_are_those_of_a_critic_whose_slope_is_known_and_can_be_learned_from() -> None:
    samples = torch.tensor([[3.0, 4.0], [0.0, 0.5]], requires_grad=True)
    factor = torch.tensor(2.0, requires_grad=True)
    squares = steepness(quadratic(samples, factor), samples)
    assert squares.tolist() == pytest.approx([100.0, 1.0])
    assert zero_centred(squares).tolist() == pytest.approx([50.0, 0.5])
    assert one_centred(squares).tolist() == pytest.approx([81.0, 0.0], abs=1e-6)
    (slope,) = torch.autograd.grad(zero_centred(squares).sum(), factor)
    assert slope.item() == pytest.approx(2 * 25.25)  # of ½ a² ‖x‖²


def test_a_flat_critic_is_punished_without_breaking() -> None:
    samples = torch.randn(3, 2, requires_grad=True)
    factor = torch.tensor(0.0, requires_grad=True)
    penalty = one_centred(steepness(quadratic(samples, factor), samples)).sum()
    assert penalty.item() == pytest.approx(3.0, abs=1e-4)
    (slope,) = torch.autograd.grad(penalty, factor)
    assert slope.isfinite()


def test_between_is_on_the_line_and_each_sample_has_its_own_place() -> None:
    real, made = torch.zeros(50, 1, 2, 2), torch.ones(50, 1, 2, 2)
    place = between(real, made)
    assert (place == place[:, :, :1, :1]).all()
    assert 0 <= place.min() < 0.2 < 0.8 < place.max() <= 1
    assert len(set(place[:, 0, 0, 0].tolist())) > 40


# -- augmentation -----------------------------------------------------------------------------------------------------


def drawn(pictures: Tensor, *kinds: str, seed: int = 0) -> Tensor:
    torch.manual_seed(seed)
    return changed(pictures, kinds or KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_changes_pictures_each_in_its_own_way_and_by_the_seed_alone(kind: str) -> None:
    pictures = torch.rand(1, 3, 12, 9).expand(6, -1, -1, -1) * 2 - 1
    once = drawn(pictures, kind)
    assert once.shape == pictures.shape
    assert torch.equal(once, drawn(pictures, kind))
    assert len({tuple(one.flatten().tolist()) for one in once}) > 3
    assert not torch.equal(once, drawn(pictures, kind, seed=1))


def test_translation_moves_a_picture_by_an_eighth_at_most_and_loses_nothing_else() -> None:
    pictures = torch.zeros(200, 1, 16, 24)
    pictures[:, :, 8, 12] = 1
    moved = drawn(pictures, "translation")
    places = moved[:, 0].flatten(1).argmax(1)
    down, across = places // 24 - 8, places % 24 - 12
    assert {*down.tolist()} == {-2, -1, 0, 1, 2}
    assert {*across.tolist()} == {-3, -2, -1, 0, 1, 2, 3}
    assert (moved.flatten(1).sum(1) == 1).all()


def test_cutout_hides_at_most_a_quarter_and_leaves_the_rest() -> None:
    pictures = torch.full((200, 2, 16, 16), 0.5)
    cut = drawn(pictures, "cutout")
    hidden = (cut == 0).float().mean((1, 2, 3))
    assert hidden.max() == pytest.approx(0.25)
    assert hidden.min() >= 0.25 / 4
    assert ((cut == 0) | (cut == 0.5)).all()


def test_a_gradient_passes_through_all_changes_and_can_be_differentiated_again() -> None:
    pictures = (torch.rand(2, 3, 8, 8, dtype=torch.float64) * 2 - 1).requires_grad_()

    def scores(given: Tensor) -> Tensor:
        return drawn(given).pow(3).sum()

    assert torch.autograd.gradcheck(scores, (pictures,))
    assert torch.autograd.gradgradcheck(scores, (pictures,))
