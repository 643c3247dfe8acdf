"""A generator on tiles gives what it gives on the whole picture: exact norms, any layers, and no more memory."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from profond.core.errors import ConfigError
from profond.measures.pixels import as_pixels
from profond.nn.chain import chain, sizes
from profond.nn.tiles import Tiles
from profond.nn.translation import ResNetGenerator
from profond.nn.whole_norm import KnownMoments, Moments

MEMORIES = {"every map fits": 1 << 30, "small maps fit": 1_000_000, "no map fits": 1}


def spread(network: nn.Module) -> nn.Module:
    """Weights that keep what goes through at one size, so that pictures come out with all levels."""
    random = torch.Generator().manual_seed(0)
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            fan = part.weight[0].numel() if isinstance(part, nn.Conv2d) else part.weight[:, 0].numel() / 4
            part.weight.data = torch.randn(part.weight.shape, generator=random) * (0.5 / fan**0.5)
    return network.eval()


def uneven(height: int, width: int) -> Tensor:
    """A picture whose parts are unlike: what a norm measures in one tile is not what it measures in the whole."""
    random = torch.Generator().manual_seed(1)
    levels = torch.randint(0, 256, (3, height, width), generator=random)
    shade = torch.linspace(0.05, 1, width) * torch.linspace(1, 0.2, height)[:, None]
    return (levels * shade).to(torch.uint8)


def prepare(part: Tensor) -> Tensor:
    return part.float() / 127.5 - 1


def plain(made: Tensor) -> Tensor:
    return made


def differing(network: nn.Module, picture: Tensor, tile: int, memory: int = 1 << 30) -> float:
    tiles = Tiles(network, 3)
    whole = tiles.whole(picture, prepare, plain)
    parts = tiles.run(picture, prepare, plain, tile=tile, memory=memory)
    assert whole.std() > 0.1, "a grey page would be equal anyhow"
    assert parts.shape == whole.shape
    return float((whole - parts).abs().max())


@pytest.mark.parametrize("memory", MEMORIES.values(), ids=MEMORIES)
@pytest.mark.parametrize(("upsample", "downsample"), [("transposed", "strided"), ("resize", "blurred")])
def test_tiles_of_96_give_what_the_whole_gives(memory: int, upsample: str, downsample: str) -> None:
    network = spread(ResNetGenerator(3, 6, 2, upsample, downsample))  # type: ignore[arg-type]
    picture = uneven(160, 200)
    assert differing(network, picture, tile=96, memory=memory) < 1e-4
    tiles = Tiles(network, 3)
    whole, parts = tiles.whole(picture, prepare, as_pixels), tiles.run(picture, prepare, as_pixels, tile=96)
    assert (whole.int() - parts.int()).abs().max() <= 1


def test_a_network_with_ways_around_its_halvings_gives_in_tiles_what_it_gives_whole() -> None:
    network = spread(ResNetGenerator(3, 6, 1, skips=True))
    assert len(Tiles(network, 3).segments(160, 200)) == 1
    assert differing(network, uneven(160, 200), tile=96) < 1e-4


def test_each_tile_by_its_own_norms_would_be_far_off() -> None:
    network, picture = spread(ResNetGenerator(3, 6, 1)), uneven(160, 200)
    whole = Tiles(network, 3).whole(picture, prepare, as_pixels)
    alone = Tiles(network, 3).whole(picture[:, :96, :96], prepare, as_pixels)
    assert (whole[:, 20:60, 20:60].int() - alone[:, 20:60, 20:60].int()).abs().float().mean() > 5


def test_other_layers_and_norms_that_learn_are_right_too() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 8, 5, padding=2, padding_mode="reflect"),
        nn.InstanceNorm2d(8, affine=True),
        nn.LeakyReLU(0.2, inplace=True),
        nn.AvgPool2d(2),
        nn.Conv2d(8, 8, 3, padding=2, dilation=2),
        nn.GroupNorm(8, 8),
        nn.BatchNorm2d(8),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.Conv2d(8, 3, 1),
    )
    torch.manual_seed(0)
    for name, weights in network.named_parameters():
        if weights.ndim == 1:
            nn.init.normal_(weights, float(name.endswith("weight")), 0.3)
    assert differing(network.eval(), uneven(90, 70), tile=32) < 1e-4


class Wired(nn.Module):
    """No chain of its parts: a long way and a short one, and a part that is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.twice, self.last = (nn.Conv2d(a, b, 3, padding=1) for a, b in ((3, 8), (8, 8), (8, 3)))

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(F.instance_norm(self.first(x)))
        inner = inner + F.instance_norm(self.twice(F.instance_norm(self.twice(inner))))
        made: Tensor = torch.tanh(self.last(inner))
        return made


def test_a_network_that_is_no_chain_is_one_segment_and_right() -> None:
    torch.manual_seed(0)
    network = Wired().eval()
    (step,) = chain(network, 3)
    assert (step.norms, step.reach) == (3, 4)
    assert differing(network, uneven(64, 96), tile=32) < 1e-4


def test_how_far_a_pixel_reaches_is_measured() -> None:
    layers = nn.Sequential(nn.Conv2d(3, 4, 7, padding=3), nn.Conv2d(4, 4, 3, 2, 1), nn.Upsample(scale_factor=2))
    network = nn.Sequential(*layers, nn.ReflectionPad2d(1), nn.Conv2d(4, 3, 3)).eval()
    found = [(step.reach, step.shrunk, step.exact) for step in chain(network, 3)]
    assert [reach for reach, _, _ in found] == [3, 1.5, 0.25, 0, 1]
    assert [(shrunk, exact) for _, shrunk, exact in found] == [
        (1, True),
        (2, True),
        (1, True),
        (1, False),
        (1, True),
    ]
    assert sizes(network, 3).multiple == 2


class Glancing(nn.Module):
    """Each pixel depends on all others."""

    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean((2, 3), keepdim=True)


def test_a_network_that_looks_at_all_at_once_is_refused_and_one_that_changes_the_size_too() -> None:
    tiles = Tiles(nn.Sequential(Glancing(), nn.Conv2d(3, 3, 1)).eval(), 3)
    with pytest.raises(ConfigError, match="whole picture"):
        tiles.run(uneven(64, 64), prepare, plain, tile=32)
    with pytest.raises(ConfigError, match="keep the size"):
        Tiles(nn.Conv2d(3, 3, 3, stride=2, padding=1).eval(), 3)


def test_moments_of_parts_are_those_of_the_whole() -> None:
    values = torch.randn(1, 5, 40, 30, generator=torch.Generator().manual_seed(0)) + 100
    moments = Moments()
    for part in (values[..., :7], values[..., 7:8], values[..., 8:]):
        moments.add(part)
    with KnownMoments([moments]):
        normed = F.instance_norm(values)
    assert torch.allclose(normed, F.instance_norm(values.double()).float(), atol=1e-3)
    assert torch.allclose(moments.variance, values.double().var((0, 2, 3), correction=0), rtol=1e-5)


def test_all_of_the_work_is_told_once() -> None:
    shares: list[float] = []
    network = spread(ResNetGenerator(3, 4, 1))
    Tiles(network, 3).run(uneven(64, 96), prepare, plain, tile=32, progress=shares.append)
    assert sum(shares) == pytest.approx(1)
    assert len(shares) > 6
