"""The baselines of series say what scikit-learn says."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from profond.core.spec import Spec
from profond.data.dataset import Dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import TensorSplit
from profond.measures.series_baselines import series_baselines


def ragged(count: int, seed: int) -> TensorSplit:
    random = torch.Generator().manual_seed(seed)
    targets = torch.arange(count) % 3
    series = torch.randn(count, 2, 12, generator=random) + 0.6 * targets[:, None, None]
    for i in range(count):
        series[i, :, 12 - i % 6 :] = torch.nan
    return TensorSplit(series, targets, "made")


def test_they_are_right_as_often_as_scikit_learns() -> None:
    splits = {"train": ragged(90, 0), "test": ragged(60, 1)}
    spec = Spec((2, 12), "ct", classes=("a", "b", "c"))
    dataset = Dataset("made", spec, Preprocessing(mean=(0.0,), scale=1.0), dict(splits), "made here")
    most, nearest, logistic = series_baselines(dataset, "test")

    def statistics(split: TensorSplit) -> np.ndarray:
        rows = []
        for one in split.samples.double().numpy():
            real = one[:, ~np.isnan(one[0])]
            rows.append([real.mean(1), real.std(1), real.min(1), real.max(1), real[:, 0], real[:, -1]])
        return np.array(rows).reshape(len(rows), -1)

    labels = {name: split.targets.numpy() for name, split in splits.items()}
    regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    regression.fit(statistics(splits["train"]), labels["train"])
    assert logistic.measured.value == regression.score(statistics(splits["test"]), labels["test"])
    padded = {
        name: np.nan_to_num(split.samples.double().numpy()).reshape(len(split), -1) for name, split in splits.items()
    }
    neighbour = KNeighborsClassifier(1).fit(padded["train"], labels["train"])
    assert nearest.measured.value == neighbour.score(padded["test"], labels["test"])
    assert most.measured.value == 1 / 3
