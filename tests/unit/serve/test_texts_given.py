"""What is typed for a run on texts: a text, or the name of a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from profond.core.errors import DataError
from profond.serve.inputs import texts_in


def said(*words: str) -> list[str]:
    return [one.text for one in texts_in(words)]


def test_a_word_is_a_text_though_a_folder_or_a_file_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "great").mkdir()
    (tmp_path / "boring").write_text("x")
    assert said("great", "boring", "either/or", "~") == ["great", "boring", "either/or", "~"]


def test_a_file_whose_name_has_spaces_is_read_and_a_sentence_that_ends_like_one_is_not(tmp_path: Path) -> None:
    file = tmp_path / "my films.txt"
    file.write_text("a great film\n\na dull story\n")
    assert said(str(file)) == ["a great film", "a dull story"]
    assert said("it is all in notes.txt") == ["it is all in notes.txt"]


@pytest.mark.parametrize("name", ["films", "films.pdf"])
def test_a_path_to_what_holds_no_texts_is_refused_in_words(name: str, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "films.pdf").write_text("x")
    with pytest.raises(DataError, match="not a text"):
        texts_in([str(tmp_path / name)])


@pytest.mark.parametrize("text", ["superb music " * 20_000, "a/" * 5_000, "null \0 byte/", "🎬 👨‍👩‍👧", "סרט/مصر", ""])
def test_whatever_is_no_name_is_a_text(text: str) -> None:
    assert said(text) == [text]
