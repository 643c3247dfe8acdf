"""A folder of images with captions.csv: read as people write such tables, and what is wrong is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from profond.core.errors import DataError
from profond.data import open_dataset
from profond.data.check import check


def folder(path: Path, table: str, images: int = 12, encoding: str = "utf-8") -> Path:
    for number in range(images):
        Image.new("L", (8, 8), 20 * number).save(path / f"{number}.png")
    (path / "captions.csv").write_text(table, encoding=encoding)
    return path


def table(*extra: str, header: str = "path,caption", images: int = 12) -> str:
    rows = [f"{number}.png,un carré numéro {number}" for number in range(images)]
    return "\n".join([header, *rows, *extra]) + "\n"


def test_each_image_is_learned_with_its_caption(tmp_path: Path) -> None:
    data = open_dataset(folder(tmp_path, table()))
    assert data.spec.text is not None
    assert not data.spec.classes
    said = {}
    for name, split in data.splits.items():
        assert {len(data.splits["train"]), len(split)} <= {10, 1}
        for at, target in enumerate(split.targets.tolist()):
            said[split.identity(at)] = (name, data.spec.target_text(target), int(split.raw(at)[0, 0, 0]))
    assert len(said) == 12
    for identity, (name, text, grey) in said.items():
        assert grey == 20 * int(identity.removesuffix(".png"))
        if name == "train":
            assert text == f"un carré numéro {identity.removesuffix('.png')}"


def test_words_are_learned_from_train_alone(tmp_path: Path) -> None:
    data = open_dataset(folder(tmp_path, table()))
    assert data.spec.text is not None
    unseen = {data.split(name).identity(0).removesuffix(".png") for name in ("valid", "test")}
    assert not unseen & set(data.spec.text.entries)


def test_several_captions_of_an_image_stay_in_one_split(tmp_path: Path) -> None:
    extra = [f"{number}.png,encore {number}" for number in range(12)]
    data = open_dataset(folder(tmp_path, table(*extra)))
    where: dict[str, set[str]] = {}
    for name, split in data.splits.items():
        for at in range(len(split)):
            where.setdefault(split.identity(at), set()).add(name)
    assert sum(map(len, data.splits.values())) == 24
    assert all(len(splits) == 1 for splits in where.values())
    assert "24 captions of 12 images: those of one image are kept in one split" in data.notes
    assert not any("equal files" in note for note in data.notes)


def test_a_table_of_windows_with_semicolons_and_another_name_for_the_path(tmp_path: Path) -> None:
    written = table(header="image,caption").replace(",", ";")
    data = open_dataset(folder(tmp_path, written, encoding="cp1252"))
    assert "column image is taken as path" in data.notes
    assert data.spec.text is not None
    assert "carré" in data.spec.text.entries


def test_a_split_of_one_s_own_is_kept_and_the_table_can_be_named_itself(tmp_path: Path) -> None:
    rows = [f"{number}.png,un carré,{'test' if number < 3 else 'train'}" for number in range(12)]
    data = open_dataset(folder(tmp_path, "\n".join(["path,caption,split", *rows])) / "captions.csv")
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 9, "test": 3}


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (table("gone.png,un carré"), r"captions\.csv, line 14: there is no image gone\.png"),
        (table("3.png,"), r"captions\.csv, line 14: the caption of 3\.png is empty"),
        (table('3.png,"  "'), r"line 14: the caption of 3\.png is empty"),
        (table("3.png," + "mot " * 1000), r"line 14: the caption of 3\.png has 3,999 characters"),
        (table(",un carré"), r"line 14: path is empty"),
        (table("3.png,un carré, rouge"), r"line 14: 3 cells for 2 columns"),
        (table(header="path,words"), r"has no column caption; it has path, words"),
        (table(header="path,caption,caption"), r"has the column caption twice"),
        ("path,caption\n", r"has a header but no rows"),
        ("", r"captions\.csv is empty"),
        ("path,caption,split\n3.png,un carré,tset\n", r"line 2: split is 'tset'"),
        ("path,caption,split\n3.png,un carré,train\n4.png,deux,\n", r"1 of 2 rows have no split"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, written: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as refusal:
        open_dataset(folder(tmp_path, written))
    assert refusal.value.help


def test_checking_looks_at_each_image_once_and_knows_no_classes(tmp_path: Path) -> None:
    report = check(str(folder(tmp_path, table("3.png,un autre carré"))))
    assert report.usable
    assert report.samples == 12
    assert not [issue for issue in report.issues if issue.severity != "note" and not issue.kind.startswith("near")]
