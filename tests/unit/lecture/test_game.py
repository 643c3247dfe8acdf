"""A game on points: which heaps count as found, and what one player alone changes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from profond.data.sets.points import RING_DEVIATION, ring_centres
from profond.experiments.configuration import changed, from_recipe
from profond.experiments.experiment import assemble
from profond.lecture.game import HEAPS, alone, found_by, play, play_at_once
from profond.lecture.game_figure import moved_by_push
from profond.lecture.outcome import Options


class Heaps(nn.Module):
    """Makes points of the first heaps, the same number of each, and ``stray`` points of the last one."""

    def __init__(self, heaps: int, stray: int = 0) -> None:
        super().__init__()
        self.heaps, self.stray = heaps, stray
        self.weight = nn.Parameter(torch.zeros(1))
        self.asked = 0

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        places = torch.arange(self.asked, self.asked + len(latents))
        self.asked += len(latents)
        heap = torch.where(places < self.stray, 7, places % self.heaps)
        return ring_centres()[heap] + RING_DEVIATION * latents


@pytest.mark.parametrize(("heaps", "stray", "expected"), [(8, 0, 8), (5, 0, 5), (5, 1, 5), (5, 150, 6)])
def test_a_heap_is_found_by_many_samples_and_not_by_a_stray_one(heaps: int, stray: int, expected: int) -> None:
    model = SimpleNamespace(generator=Heaps(heaps, stray), latent_size=2)
    found = found_by(model, HEAPS["ring"], seed=0)
    assert found.heaps == expected
    assert found.touched == heaps + (stray > 0)
    assert found.rarest == pytest.approx(0.98 if heaps == 8 else 0, abs=0.03)  # of a fair number
    assert 0.97 < found.near < 1  # of a round normal distribution 98.9 % are within three deviations


@pytest.mark.parametrize(("player", "other"), [("critic", "generator"), ("generator", "critic")])
def test_a_player_who_plays_alone_changes_nothing_of_the_other(player: str, other: str) -> None:
    experiment = assemble(
        changed(from_recipe("ring"), {"model.hidden": [16], "data.train_points": 300, "data.test_points": 20})
    )
    before = experiment.model
    kept = {name: value.clone() for name, value in before.state_dict().items()}
    after = alone(before, experiment, player, steps=1).state_dict()
    assert all(torch.equal(kept[name], value) for name, value in before.state_dict().items()), "a copy plays"
    assert all(torch.equal(kept[name], after[name]) for name in after if name.startswith(other))
    assert any(not torch.equal(kept[name], after[name]) for name in after if name.startswith(player))


def test_the_first_step_of_a_player_alone_is_of_the_losses_and_later_ones_are_of_the_penalty_too() -> None:
    def after(steps: int, penalty_weight: float) -> Tensor:
        changes = {"model.hidden": [16], "data.train_points": 600, "data.test_points": 20}
        experiment = assemble(changed(from_recipe("ring"), {**changes, "task.penalty_weight": penalty_weight}))
        score: Tensor = alone(experiment.model, experiment, "critic", steps).critic.score.direction.weight
        return score.detach()

    assert torch.equal(after(1, 0.0), after(1, 100.0))
    assert not torch.equal(after(4, 0.0), after(4, 100.0))


def test_points_move_where_they_are_pushed() -> None:
    push = torch.tensor([[2.0, 0.0], [0.0, -1.0]]).repeat(50, 1)
    moved = moved_by_push(torch.zeros(100, 2), push, reach=0.5)
    assert torch.allclose(moved[:2], torch.tensor([[0.5, 0.0], [0.0, -0.25]]))


@pytest.mark.slow
def test_games_at_once_are_those_that_one_after_the_other_would_be() -> None:
    configs = [
        changed(from_recipe("ring"), {"training.steps": 40, "training.seed": seed, "training.device": "cpu"})
        for seed in (1, 2)
    ]
    for config, found in zip(configs, play_at_once(configs, Options(device="cpu")), strict=True):
        alone = play(config)
        assert found.found == alone.found
        assert found.course.looks == alone.course.looks
        for name, value in alone.experiment.model.state_dict().items():
            assert torch.equal(found.experiment.model.state_dict()[name], value), name
