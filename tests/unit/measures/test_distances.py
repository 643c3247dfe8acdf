"""Distances and neighbourhoods of two sets of samples, against definitions written out and torchmetrics."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torchmetrics.image.kid import poly_mmd

from profond.measures import distances
from profond.measures.compared import compared
from profond.measures.distances import frechet_distance, kernel_distance, standardised
from profond.measures.features import as_tensorflow_resizes, in_channels, of_points, random_features
from profond.measures.neighbourhoods import neighbourhoods

RANDOM = np.random.default_rng(0)
REAL, MADE = RANDOM.normal(size=(40, 6)), RANDOM.normal(0.4, 1.3, size=(40, 6))


def test_the_kernel_distance_is_the_mean_over_all_pairs() -> None:
    pairs = list(itertools.permutations(range(40), 2))

    def alike(one: np.ndarray, other: np.ndarray) -> float:
        return float((one @ other / 6 + 1) ** 3)

    mean = np.mean(
        [alike(REAL[i], REAL[j]) + alike(MADE[i], MADE[j]) - 2 * alike(REAL[i], MADE[j]) for i, j in pairs]
    )
    assert kernel_distance(REAL, MADE).value == pytest.approx(mean, rel=1e-9)


def test_the_kernel_distance_is_that_of_torchmetrics_but_for_the_pairs_of_equal_index() -> None:
    own = np.mean([(real @ made / 6 + 1) ** 3 for real, made in zip(REAL, MADE, strict=True)])
    theirs = float(poly_mmd(torch.from_numpy(REAL), torch.from_numpy(MADE)))
    cross = np.mean((REAL @ MADE.T / 6 + 1) ** 3)
    assert theirs == pytest.approx(kernel_distance(REAL, MADE).value + 2 * (40 * cross - own) / 39 - 2 * cross, rel=1e-9)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = kernel_distance(REAL, MADE), neighbourhoods(REAL, MADE).metrics
    monkeypatch.setattr(distances, "_CELLS_AT_ONCE", 7 * 40)
    parted = kernel_distance(REAL, MADE), neighbourhoods(REAL, MADE).metrics
    assert parted[0].value == pytest.approx(whole[0].value, rel=1e-12)
    assert parted[1] == whole[1]


def test_the_kernel_distance_of_one_distribution_is_about_0_and_its_interval_holds_that() -> None:
    values, inside = [], 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        found = kernel_distance(random.normal(size=(30, 4)), random.normal(size=(30, 4)))
        values.append(found.value)
        assert found.low is not None
        assert found.high is not None
        inside += found.low < 0 < found.high
    assert abs(np.mean(values)) < 3 * np.std(values) / 200**0.5
    assert inside >= 186


def test_the_distance_between_points_sees_modes_that_moments_do_not() -> None:
    angles = np.arange(400) % 8 * (np.pi / 4)
    ring = np.stack([np.cos(angles), np.sin(angles)], 1) + RANDOM.normal(0, 0.02, (400, 2))
    half = np.stack([np.cos(2 * angles), np.sin(2 * angles)], 1) + RANDOM.normal(0, 0.02, (400, 2))
    seen, missed = (kernel_distance(ring, half, kernel) for kernel in ("distance", "polynomial"))
    assert seen.low is not None
    assert seen.low > 0
    assert missed.low is not None
    assert missed.low < 0


def test_the_frechet_distance_is_that_of_normal_distributions_and_left_out_of_few_samples() -> None:
    random = np.random.default_rng(1)
    one, other = random.normal(size=(20_000, 2)), random.normal(size=(20_000, 2)) * (1, 3) + (2, 0)
    found = frechet_distance(one, other)
    assert found is not None
    assert found.value == pytest.approx(4 + (3 - 1) ** 2, rel=0.03)
    assert frechet_distance(one[:3], other[:3]) is None
    equal = frechet_distance(one, one)
    assert equal is not None
    assert equal.value == pytest.approx(0, abs=1e-9)


def test_neighbourhoods_are_those_of_their_definition() -> None:
    def radius(samples: np.ndarray, k: int) -> np.ndarray:
        return np.sort(np.linalg.norm(samples[:, None] - samples, axis=2), 1)[:, k]

    apart = np.linalg.norm(MADE[:, None] - REAL, axis=2)
    found = neighbourhoods(REAL, MADE)
    np.testing.assert_array_equal(found.precise, (apart <= radius(REAL, 3)).any(1))
    np.testing.assert_array_equal(found.recalled, (apart <= radius(MADE, 3)[:, None]).any(0))
    np.testing.assert_allclose(found.dense, (apart <= radius(REAL, 5)).sum(1) / 5)
    np.testing.assert_array_equal(found.covered, (apart <= radius(REAL, 5)).any(0))


def test_a_feature_that_never_varies_among_real_samples_does_not_blow_up() -> None:
    real, made = REAL.copy(), MADE.copy()
    real[:, 0], made[:, 0] = 1.0, 1.0 + 1e-9
    assert np.abs(standardised(real, made)[1]).max() < 10


def test_forty_pictures_have_a_kernel_distance_and_no_frechet_distance() -> None:
    pictures = torch.randint(0, 256, (40, 1, 9, 7), dtype=torch.uint8)
    metrics = compared(random_features(), pictures, pictures.flip(0))
    assert "frechet_distance" not in metrics
    assert {"kernel_distance", "precision", "recall", "density", "coverage"} == metrics.keys()


def test_features_are_remembered_and_those_of_other_samples_are_not_taken_for_them() -> None:
    features = of_points()
    one, other = torch.rand(50, 2), torch.rand(50, 2)
    np.testing.assert_array_equal(features(one), one.double().numpy())
    assert features(one) is features(one.clone())
    np.testing.assert_array_equal(features(other), other.double().numpy())


def test_grey_in_colour_and_back_is_the_same() -> None:
    grey = torch.randint(0, 256, (2, 1, 4, 5), dtype=torch.uint8)
    torch.testing.assert_close(in_channels(in_channels(grey, 3), 1), grey.float())


def test_pictures_are_resized_as_fid_wants_it() -> None:
    row = torch.tensor([0.0, 10.0, 20.0]).expand(1, 1, 3, 3)
    assert as_tensorflow_resizes(row, 6)[0, 0, 0].tolist() == [0, 5, 10, 15, 20, 20]
