"""The linear model beside a network on texts is the usual one."""

from __future__ import annotations

import numpy as np
import pytest

from profond.measures.linear_texts import LinearTexts, grams, simple_classes


def sentences(count: int, seed: int) -> tuple[list[str], list[int]]:
    random = np.random.default_rng(seed)
    words = np.array(["film", "plot", "scene", "actor", "music", "end", "start", "joke"])
    tones = (["bad", "dull", "flat"], ["good", "fine", "great"])
    texts, labels = [], []
    for i in range(count):
        tone = i % 2 if random.random() < 0.85 else 1 - i % 2
        chosen = [*random.choice(words, 4), random.choice(tones[tone])]
        texts.append(" ".join(random.permutation(chosen)))
        labels.append(i % 2)
    return texts, labels


def test_words_and_pairs_of_neighbours() -> None:
    assert grams("Not a good FILM") == ["not", "a", "good", "film", "not a", "a good", "good film"]


def test_it_finds_what_tells_two_classes_apart() -> None:
    train, test = sentences(400, 0), sentences(300, 1)
    found = simple_classes(*train, *test, 2)
    assert 0.78 < found.metrics["linear"].value < 0.92
    assert found.metrics["majority"].value == 0.5
    assert found.right.mean() == found.metrics["linear"].value


@pytest.mark.slow
def test_it_says_what_scikit_learn_says() -> None:
    text = pytest.importorskip("sklearn.feature_extraction.text", reason="scikit-learn is a test extra")
    linear = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is a test extra")
    train, test = sentences(400, 0), sentences(300, 1)
    table = text.TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2, token_pattern=r"\w+")
    best = []
    for strength in (0.1, 0.3, 1.0, 3.0, 10.0):
        theirs = linear.LogisticRegression(C=strength, max_iter=1000).fit(table.fit_transform(train[0]), train[1])
        best.append((theirs.predict(table.transform(test[0])) == np.array(test[1])).mean())
    ours = (LinearTexts(*train, 2).predict(test[0]) == np.array(test[1])).mean()
    assert min(best) - 0.02 <= ours <= max(best) + 0.02
