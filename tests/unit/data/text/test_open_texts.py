"""Texts with classes or numbers from tables and folders, whatever their columns are called and however written."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from profond.core.errors import DataError
from profond.data.check import check
from profond.data.dataset import Dataset
from profond.data.open import kind_of, open_dataset
from profond.data.saved_split import store_split
from profond.data.split import TensorSplit
from profond.data.text.open import texts_to_answer
from profond.data.text.texts import Texts

GOOD, BAD = "a fine film number {}", "dull and flat, take {}"


def write(path: Path, rows: list[list[object]], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def reviews(count: int = 30) -> list[list[object]]:
    return [[text.format(i), label] for i in range(count) for text, label in ((GOOD, "good"), (BAD, "bad"))]


def text_of(path: Path, **options: object) -> set[str]:
    dataset = open_dataset(path, **options)
    origins = [part.origin for part in dataset.splits.values() if isinstance(part, TensorSplit)]
    return {text for origin in origins if isinstance(origin, Texts) for text in origin.texts}


def test_a_table_of_texts_is_seen_by_its_header(tmp_path: Path) -> None:
    path = write(tmp_path / "reviews.csv", [["text", "label"], *reviews()])
    assert kind_of(path).name == "table of texts"
    dataset = open_dataset(path)
    assert dataset.spec.classes == ("bad", "good")
    assert {name: len(part) for name, part in dataset.splits.items()} == {"train": 48, "valid": 6, "test": 6}
    assert dataset.spec.tokens is not None
    assert dataset.spec.shape == (6,)


@pytest.mark.parametrize("header", [["texte", "étiquette"], ["Avis", "Classe"], ["review", "sentiment"]])
def test_other_words_for_text_and_label_are_known(tmp_path: Path, header: list[str]) -> None:
    path = write(tmp_path / "t.csv", [header, *reviews()], ";", "cp1252")
    assert open_dataset(path).spec.classes == ("bad", "good")


def test_columns_that_nobody_knows_are_named(tmp_path: Path) -> None:
    rows: list[list[object]] = [[i, text, label, "x"] for i, (text, label) in enumerate(reviews())]
    path = write(tmp_path / "t.csv", [["a", "b", "c", "d"], *rows])
    with pytest.raises(DataError):
        open_dataset(path)
    assert open_dataset(write(path, [["a", "text", "c", "d"], *rows]), target="c").spec.classes == ("bad", "good")


def test_without_a_header_the_sentences_are_the_texts(tmp_path: Path) -> None:
    path = write(tmp_path / "t.tsv", [[label, text] for text, label in reviews()], "\t")
    assert open_dataset(path).spec.classes == ("bad", "good")
    assert len(text_of(path)) == 60


def test_quotes_alone_in_a_table_of_tabs_are_letters(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text("label\ttext\n" + "".join(f'good\tthe "end of {i}\nbad\tno "end {i}\n' for i in range(20)))
    assert 'the "end of 3' in text_of(path)


def test_line_breaks_and_commas_stand_in_quotes(tmp_path: Path) -> None:
    rows = [[f"first, {i}\nsecond", "ab"[i % 2]] for i in range(40)]
    assert "first, 3\nsecond" in text_of(write(tmp_path / "t.csv", [["text", "label"], *rows]))


def test_numbers_are_estimated_and_objects_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("".join(f'{{"review": "word {i} fine", "stars": {i % 5}}}\n' for i in range(40)))
    dataset = open_dataset(path, target="stars")
    assert [quantity.name for quantity in dataset.spec.quantities] == ["stars"]
    assert open_dataset(path, label="stars").spec.num_classes == 5


@pytest.mark.parametrize("name", ["score", "target", "label"])
@pytest.mark.parametrize(("whole", "half"), [("3", "2.5"), ("3,0", "2,5")])
def test_decimals_beside_texts_are_estimated_and_whole_numbers_are_classes(
    tmp_path: Path, name: str, whole: str, half: str
) -> None:
    def opened(*values: str) -> Dataset:
        return open_dataset(
            write(tmp_path / "t.csv", [["text", name], *([f"a film {i}", values[i % 2]] for i in range(40))])
        )

    measured = opened(whole, half)
    assert [quantity.name for quantity in measured.spec.quantities] == [name]
    assert any("data.label" in note for note in measured.notes)
    assert opened(whole, "1").spec.num_classes == 2
    assert opened("3.0", "1.0").spec.num_classes == 2  # as data frames write whole numbers
    assert opened(whole, "bad").spec.num_classes == 2


def test_a_split_column_is_kept(tmp_path: Path) -> None:
    rows = [[*row, ("train", "train", "test")[i % 3]] for i, row in enumerate(reviews())]
    dataset = open_dataset(write(tmp_path / "t.csv", [["text", "label", "split"], *rows]))
    assert {name: len(part) for name, part in dataset.splits.items()} == {"train": 40, "test": 20}


def test_a_folder_of_texts_has_a_class_for_each_folder(tmp_path: Path) -> None:
    for label in ("neg", "pos"):
        (tmp_path / label).mkdir()
        for i in range(12):
            (tmp_path / label / f"{i}.txt").write_text(f"this is {label} text number {i}")
    assert kind_of(tmp_path).name == "folder of texts"
    assert open_dataset(tmp_path).spec.classes == ("neg", "pos")


def test_equal_texts_are_kept_on_one_side(tmp_path: Path) -> None:
    rows = [["the same  words" if i % 4 else f"other words {i}", "ab"[i % 2 == 0]] for i in range(60)]
    dataset = open_dataset(write(tmp_path / "t.csv", [["text", "label"], *rows[:10], *reviews()]))
    assert not dataset.warnings or "LEAK" not in " ".join(dataset.warnings)


def test_equal_texts_in_two_splits_are_told_though_their_words_are_unknown(tmp_path: Path) -> None:
    rows = [[*row, "train"] for row in reviews()]
    path = write(
        tmp_path / "t.csv",
        [
            ["text", "label", "split"],
            *rows,
            [rows[0][0], "good", "test"],
            ["q r", "bad", "test"],
            ["s t", "bad", "test"],
        ],
    )
    [warning] = open_dataset(path).warnings
    assert "LEAK: 1 set of texts" in warning


def test_the_vocabulary_is_that_of_train_alone(tmp_path: Path) -> None:
    rows = [[*row, "train"] for row in reviews()]
    path = write(tmp_path / "t.csv", [["text", "label", "split"], *rows, ["neverseen word", "bad", "test"]])
    tokens = open_dataset(path).spec.tokens
    assert tokens is not None
    assert "neverseen" not in tokens.entries
    assert "fine" in tokens.entries


def test_a_stored_split_is_the_same_split(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", [["text", "label"], *reviews()])
    stored = store_split(str(path), tmp_path / "split.csv")
    again = open_dataset(tmp_path / "split.csv")
    assert {name: len(part) for name, part in again.splits.items()} == {n: one["samples"] for n, one in stored.items()}
    assert {name: again.split_hash(name) for name in again.splits} == {n: one["hash"] for n, one in stored.items()}


def test_check_tells_lengths_unknown_words_and_contradictions(tmp_path: Path) -> None:
    rows = [*reviews(), ["a fine film number 3", "bad"]]
    found = {issue.kind: issue for issue in check(str(write(tmp_path / "t.csv", [["text", "label"], *rows]))).issues}
    assert "5 to 6 words in a text" in found["lengths"].message
    assert found["unknown"].severity in ("note", "warning")
    assert "1 set of texts that are the same, under different labels" in found["contradiction"].message


def test_texts_for_answers_need_no_label(tmp_path: Path) -> None:
    path = write(tmp_path / "new.csv", [["text"], ["one text"], ["another"]])
    assert texts_to_answer(path) == [(f"{path}#2", "one text"), (f"{path}#3", "another")]
    lines = tmp_path / "new.txt"
    lines.write_text("one text\n\nanother\n")
    assert texts_to_answer(lines) == [(f"{lines}#1", "one text"), (f"{lines}#3", "another")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"text,label\nfine film,good\n ,bad\nx y,bad\n", "line 3: the text is empty"),
        (b"text,label\nfine film,\nx y,bad\n", "line 2: label is empty"),
        (b"text\nfoo bar\nbaz\n", "one column only"),
        (b"text,label\nfine,good\nb\x81d,bad\n", "line 3: byte 0x81 is neither UTF-8 nor Windows-1252"),
        (b"text,label\nfine,good,film\nbad,bad\n", "line 2: 3 cells for 2 columns"),
        (b"text,label\n", "has a header but no rows"),
        (b"text,label\nfine,good\nnice,good\n", "one class only"),
        (b"text,score\nfine film,1.5\nbad,inf\n", "line 3: .*inf"),
        (b"text,score\nfine film,1.5\nbad,\n", "line 3: score is empty"),
        (b"text,text,label\nfine,x,good\nbad,y,bad\n", "the column text twice"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words):
        open_dataset(path)


def test_a_table_of_utf_16_is_one_of_texts_and_a_header_alone_holds_none(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("text,label\n".encode("utf-16") + "fine film,good\nflat,bad\n".encode("utf-16-le") * 9)
    assert kind_of(path).name == "table of texts"
    assert open_dataset(path).spec.classes == ("bad", "good")
    path.write_text("text,label\n")
    with pytest.raises(DataError, match="a header but no rows"):
        texts_to_answer(path)


def test_a_line_that_is_no_object_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"text": "a b", "label": "x"}\n{"text": \n')
    with pytest.raises(DataError, match="line 2"):
        open_dataset(path)
