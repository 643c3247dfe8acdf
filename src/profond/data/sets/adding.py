"""Two of many numbers are marked; what is their sum? The second mark stands far behind the first.

Who answers must have kept the first number over half of the sequence and more: a network that learns this learns over
that many steps. Always answering 1, the mean, is wrong by 0.41 (the root of 1/6) on average.

Source: S. Hochreiter and J. Schmidhuber, Long short-term memory, Neural Computation 9, 1997, section 5.4; numbers from
0 to 1 and sequences of one length as in Q. V. Le, N. Jaitly and G. E. Hinton, A simple way to initialize recurrent
networks of rectified linear units, arXiv:1504.00941, section 4.1.
"""

from __future__ import annotations

import torch

from profond.core.errors import ConfigError
from profond.core.randomness import generator
from profond.core.spec import Quantity, Spec
from profond.data import register_data
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.series.preparation import Ends, Preparation
from profond.data.split import TensorSplit

MEAN, DEVIATION = 0.5, 0.288675  # of a number from 0 to 1


@register_data("adding")
def adding(
    length: int = 50, train_sequences: int = 10_000, test_sequences: int = 1_000, seed: int = 0, ends: Ends = "mean"
) -> Dataset:
    """Sequences of numbers from 0 to 1, two of them marked: their sum is to be estimated.

    Args:
        length: steps. One mark stands in the first half, the other in the second.
        train_sequences: to train.
        test_sequences: to test.
        seed: another seed, other sequences.
        ends: of sequences that come later: ``"mean"`` brings them to the same length, ``"missing"`` leaves them as long
            as they are, for a network that takes any length.
    """
    if not 2 <= length <= 10_000:
        raise ConfigError(f"length of adding is {length}", "use 2 to 10000 steps")
    for split, count in (("train", train_sequences), ("test", test_sequences)):
        if not 2 <= count <= 1_000_000:
            raise ConfigError(f"{split}_sequences of adding is {count}", "use 2 to 1000000")
    splits = {}
    for name, count in (("train", train_sequences), ("test", test_sequences)):
        random = generator(seed, "adding", name)
        numbers = torch.rand(count, length, generator=random)
        first = torch.randint(0, length // 2, (count,), generator=random)
        second = torch.randint(length // 2, length, (count,), generator=random)
        every = torch.arange(count)
        marks = torch.zeros(count, length)
        marks[every, first] = marks[every, second] = 1
        sums = numbers[every, first] + numbers[every, second]
        splits[name] = TensorSplit(torch.stack([numbers, marks], 1), sums[:, None], name)
    preparation = Preparation(2, length, names=("number", "mark"), ends=ends, cut=ends == "mean")
    preprocessing = Preprocessing(mean=(MEAN, 0.0), std=(DEVIATION, 1.0), scale=1.0, series=preparation)
    spec = Spec((2, length), "ct", (0.0, 1.0), quantities=(Quantity("sum"),))
    return Dataset("adding", spec, preprocessing, dict(splits), "made here")
