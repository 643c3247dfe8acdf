"""Samples depend on seed and number alone, ways begin and end where they should, and a made picture is found again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from support.bad_generators import shapes
from torch import Tensor, nn

from profond.core.errors import ConfigError, UnknownName
from profond.data.open import open_dataset
from profond.measures.latents import latents
from profond.models import create
from profond.tasks.generated_show import GeneratedShow
from profond.tasks.made import Between, Made
from profond.tasks.projection import projected
from profond.tasks.sampling import generated, interpolated, walked

SPEC = shapes(8).spec


class Model(nn.Module):
    """Pictures that change smoothly with their noise, and by their class."""

    latent_size = 4

    def __init__(self, num_classes: int = 0) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.generator = Smooth(num_classes)

    def critic(self, samples: Tensor, labels: Tensor | None) -> Tensor:
        return samples.flatten(1).mean(1)


class Smooth(nn.Module):
    def __init__(self, num_classes: int) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(0.5 * torch.randn(4, 256, generator=random))
        self.each = nn.Parameter(torch.randn(max(1, num_classes), 256, generator=random))

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        shift = 0 if labels is None else self.each[labels]
        return (noise @ self.weight + shift).tanh().view(-1, 1, 16, 16)


def test_a_way_between_is_an_arc_from_one_sample_to_another() -> None:
    ways = interpolated(Model(), SPEC, count=3, seed=2)
    alone = generated(Model(), SPEC, count=6, seed=2).samples
    torch.testing.assert_close(ways.rows[:, 0], alone[:3])
    torch.testing.assert_close(ways.rows[:, -1], alone[3:])
    steps = (ways.rows[:, 1:] - ways.rows[:, :-1]).flatten(2).norm(dim=2)
    assert float(steps.min()) > 0
    assert len(ways.frames()) == 2 * ways.rows.shape[1] - 2, "there and back, the ends once each"


def test_a_walk_begins_at_the_sample_and_comes_round() -> None:
    ways = walked(Model(num_classes=2), SPEC, count=2, seed=1, label="bar")
    torch.testing.assert_close(ways.rows[:, 0], generated(Model(2), SPEC, count=2, seed=1, label="bar").samples)
    steps = (ways.rows - ways.rows.roll(-1, 1)).flatten(2).norm(dim=2)
    assert float(steps[:, -1].max()) < 2 * float(steps[:, :-1].max()), "from the last to the first is one step"
    assert len(ways.frames()) == ways.rows.shape[1]


@pytest.mark.parametrize("num_classes", [0, 2])
def test_what_the_generator_made_is_found_again(num_classes: int) -> None:
    model: Any = Model(num_classes)
    noise = latents(4, [10_000], 7)
    given = model.generator(noise, torch.tensor([1]) if num_classes else None).detach()[0]
    found = projected(model, SPEC, given, seed=0)
    assert found.after < 0.2 * found.before
    assert found.label == ("bar" if num_classes else None)
    torch.testing.assert_close(found.noise, noise[0], atol=0.3, rtol=0)
    if num_classes:
        other = projected(model, SPEC, given, label="disc")
        assert other.label == "disc"
        assert other.after > 3 * found.after
    assert not any(parameter.grad is not None for parameter in model.parameters())


def test_a_picture_of_another_shape_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"3×16×16"):
        projected(Model(), SPEC, torch.zeros(3, 16, 16))


def test_truncation_moves_each_noise_inwards_and_keeps_its_order() -> None:
    usual, less = latents(500, [0], 0)[0], latents(500, [0], 0, truncation=0.7)[0]
    assert float(less.abs().max()) <= 0.7
    assert torch.equal(usual.argsort(), less.argsort())
    assert float(less.abs().max()) > 0.69
    torch.testing.assert_close(latents(500, [0], 0, truncation=50.0)[0], usual, atol=1e-5, rtol=1e-5)


def test_names_of_classes_may_hold_commas_and_other_signs() -> None:
    spec = replace(SPEC, classes=("T-shirt/top", "shoe, left"))
    made = generated(Model(2), spec, count=3, label=["shoe, left", "T-shirt/top"])
    assert [one.label for one in made] == ["shoe, left", "T-shirt/top", "shoe, left"]
    assert [path.name for path in made.paths(Path("all"), each=True)] == [
        "0-shoe_left.png",
        "1-T-shirt_top.png",
        "2-shoe_left.png",
    ]
    with pytest.raises(UnknownName):
        generated(Model(2), spec, label="shoe, right")


def test_points_are_points_and_no_ways_lead_between_them() -> None:
    ring: Any = open_dataset("ring", train_points=40, test_points=10)
    model = create("points_gan", ring.spec, hidden=[8], latent_size=2)
    made = generated(model, ring.spec, count=5)
    assert isinstance(made, Made)
    assert made.samples.shape == (5, 2)
    assert len(made[0].to_json()["values"]) == 2
    with pytest.raises(ConfigError, match="makes points"):
        interpolated(model, ring.spec)


def test_the_last_picture_of_a_training_is_the_sheet_of_its_seed() -> None:
    model: Any = Model(num_classes=2)
    dataset = shapes()
    show = GeneratedShow(dataset, seed=4)
    assert show.picture(model).tobytes() == generated(model, dataset.spec, seed=4).sheet().tobytes()
    assert show.real.size == show.picture(model).size
    again = GeneratedShow(dataset, seed=4)
    assert again.real.tobytes() == show.real.tobytes()


def test_a_sheet_of_ways_shows_both_ends() -> None:
    rows = torch.linspace(-1, 1, 24)[None, :, None, None, None].expand(2, 24, 1, 8, 8)
    sheet = Between(rows, 0, closed=False).sheet()
    assert (sheet.getpixel((5, 5)), sheet.getpixel((sheet.width - 5, 5))) == (0, 255)
    assert sheet.width == 2 + 8 * 58


@pytest.mark.parametrize("name", ["points.csv", "points.png"])
def test_points_are_a_table_and_a_picture_whichever_of_them_is_asked_for(name: str, tmp_path: Path) -> None:
    Made(torch.tensor([[1.0, -0.5], [0.25, 2.0]]), 0).write(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["points.csv", "points.png"]
    assert (tmp_path / "points.csv").read_text() == "x,y\n1,-0.5\n0.25,2\n"
