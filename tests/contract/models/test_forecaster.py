"""What every forecasting network must do; a new one is tested here by being registered."""

from __future__ import annotations

import pytest
import torch
from contract.models.family import Family
from contract.models.promises import *  # noqa: F403
from support.processor import MAY_USE_BF16
from torch import Tensor, nn

from profond import models
from profond.core.errors import ConfigError

HORIZON = 4


def settings(name: str) -> dict[str, object]:
    return {"input_shape": models.example_shape(name), "num_classes": HORIZON}


def windows(name: str, count: int, seed: int = 1) -> Tensor:
    """Series as they are given: the future of channel 0 is not there, and the last channel is known up to now alone."""
    channels, length = models.example_shape(name)
    found = torch.randn(count, channels, length, generator=torch.Generator().manual_seed(seed))
    found[:, [0, channels - 1], length - HORIZON :] = torch.nan
    return found


FAMILY = Family("forecaster", settings, windows, lambda output: output)


@pytest.fixture(scope="module", params=FAMILY.names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def family() -> Family:
    return FAMILY


build = FAMILY.fresh


def moved(name: str, **others: object) -> nn.Module:
    """Weights that are nothing special: what starts at zero, or alike for all steps, would hide what it looks at."""
    model = build(name, **others)
    random = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=random)
    return model


def test_it_forecasts_each_step_or_gives_its_quantiles(name: str) -> None:
    for count in (1, 3):
        assert build(name)(windows(name, count)).shape == (count, HORIZON)
        assert build(name, quantiles=3)(windows(name, count)).shape == (count, HORIZON, 3)
        assert build(name, quantiles=1)(windows(name, count)).shape == (count, HORIZON, 1)
        assert build(name)(windows(name, count)).isfinite().all()


def test_the_series_own_future_never_reaches_it(name: str) -> None:
    model, inputs = moved(name), windows(name, 3)
    peeped = inputs.clone()
    peeped[:, 0, -HORIZON:] = 1e6
    with torch.no_grad():
        assert torch.equal(model(inputs), model(peeped))


def test_every_step_sees_the_last_values_of_the_past(name: str) -> None:
    """A step that cannot see the last hours is worse than the last value."""
    model, inputs = moved(name), windows(name, 1)
    inputs.requires_grad_(True)
    for step in range(HORIZON):
        (gradient,) = torch.autograd.grad(model(inputs)[0, step], inputs)
        assert (gradient[0, 0, -HORIZON - 3 : -HORIZON] != 0).all(), step


def test_a_level_and_a_unit_come_out_as_they_went_in(name: str) -> None:
    model, inputs = moved(name), windows(name, 3)
    if name == "dlinear":
        pytest.skip("DLinear as published adds no level back: it learns that its weights sum to one")
    lifted = inputs.clone()
    lifted[:, 0] += 5
    with torch.no_grad():
        torch.testing.assert_close(model(lifted), model(inputs) + 5, rtol=1e-4, atol=1e-4)


def test_windows_of_a_batch_do_not_meet(name: str) -> None:
    model, inputs = moved(name), windows(name, 4)
    changed = inputs.clone()
    changed[1:] = windows(name, 3, seed=9)
    with torch.no_grad():
        assert torch.equal(model(inputs)[0], model(changed)[0])
        torch.testing.assert_close(model(inputs)[2:3], model(inputs[2:3]))


def test_one_batch_can_be_overfitted(name: str) -> None:
    model, inputs = build(name).train(), windows(name, 6)
    targets = torch.randn(6, HORIZON, generator=torch.Generator().manual_seed(2))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    before = (model(inputs) - targets).abs().mean().item()
    for _ in range(400):
        loss = (model(inputs) - targets).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss < 0.1 * before:
            break
    assert loss < 0.1 * before


@MAY_USE_BF16
def test_it_trains_a_step_in_bf16(name: str) -> None:
    model = build(name).train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = model(windows(name, 4))
    assert output.dtype == torch.float32
    output.square().mean().backward()
    assert all(one.grad is None or one.grad.isfinite().all() for one in model.parameters())


def test_an_impossible_window_is_refused_in_words(name: str) -> None:
    for shape, horizon in (((3,), 1), ((3, 4), 4), ((0, 9), 2), ((3, 16), 0)):
        with pytest.raises(ConfigError) as refusal:
            models.create(name, input_shape=shape, num_classes=horizon, **models.example_settings(name))
        assert refusal.value.help
