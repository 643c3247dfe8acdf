"""Generators that keep the size, their norm, and what doubling leaves in a picture."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from profond.measures.spectrum import checkerboard
from profond.nn.translation import Blur, InstanceNorm, PatchCritic, ResNetGenerator, cut, extended

CLOSE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("channels_last", [False, True])
def test_instance_norm_is_that_of_pytorch_and_so_are_its_gradients(channels_last: bool, count: int) -> None:
    layout = torch.channels_last if channels_last else torch.contiguous_format
    maps = (torch.randn(count, 5, 6, 7) * 3 + 100).to(memory_format=layout)
    weights = torch.randn(count, 5, 6, 7)
    found = []
    for norm in (InstanceNorm(5), InstanceNorm(5).eval(), nn.InstanceNorm2d(5)):
        given = maps.clone().requires_grad_(True)
        made = norm(given)
        (made * weights).sum().backward()
        found.append((made, given.grad))
        with torch.no_grad():
            torch.testing.assert_close(norm(given), made, rtol=1e-3, atol=1e-4)
    for ours in found[:2]:
        for mine, theirs in zip(ours, found[2], strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4)
    assert found[0][0].is_contiguous(memory_format=layout)
    half = InstanceNorm(5)(maps.bfloat16().requires_grad_(True))
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), nn.InstanceNorm2d(5)(maps.bfloat16().float()), rtol=0.01, atol=0.01)


def test_sides_are_extended_by_reflection_below_and_on_the_right_and_cut_again() -> None:
    images = torch.arange(30.0).view(1, 1, 5, 6)
    wide = extended(images)
    assert wide.shape == (1, 1, 8, 8)
    assert torch.equal(wide[0, 0, 5], wide[0, 0, 3])
    assert torch.equal(wide[..., 6], wide[..., 4])
    assert torch.equal(cut(wide, images), images)
    assert extended(wide) is wide


@pytest.mark.parametrize("skips", [False, True])
@pytest.mark.parametrize("downsample", ["strided", "blurred"])
@torch.no_grad()
def test_what_a_generator_shows_on_the_way_is_what_it_goes_through(downsample: str, skips: bool) -> None:
    torch.manual_seed(0)
    generator = ResNetGenerator(3, width=4, blocks=3, upsample="resize", downsample=downsample, skips=skips)
    images = torch.rand(2, 3, 14, 17) * 2 - 1
    made, maps = generator.with_features(images, (1, 2))
    torch.testing.assert_close(made, generator(images), **CLOSE)
    assert [one.shape[1] for one in maps] == generator.feature_channels((1, 2)) == [3, 8, 16, 16, 16]
    assert torch.equal(maps[0], extended(images))
    inner = generator.down(generator.stem(extended(images)))
    torch.testing.assert_close(maps[3], generator.body[0](inner), **CLOSE)
    torch.testing.assert_close(maps[4], generator.body[1](maps[3]), **CLOSE)
    for one, again in zip(maps, generator.features(images, (1, 2)), strict=True):
        assert torch.equal(one, again)
    assert len(generator.features(images, (1, 5))) == 5, "the last block stands for those that are not there"
    assert len(generator.features(images, (5, 7))) == 4


@torch.no_grad()
def test_skips_carry_a_single_pixel_around_the_halvings_and_nothing_does_without_them() -> None:
    torch.manual_seed(0)
    picture = torch.rand(1, 3, 16, 16) * 2 - 1
    dotted = picture.clone()
    dotted[0, :, 5, 6] *= -1
    for skips in (False, True):
        generator = ResNetGenerator(3, width=4, blocks=1, upsample="resize", skips=skips)
        for doubling in generator.up:
            nn.init.zeros_(doubling.convolution.weight)  # so that nothing comes from the small maps
        change = (generator(dotted) - generator(picture)).abs().amax((0, 1))
        assert bool(change.any()) == skips
        if skips:
            assert change[4:7, 5:8].max() > 10 * change[12:, 12:].max(), "where the pixel is, not everywhere"


@torch.no_grad()
def test_a_blur_takes_every_second_of_what_it_spread() -> None:
    dot = torch.zeros(1, 2, 8, 8)
    dot[:, :, 4, 4] = 16
    spread = Blur()(dot)
    assert spread.shape == (1, 2, 4, 4)
    assert spread[0, 0, 2, 2] == 4
    assert spread[0, 1].sum() == 4


@torch.no_grad()
def test_resize_convolutions_leave_no_checkerboard_where_transposed_ones_do() -> None:
    rows = torch.linspace(-1, 1, 64)
    smooth = ((rows * 2).sin()[:, None] * (rows * 3).cos())[None, None].expand(1, 3, 64, 64)
    found: dict[str, list[float]] = {"transposed": [], "resize": []}
    for seed in range(4):
        for upsample, peaks in found.items():
            torch.manual_seed(seed)
            made = ResNetGenerator(3, width=8, blocks=1, upsample=upsample)(smooth)  # type: ignore[arg-type]
            peaks.append(float(checkerboard(made)))
    assert min(found["transposed"]) > 3 * max(found["resize"]), found
    assert max(found["resize"]) < 1.5, found


@torch.no_grad()
def test_a_critic_of_three_halvings_looks_at_70_pixels() -> None:
    for layers, side in ((1, 16), (2, 34), (3, 70)):
        torch.manual_seed(0)
        critic = PatchCritic(1, width=2, layers=layers)
        for part in critic.modules():
            if isinstance(part, nn.Conv2d):  # so that nothing that is seen is lost
                part.weight.abs_().add_(0.1)
        parts = [part for part in critic.body if not isinstance(part, InstanceNorm)]
        without_norm = nn.Sequential(*parts, critic.output)
        with torch.enable_grad():
            images = torch.zeros(1, 1, 128, 128, requires_grad=True)
            scores = without_norm(images)
            middle = scores.shape[-1] // 2
            (seen,) = torch.autograd.grad(scores[0, 0, middle, middle], images)
        assert int((seen[0, 0].abs().sum(0) > 0).sum()) == side
    smallest = PatchCritic.smallest(3)
    assert PatchCritic(3, 4)(torch.zeros(1, 3, smallest, smallest)).shape == (1, 1, 1, 1)
