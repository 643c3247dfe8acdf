"""MicronNet: the paper's sizes, and no more parameters than the paper allows itself."""

from __future__ import annotations

import pytest
import torch

from profond import models
from profond.core.errors import ConfigError


def test_it_has_the_papers_sizes() -> None:
    model = models.create("micronnet", input_shape=(3, 48, 48), num_classes=43)
    sizes = []
    maps = model.colours(torch.zeros(1, 3, 48, 48))
    for block in model.body:
        maps = block(maps)
        sizes.append(tuple(maps.shape[1:]))
    assert sizes == [(29, 22, 22), (59, 10, 10), (74, 4, 4)]
    assert sum(one.numel() for one in model.parameters()) == 424_491 < 510_000


def test_any_size_of_24_and_more_fits_what_the_poolings_leave() -> None:
    for side in range(24, 60):
        model = models.create("micronnet", input_shape=(3, side, side + 1), num_classes=2, widths=(2, 2, 2)).eval()
        assert model(torch.zeros(1, 3, side, side + 1)).shape == (1, 2)
    with pytest.raises(ConfigError, match="24×24"):
        models.create("micronnet", input_shape=(3, 23, 30), num_classes=2)


def test_three_widths_are_wanted() -> None:
    with pytest.raises(ConfigError, match="three numbers"):
        models.create("micronnet", input_shape=(3, 48, 48), num_classes=2, widths=(29, 59))
