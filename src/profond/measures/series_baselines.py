"""What simple methods make of series with classes: the least that a network has to beat.

Each learns from train alone, and takes a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import DataError
from profond.data.dataset import Dataset
from profond.data.split import Split
from profond.measures.intervals import wilson
from profond.measures.measured import SHARE, Measured

MOST = 20_000
"""Series to learn from, up to which each is compared with each."""
STATISTICS = ("mean", "standard deviation", "least", "greatest", "first", "last")
STRENGTH = 1.0
"""Of the logistic regression's penalty: half the sum of squares of its weights, beside the sum of the losses."""


@dataclass(frozen=True)
class Baseline:
    """A simple method, and how often it is right."""

    name: str
    measured: Measured


def series_baselines(dataset: Dataset, split: str) -> list[Baseline]:
    """The most frequent class, the nearest series of train, and logistic regression on six statistics of each channel.

    Args:
        dataset: of series (c, t) with a class each; their steps count up to the last that is not NaN.
        split: on which they are measured.

    Raises: DataError for other data, and for more than can be compared in a moment.
    """
    spec = dataset.spec
    if spec.axes != "ct" or not spec.classes or spec.each:
        raise DataError(
            f"{dataset.name} is no set of series with a class each",
            "of texts and pairs, `profond evaluate` measures a simple method beside the network;"
            " `profond forecast` does of what comes next in a table",
        )
    known, asked = dataset.split("train"), dataset.split(split)
    if len(known) > MOST:
        raise DataError(f"{len(known):,} series are to be learned from, and {MOST:,} at most here", "take a part")
    train, test = _series(known), _series(asked)
    learned, true = known.targets.numpy(), asked.targets.numpy()
    most = np.full(len(true), np.bincount(learned).argmax())
    said = {
        "most frequent class": most,
        "nearest series of train": _nearest(train, learned, test),
        f"logistic regression on {', '.join(STATISTICS)} of each channel": _logistic(
            _statistics(train), learned, _statistics(test), len(spec.classes)
        ),
    }
    return [Baseline(name, _accuracy(answers, true)) for name, answers in said.items()]


def _accuracy(said: NDArray[np.int64], true: NDArray[np.int64]) -> Measured:
    return wilson(int((said == true).sum()), len(true)).called("accuracy", unit=SHARE, better="higher")


def _series(split: Split) -> list[NDArray[np.float64]]:
    """Each as long as it is, (c, t)."""
    found = []
    for index in range(len(split)):
        values = split.raw(index).double().numpy()
        steps = np.flatnonzero(~np.isnan(values).all(0))
        found.append(np.nan_to_num(values[:, : steps[-1] + 1 if len(steps) else 1]))
    return found


def _statistics(series: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Six numbers of each channel (n, 6c)."""
    return np.stack(
        [np.concatenate([one.mean(1), one.std(1), one.min(1), one.max(1), one[:, 0], one[:, -1]]) for one in series]
    )


def _nearest(
    train: Sequence[NDArray[np.float64]], labels: NDArray[np.int64], test: Sequence[NDArray[np.float64]]
) -> NDArray[np.int64]:
    """The class of the series with the least Euclidean distance, zeros behind the shorter ones."""
    longest = max(one.shape[1] for one in (*train, *test))

    def flat(series: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.stack([np.pad(one, ((0, 0), (0, longest - one.shape[1]))).ravel() for one in series])

    known, asked = flat(train), flat(test)
    answers = []
    for some in np.array_split(asked, max(1, len(asked) // 256)):
        # Without the asked one's own square, which is the same for all that it is compared with.
        answers.append(labels[((known**2).sum(1) - 2 * some @ known.T).argmin(1)])
    return np.concatenate(answers)


def _logistic(
    train: NDArray[np.float64], labels: NDArray[np.int64], test: NDArray[np.float64], classes: int
) -> NDArray[np.int64]:
    """Multinomial logistic regression on standardised columns, as scikit-learn's with its usual penalty."""
    from scipy.optimize import minimize  # not above: naming the measures must not pay for it
    from scipy.special import log_softmax

    mean, deviation = train.mean(0), train.std(0)
    deviation[deviation < 1e-12] = 1.0
    inputs, wanted = (train - mean) / deviation, np.eye(classes)[labels]
    width = inputs.shape[1]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights, bias = flat[: width * classes].reshape(width, classes), flat[width * classes :]
        scores = log_softmax(inputs @ weights + bias, axis=1)
        off = np.exp(scores) - wanted
        value = -(wanted * scores).sum() + STRENGTH / 2 * (weights**2).sum()
        return float(value), np.concatenate([(inputs.T @ off + STRENGTH * weights).ravel(), off.sum(0)])

    found = minimize(loss, np.zeros((width + 1) * classes), jac=True, method="L-BFGS-B", options={"maxiter": 2000})
    weights, bias = found.x[: width * classes].reshape(width, classes), found.x[width * classes :]
    answers: NDArray[np.int64] = ((test - mean) / deviation @ weights + bias).argmax(1)
    return answers
