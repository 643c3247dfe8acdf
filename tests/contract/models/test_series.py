"""What every network must do that reads a series of any length; a new one is tested here by being registered."""

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

CLASSES = 5


def settings(name: str) -> dict[str, Any]:
    return {"input_shape": models.example_shape(name), "num_classes": CLASSES}


def inputs(name: str, count: int, seed: int = 1) -> Tensor:
    """Series of unlike length: the first is the longest, and each has one step less than the one before."""
    channels, steps = models.example_shape(name)
    series = torch.randn(count, channels, steps, generator=torch.Generator().manual_seed(seed))
    for number in range(count):
        series[number, :, max(1, steps - number) :] = torch.nan
    return series


FAMILY = Family("series", settings, inputs, lambda output: output)


@pytest.fixture(scope="module", params=FAMILY.names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def family() -> Family:
    return FAMILY


built = FAMILY.fresh


WAYS = [
    {},
    {"summary": "last"},
    {"summary": "maximum"},
    {"bidirectional": False, "summary": "last"},
    {"layers": 2},
]


def test_it_says_that_it_takes_any_length(name: str) -> None:
    assert models.registry.load(name).any_length is True  # type: ignore[attr-defined]


@pytest.mark.parametrize("way", WAYS, ids=str)
@torch.no_grad()
def test_neither_padding_nor_neighbours_nor_the_batch_change_an_answer(name: str, way: dict[str, Any]) -> None:
    model, series = built(name, **way), inputs(name, 6)
    together = model(series)
    assert together.shape == (6, CLASSES)
    assert together.isfinite().all()
    alone = torch.cat([model(series[i : i + 1, :, : series.shape[2] - i]) for i in range(6)])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)
    longer = torch.cat([series, torch.full((6, series.shape[1], 9), torch.nan)], 2)
    torch.testing.assert_close(model(longer), alone, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(model(series.flip(0)).flip(0), alone, rtol=1e-5, atol=1e-6)
    others = series.clone()
    others[:5] = 100.0
    torch.testing.assert_close(model(others)[5:], alone[5:], rtol=1e-5, atol=1e-6)


def test_padding_changes_no_gradient(name: str) -> None:
    gradients = []
    for longer in (0, 7):
        model, series = built(name), inputs(name, 4)
        padded = torch.cat([series, torch.full((4, series.shape[1], longer), torch.nan)], 2)
        model(padded).square().mean().backward()
        gradients.append([one.grad for one in model.parameters()])
    for short, long in zip(*gradients, strict=True):
        assert short.isfinite().all()
        torch.testing.assert_close(long, short, rtol=1e-4, atol=1e-7)


@torch.no_grad()
def test_every_step_counts_and_so_does_their_order(name: str) -> None:
    model = built(name, summary="last")
    series = torch.randn(1, *models.example_shape(name), generator=torch.Generator().manual_seed(3))
    for step in (0, 5, 11):
        changed = series.clone()
        changed[:, :, step] += 1.0
        assert not torch.allclose(model(series), model(changed), rtol=0, atol=1e-9), step
    assert not torch.allclose(model(series), model(series.flip(2)), atol=1e-5)


@torch.no_grad()
def test_a_series_without_any_number_is_read_as_one_step_and_disturbs_nobody(name: str) -> None:
    model, series = built(name), inputs(name, 3)
    empty = torch.cat([series, torch.full_like(series[:1], torch.nan)])
    assert model(empty).isfinite().all()
    torch.testing.assert_close(model(empty)[:3], model(series))


def test_one_batch_of_unlike_lengths_can_be_overfitted(name: str) -> None:
    torch.manual_seed(0)
    model, series, targets = built(name).train(), inputs(name, 8), torch.arange(8) % CLASSES
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    for _ in range(200):
        loss = nn.functional.cross_entropy(model(series), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss < 0.05:
            break
    assert loss < 0.05


@MAY_USE_BF16
def test_it_trains_a_step_in_bf16(name: str) -> None:
    model = built(name).train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = nn.functional.cross_entropy(model(inputs(name, 4)).float(), torch.arange(4))
    loss.backward()
    assert loss.isfinite()
    assert all(one.grad is not None and one.grad.isfinite().all() for one in model.parameters())


@pytest.mark.parametrize(
    "change",
    [
        {"input_shape": ()},
        {"input_shape": (0, 5)},
        {"input_shape": (3, 8, 8)},
        {"num_classes": 0},
        {"hidden": 0},
        {"layers": 0},
        {"dropout": 1.0},
    ],
    ids=str,
)
def test_an_impossible_setting_is_refused_in_words(name: str, change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as refusal:
        built(name, **change)
    assert refusal.value.help
