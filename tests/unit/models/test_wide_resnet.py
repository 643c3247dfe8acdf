"""Wide ResNet: as many parameters as its paper counts, and maps of the sides that it says."""

from __future__ import annotations

import pytest
import torch

from profond import models
from profond.core.errors import ConfigError


@pytest.mark.parametrize(("depth", "widen", "millions"), [(16, 8, 11.0), (28, 10, 36.5), (40, 4, 8.9)])
def test_it_has_as_many_parameters_as_in_the_paper(depth: int, widen: int, millions: float) -> None:
    with torch.device("meta"):
        model = models.create("wide_resnet", input_shape=(3, 32, 32), num_classes=10, depth=depth, widen=widen)
    assert sum(one.numel() for one in model.parameters()) / 1e6 == pytest.approx(millions, abs=0.06)


@pytest.mark.parametrize(("stride", "sides"), [(1, [48, 48, 24, 12]), (2, [24, 24, 12, 6])])
def test_the_first_convolution_may_halve_the_picture(stride: int, sides: list[int]) -> None:
    model = models.create("wide_resnet", input_shape=(3, 48, 48), num_classes=43, stem_stride=stride).eval()
    maps = model.stem(torch.zeros(1, 3, 48, 48))
    found = [tuple(maps.shape[1:])]
    for stage in model.body:
        maps = stage(maps)
        found.append(tuple(maps.shape[1:]))
    assert found == [(width, side, side) for width, side in zip((16, 32, 64, 128), sides, strict=True)]


def test_a_depth_that_three_equal_stages_cannot_have_is_refused() -> None:
    for depth in (4, 11, 18):
        with pytest.raises(ConfigError, match=r"6 n \+ 4"):
            models.create("wide_resnet", input_shape=(3, 48, 48), num_classes=43, depth=depth)
