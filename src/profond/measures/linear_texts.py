"""What simple means say of texts: the most frequent class, and a linear model of words and pairs of words.

Notable features:
- TF-IDF of words and of two neighbouring words, logarithmic counts, each text of length 1
- multinomial logistic regression with an L2 penalty, whose strength a fifth of the training texts decide

Source: S. Wang and C. D. Manning, Baselines and Bigrams: Simple, Good Sentiment and Topic Classification, ACL 2012.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profond.measures.intervals import wilson
from profond.measures.measured import SHARE, Measured

_WORD = re.compile(r"\w+(?:['\N{RIGHT SINGLE QUOTATION MARK}]\w+)*")
MOST = 20_000
"""Texts that it learns from, evenly spaced: more would take longer than the network."""
_PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Weights of the data against the penalty, as scikit-learn's C."""
_FEWEST = 2
"""Texts that a word or a pair has to be in."""


@dataclass(frozen=True)
class Simple:
    """What simple means reach on the same samples.

    Args:
        metrics: by name.
        right: for each sample, whether the linear model names its class, 0 or 1.
    """

    metrics: dict[str, Measured]
    right: NDArray[np.float64]


def simple_classes(
    train: Sequence[str], labels: Sequence[int], test: Sequence[str], true: Sequence[int], classes: int
) -> Simple:
    """The share of test texts whose class is named rightly by the most frequent class, and by the linear model."""
    counts = np.bincount(labels, minlength=classes)
    truth = np.asarray(true)
    majority = float((truth == int(counts.argmax())).mean())
    right = (LinearTexts(train, labels, classes).predict(test) == truth).astype(np.float64)
    found = wilson(int(right.sum()), len(right))
    return Simple(
        {
            "majority": Measured(majority, unit=SHARE, title="accuracy of the most frequent class"),
            "linear": Measured(found.value, found.low, found.high, SHARE, title="accuracy of words and pairs, linear"),
        },
        right,
    )


class LinearTexts:
    """TF-IDF of words and pairs with logistic regression.

    Args:
        texts: to learn from.
        labels: the class of each, from 0.
        classes: how many there are.
    """

    def __init__(self, texts: Sequence[str], labels: Sequence[int], classes: int) -> None:
        every = max(1, -(-len(texts) // MOST))
        texts, labels = list(texts)[::every], list(labels)[::every]
        self.classes = classes
        found: Counter[str] = Counter()
        for text in texts:
            found.update(set(grams(text)))
        kept = sorted(gram for gram, count in found.items() if count >= _FEWEST) or sorted(found)
        self.place = {gram: at for at, gram in enumerate(kept)}
        held = np.array([found[gram] for gram in kept], dtype=np.float64)
        self.weight = np.log((1 + len(texts)) / (1 + held)) + 1
        table, wanted = self._table(texts), np.asarray(labels)
        chosen = _PENALTIES[len(_PENALTIES) // 2]
        if len(texts) >= 50:
            aside = np.arange(len(texts)) % 5 == 4
            scores = []
            for penalty in _PENALTIES:
                weights = _fitted(table[~aside], wanted[~aside], classes, penalty)
                scores.append(float((_said(table[aside], weights) == wanted[aside]).mean()))
            chosen = _PENALTIES[int(np.argmax(scores))]
        self.weights = _fitted(table, wanted, classes, chosen)

    def predict(self, texts: Sequence[str]) -> NDArray[np.int64]:
        return _said(self._table(texts), self.weights)

    def _table(self, texts: Sequence[str]) -> Any:
        """A row for each text, of length 1, and at its end a 1 for the constant."""
        from scipy.sparse import csr_matrix  # half a second that only texts pay

        starts, columns, values = [0], list[int](), list[float]()
        constant = len(self.place)
        for text in texts:
            counts = Counter(self.place[gram] for gram in grams(text) if gram in self.place)
            row = np.array([(1 + np.log(count)) * self.weight[at] for at, count in counts.items()])
            length = float(np.sqrt(np.square(row).sum())) if len(row) else 1.0
            columns += [*counts, constant]
            values += [*(row / length).tolist(), 1.0]
            starts.append(len(columns))
        return csr_matrix((values, columns, starts), shape=(len(texts), constant + 1))


def grams(text: str) -> list[str]:
    """Words and pairs of neighbours, in small letters."""
    words = _WORD.findall(text.lower())
    return [*words, *(f"{one} {other}" for one, other in pairwise(words))]


def _said(table: Any, weights: NDArray[np.float64]) -> NDArray[np.int64]:
    said: NDArray[np.int64] = np.asarray(table @ weights).argmax(1)
    return said


def _fitted(table: Any, labels: NDArray[Any], classes: int, strength: float) -> NDArray[np.float64]:
    """Weights (columns, classes) that minimise strength × the sum of the losses + half the sum of their squares."""
    from scipy.optimize import minimize

    columns = table.shape[1]
    wanted = np.eye(classes)[labels]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(columns, classes)
        scores = table @ weights
        scores -= scores.max(1, keepdims=True)
        total = np.log(np.exp(scores).sum(1))
        penalised = weights.copy()
        penalised[-1] = 0  # the constant is free
        slope = strength * (table.T @ (np.exp(scores - total[:, None]) - wanted)) + penalised
        value = strength * float((total - (scores * wanted).sum(1)).sum()) + 0.5 * float(np.square(penalised).sum())
        return value, slope.ravel()

    found = minimize(loss, np.zeros(columns * classes), jac=True, method="L-BFGS-B", options={"maxiter": 200})
    weights: NDArray[np.float64] = found.x.reshape(columns, classes)
    return weights
