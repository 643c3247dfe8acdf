"""Which folders are classes and which are splits; and what is not used is said, by check and by train alike."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from profond.cli import run
from profond.core.errors import DataError, ImageError
from profond.data import open_dataset
from profond.data.check import check
from profond.data.images.folder import list_folder
from profond.data.tree import look_below

HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(60)


def images(folder: Path, count: int = 3, first: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        random = np.random.default_rng([number, sum(str(folder).encode())])
        Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(folder / f"{number}.png")


def classes(root: Path, *names: str, count: int = 3) -> None:
    for name in names:
        images(root / name, count)


def pets(root: Path, *splits: str) -> Path:
    for split in splits:
        classes(root / split, "cat", "dog")
    return root


def told(root: Path) -> tuple[tuple[str, ...], list[str]]:
    """The classes, and the warnings; check and train give the same ones."""
    dataset = open_dataset(str(root))
    issues = [f.message for f in check(str(root)).issues if f.kind == "layout" and f.severity == "warning"]
    assert issues == [warning for warning in dataset.warnings if "LEAK" not in warning]
    return dataset.spec.classes, issues


@pytest.mark.parametrize("beside", ["unlabeled", "sample", "predictions", "extra images"])
def test_a_folder_beside_the_splits_is_named_once_and_left_out(tmp_path: Path, beside: str) -> None:
    root = pets(tmp_path / "data", "train", "val", "test")
    images(root / beside, 5)
    names, warnings = told(root)
    assert names == ("cat", "dog")
    assert len(warnings) == 1
    assert warnings[0].count(beside) == 1
    assert "5 images" in warnings[0]
    assert {name: len(split) for name, split in open_dataset(str(root)).splits.items()} == dict.fromkeys(
        ("train", "valid", "test"), 6
    )


def test_a_split_under_another_name_beside_the_splits_is_asked_about(tmp_path: Path) -> None:
    root = pets(tmp_path / "pets", "Train", "Test", "Validation Set")
    _, warnings = told(root)
    assert len(warnings) == 1
    assert "did you mean Validation Set as valid?" in warnings[0]


def test_every_verb_that_lists_a_folder_says_what_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = pets(tmp_path / "pets", "train", "val")
    images(root / "unlabeled")
    out = str(tmp_path / "runs")
    words = ["train", "--model=mlp", "--epochs=1", "--quiet", f"--data={root}", f"--out={out}"]
    for verb in (
        words,
        ["data", "check", str(root)],
        ["data", "split", str(root), "--out", str(tmp_path / "split.csv")],
        ["data", "shard", str(root), str(tmp_path / "shards")],
        ["evaluate", "last", f"--data={root}", "--split=valid", f"--out={out}", "--quiet", "--no-pictures"],
    ):
        assert run(verb) == 0
        said = capsys.readouterr()
        assert (said.out + said.err).count("unlabeled") == 1, verb


def test_the_archive_s_own_name_once_more_beside_the_splits_is_left_out(tmp_path: Path) -> None:
    root = pets(tmp_path / "xray", "train", "test")
    pets(root / "xray", "train", "test")
    images(root / "__MACOSX" / "train")
    names, warnings = told(root)
    assert names == ("cat", "dog")
    assert len(warnings) == 1
    assert "xray (12 images)" in warnings[0]
    assert "MACOSX" not in warnings[0]


def test_a_wrapped_data_set_is_asked_for_by_its_path(tmp_path: Path) -> None:
    pets(tmp_path / "pets" / "pets", "train", "val")
    with pytest.raises(DataError) as caught:
        open_dataset(str(tmp_path / "pets"))
    assert f"did you mean {tmp_path / 'pets' / 'pets'}?" in str(caught.value)
    images(tmp_path / "pets" / "sample")
    with pytest.raises(DataError) as caught:
        open_dataset(str(tmp_path / "pets"))
    assert f"did you mean {tmp_path / 'pets' / 'pets'}?" in str(caught.value)


def test_splits_that_are_wrapped_once_more_are_unwrapped(tmp_path: Path) -> None:
    for split in ("train", "test"):
        classes(tmp_path / split / split, "cat", "dog")
    assert open_dataset(str(tmp_path)).spec.classes == ("cat", "dog")


@pytest.mark.parametrize(
    "names",
    [("seg_train", "seg_test", "seg_pred"), ("training_set", "test_set"), ("trainset", "valset"), ("train", "my_test")],
)
def test_splits_under_other_names_are_asked_about(tmp_path: Path, names: tuple[str, ...]) -> None:
    root = pets(tmp_path / "intel", *names[:2])
    for name in names[2:]:
        images(root / name)
    for look in (check, open_dataset):
        with pytest.raises(DataError) as caught:
            look(str(root))
        assert "did you mean the splits?" in str(caught.value)
        assert f"{names[1]} to " in str(caught.value)


def test_flat_folders_that_speak_of_splits_are_asked_about_and_read(tmp_path: Path) -> None:
    classes(tmp_path, "my_train", "my_test")
    _, warnings = told(tmp_path)
    assert ["did you mean the splits?" in warning for warning in warnings] == [True]


@pytest.mark.parametrize("names", [("bus", "car", "train"), ("train station", "test tube"), ("constrained", "tested")])
def test_a_real_class_called_train_works_without_a_word(tmp_path: Path, names: tuple[str, ...]) -> None:
    classes(tmp_path, *names)
    read, warnings = told(tmp_path)
    if names[0] != "train station":
        assert warnings == []
    assert set(read) == set(names)


def test_train_with_classes_in_it_beside_flat_folders_is_refused_with_both_ways_out(tmp_path: Path) -> None:
    classes(tmp_path / "train", "cat", "dog")
    images(tmp_path / "unlabeled")
    with pytest.raises(DataError, match="splits, or classes"):
        open_dataset(str(tmp_path))


def test_a_split_among_its_own_classes_is_refused(tmp_path: Path) -> None:
    classes(tmp_path, "cat", "dog")
    classes(tmp_path / "test", "cat", "dog")
    with pytest.raises(DataError, match="same names as those beside it"):
        open_dataset(str(tmp_path))


def test_a_class_that_is_called_as_a_split_is_warned_of(tmp_path: Path) -> None:
    classes(tmp_path, "cat", "dog", "test")
    names, warnings = told(tmp_path)
    assert names == ("cat", "dog", "test")
    assert [f"predict RUN {tmp_path / 'test'}" in warning for warning in warnings] == [True]


@pytest.mark.parametrize("inner", ["", "test", "unlabeled"])
def test_a_flat_test_folder_is_left_out_with_the_line_that_predicts_on_it(tmp_path: Path, inner: str) -> None:
    root = pets(tmp_path / "pets", "train")
    images(root / "test" / inner, 4)
    names, warnings = told(root)
    assert names == ("cat", "dog")
    assert len(warnings) == 1
    assert "4 images" in warnings[0]
    assert f"`profond predict RUN {root / 'test'}`" in warnings[0]
    counts = {name: len(split) for name, split in open_dataset(str(root), test_fraction=0).splits.items()}
    assert sum(counts.values()) == 12 - 6  # train alone, dealt


@pytest.mark.parametrize(("flat", "classed"), [("val", "train"), ("train", "val"), ("train", "test")])
def test_flat_folders_to_learn_from_or_to_validate_on_are_an_error(tmp_path: Path, flat: str, classed: str) -> None:
    classes(tmp_path / classed, "cat", "dog")
    images(tmp_path / flat, 4)
    images(tmp_path / "unlabeled", 1)
    with pytest.raises(DataError, match=f"{flat} has 4 images outside of any class folder, and is a split"):
        open_dataset(str(tmp_path))


def test_a_class_whose_every_file_was_passed_over_is_a_warning_with_the_way_out(tmp_path: Path) -> None:
    classes(tmp_path, "cat", "dog")
    (tmp_path / "owl").mkdir()
    (tmp_path / "empty").mkdir()
    for number in range(4):
        (tmp_path / "owl" / f"IMG_{number}.HEIC").write_bytes(HEIC)
    (tmp_path / "cat" / "list.txt").write_text("x")
    names, warnings = told(tmp_path)
    assert names == ("cat", "dog")
    assert "empty (no file), owl (4 .heic)" in warnings[0]
    assert warnings[1].startswith("passed over: 4 .heic: HEIC")
    assert "JPEG" in warnings[1]
    assert any("1 .txt" in note for note in open_dataset(str(tmp_path)).notes)


def test_a_class_that_vanishes_from_one_split_or_a_whole_split_is_a_warning(tmp_path: Path) -> None:
    root = pets(tmp_path / "pets", "train", "test")
    for place in ("train/owl", "val/cat"):
        (root / place).mkdir(parents=True)
        (root / place / "1.cr2").write_bytes(b"II")
    _, warnings = told(root)
    assert any("train/owl (1 .cr2)" in warning for warning in warnings)
    assert any(warning.startswith("val is left out") for warning in warnings)
    assert any("raw data of a camera" in warning for warning in warnings)


def test_what_is_left_of_one_class_says_where_the_others_went(tmp_path: Path) -> None:
    classes(tmp_path, "cat")
    (tmp_path / "owl").mkdir()
    (tmp_path / "owl" / "1.psd").write_bytes(b"8BPS")
    with pytest.raises(DataError, match=r"one class only, 'cat'; .*owl \(1 \.psd\)"):
        open_dataset(str(tmp_path))


def test_a_folder_of_one_archive_or_of_unread_pictures_says_what_to_do(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "photos.zip").write_bytes(b"PK")
    for reference in (tmp_path, tmp_path / "photos.zip"):
        with pytest.raises(DataError) as caught:
            open_dataset(str(reference))
        assert "unzip photos.zip" in str(caught.value)
    (tmp_path / "a" / "1.dcm").write_bytes(b"x")
    with pytest.raises(DataError, match=r"no images: 1 \.dcm, 1 \.zip\nhelp: DICOM"):
        open_dataset(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "word"), [("a.rar", "unrar"), ("a.7z", "7z x"), ("a.tar.gz", "tar -xf"), ("a.tgz", "tar")]
)
def test_archives_are_to_be_unpacked_first(tmp_path: Path, name: str, word: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DataError) as caught:
        open_dataset(str(tmp_path / name))
    assert word in (caught.value.help or "")


def test_loose_pictures_beside_a_table_ask_whether_it_is_the_manifest(tmp_path: Path) -> None:
    images(tmp_path / "images")
    (tmp_path / "train.csv").write_text("path,label\n")
    with pytest.raises(DataError) as caught:
        open_dataset(str(tmp_path))
    assert f"did you mean {tmp_path / 'train.csv'}?" in str(caught.value)


def test_folders_inside_a_class_are_told_to_be_no_classes(tmp_path: Path) -> None:
    classes(tmp_path / "animals", "cat", "dog")
    classes(tmp_path / "vehicles", "bus", "tram")
    listing = list_folder(tmp_path)
    assert listing.classes == ("animals", "vehicles")
    assert any("animals (cat, dog), vehicles (bus, tram)" in note for note in listing.notes)


def test_clutter_is_no_class_and_no_picture(tmp_path: Path) -> None:
    classes(tmp_path, "cat", "dog")
    for name in ("@eaDir", "__MACOSX", ".ipynb_checkpoints", "lost+found"):
        images(tmp_path / name)
        images(tmp_path / "cat" / name)
    (tmp_path / "cat" / "._0.png").write_bytes(b"\0\5\x16\7")
    listing = list_folder(tmp_path)
    assert (listing.classes, len(listing.samples)) == (("cat", "dog"), 6)
    assert (listing.notes, listing.warnings) == ((), ())


def test_links_are_followed_once_and_the_order_is_that_of_the_names(tmp_path: Path) -> None:
    images(tmp_path / "elsewhere", 1)
    top = tmp_path / "new"
    images(top / "b", 2)
    images(top, 1, first=5)
    (top / "a").symlink_to("../elsewhere")
    (top / "c").symlink_to("../elsewhere")
    (top / "d").symlink_to("b")
    (tmp_path / "elsewhere" / "up").symlink_to("..")
    below = look_below(top)
    assert [file.relative_to(top).as_posix() for file in below.files] == ["5.png", "a/0.png", "b/0.png", "b/1.png"]
    assert below.loops == [top / "a" / "up"]


def test_a_class_folder_whose_name_ends_in_tar_is_no_shard(tmp_path: Path) -> None:
    classes(tmp_path, "x.tar", "y")
    (tmp_path / "old.tar").write_bytes(b"")
    assert open_dataset(str(tmp_path)).spec.classes == ("x.tar", "y")


@contextmanager
def deep(folder: Path, name: str, number: int) -> Iterator[None]:
    """Folders one in the other, which no usual way of removing folders would remove."""
    here = os.getcwd()
    os.chdir(folder)
    for _ in range(number):
        os.mkdir(name)
        os.chdir(name)
    bottom = os.open(".", os.O_RDONLY)
    os.chdir(here)
    try:
        yield
    finally:
        os.fchdir(bottom)
        os.close(bottom)
        for _ in range(number):
            os.chdir("..")
            os.rmdir(name)
        os.chdir(here)


def test_folders_in_folders_are_looked_through_however_deep(tmp_path: Path) -> None:
    classes(tmp_path / "data", "a", "b")
    with deep(tmp_path / "data" / "b", "d", 1500):
        assert len(list_folder(tmp_path / "data").samples) == 6
        assert len(look_below(tmp_path / "data").files) == 6
    with deep(tmp_path / "data" / "b", "f" * 200, 30):
        blocked = look_below(tmp_path / "data").blocked
        assert [error.message.endswith("its path is too long") for error in blocked] == [True]
        assert len(blocked[0].message) < 600
        with pytest.raises(DataError, match="path is too long"):
            list_folder(tmp_path / "data")


def test_a_picture_in_a_known_format_that_is_not_read_is_called_so(tmp_path: Path) -> None:
    classes(tmp_path, "a", "b")
    (tmp_path / "c.heic").write_bytes(HEIC)
    rows = "path,label\na/0.png,a\nb/0.png,b\nc.heic,a\n"
    (tmp_path / "list.csv").write_text(rows)
    with pytest.raises(ImageError, match=r"c\.heic cannot be read: HEIC"):
        open_dataset(str(tmp_path / "list.csv"))
