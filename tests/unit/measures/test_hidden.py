"""Networks that were built to hide, or not to: the cycle in 8 bits and as JPEG tells them apart."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from profond.measures.hidden import cycle


def pictures(channels: int = 3) -> Tensor:
    random = torch.Generator().manual_seed(0)
    coarse = 2 * torch.rand((6, channels, 8, 8), generator=random) - 1
    return torch.nn.functional.interpolate(coarse, (32, 32), mode="bilinear")


def inverted(x: Tensor) -> Tensor:
    return -x


class Hiding:
    """A grey page on which the picture is written, too faint to be seen: by how many of 256 levels."""

    def __init__(self, levels: float) -> None:
        self.faint = levels / 127.5

    def there(self, x: Tensor) -> Tensor:
        return x * self.faint

    def back(self, y: Tensor) -> Tensor:
        return (y / self.faint).clamp(-1, 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_hidden_below_the_last_bit_is_lost_in_8_bits(channels: int) -> None:
    hiding = Hiding(levels=0.4)
    found = cycle(hiding.there, hiding.back, pictures(channels))
    assert found.as_is < 1e-4
    assert found.eight_bits > 0.1
    assert found.lost_eight_bits < 0.002
    assert found.hides
    assert "the way back needs what is hidden in B" in found.sentence()


def test_what_is_hidden_in_the_last_bits_survives_8_bits_and_not_jpeg() -> None:
    hiding = Hiding(levels=4)
    found = cycle(hiding.there, hiding.back, pictures())
    assert found.eight_bits < 0.1
    assert found.jpeg > 0.1
    assert found.hides


@pytest.mark.parametrize("channels", [1, 3])
def test_what_stands_visibly_in_the_translation_survives_both(channels: int) -> None:
    found = cycle(inverted, inverted, pictures(channels), batch_size=4)
    assert found.as_is == 0
    assert found.eight_bits == pytest.approx(found.lost_eight_bits)
    assert found.jpeg == pytest.approx(found.lost_jpeg)
    assert 0 < found.eight_bits < found.jpeg < 0.05
    assert not found.hides
    assert "stands visibly in drawings" in found.sentence("photos", "drawings")
    assert found.to_json()["count"] == 6


def test_a_cycle_that_comes_back_badly_in_any_case_is_not_called_hiding() -> None:
    found = cycle(inverted, torch.zeros_like, pictures())
    assert found.as_is > 0.1
    assert not found.hides


def test_the_batch_size_changes_nothing() -> None:
    hiding = Hiding(levels=2)
    one, many = (cycle(hiding.there, hiding.back, pictures(), batch_size=size) for size in (1, 6))
    assert one.jpeg == pytest.approx(many.jpeg, abs=1e-6)
