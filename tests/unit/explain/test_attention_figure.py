"""Maps of attention: pieces become words, and nothing of the attention is lost."""

from __future__ import annotations

import numpy as np
import pytest

from profond.explain.why.attention_figure import MOST, Looked, draw_attention, words_of


def test_pieces_are_joined_to_words_and_letters_are_not() -> None:
    pieces = ["▁in", "con", "nu", "▁chat", ".", "<end>"]
    assert words_of(pieces, "pieces") == [("inconnu", [0, 1, 2]), ("chat.", [3, 4]), ("<end>", [5])]
    assert words_of(["a", " ", "b"], "characters") == [("a", [0]), ("␣", [1]), ("b", [2])]
    assert words_of(["le", "chat"], "words") == [("le", [0]), ("chat", [1])]


def test_a_beginning_without_letters_is_of_the_word_beside_it() -> None:
    assert words_of(["▁", "«", "▁oui", "▁", "<end>"], "pieces") == [("«", [0, 1]), ("oui", [2, 3]), ("<end>", [4])]
    assert words_of(["▁", "▁the", "▁"], "pieces") == [("the", [0, 1, 2])]
    assert words_of(["▁"], "pieces") == [("␣", [0])]


def test_what_a_words_pieces_are_given_is_added_and_where_they_looked_is_averaged() -> None:
    weights = np.array([[0.1, 0.2, 0.7, 0.0], [0.3, 0.3, 0.4, 0.0], [0.0, 0.0, 1.0, 0.0]], dtype=np.float32)
    looked = Looked.of(["▁the", "re", "▁sea"], ["▁la", "▁me", "r"], weights, ("pieces", "pieces"))
    assert looked.read == ("there", "sea")
    assert looked.written == ("la", "mer")
    np.testing.assert_allclose(looked.weights, [[0.3, 0.7], [0.3, 0.7]], atol=1e-6)


@pytest.mark.parametrize("count", [1, MOST + 2])
def test_a_picture_names_every_word_and_says_what_it_leaves_out(count: int) -> None:
    looked = Looked(("In", "the", "beginning"), ("Au", "commencement"), np.full((2, 3), 1 / 3))
    figure = draw_attention([looked] * count, "Where each word looked")
    written = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert written.count("commencement") == min(count, MOST)
    assert any("2 more" in text.get_text() for text in figure.texts) == (count > MOST)
