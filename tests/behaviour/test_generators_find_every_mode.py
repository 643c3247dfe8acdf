"""A generator of points finds every heap of a ring and of a grid, whatever the seed."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from profond.data.sets.points import GRID_DEVIATION, RING_DEVIATION, grid_centres, ring_centres
from profond.experiments.configuration import changed, from_recipe
from profond.experiments.experiment import assemble
from profond.measures.latents import latents
from profond.tasks.samples import samples_of
from profond.training.loop import fit

MADE = 2_500
"""Samples that are looked at; a heap is found that one of them is within three deviations of.

Source: A. Srivastava et al., "VEEGAN", NeurIPS 2017, section 4.1.
"""


@pytest.mark.full
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(
    ("recipe", "centres", "deviation"),
    [("ring", ring_centres(), RING_DEVIATION), ("grid", grid_centres(), GRID_DEVIATION)],
    ids=["ring", "grid"],
)
def test_every_heap_is_found(recipe: str, centres: torch.Tensor, deviation: float, seed: int) -> None:
    experiment = assemble(changed(from_recipe(recipe), {"training.seed": seed, "training.device": "cpu"}))
    fit(experiment.model, experiment.task, experiment.batches("train", training=True), experiment.training)
    model: Any = experiment.model
    samples = samples_of(model, latents(model.latent_size, range(MADE), seed))
    distance, nearest = torch.cdist(samples, centres).min(1)
    near = distance < 3 * deviation
    found = torch.bincount(nearest[near], minlength=len(centres))
    assert int((found > 0).sum()) == len(centres), found.tolist()
    # Where points lie anywhere, each heap is near to two or three of them.
    assert float(near.float().mean()) > 0.05
    share = torch.bincount(nearest, minlength=len(centres)) / MADE * len(centres)
    assert float(share.min()) > 0.3, "each heap has its share of the samples"
