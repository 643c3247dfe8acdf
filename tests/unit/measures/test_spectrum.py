"""The energy at half the sampling frequency tells a checkerboard from what pictures have anyway."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from profond.core.errors import DataError
from profond.measures.spectrum import Checkerboards, checkerboard


def smooth(height: int = 64, width: int = 48) -> Tensor:
    random = torch.Generator().manual_seed(0)
    coarse = torch.rand((4, 3, 8, 8), generator=random)
    return nn.functional.interpolate(coarse, (height, width), mode="bicubic")


def noise() -> Tensor:
    return torch.rand((4, 3, 64, 48), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("pictures", [smooth(), smooth(65, 47), noise()], ids=["smooth", "odd sides", "noise"])
def test_pictures_without_a_pattern_have_about_one(pictures: Tensor) -> None:
    found = checkerboard(pictures)
    assert found.shape == (4,)
    assert (found < 2).all()
    assert (found > 0.3).all()


@pytest.mark.parametrize("shape", [(-1, 1), (1, -1), (-1, -1)], ids=["across", "down", "both"])
def test_a_faint_pattern_stands_out(shape: tuple[int, int]) -> None:
    rows, columns = (torch.tensor([-1.0, 1.0]) if one == -1 else torch.ones(2) for one in shape)
    pattern = (rows[:, None] * columns).repeat(32, 24)
    assert (checkerboard(smooth() + 0.01 * pattern) > 5).all()


def test_a_transposed_convolution_leaves_one_and_resizing_before_a_convolution_does_not() -> None:
    torch.manual_seed(0)
    inputs = nn.functional.interpolate(torch.rand(8, 16, 8, 8), (32, 32), mode="bilinear")
    transposed = nn.ConvTranspose2d(16, 3, 3, 2, padding=1, output_padding=1)
    resized = nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(16, 3, 3, padding=1))
    with torch.no_grad():
        inner = slice(4, -4)  # borders have frequencies of their own
        with_pattern, without = (checkerboard(net(inputs)[..., inner, inner]) for net in (transposed, resized))
    assert with_pattern.median() > 20 * without.median()


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(DataError, match="8×8"):
        checkerboard(torch.zeros(1, 3, 8, 8))


def test_a_plain_page_is_no_checkerboard() -> None:
    assert checkerboard(torch.full((1, 3, 32, 32), 0.3)).item() == pytest.approx(1)


def test_a_checkerboard_is_told_where_real_pictures_have_none() -> None:
    pattern = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(32, 24)
    with_pattern = Checkerboards.of(smooth() + 0.05 * pattern, smooth())
    without = Checkerboards.of(smooth(), smooth())
    assert with_pattern is not None
    assert without is not None
    assert "upsample=resize" in " ".join(with_pattern.lines())
    assert with_pattern.to_json()["made"] > 5
    assert without.lines() == []
    assert Checkerboards.of(smooth(8, 8), smooth()) is None
