"""Verses: split by chapter, without near twins on two sides; and what was split is kept and made anew when damaged."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from profond.core.errors import ConfigError, DataError, UnknownName
from profond.core.tokens import Tokens
from profond.data.sets.verses import _keep, _kept, read_verses, split_verses, verses
from profond.data.text.pairs import Pair
from profond.data.text.twins import nearest_overlap

WORDS = [a + b for a in ("ba", "do", "ki", "lu", "me", "no", "pi") for b in ("ra", "so", "ti", "vu", "ze", "fa")]


def made(chapters: int = 40, each: int = 10) -> list[Pair]:
    draw = random.Random(0)
    pairs = []
    for chapter in range(chapters):
        for verse in range(each):
            words = draw.sample(WORDS, 7)
            pairs.append(Pair(f"1/{chapter}/{verse}", " ".join(words), " ".join(words[::-1]).upper(), f"1/{chapter}"))
    return pairs


def test_a_chapter_stands_in_one_split_and_no_near_twin_on_two_sides() -> None:
    pairs = made()
    tests = {pair.group for pair in split_verses(pairs, 40)[0]["test"]}
    ours = next(pair for pair in pairs if pair.group in tests)
    elsewhere = next(pair.group for pair in pairs if pair.group not in tests)
    twin = Pair("1/0/99", ours.source + " tout", "nothing in common with it", elsewhere)
    parts, notes = split_verses([*pairs, twin, Pair("1/0/98", "a " * 41, "b", "1/0")], 40)
    groups = {name: {pair.group for pair in some} for name, some in parts.items()}
    assert not groups["train"] & groups["test"]
    assert not groups["train"] & groups["valid"]
    assert ours in parts["test"]
    assert twin not in parts["train"]
    assert nearest_overlap([p.source for p in parts["train"]], [p.source for p in parts["test"]]).max() < 0.7
    assert notes[0].startswith("1 verses of more than 40 words")
    with pytest.raises(DataError):
        split_verses(pairs, 3)


def test_verses_are_read_from_the_table_by_their_numbers_without_those_inside_the_text(tmp_path: Path) -> None:
    path = tmp_path / "bible.db"
    with closing(sqlite3.connect(path)) as table:
        table.execute("CREATE TABLE bible (bbName TEXT, bNumber INT, cNumber INT, vNumber INT, vText TEXT)")
        rows = [("l", 19, 3, 2, "(3:3) Combien  dira-t-on"), ("k", 19, 3, 2, "Many there be"), ("k", 1, 1, 1, "Alone")]
        table.executemany("INSERT INTO bible VALUES (?, ?, ?, ?, ?)", rows)
        table.commit()
    assert read_verses(path, "english", "french") == [Pair("19/3/2", "Many there be", "Combien dira-t-on", "19/3")]
    (tmp_path / "other.db").write_bytes(b"no table")
    with pytest.raises(DataError, match=r"other\.db"):
        read_verses(tmp_path / "other.db", "english", "french")


def test_what_was_split_is_read_again_and_made_anew_where_it_is_damaged_or_another(tmp_path: Path) -> None:
    path, asked = tmp_path / "kept.json", {"source": "english", "longest": 40}
    known = Tokens.learn(["a b"], "words"), Tokens.learn(["c d"], "words")
    parts = {"train": made(1, 2)}
    _keep(path, asked, parts, ["a note"], known)
    assert _kept(path, asked) == (parts, ["a note"], known)
    assert _kept(path, {**asked, "longest": 41}) is None
    path.write_text(path.read_text()[:-9])
    assert _kept(path, asked) is None
    path.write_text("[]")
    assert _kept(path, asked) is None
    assert _kept(tmp_path / "absent.json", asked) is None


@pytest.mark.parametrize(
    ("settings", "error"),
    [({"source": "klingon"}, UnknownName), ({"target": "english"}, ConfigError), ({"longest": 0}, ConfigError)],
)
def test_an_unknown_language_is_refused_in_words(settings: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        verses(**settings)  # type: ignore[arg-type]
