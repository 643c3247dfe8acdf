"""Points whose distribution is known: where they lie, and of which mode each is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from profond.core.errors import DataError
from profond.data import open_dataset
from profond.data.sets.points import GRID_DEVIATION, RING_DEVIATION, grid_centres, ring_centres


@pytest.mark.parametrize(
    ("name", "centres", "deviation"),
    [("ring", ring_centres(), RING_DEVIATION), ("grid", grid_centres(), GRID_DEVIATION)],
)
def test_points_lie_around_the_mode_that_they_are_marked_with(name, centres, deviation):
    for split in open_dataset(name).splits.values():
        mode = split.marks["mode"]
        assert set(mode.tolist()) == set(range(len(centres)))
        away = split.samples - centres[mode]
        assert away.abs().max() < 6 * deviation
        assert away.std() == pytest.approx(deviation, rel=0.03)
        assert torch.equal(torch.cdist(split.samples, centres).argmin(1), mode)


def test_the_modes_of_ring_and_grid_are_as_far_apart_for_their_width_as_published():
    def widths_apart(centres, deviation):
        return float(torch.pdist(centres).min()) / deviation

    assert widths_apart(ring_centres(), RING_DEVIATION) == pytest.approx(2 * 2 * np.sin(np.pi / 8) / 0.02, rel=1e-4)
    assert widths_apart(grid_centres(), GRID_DEVIATION) == pytest.approx(2 / 0.05, rel=1e-4)


def test_moons_without_noise_are_two_half_circles():
    split = open_dataset("two_moons", noise=0.0).split("train")
    for moon, centre, upper in ((0, (-1 / 3, -1 / 6), True), (1, (1 / 3, 1 / 6), False)):
        away = split.samples[split.marks["moon"] == moon] - torch.tensor(centre)
        assert torch.allclose(away.norm(dim=1), torch.tensor(2 / 3), atol=1e-5)
        assert bool((away[:, 1] > -1e-5).all()) is upper


def test_a_drawing_s_points_lie_where_it_is_dark_the_right_way_up(tmp_path):
    pixels = np.full((40, 80), 250, dtype=np.uint8)  # paper is not quite white
    pixels[:10, :20] = 0
    Image.fromarray(pixels).save(tmp_path / "mine.png")
    points = open_dataset("drawing", path=str(tmp_path / "mine.png")).split("train").samples
    assert points.amin(0).tolist() == pytest.approx([-1, 0.25], abs=0.01)
    assert points.amax(0).tolist() == pytest.approx([-0.5, 0.5], abs=0.01)


def test_a_drawing_with_nothing_on_it_and_one_that_is_not_there_are_named(tmp_path):
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(tmp_path / "empty.png")
    with pytest.raises(DataError, match=r"empty\.png is white all over"):
        open_dataset("drawing", path=str(tmp_path / "empty.png"))
    with pytest.raises(DataError, match=r"there is no drawing .*gone\.png"):
        open_dataset("drawing", path=str(tmp_path / "gone.png"))


def test_another_seed_gives_other_points_and_test_is_not_train():
    first, other = (open_dataset("ring", seed=seed) for seed in (0, 1))
    assert not torch.equal(first.split("train").samples, other.split("train").samples)
    assert not torch.equal(first.split("train").samples[:2500], first.split("test").samples)
