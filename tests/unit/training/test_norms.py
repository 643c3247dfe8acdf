"""Batch normalisation over several processes, with one that stands for all of them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from profond.training.norms import SharedNorms


@pytest.mark.parametrize("mean", [0.0, 100.0, 5000.0])
def test_numbers_far_from_zero_are_normalised_as_exactly_as_by_one_process(mean: float) -> None:
    inputs = torch.randn(64, 3, 4, 4, generator=torch.Generator().manual_seed(0)) + mean
    exact = F.batch_norm(inputs.double(), None, None, training=True)
    alone = (F.batch_norm(inputs, None, None, training=True) - exact).abs().max()
    with SharedNorms(lambda part: part):
        shared = (F.batch_norm(inputs, None, None, training=True) - exact).abs().max()
    assert shared < 2 * alone + 1e-6


def test_two_parts_of_unlike_means_give_the_statistics_of_the_whole() -> None:
    inputs = torch.cat([torch.randn(8, 2), torch.randn(8, 2) + 50])
    asked: list[torch.Tensor] = []

    def keep(part: torch.Tensor) -> torch.Tensor:
        asked.append(part)
        return part

    for part in inputs.chunk(2):
        with SharedNorms(keep):
            F.batch_norm(part, None, None, training=True)
    with SharedNorms(lambda part: asked[0] + asked[1]):
        halves = [F.batch_norm(part, None, None, training=True) for part in inputs.chunk(2)]
    torch.testing.assert_close(torch.cat(halves), F.batch_norm(inputs, None, None, training=True))
