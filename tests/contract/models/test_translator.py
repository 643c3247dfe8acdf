"""What every translator of pictures must do; a new one is tested here by being registered."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from contract.models.family import Family
from contract.models.promises import *  # noqa: F403
from support.processor import MAY_USE_BF16
from torch import Tensor, nn

from profond import models
from profond.core.errors import ConfigError

CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def settings(name: str) -> dict[str, Any]:
    return {"input_shape": models.example_shape(name)}


def pictures(name: str, count: int, seed: int = 1) -> Tensor:
    return torch.rand(count, *models.example_shape(name), generator=torch.Generator().manual_seed(seed)) * 2 - 1


def everything(model: nn.Module, inputs: Tensor) -> list[Tensor]:
    """The translation, and what each part that learns gives besides."""
    parts: Any = model
    given = [model(inputs)]
    given += [generator(inputs) for name, generator in parts.generators.items() if name == "to_a"]
    given += [critic(inputs) for critic in parts.critics.values()]
    if "heads" in parts.generators:
        heads = parts.generators["heads"]
        random = torch.Generator().manual_seed(0)
        maps = [torch.randn(len(inputs), head[0].in_features, 3, 3, generator=random) for head in heads.heads]
        wanted = torch.randn(len(inputs), 4, heads.heads[0][0].out_features, generator=random)
        given += [one * wanted for one in heads(maps, [torch.arange(4)] * len(maps))]
    return given


FAMILY = Family("translator", settings, pictures, lambda given: given[0], everything)


@pytest.fixture(scope="module", params=FAMILY.names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def family() -> Family:
    return FAMILY


@pytest.fixture
def model(name: str) -> nn.Module:
    return FAMILY.build(name).eval()


@torch.no_grad()
def test_a_picture_of_any_size_keeps_its_size_and_its_bounds(name: str, model: nn.Module) -> None:
    for height, width in ((24, 24), (8, 8), (9, 30), (33, 27), (20, 61)):
        given = torch.rand(2, 3, height, width) * 2 - 1
        made = model(given)
        assert made.shape == given.shape
        assert made.isfinite().all()
        assert made.abs().max() <= 1
    assert models.value_range_of(name) == (-1.0, 1.0)


@torch.no_grad()
def test_pictures_of_a_batch_do_not_meet(name: str, model: nn.Module) -> None:
    together = pictures(name, 3)
    alone = torch.cat([model(one[None]) for one in together])
    torch.testing.assert_close(model(together), alone, **CLOSE)


@torch.no_grad()
def test_its_critics_score_many_patches_of_a_picture(name: str, model: Any) -> None:
    for critic in model.critics.values():
        assert critic(pictures(name, 2)).shape[:2] == (2, 1)
        assert critic(torch.zeros(1, 3, 48, 64)).shape[2:] == (4, 6)


def test_its_parts_stand_where_phases_look_for_them(name: str, model: Any) -> None:
    learned = {*model.generators.parameters(), *model.critics.parameters()}
    assert learned == {*model.parameters()}
    assert {"to_b"} <= set(model.generators)
    assert ("to_a" in model.generators) == ("a" in model.critics)


def test_one_picture_can_be_made_of_another(name: str) -> None:
    model = FAMILY.build(name).train()
    given, wanted = pictures(name, 1), torch.full((1, 3, 24, 24), 0.5)
    optimizer = torch.optim.Adam([*model.get_submodule("generators.to_b").parameters()], lr=1e-2)
    before = (model(given) - wanted).abs().mean().item()
    for _ in range(60):
        loss = (model(given) - wanted).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss < 0.2 * before:
            break
    assert loss < 0.2 * before


@MAY_USE_BF16
def test_it_trains_a_step_in_bf16(name: str) -> None:
    model = FAMILY.build(name).train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        given = everything(model, pictures(name, 2))
    sum(one.float().square().mean() for one in given).backward()
    assert all(one.grad is not None and one.grad.isfinite().all() for one in model.parameters())


def test_an_impossible_picture_is_refused_in_words(name: str) -> None:
    for shape in ((3,), (3, 24), (0, 24, 24), (3, 24, 23), (3, 4, 64)):
        with pytest.raises(ConfigError) as refusal:
            models.create(name, **{**models.example_settings(name), "input_shape": shape})
        assert refusal.value.help
    small = models.create(name, **{**models.example_settings(name), "input_shape": (1, 8, 8), "critic_layers": 1})
    assert small(torch.zeros(1, 1, 8, 8)).shape == (1, 1, 8, 8)
