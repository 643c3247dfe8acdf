"""Turned digits are MNIST's, turned by the angles that are to be estimated."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from profond.core.errors import ConfigError, MissingError
from profond.core.spec import Quantity
from profond.data import open_dataset
from profond.data.dataset import Dataset


def opened(name: str, **settings: object) -> Dataset:
    try:
        return open_dataset(name, **settings)
    except MissingError as error:
        pytest.skip(f"MNIST cannot be had here: {error.message.splitlines()[-1].strip()}")


def alike(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def test_turned_back_by_its_angle_each_digit_is_upright_again() -> None:
    turned, upright = opened("turned_digits", train_digits=60, test_digits=20), opened("mnist")
    assert turned.spec.quantities == (Quantity("angle", "°"),)
    for name, count in (("train", 60), ("test", 20)):
        angles = turned.split(name).targets[:, 0].tolist()
        assert len(angles) == count
        assert -45 <= min(angles) < -30 < 30 < max(angles) <= 45
        for index, angle in enumerate(angles):
            digit = turned.split(name).raw(index)[0].numpy()
            back = np.asarray(Image.fromarray(digit).rotate(-angle, Image.Resampling.BILINEAR))
            original = upright.split(name).raw(index)[0].numpy()
            assert alike(back, original) > 0.9
            if abs(angle) > 20:
                assert alike(digit, original) < alike(back, original)


def test_another_seed_has_other_angles() -> None:
    one, other = (opened("turned_digits", train_digits=9, test_digits=9, seed=seed) for seed in (0, 1))
    assert (one.split("train").targets != other.split("train").targets).any()


@pytest.mark.parametrize("settings", [{"train_digits": 1}, {"test_digits": 10_001}, {"greatest_angle": 0.5}])
def test_what_cannot_be_is_refused(settings: dict[str, float]) -> None:
    opened("mnist")
    with pytest.raises(ConfigError, match=r"of (turned_digits is|data .turned_digits.)"):
        open_dataset("turned_digits", **settings)
