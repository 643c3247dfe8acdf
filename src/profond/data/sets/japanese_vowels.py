"""Japanese Vowels: real speech as twelve coefficients over time; which of nine men said /ae/?

Source: M. Kudo, J. Toyama, M. Shimbo, "Multidimensional Curve Classification Using Passing-Through Regions",
Pattern Recognition Letters 20, 1999.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from profond.core.spec import Spec
from profond.data import register_data
from profond.data.dataset import Dataset
from profond.data.fetch.sources import DataFile, PipPackage, Source, obtain
from profond.data.preprocessing import Preprocessing
from profond.data.series.preparation import Ends, Preparation
from profond.data.series.ts import read_ts
from profond.data.split import TensorSplit

CHANNELS, STEPS, SPEAKERS = 12, 29, 9
FILES = (
    DataFile("JapaneseVowels_TRAIN.ts", "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd", 487_971),
    DataFile("JapaneseVowels_TEST.ts", "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462", 649_132),
)
SOURCES: tuple[Source, ...] = (
    PipPackage("aeon", "1.6.0", {file.name: f"aeon/datasets/data/JapaneseVowels/{file.name}" for file in FILES}),
)


@register_data("japanese_vowels", splits={"train": 270, "test": 370})
def japanese_vowels(ends: Ends = "mean") -> Dataset:
    """Nine speakers' utterances, 270 to train and 370 to test, 12 channels over 7 to 29 steps.

    Shorter utterances are followed by zeros up to 29 steps. Channels are divided by their root mean square over the
    training utterances; nothing is subtracted, so that the silence added stays zero.

    Args:
        ends: ``"mean"`` for those zeros; ``"missing"`` for none: utterances stay as long as they are, for a network
            that takes any length.
    """
    fetched = obtain("japanese_vowels", FILES, SOURCES)
    splits = {}
    scale: tuple[float, ...] = ()
    for split, file in (("train", FILES[0]), ("test", FILES[1])):
        table = read_ts(fetched.folder / file.name)
        targets = torch.tensor([int(label) - 1 for label in table.labels])
        followed = _stacked(table.signals, 0.0)
        if split == "train":
            steps = sum(signal.shape[1] for signal in table.signals)
            power = followed.double().square().sum((0, 2)) / steps
            scale = tuple(round(value, 6) for value in power.sqrt().tolist())
        zeros = TensorSplit(followed, targets, split)
        splits[split] = zeros
        if ends == "missing":
            splits[split] = TensorSplit(_stacked(table.signals, torch.nan), targets, split, origin=zeros)
    preparation = Preparation(CHANNELS, STEPS, table="ts", ends="missing", cut=False) if ends == "missing" else None
    preprocessing = Preprocessing(mean=(0.0,) * CHANNELS, std=scale, scale=1.0, series=preparation)
    spec = Spec((CHANNELS, STEPS), "ct", (-3.0, 3.0), tuple(f"speaker {i}" for i in range(1, SPEAKERS + 1)))
    return Dataset("japanese_vowels", spec, preprocessing, dict(splits), fetched.source)


def _stacked(signals: Sequence[NDArray[np.float32]], behind: float) -> Tensor:
    """Signals of different lengths as (n, c, t), and what stands behind the shorter ones."""
    stacked = torch.full((len(signals), CHANNELS, STEPS), behind)
    for row, signal in zip(stacked, signals, strict=True):
        row[:, : signal.shape[1]] = torch.from_numpy(signal)
    return stacked
