"""Digits of MNIST, each turned by an angle that is known: how far was it turned?

Nobody writes quite upright, so a digit's own slant, which nobody measured, is a part of every error.

Source: MathWorks, "Train Convolutional Neural Network for Regression", which asks this of drawn digits, turned by up to
45 degrees as here; LeCun, Cortes and Burges, "The MNIST database of handwritten digits", 1998.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from PIL import Image
from pydantic import Field

from profond.core.config import Number
from profond.core.errors import ConfigError
from profond.core.randomness import numpy_generator
from profond.core.spec import Quantity, Spec
from profond.data import register_data
from profond.data.dataset import Dataset
from profond.data.sets.mnist import mnist
from profond.data.split import TensorSplit


@register_data("turned_digits", splits={"train": 10_000, "test": 2_000})
def turned_digits(
    train_digits: int = 10_000,
    test_digits: int = 2_000,
    greatest_angle: Annotated[Number, Field(ge=1, le=180)] = 45.0,
    seed: int = 0,
) -> Dataset:
    """MNIST's digits, turned by −45 to 45 degrees: the angle is to be estimated, from 28×28 grey.

    Args:
        train_digits: the first so many of MNIST's 60,000 to train.
        test_digits: the first so many of its 10,000 to test.
        greatest_angle: in degrees, in both directions; an angle above 0 is to the left, against the clock.
        seed: another seed, other angles.
    """
    upright = mnist()
    splits = {}
    for name, count in (("train", train_digits), ("test", test_digits)):
        split = upright.split(name)
        assert isinstance(split, TensorSplit)
        if not 2 <= count <= len(split):
            raise ConfigError(f"{name}_digits of turned_digits is {count}", f"use 2 to {len(split)}")
        splits[name] = split.subset(range(count))
    turned = {name: _turned(split, name, greatest_angle, seed) for name, split in splits.items()}
    spec = Spec((1, 28, 28), "chw", (0.0, 255.0), quantities=(Quantity("angle", "°"),))
    return Dataset("turned_digits", spec, upright.preprocessing, dict(turned), upright.source)


def _turned(upright: TensorSplit, name: str, greatest_angle: float, seed: int) -> TensorSplit:
    random = numpy_generator(seed, "turned_digits", name)
    angles = random.uniform(-greatest_angle, greatest_angle, len(upright)).round(1)
    pictures = upright.samples[:, 0].numpy()
    turned = [
        np.asarray(Image.fromarray(digit).rotate(angle, Image.Resampling.BILINEAR))
        for digit, angle in zip(pictures, angles, strict=True)
    ]
    samples = torch.from_numpy(np.stack(turned))[:, None]
    return TensorSplit(samples, torch.from_numpy(angles[:, None]), name)
