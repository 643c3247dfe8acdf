"""Pairs of texts: a table of one's own, and what is said of tables that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from profond.core.errors import DataError
from profond.core.tokens import END, START
from profond.data.dataset import Dataset
from profond.data.open import open_dataset
from profond.data.sets.dates import FORMS, dates, written
from profond.data.split import TensorSplit
from profond.data.text.pairs import Pairs, rewritten
from profond.data.text.twins import nearest_overlap

ANIMALS = ("cat", "dog", "cow", "hen", "fox", "pig")
CHATS = ("chat", "chien", "vache", "poule", "renard", "cochon")
ROWS = [(f"the {one} sees the {other}.", f"le {un} voit le {autre}.") for one, un in zip(ANIMALS, CHATS, strict=True)
        for other, autre in zip(ANIMALS, CHATS, strict=True)]  # fmt: skip


def table(path: Path, head: str = "source,target", rows: list[tuple[str, ...]] | None = None) -> Path:
    lines = [head, *(",".join(row) for row in (ROWS if rows is None else rows))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def texts(dataset: Dataset, split: str) -> set[tuple[str, str]]:
    assert dataset.spec.tokens is not None
    assert dataset.spec.text is not None
    part = dataset.split(split)
    assert isinstance(part, TensorSplit)
    read = [dataset.spec.tokens.decode(row) for row in part.samples.tolist()]
    return set(zip(read, [dataset.spec.text.decode(row) for row in part.targets.tolist()], strict=True))


@pytest.mark.parametrize("kind", ["pieces", "words", "characters"])
def test_a_table_with_source_and_target_is_pairs(kind: str, tmp_path: Path) -> None:
    dataset = open_dataset(table(tmp_path / "animals.csv"), tokens=kind)
    assert set.union(*(texts(dataset, name) for name in dataset.splits)) == set(ROWS)
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 29, "valid": 4, "test": 3}
    inputs, targets = next(iter(dataset.batches("train", 8, shuffle=True)))
    assert inputs.dtype == targets.dtype == torch.int64
    assert bool((targets[:, 0] == START).all())
    assert bool(((targets == END).sum(1) == 1).all())


def test_columns_of_other_names_are_named(tmp_path: Path) -> None:
    path = table(tmp_path / "animals.tsv", "anglais\tfrançais\tnote", [])
    path.write_text(path.read_text() + "".join(f"{en}\t{fr}\tx\n" for en, fr in ROWS), encoding="utf-8")
    there = open_dataset(path, source="anglais", target="français", tokens="words")
    back = open_dataset(path, source="français", target="anglais", tokens="words")
    assert texts(there, "train") == {(source, target) for target, source in texts(back, "train")}


def test_splits_and_groups_of_a_table_are_kept_and_equal_sources_stay_together(tmp_path: Path) -> None:
    split = [(*row, "test" if number % 3 == 0 else "train") for number, row in enumerate(ROWS)]
    given = open_dataset(table(tmp_path / "split.csv", "source,target,split", split), tokens="words")
    assert len(given.split("test")) == 12
    twice = [*ROWS, *((source, target + " Oui") for source, target in ROWS)]
    dealt = open_dataset(table(tmp_path / "twice.csv", rows=twice), tokens="words")
    sides = [{source for source, _ in texts(dealt, name)} for name in dealt.splits]
    assert not (sides[0] & sides[1])
    assert not (sides[0] & sides[2])
    assert not (sides[1] & sides[2])


def test_what_is_longer_than_asked_for_is_left_out_and_said(tmp_path: Path) -> None:
    rows = [*ROWS, ("cat " * 30, "chat " * 30)]
    dataset = open_dataset(table(tmp_path / "long.csv", rows=rows), tokens="words", longest=10)
    assert sum(map(len, dataset.splits.values())) == len(ROWS)
    assert any("1 pairs" in note and "10 tokens" in note for note in dataset.notes)


@pytest.mark.parametrize(
    ("head", "rows", "options", "said"),
    [
        ("source,target", [("a cat", "un chat"), ("a dog", "")], {}, "line 3"),
        ("source,target", [("a cat", "un chat")], {}, "has 1 pair of"),
        ("source,target", [], {}, "has 0 pairs of"),
        ("source,source,target", [("a", "b", "c")] * 3, {}, "column source twice"),
        ("source,target", [("a", "b"), ("\u200b", "c")] * 9, {}, "pair 2 reads a text without a word"),
        ("english,french", [("a cat", "un chat")] * 3, {"source": "englisch", "target": "french"}, "englisch"),
        ("english,french", [("a cat", "un chat")] * 3, {"source": "english", "target": "english"}, "'english'"),
        ("source,target,split", [("a", "b", "tset"), ("c", "d", "train")], {}, "tset"),
    ],
)
def test_a_table_that_is_none_is_refused_in_words(
    head: str, rows: list[tuple[str, ...]], options: dict[str, str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=said) as refusal:
        open_dataset(table(tmp_path / "bad.csv", head, rows), **options)
    assert refusal.value.help


def test_pairs_are_rewritten_in_the_vocabularies_of_a_trained_network(tmp_path: Path) -> None:
    trained = open_dataset(table(tmp_path / "animals.csv"), tokens="words")
    other = open_dataset(table(tmp_path / "other.csv", rows=[("the bear sees the cat.", "l'ours voit le chat.")] * 9))
    assert trained.spec.tokens is not None
    assert trained.spec.text is not None
    found = rewritten(other, trained.spec.tokens, trained.spec.text)
    assert found.spec.tokens == trained.spec.tokens
    assert [row[0] for row in texts(found, "train")] == ["the � sees the cat."]


def test_near_twins_share_most_of_their_words_whatever_their_order_and_capitals() -> None:
    texts = ["And he said, Go.", "the sun", "go he said and", "nothing in common", ""]
    found = nearest_overlap(texts, ["And he said: go!", "the moon", "he went"])
    assert found.tolist() == pytest.approx([1.0, 1 / 3, 1.0, 0.0, 0.0])
    assert nearest_overlap(texts, []).tolist() == [0.0] * 5


def test_dates_are_written_right_and_no_day_stands_on_two_sides() -> None:
    from datetime import date

    moment = date(2001, 3, 1)
    assert {written(moment, form) for form in FORMS} >= {"1er mars 2001", "the 1st of March 2001", "01.03.2001"}
    dataset = dates(train=60, valid=20, test=20)
    days = {}
    for name, split in dataset.splits.items():
        assert isinstance(split, TensorSplit)
        assert isinstance(split.origin, Pairs)
        days[name] = {pair.target for pair in split.origin.pairs}
        assert len(days[name]) == len(split)
    assert not (days["train"] & days["test"])
    assert not (days["train"] & days["valid"])
    ends = {written(date(2000, 1, day), "{day}{th}") for day in range(1, 32)}
    assert {"1st", "2nd", "3rd", "11th", "12th", "13th", "21st", "22nd", "23rd", "31st"} <= ends


def test_two_columns_of_sentences_are_taken_for_pairs_whose_columns_have_to_be_named(tmp_path: Path) -> None:
    path = table(tmp_path / "animals.csv", "english,french")
    with pytest.raises(DataError, match="no column 'source'; it has english, french") as refusal:
        open_dataset(path)
    assert "data.source=COLUMN" in refusal.value.help


def test_pairs_as_lines_of_json_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "animals.jsonl"
    path.write_text("".join(json.dumps({"source": one, "target": other}) + "\n" for one, other in ROWS))
    assert sum(map(len, open_dataset(path, tokens="words").splits.values())) == len(ROWS)
