"""Texts become numbers and numbers texts; a vocabulary travels as JSON."""

from __future__ import annotations

import json

import pytest

from profond.core.errors import ConfigError, DataError
from profond.core.spec import Quantity, Spec
from profond.core.tokens import END, PADDING, SPECIAL, START, UNKNOWN, Tokens

TEXTS = ["A fine film, isn't it?", "Un très bon film !", "fine fine print"]


def test_the_four_special_ones_come_first_then_the_most_frequent() -> None:
    known = Tokens.learn(TEXTS, "words", lower=True)
    assert known.entries[:4] == SPECIAL
    assert known.entries[4:6] == ("fine", "film")
    assert known.encode("Fine FILM") == [4, 5]


def test_a_word_that_was_never_seen_is_unknown_and_reads_so() -> None:
    known = Tokens.learn(TEXTS, "words", lower=True)
    ids = known.encode("a dull film")
    assert ids[1] == UNKNOWN
    assert known.decode(ids) == "a � film"


def test_rare_words_are_what_unknown_is_learned_from() -> None:
    known = Tokens.learn(TEXTS, "words", lower=True, least=2)
    assert set(known.entries[4:]) == {"fine", "film"}


def test_words_are_joined_as_people_write_them() -> None:
    known = Tokens.learn(TEXTS, "words")
    assert known.decode(known.encode("A fine film, isn't it?")) == "A fine film, isn't it?"


def test_decoding_leaves_start_and_padding_out_and_stops_at_the_end() -> None:
    known = Tokens.learn(TEXTS, "words", lower=True)
    assert known.decode([START, *known.encode("a fine"), END, *known.encode("film"), PADDING]) == "a fine"


@pytest.mark.parametrize("text", ["Un très\nbon  film !", "fine"])
def test_characters_come_back_to_the_letter(text: str) -> None:
    known = Tokens.learn([*TEXTS, "\n"], "characters")
    assert known.decode(known.encode(text)) == text


def test_two_ways_of_writing_an_accent_are_one() -> None:
    known = Tokens.learn(TEXTS, "characters")
    assert known.encode("tre\N{COMBINING GRAVE ACCENT}s") == known.encode("très")


def test_pieces_come_back_and_their_special_ones_are_ours() -> None:
    known = Tokens.learn(TEXTS * 20, "pieces", size=60)
    ids = known.encode("Un bon film")
    assert known.decode([START, *ids, END, 7]) == "Un bon film"
    assert known.pieces([PADDING, START, END]) == [SPECIAL[0], SPECIAL[2], SPECIAL[3]]
    assert "".join(known.cut("fine film")).replace("\N{LOWER ONE EIGHTH BLOCK}", " ").strip() == "fine film"
    assert len(known) <= 60


@pytest.mark.parametrize("kind", ["words", "characters", "pieces"])
def test_a_vocabulary_is_the_same_after_json(kind: str) -> None:
    known = Tokens.learn(TEXTS * 20, kind, size=60, lower=True)  # type: ignore[arg-type]
    again = Tokens.from_json(json.loads(json.dumps(known.to_json())))
    assert again == known
    assert again.encode(TEXTS[0]) == known.encode(TEXTS[0])
    assert len(again) == len(known)


def test_a_size_is_kept_to() -> None:
    assert len(Tokens.learn(TEXTS, "words", size=6)) == 6


def test_long_texts_are_cut_where_it_says_so() -> None:
    known = Tokens.learn(TEXTS, "words", longest=2)
    assert len(known.encode("a fine film")) == 2
    assert known.cut("a fine film") == ["a", "fine"]


@pytest.mark.parametrize("kind", ["words", "pieces"])
def test_nothing_is_learned_from_nothing(kind: str) -> None:
    with pytest.raises(DataError, match="hold nothing"):
        Tokens.learn([" ", ""], kind)  # type: ignore[arg-type]


def test_a_vocabulary_without_the_special_ones_is_refused() -> None:
    with pytest.raises(ConfigError, match="begins with"):
        Tokens("words", ("a", "b"))


# -- in a specification ------------------------------------------------------------------------------------------

KNOWN = Tokens.learn(TEXTS, "words", lower=True)


def test_the_data_tell_the_model_how_many_words_there_are() -> None:
    spec = Spec((8,), "t", classes=("bad", "good"), tokens=KNOWN)
    assert spec.interface() == {"input_shape": (8,), "num_classes": 2, "vocabulary": len(KNOWN)}
    assert Spec((8,), "t", tokens=KNOWN, text=KNOWN).interface()["output_vocabulary"] == len(KNOWN)


def test_a_specification_with_texts_is_the_same_after_json() -> None:
    spec = Spec((8,), "t", tokens=KNOWN, text=KNOWN)
    assert Spec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    steps = Spec((2, 8), "ct", classes=("up", "down"), each="t")
    assert Spec.from_json(json.loads(json.dumps(steps.to_json()))) == steps


def test_a_specification_written_before_there_were_texts_opens() -> None:
    old = {"shape": [1, 6, 6], "axes": "chw", "range": [0.0, 255.0], "classes": ["a", "b"], "quantities": []}
    assert Spec.from_json(old) == Spec((1, 6, 6), "chw", classes=("a", "b"))


def test_targets_read_as_what_they_are() -> None:
    steps = Spec((2, 8), "ct", classes=("up", "down"), each="t")
    assert steps.target_text([1, 0, 0, -1, -1]) == "down up up"
    writes = Spec((8,), "t", tokens=KNOWN, text=KNOWN)
    assert writes.target_text([START, *KNOWN.encode("fine film"), END, 0, 0]) == "fine film"


def test_people_are_shown_the_size_of_a_vocabulary_and_not_its_words() -> None:
    shown = Spec((8,), "t", classes=("bad", "good"), tokens=KNOWN).described()
    assert shown["tokens"] == {"kind": "words", "size": len(KNOWN)}
    assert shown["text"] is None


def test_a_text_to_be_written_is_no_class() -> None:
    with pytest.raises(ConfigError, match="not both"):
        Spec((8,), "t", classes=("a", "b"), text=KNOWN)
    with pytest.raises(ConfigError, match="not both"):
        Spec((8,), "t", quantities=(Quantity("x"),), text=KNOWN)


def test_each_names_an_axis_and_has_classes() -> None:
    with pytest.raises(ConfigError, match="each step"):
        Spec((1, 6, 6), "chw", classes=("a", "b"), each="t")
