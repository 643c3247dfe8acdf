"""Texts that no book holds, and vocabularies all the same."""

from __future__ import annotations

from profond.core.tokens import UNKNOWN, Kind, Tokens


def test_half_a_letter_of_utf_16_is_read_by_every_kind_of_tokens() -> None:
    texts = ["good \ud800 film", "bad film", "a film as good as bad"]
    kinds: tuple[Kind, ...] = ("words", "characters", "pieces")
    for kind in kinds:
        tokens = Tokens.learn(texts, kind, 30)
        assert tokens.encode("good \udcff film") == tokens.encode("good ? film")
        assert "film" in tokens.decode(tokens.encode(texts[0]))


def test_pieces_are_learned_from_texts_of_any_length() -> None:
    words = " ".join(f"{one}{other}" for one in ("sun", "moon", "star") for other in ("light", "rise", "set"))
    long = " ".join([words] * 100)
    assert len(long) > 5000
    tokens = Tokens.learn([long], "pieces", 60)
    assert UNKNOWN not in tokens.encode("moonlight starrise")
    assert tokens.decode(tokens.encode(long)) == long
