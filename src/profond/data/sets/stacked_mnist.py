"""Stacked MNIST: three handwritten digits on top of each other, in red, green and blue: a thousand modes.

A generator that leaves modes out is found out by counting which of the thousand numbers it makes.

Source: L. Metz et al., Unrolled Generative Adversarial Networks, ICLR 2017, section 3.3.1; LeCun, Cortes and Burges,
"The MNIST database of handwritten digits", 1998.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field

from profond.core.config import Integer
from profond.core.randomness import numpy_generator
from profond.core.spec import Spec
from profond.data import register_data
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.sets.mnist import mnist
from profond.data.split import TensorSplit

MODES = 1000
_EVERY_MODE = 20_000
"""Pictures among which all modes are: the rarest has a share of 0.0007 of them."""
Count = Annotated[Integer, Field(ge=_EVERY_MODE, le=1_000_000)]


@register_data("stacked_mnist", splits={"train": 50_000, "test": 20_000})
def stacked_mnist(train_pictures: Count = 50_000, test_pictures: Count = 20_000, seed: int = 0) -> Dataset:
    """Three handwritten digits in red, green and blue, 28×28; the class is the number that they make, 000 to 999.

    Args:
        train_pictures: of digits of MNIST's 60,000 to train.
        test_pictures: of digits of its 10,000 to test.
        seed: another seed, other numbers.
    """
    digits = mnist()
    splits = {}
    for name, count in (("train", train_pictures), ("test", test_pictures)):
        split = digits.split(name)
        assert isinstance(split, TensorSplit)
        chosen = torch.from_numpy(numpy_generator(seed, "stacked_mnist", name).integers(len(split), size=(count, 3)))
        numbers = (split.targets[chosen] * torch.tensor([100, 10, 1])).sum(1)
        splits[name] = TensorSplit(split.samples[:, 0][chosen], numbers, name)
    usual = digits.preprocessing
    preprocessing = Preprocessing((28, 28), "RGB", usual.mean * 3, usual.std * 3, fixed_size=True)
    spec = Spec((3, 28, 28), "chw", (0.0, 255.0), tuple(f"{number:03}" for number in range(MODES)))
    return Dataset("stacked_mnist", spec, preprocessing, dict(splits), digits.source)
