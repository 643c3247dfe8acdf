"""Manifests as people have them: columns that play no part, tags, numbers, spellings, and names of any bytes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from profond.core.errors import DataError
from profond.data import open_dataset
from profond.data.check import check
from profond.data.labels import doubts
from profond.data.manifest import list_manifest
from profond.data.saved_split import store_split
from profond.data.series.table import read_table


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seen")
    for number in range(30):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def manifest(seen: Path, header: str, line: str, name: str = "list.csv") -> Path:
    text = header + "\n" + "".join(f"{i}.png,{line.format(i=i, c='abc'[i % 3])}\n" for i in range(30))
    (seen / name).write_text(text)
    return seen / name


@pytest.mark.parametrize(
    ("column", "question"),
    [
        *(
            (name, "split")
            for name in (
                "is_valid",
                "subset",
                "fold",
                "Set",
                "kfold",
                "k_fold",
                "cv fold",
                "fold_nr",
                "train_test_split",
            )
        ),
        *((name, "group") for name in ("patient_id", "subject", "Group ID", "PatientID")),
    ],
)
def test_a_column_that_is_not_used_is_named_and_asked_about(seen: Path, column: str, question: str) -> None:
    path = manifest(seen, f"path,label,{column}", "{c},{i}")
    warnings = [issue.message for issue in check(str(path)).issues if issue.kind == "layout"]
    assert list(open_dataset(str(path)).warnings) == warnings
    assert len(warnings) == 1
    assert f"columns that are not used: {column.lower()}" in warnings[0]
    assert f"did you mean {question}?" in warnings[0]


@pytest.mark.parametrize(
    ("column", "true", "false", "how"),
    [
        ("is_valid", "True", "False", "rename is_valid to split: True is valid then, the others train"),
        ("validation", "1", "0", "rename validation to split: 1 is valid then, the others train"),
        ("is_test", "yes", "no", "write a column split: test where is_test is yes, train elsewhere"),
        ("is_train", "0", "1", "write a column split: train where is_train is 1, valid elsewhere"),
        ("subset", "Val", "Train", "rename subset to split"),
        ("set", "B", "A", "write a column split: train, valid or test for each of B, A"),
    ],
)
def test_the_question_says_how_the_column_becomes_the_split(
    seen: Path, column: str, true: str, false: str, how: str
) -> None:
    rows = [f"{i}.png,{'abc'[i % 3]},{true if i % 5 == 0 else false}" for i in range(30)]
    path = seen / "how.csv"
    path.write_text("\n".join([f"path,label,{column}", *rows]))
    (warning,) = list_manifest(path).warnings
    assert warning.endswith(f"did you mean split? ({column}; {how})")
    if how.startswith("rename"):
        path.write_text(path.read_text().replace(column, "split", 1))
        listing = list_manifest(path)
        assert [sample.split for sample in listing.samples] == ["train" if i % 5 else "valid" for i in range(30)]
        taken = f"split {true.lower()} is taken as valid (6), {false.lower()} as train (24)"
        assert listing.notes == (() if column == "subset" else (taken,))


def test_where_true_is_not_the_rarer_one_it_is_not_guessed_what_it_means(seen: Path) -> None:
    path = seen / "unclear.csv"
    path.write_text("path,label,split\n" + "".join(f"{i}.png,{'ab'[i % 2]},{i % 5 > 0}\n" for i in range(30)))
    with pytest.raises(DataError, match="line 2: split is 'False'") as error:
        list_manifest(path)
    assert error.value.help == "use train, valid or test: which of them 'False' means cannot be seen"


def test_a_table_of_series_is_asked_about_the_same_columns(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"

    def written(column: str, cells: str) -> tuple[list[str], list[str]]:
        values = np.random.default_rng(0).normal(size=(30, 8))
        rows = [f"{'ab'[i % 2]},{cells[i % 5]}," + ",".join(f"{v:.3f}" for v in values[i]) for i in range(30)]
        path.write_text("\n".join([f"label,{column}," + ",".join(f"t{i}" for i in range(8)), *rows]))
        table = read_table(path)
        return table.splits, list(table.warnings)

    splits, warnings = written("is_valid", "10000")
    how = "rename is_valid to split: 1 is valid then, the others train"
    assert warnings == [f"taken as a value of the series: did you mean split? (is_valid; {how})"]
    assert set(splits) == {""}
    assert written("split", "10000") == (["valid", *["train"] * 4] * 6, [])
    (warning,) = written("person", "12345")[1]
    assert warning == "taken as a value of the series: did you mean group? (person)"
    assert written("first", "12345")[1] == []


def test_a_remark_is_named_in_a_note_and_a_plain_manifest_gets_no_line(seen: Path) -> None:
    listing = list_manifest(manifest(seen, "path,label,comment", "{c},nice"))
    assert (listing.notes, listing.warnings) == (("columns that are not used: comment",), ())
    for header, line in (("path,label", "{c}"), ("path,label,group", "{c},g{i}"), ("path,label,remark", "{c},")):
        listing = list_manifest(manifest(seen, header, line))
        assert (listing.notes, listing.warnings) == ((), ())


@pytest.mark.parametrize(
    ("labels", "word"),
    [
        (["cat", "cat night", "dog", "dog night", "dog rain", "cat night rain"] * 5, "tags"),
        (["cat|night", "dog|day", "cat|day", "dog|night"] * 5, "tags"),
        (["cat;night", "cat", "dog;night"] * 5, "tags"),
        (["cat, night", "dog, night", "cat"] * 5, "tags"),
        (["['cat', 'night']", "['dog', 'night']", "['cat']"] * 5, "tags"),
        ([f"{20 + i / 7:.1f}" for i in range(40)], "to estimate numbers, call the column value"),
        (["0.5", "1.5", "2"] * 10, "to estimate numbers, call the column value"),
        (["20,5", "31,0", "18,25"] * 4, "to estimate numbers, call the column value"),
        ([str(18 + i) for i in range(40)] + ["20", "30"], "to estimate numbers, call the column value"),
        ([f"IMG_{i}" for i in range(20)], "nearly as many labels as samples"),
        (["cat", "Cat"] * 5, "'Cat' (5) and 'cat' (5)"),
        (["1", "1.0"] * 5, "'1' (5) and '1.0' (5)"),
        (["leaf blight", "leaf_blight"] * 5, "differ only in how they are written"),
        (["caf\u00e9", "cafe\u0301"] * 5, "differ only in how they are written"),
        (["cat ", "cat"] * 5, "differ only in how they are written"),
    ],
)
def test_odd_labels_get_a_line_that_names_the_trouble(labels: list[str], word: str) -> None:
    lines = doubts(labels)
    assert len(lines) == 1
    assert word in lines[0]


@pytest.mark.parametrize(
    "labels",
    [
        list("0123456789") * 3,
        ["1.0", "2.0", "0.0"] * 10,
        ["-1", "0", "1"] * 5,
        ["golden retriever", "labrador retriever", "german shepherd", "poodle"] * 4,
        ["red rose", "white rose", "red tulip", "white tulip"] * 4,
        ["apple", "apple pie", "pear"] * 4,
        ["Tomato healthy", "Tomato late blight", "Potato healthy", "Potato late blight"] * 4,
        ["n01440764", "n01443537"] * 5,
        ["a", "b", "c"],
    ],
)
def test_ordinary_labels_get_no_line(labels: list[str]) -> None:
    assert doubts(labels) == []


def test_folders_are_asked_about_as_manifests_are(seen: Path, tmp_path: Path) -> None:
    for name in ("cat", "Cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes((seen / f"{len(name)}.png").read_bytes())
    assert any("'Cat' (1) and 'cat' (1)" in issue.message for issue in check(str(tmp_path)).issues)


def test_a_label_of_another_split_that_is_written_otherwise_is_recognised(seen: Path) -> None:
    text = "path,label,split\n0.png,cat,train\n1.png,dog,train\n2.png,Cat,test\n"
    (seen / "split.csv").write_text(text)
    with pytest.raises(DataError) as caught:
        open_dataset(str(seen / "split.csv"))
    assert "did you mean 'cat'?" in str(caught.value)


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;"])
def test_a_spreadsheet_s_line_about_its_separator_is_understood(seen: Path, first: str) -> None:
    rows = "".join(f"{i}.png;{'ab'[i % 2]}\r\n" for i in range(6))
    (seen / "list.csv").write_text(f"\ufeff{first}\r\npath;label\r\n{rows}", encoding="utf-8", newline="")
    assert list_manifest(seen / "list.csv").classes == ("a", "b")
    (seen / "list.csv").write_text(f"{first}\npath;label\n0.png;\n")
    with pytest.raises(DataError, match="line 3: label is empty"):
        list_manifest(seen / "list.csv")


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("filename,class", "rename filename to path and class to label"),
        ("image,label", "rename image to path"),
        ("path,label,label", "column label twice"),
    ],
)
def test_columns_under_other_names_are_recognised(seen: Path, header: str, told: str) -> None:
    (seen / "list.csv").write_text(f"{header}\n0.png,a\n")
    with pytest.raises(DataError) as caught:
        list_manifest(seen / "list.csv")
    assert told in str(caught.value)


@pytest.mark.parametrize("name", ["a\\b.png", "d\\e/f.png", " a b.png", 'a, "b".png', "été.png", "naïve\u0301.png"])
def test_a_split_is_stored_whatever_a_file_is_called(seen: Path, tmp_path: Path, name: str) -> None:
    for label in ("x", "y"):
        for number, file in enumerate([name, "1.png", "2.png", "3.png"]):
            place = tmp_path / "photos" / label / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes((seen / f"{number + 10 * (label == 'x')}.png").read_bytes())
    stored = store_split(str(tmp_path / "photos"), tmp_path / "split.csv")
    assert sum(about["samples"] for about in stored.values()) == 8
    assert tmp_path / "photos" / "x" / name in {sample.path for sample in list_manifest(tmp_path / "split.csv").samples}


def test_slashes_of_windows_still_name_a_file(seen: Path) -> None:
    (seen / "sub").mkdir(exist_ok=True)
    (seen / "sub" / "1.png").write_bytes((seen / "1.png").read_bytes())
    (seen / "list.csv").write_text("path,label\nsub\\1.png,a\n0.png,b\n")
    assert len(list_manifest(seen / "list.csv").samples) == 2


def test_names_that_are_not_utf_8_are_labels_in_latin_1_and_paths_as_they_are(seen: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for label in (b"\xe8t\xe9", b"cat"):
        folder = os.fsencode(photos) + b"/" + label
        os.makedirs(folder)
        for number in range(6):
            picture = (seen / f"{number + 10 * (label == b'cat')}.png").read_bytes()
            Path(os.fsdecode(folder + b"/\xe9%d.png" % number)).write_bytes(picture)
    dataset = open_dataset(str(photos))
    assert dataset.spec.classes == ("cat", "èté")
    stored = store_split(str(photos), tmp_path / "split.csv", duplicates_together=True)
    listed = open_dataset(str(tmp_path / "split.csv"))
    assert {name: listed.split_hash(name) for name in stored} == {name: one["hash"] for name, one in stored.items()}
    assert b"photos/\xe8t\xe9/\xe90.png,\xc3\xa8t\xc3\xa9" in (tmp_path / "split.csv").read_bytes()
    (seen / "list.csv").write_bytes(b"path,label\n\xe9.png,a\n0.png,b\n")
    with pytest.raises(DataError, match="not UTF-8: byte 0xe9 in line 2"):
        list_manifest(seen / "list.csv")
