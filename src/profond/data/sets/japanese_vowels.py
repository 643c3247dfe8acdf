"""Japanese Vowels: real speech as twelve coefficients over time; which of nine men said /ae/?

Source: M. Kudo, J. Toyama, M. Shimbo, "Multidimensional Curve Classification Using Passing-Through Regions",
Pattern Recognition Letters 20, 1999.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from profond.core.errors import DataError
from profond.core.spec import Spec
from profond.data import register_data
from profond.data.dataset import Dataset
from profond.data.fetch.sources import DataFile, PipPackage, Source, obtain
from profond.data.preprocessing import Preprocessing
from profond.data.series.preparation import Ends
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
        ends: ``"mean"`` for those zeros; ``"missing"`` for NaN instead, which networks that take any length get.
    """
    fetched = obtain("japanese_vowels", FILES, SOURCES)
    splits = {}
    scale: tuple[float, ...] = ()
    for split, file in (("train", FILES[0]), ("test", FILES[1])):
        signals, targets, lengths = read_ts(fetched.folder / file.name)
        if split == "train":
            power = signals.double().square().sum((0, 2)) / lengths.sum()
            scale = tuple(round(value, 6) for value in power.sqrt().tolist())
        if ends == "missing":
            steps = torch.arange(signals.shape[2])
            signals = signals.masked_fill((steps >= lengths[:, None])[:, None], torch.nan)
        splits[split] = TensorSplit(signals, targets, split)
    preprocessing = Preprocessing(mean=(0.0,) * CHANNELS, std=scale, scale=1.0)
    spec = Spec((CHANNELS, STEPS), "ct", (-3.0, 3.0), tuple(f"speaker {i}" for i in range(1, SPEAKERS + 1)))
    return Dataset("japanese_vowels", spec, preprocessing, dict(splits), fetched.source)


def read_ts(path: Path) -> tuple[Tensor, Tensor, Tensor]:
    """A ``.ts`` file: after ``@data`` one signal a line, channels parted by colons, the class last.

    Returns: signals (n, c, t) followed by zeros, classes from 0, lengths (n,) in steps.

    Raises: DataError when a line is not of that form.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    starts = [i for i, line in enumerate(lines) if line.strip().lower() == "@data"]
    if not starts:
        raise DataError(f"{path} has no @data line", "delete it; it will be fetched again")
    rows = [(i, line) for i, line in enumerate(lines[starts[0] + 1 :], starts[0] + 2) if line.strip()]
    signals = torch.zeros(len(rows), CHANNELS, STEPS)
    targets = torch.zeros(len(rows), dtype=torch.int64)
    lengths = torch.zeros(len(rows), dtype=torch.int64)
    for n, (number, line) in enumerate(rows):
        *channels, label = line.strip().split(":")
        try:
            values = torch.tensor([[float(value) for value in channel.split(",")] for channel in channels])
            targets[n] = int(label) - 1
            lengths[n] = values.shape[1]
            signals[n, :, : values.shape[1]] = values
        except (ValueError, RuntimeError, IndexError) as error:
            raise DataError(f"{path}, line {number}: {error}", "delete it; it will be fetched again") from None
    return signals, targets, lengths
