"""Texts that are nearly the same, which must not stand on both sides of a split."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

WORD = re.compile(r"\w+")
AT_ONCE = 500  # bounds the memory of the table of overlaps


def nearest_overlap(texts: Sequence[str], others: Sequence[str]) -> NDArray[np.float64]:
    """Of each text, the largest share that its set of words has in common with one of the others.

    The share is that of Jaccard: words in both, over words in one of them at least; capitals do not count.

    Returns: (n,), 1 where another text has the same words.
    """
    if not texts or not others:
        return np.zeros(len(texts))
    numbers: dict[str, int] = {}
    ours, theirs = _table(texts, numbers), _table(others, numbers)
    width = len(numbers)
    ours.resize(len(texts), width)
    theirs.resize(len(others), width)
    sizes, other_sizes = (np.asarray(table.sum(1)).ravel() for table in (ours, theirs))
    nearest = np.zeros(len(texts))
    for first in range(0, len(texts), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        common = (ours[part] @ theirs.T).toarray()
        either = np.maximum(1, sizes[part, None] + other_sizes - common)
        nearest[part] = (common / either).max(1)
    return nearest


def _table(texts: Sequence[str], numbers: dict[str, int]):  # type: ignore[no-untyped-def]  # SciPy has no types
    """A row for each text and a column for each word, 1 where it is there; new words are given numbers."""
    from scipy.sparse import csr_matrix

    words = [sorted({numbers.setdefault(word, len(numbers)) for word in WORD.findall(text.lower())}) for text in texts]
    starts = np.cumsum([0, *map(len, words)])
    columns = np.fromiter((word for row in words for word in row), dtype=np.int64, count=int(starts[-1]))
    return csr_matrix((np.ones(len(columns), dtype=np.float32), columns, starts), shape=(len(texts), len(numbers)))
