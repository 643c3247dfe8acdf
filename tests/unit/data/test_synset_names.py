"""Synsets become words where people read them, and meet the classes of networks that know words."""

from __future__ import annotations

import pytest

from profond.core.errors import DataError, MissingError
from profond.data.fetch.sources import DataFile
from profond.evaluation.other_data import class_numbers
from profond.weights import classes
from profond.weights.classes import by_name, imagenet_classes, imagenet_synsets, readable


@pytest.fixture(scope="module")
def synsets() -> list[str]:
    try:
        return [synset for synset, _ in imagenet_synsets()]
    except MissingError as error:
        pytest.skip(f"ImageNet's names cannot be fetched: {error.message}")


def test_labels_are_in_the_order_of_the_sorted_synsets(synsets: list[str]) -> None:
    assert synsets == sorted(synsets)
    assert synsets.index("n02119789") == 278, "the kit fox, which the devkit counts first"


def test_synsets_are_shown_as_words_and_two_cranes_are_told_apart(synsets: list[str]) -> None:
    shown = readable(synsets)
    assert shown[0] == "tench"
    assert len(set(shown)) == 1000
    assert shown[134] == f"crane ({synsets[134]})"
    assert readable(["n01440764", "n00000000"]) == ("tench", "n00000000")
    assert readable(["cat", "n01440764"]) == ("cat", "n01440764")
    assert readable([]) == ()


def test_synsets_are_found_among_the_words_of_a_network(synsets: list[str]) -> None:
    known = imagenet_classes()
    chosen = [synsets[517], synsets[0], synsets[134]]
    assert class_numbers(chosen, known) == [517, 0, 134]
    assert by_name([synsets[0], "n00000000"]) == ["tench", "n00000000"]
    assert class_numbers(chosen, synsets) == [517, 0, 134]
    with pytest.raises(DataError, match="n00000000"):
        class_numbers(["n00000000"], known)


def test_without_the_names_the_synsets_stay(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(classes, "_SOURCES", (("imagenet_classes/nowhere", (DataFile("no.json", ""),), ()),))
    assert readable(["n01440764", "n01443537"]) == ("n01440764", "n01443537")
    assert "by their synsets" in capsys.readouterr().err
