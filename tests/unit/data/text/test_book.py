"""One long text is split by place, and each of its characters is guessed once, with what stands before it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from profond.core.errors import ConfigError, DataError
from profond.data.open import kind_of, open_dataset
from profond.data.split import TensorSplit
from profond.data.text.book import as_book

TEXT = "".join(f"Sentence {i} says the word {i * i}. " for i in range(200))


def part(name: str, length: int = 32) -> TensorSplit:
    split = as_book("book", TEXT, length).splits[name]
    assert isinstance(split, TensorSplit)
    return split


def test_a_long_text_is_seen_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_text(TEXT)
    assert kind_of(path).name == "long text"
    assert set(open_dataset(path).splits) == {"train", "valid", "test"}


def test_a_long_text_without_blanks_is_one_and_a_list_without_blanks_is_none(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_text("".join(chr(0x4E00 + i % 300) + ("。" if i % 20 == 19 else "") for i in range(3000)))
    assert kind_of(path).name == "long text"
    path.write_text("path,label\n" + "".join(f"pictures/{i}.png,cat\n" for i in range(300)))
    assert kind_of(path).name == "manifest"
    path.write_text("\n".join(f"{i},{i * i}" for i in range(300)))
    assert kind_of(path).name != "long text"


def test_the_end_is_the_test_and_nothing_of_it_is_elsewhere() -> None:
    dataset = as_book("book", TEXT, 32)
    assert dataset.spec.text is not None
    assert set(dataset.splits) == {"train", "valid", "test"}
    first = dataset.spec.text.decode(part("test").samples[0].tolist())
    assert TEXT[round(len(TEXT) * 0.95) :].startswith(first)
    assert dataset.spec.text.decode(part("train").samples[0].tolist()) == TEXT[:32]


@pytest.mark.parametrize("name", ["train", "valid", "test"])
def test_each_character_but_the_first_is_guessed_once(name: str) -> None:
    split = part(name)
    whole = {"train": TEXT[: round(len(TEXT) * 0.9)], "valid": "", "test": TEXT[round(len(TEXT) * 0.95) :]}
    guessed = int((split.targets != 0).sum())
    if whole[name]:
        assert guessed == len(whole[name]) - 1
    for inputs, targets in zip(split.samples, split.targets, strict=True):
        inside = (targets[:-1] != 0) & (inputs[1:] != 0)
        assert torch.equal(inputs[1:][inside].long(), targets[:-1][inside])


def test_in_test_every_guess_has_something_before_it() -> None:
    split = part("test")
    assert (split.targets[0, :8] != 0).all()
    assert (split.targets[1:, :8] == 0).all()


def test_a_text_that_is_too_short_is_refused() -> None:
    with pytest.raises(DataError, match="has 10 characters"):
        as_book("book", "0123456789")
    with pytest.raises(ConfigError, match="length is 3"):
        as_book("book", TEXT, 3)
    with pytest.raises(ConfigError, match="leave nothing"):
        as_book("book", TEXT, valid_fraction=0.5, test_fraction=0.5)
