"""What is written without a network: the least that one has to beat."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

WORD = re.compile(r"\w+")
AT_ONCE = 500  # bounds the memory of the table of likenesses


def nearest_answers(sources: Sequence[str], answers: Sequence[str], asked: Sequence[str]) -> list[str]:
    """For each text asked, the answer that was given to the most similar of the sources.

    Likeness is the cosine of TF-IDF vectors of words, capitals apart; of equals, the first.

    Source: G. Salton and C. Buckley, Term-weighting approaches in automatic text retrieval, Information Processing and
        Management 24, 1988; idf as ln((1 + n) / (1 + df)) + 1.
    """
    from scipy.sparse import csr_matrix

    numbers: dict[str, int] = {}
    words = [[numbers.setdefault(word, len(numbers)) for word in WORD.findall(text.lower())] for text in sources]
    seen = [[numbers[word] for word in WORD.findall(text.lower()) if word in numbers] for text in asked]
    frequency = np.zeros(max(1, len(numbers)))
    for row in words:
        frequency[list(set(row))] += 1
    idf = np.log((1 + len(sources)) / (1 + frequency)) + 1

    def table(rows: Sequence[Sequence[int]]) -> csr_matrix:
        starts = np.cumsum([0, *map(len, rows)])
        columns = np.fromiter((word for row in rows for word in row), dtype=np.int64, count=int(starts[-1]))
        counted = csr_matrix((idf[columns], columns, starts), shape=(len(rows), len(frequency)))
        counted.sum_duplicates()
        length = np.sqrt(np.asarray(counted.multiply(counted).sum(1)).ravel())
        counted.data /= np.repeat(np.where(length > 0, length, 1), np.diff(counted.indptr))
        return counted

    known, chosen = table(words).T.tocsr(), list[NDArray[np.int64]]()
    wanted = table(seen)
    for first in range(0, len(asked), AT_ONCE):
        chosen.append(np.asarray((wanted[first : first + AT_ONCE] @ known).todense()).argmax(1))
    return [answers[int(place)] for part in chosen for place in part]
