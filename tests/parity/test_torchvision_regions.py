"""Random regions are distributed as torchvision's are."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
import torch

from profond.core.randomness import generator
from profond.data.images.view import NUMBERS, View


@pytest.mark.parametrize(("width", "height", "least"), [(500, 375, 0.08), (500, 375, 0.35), (900, 300, 0.5)])
def test_the_regions_have_torchvisions_distribution(
    torchvision_models: ModuleType, width: int, height: int, least: float
) -> None:
    from torchvision.transforms import RandomResizedCrop

    blank = torch.empty(1, height, width)
    torch.manual_seed(0)
    theirs = np.array([RandomResizedCrop.get_params(blank, [least, 1.0], [3 / 4, 4 / 3]) for _ in range(4000)])
    rows = torch.rand(4000, NUMBERS, dtype=torch.float64, generator=generator(0, "regions")).tolist()
    boxes = np.array([View((8, 8), least, tuple(row)).region(width, height) for row in rows])
    ours = np.stack((boxes[:, 1], boxes[:, 0], boxes[:, 3] - boxes[:, 1], boxes[:, 2] - boxes[:, 0]), 1)
    for one, other in zip(theirs.T, ours.T, strict=True):  # top, left, height, width
        both = np.sort(np.concatenate((one, other)))
        ranks = [np.searchsorted(np.sort(each), both, side="right") / 4000 for each in (one, other)]
        assert np.abs(ranks[0] - ranks[1]).max() < 0.045  # Kolmogorov and Smirnov: a chance of 1 in 1,600
