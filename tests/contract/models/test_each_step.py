"""What every network must do that says a class of each frame; a new one is tested here by being registered."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from contract.models.family import Family
from contract.models.promises import *  # noqa: F403
from torch import Tensor, nn

from profond import models
from profond.core.errors import ConfigError

CLASSES = 4


def settings(name: str) -> dict[str, Any]:
    return {"input_shape": models.example_shape(name), "num_classes": CLASSES}


def inputs(name: str, count: int, seed: int = 1) -> Tensor:
    """Clips of unlike length: the first is the longest, and each has one frame less than the one before."""
    channels, frames, *sides = models.example_shape(name)
    clips = torch.randn(count, channels, frames, *sides, generator=torch.Generator().manual_seed(seed))
    for number in range(count):
        clips[number, :, max(1, frames - number) :] = torch.nan
    return clips


FAMILY = Family("each_step", settings, inputs, lambda output: output)


@pytest.fixture(scope="module", params=FAMILY.names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def family() -> Family:
    return FAMILY


built = FAMILY.fresh


@torch.no_grad()
def test_neither_padding_nor_neighbours_nor_the_batch_change_what_is_said_of_a_frame(name: str) -> None:
    model, clips = built(name), inputs(name, 5)
    frames = clips.shape[2]
    together = model(clips)
    assert together.shape == (5, frames, CLASSES)
    for i in range(5):
        alone = model(clips[i : i + 1, :, : frames - i])
        torch.testing.assert_close(together[i : i + 1, : frames - i], alone, rtol=1e-4, atol=1e-5)
    longer = torch.cat([clips, torch.full_like(clips[:, :, :3], torch.nan)], 2)
    for i in range(5):
        torch.testing.assert_close(model(longer)[i, : frames - i], together[i, : frames - i], rtol=1e-4, atol=1e-5)
    others = clips.clone()
    others[:4] = 50.0
    torch.testing.assert_close(model(others)[4, : frames - 4], together[4, : frames - 4], rtol=1e-4, atol=1e-5)


def test_in_training_too_nothing_is_computed_of_a_frame_that_is_not_there(name: str) -> None:
    """BatchNorm's mean is that of real frames, and gradients are those of the clips alone."""
    found = []
    for longer in (0, 5):
        model, clips = built(name).train(), inputs(name, 3)
        padded = torch.cat([clips, torch.full((3, clips.shape[1], longer, *clips.shape[3:]), torch.nan)], 2)
        outputs = model(padded)[:, : clips.shape[2]]
        real = ~clips[:, 0, :, 0, 0].isnan()
        outputs[real].square().mean().backward()
        statistics = [one for path, one in model.named_buffers() if path.endswith("running_mean")]
        found.append([*statistics, *(one.grad for one in model.parameters())])
    for short, long in zip(*found, strict=True):
        assert short.isfinite().all()
        torch.testing.assert_close(long, short, rtol=1e-4, atol=1e-6)


@torch.no_grad()
def test_only_a_network_with_a_memory_looks_at_other_frames(name: str) -> None:
    model, clip = built(name), torch.randn(1, *models.example_shape(name), generator=torch.Generator().manual_seed(3))
    changed = clip.clone()
    changed[:, :, 2] += 1.0
    differs = (model(clip) - model(changed)).abs().amax(2)[0] > 1e-7
    remembers = getattr(model, "recurrent", None) is not None
    assert differs.tolist() == ([True] * clip.shape[2] if remembers else [at == 2 for at in range(clip.shape[2])])


def test_one_batch_of_unlike_lengths_can_be_overfitted(name: str) -> None:
    torch.manual_seed(0)
    model, clips = built(name).train(), inputs(name, 4)
    real = ~clips[:, 0, :, 0, 0].isnan()
    targets = (torch.arange(real.numel()).view_as(real) % CLASSES)[real]
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(300):
        loss = nn.functional.cross_entropy(model(clips)[real], targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss < 0.05:
            break
    assert loss < 0.05


def test_it_trains_a_step_in_bf16(name: str) -> None:
    model, clips = built(name).train(), inputs(name, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = model(clips)[~clips[:, 0, :, 0, 0].isnan()].float().square().mean()
    loss.backward()
    assert loss.isfinite()
    assert all(one.grad is None or one.grad.isfinite().all() for one in model.parameters())


@pytest.mark.parametrize(
    "change",
    [
        {"input_shape": ()},
        {"input_shape": (1, 8, 8)},
        {"input_shape": (1, 6, 2, 2)},
        {"num_classes": 0},
        {"widths": []},
        {"layers": 0},
        {"dropout": 1.0},
    ],
    ids=str,
)
def test_an_impossible_setting_is_refused_in_words(name: str, change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as refusal:
        built(name, **change)
    assert refusal.value.help
