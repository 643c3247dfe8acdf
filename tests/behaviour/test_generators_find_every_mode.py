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
"""Samples that are looked at."""


@pytest.mark.full
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(
    ("recipe", "centres", "deviation"),
    [("ring", ring_centres(), RING_DEVIATION), ("grid", grid_centres(), GRID_DEVIATION)],
    ids=["ring", "grid"],
)
def test_every_heap_is_found(recipe: str, centres: torch.Tensor, deviation: float, seed: int) -> None:
    """Stricter than A. Srivastava et al., to whom one sample within three deviations is enough ("VEEGAN", NeurIPS 2017,
    section 4.1)."""
    experiment = assemble(changed(from_recipe(recipe), {"training.seed": seed, "training.device": "cpu"}))
    fit(experiment.model, experiment.task, experiment.batches("train", training=True), experiment.training)
    model: Any = experiment.model
    samples = samples_of(model, latents(model.latent_size, range(MADE), seed))
    distance, nearest = torch.cdist(samples, centres).min(1)
    found = torch.bincount(nearest[distance < 3 * deviation], minlength=len(centres))
    assert float(found.min()) > 0.25 * MADE / len(centres), f"a quarter of its share at least: {found.tolist()}"
    assert float(found.sum()) > 0.6 * MADE
