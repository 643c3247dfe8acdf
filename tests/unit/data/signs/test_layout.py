"""The German benchmark in its own layout: found zipped or unpacked, told apart by its count, each sign kept whole."""

from __future__ import annotations

import re
import shutil
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from PIL import Image
from support.gtsrb import HEAD, TRAIN, archives, unpack

from profond.cli import run
from profond.core.errors import DataError
from profond.data import open_dataset
from profond.data.check import check
from profond.data.fetch.sources import Web
from profond.data.open import kind_of
from profond.data.signs.layout import counted, find, list_signs
from profond.data.signs.names import FRAMES, SIGNS, names


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PROFOND_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def zipped(tmp_path):
    return archives(tmp_path / "GTSRB")


@pytest.fixture
def unzipped(zipped, tmp_path):
    return unpack(zipped, tmp_path / "unzipped")


def told(listing):
    return [(s.path.relative_to(listing.root), s.label, s.split, s.group, s.region) for s in listing.samples]


def test_the_names_and_counts_are_those_of_the_published_archives():
    assert (len(SIGNS), len(set(names("en"))), len(set(names("fr")))) == (43, 43, 43)
    assert sum(sign.tracks for sign in SIGNS) * FRAMES - 1 == 39_209
    assert sum(sign.test for sign in SIGNS) == 12_630


def test_zipped_unpacked_and_far_below_it_is_the_same(zipped, unzipped, tmp_path):
    deep = tmp_path / "data" / "of" / "mine"
    shutil.copytree(unzipped, deep / "signs")
    found = [list_signs(path) for path in (zipped, unzipped, tmp_path / "data")]
    assert told(found[0]) == told(found[1]) == told(found[2])
    assert len(found[0].samples) == 3 * 4 * 6 - 1 + 9
    first = found[0].samples[0]
    assert (first.label, first.split, first.group) == ("speed limit 20", "train", "00000/00000")
    assert first.region == (2, 3, 13, 13)  # the table's last pixel is inside
    assert all(not sample.group for sample in found[0].samples if sample.split == "test")


def test_a_train_that_is_unpacked_goes_with_tests_that_are_not(zipped, unzipped):
    (zipped / TRAIN).unlink()
    shutil.copytree(unzipped / "GTSRB" / "Final_Training", zipped / "Final_Training")
    assert [told(list_signs(zipped))[i][1:] for i in (0, -1)] == [told(list_signs(unzipped))[i][1:] for i in (0, -1)]


def test_each_physical_sign_stands_on_one_side_of_whatever_is_held_out(zipped):
    held = open_dataset(zipped).holdout(0.25)
    train, valid = (set(held.split(name).groups) for name in ("train", "valid"))
    assert len(train | valid) == 12
    assert valid
    assert not train & valid


def test_without_tests_signs_of_train_are_taken_whole(zipped):
    for archive in zipped.glob("*Test*.zip"):
        archive.unlink()
    opened = open_dataset(zipped, valid_fraction=0.25, test_fraction=0.25)
    sides = [set(opened.split(name).groups) for name in ("train", "valid", "test")]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 12
    assert any("no test pictures" in warning for warning in opened.warnings)


@pytest.mark.parametrize("form", ["zipped", "unzipped"])
def test_tests_without_train_are_told_what_lacks_and_where_it_belongs(form, request):
    folder = request.getfixturevalue(form)
    for one in [*folder.glob("*Training*"), folder / "GTSRB/Final_Training"]:
        shutil.rmtree(one) if one.is_dir() else one.unlink(missing_ok=True)
    with pytest.raises(DataError, match=f"only test pictures .* no {TRAIN}") as found:
        open_dataset(folder)
    assert f"into {folder}" in found.value.help


def test_pictures_without_their_tables_are_told_which(unzipped):
    classes = unzipped / "GTSRB/Final_Training/Images"
    (classes / "00001/GT-00001.csv").unlink()
    with pytest.raises(DataError, match=r"00001 has no table GT-00001\.csv"):
        open_dataset(unzipped)
    for table in classes.rglob("*.csv"):
        table.unlink()
    with pytest.raises(DataError, match="has pictures and no tables such as") as found:
        open_dataset(unzipped)
    assert TRAIN in found.value.help


def test_an_archive_of_train_without_tables_is_told(zipped):
    with zipfile.ZipFile(zipped / TRAIN, "w") as packed:
        packed.writestr("GTSRB/Final_Training/Images/00000/00000_00000.ppm", b"x")
    with pytest.raises(DataError, match="has pictures and no tables such as"):
        list_signs(zipped)


def test_a_class_without_a_folder_and_tests_without_their_classes_are_told(unzipped):
    shutil.rmtree(unzipped / "GTSRB/Final_Training/Images/00001")
    (unzipped / "GT-final_test.csv").unlink()
    said = list_signs(unzipped).warnings
    assert any(words.startswith("41 of 43 classes have no folder") and "00001, 00003" in words for words in said)
    assert any("GTSRB_Final_Test_GT.zip, or what it unpacks to, into" in words for words in said)


def test_cut_to_its_sign_a_picture_is_its_region_in_memory_and_streamed(zipped, unzipped):
    with Image.open(unzipped / "GTSRB/Final_Training/Images/00001/00000_00003.ppm") as image:
        wanted = image.crop((2, 3, 25, 25)).resize((32, 32), Image.Resampling.BILINEAR)
    wanted = torch.from_numpy(np.asarray(wanted).copy()).permute(2, 0, 1)
    for memory_mib in (64, 0):
        train = open_dataset(zipped, size=32, crop=True, memory_mib=memory_mib).split("train")
        at = next(i for i in range(len(train)) if train.identity(i).endswith("00001/00000_00003.ppm"))
        assert torch.equal(train.raw(at), wanted)
        assert torch.equal(train.subset([at]).raw(0), wanted)
        whole = open_dataset(zipped, size=32, memory_mib=memory_mib).split("train")
        assert not torch.equal(whole.raw(at), wanted)


def test_the_count_says_which_split_it_is():
    notes, warnings = counted(39_209, 12_630)
    assert not warnings
    assert "1,307 signs × 30 − 1" in notes[0]
    assert "another split" in counted(26_640, 12_630)[1][0]
    assert "torchvision" in counted(26_640, 0)[1][0]
    assert counted(1000, 12)[1] == [
        "1,000 training pictures, and the official archive has 39,209",
        "12 test pictures, and the official archive has 12,630",
    ]


def test_check_tells_what_a_split_by_frame_would_leak(tmp_path, capsys):
    archives(tmp_path / "all", classes=43, tracks=3, frames=3, tests=43)
    assert run(["data", "check", str(tmp_path / "all")]) == 0
    shown = capsys.readouterr().out
    assert "129 groups of 3 images are kept whole" in shown
    (beside, held_out) = map(
        int, re.search(r"instead, (\d+) of (\d+) images held out would have another", shown).groups()
    )
    assert 0.9 * held_out < beside <= held_out
    assert "386 training pictures, and the official archive has 39,209" in shown


def test_a_split_by_frame_flatters_by_what_the_note_says(tmp_path):
    """Pictures that show their sign and nothing of their class: by frame all are known, by sign not."""
    random = np.random.default_rng(0)
    rows = ["path,label,group"]
    for sign in range(40):
        pattern = random.integers(0, 256, (16, 16, 3))
        for frame in range(5):
            noisy = np.clip(pattern + random.normal(0, 5, pattern.shape), 0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(tmp_path / f"{sign}_{frame}.png")
            rows.append(f"{sign}_{frame}.png,{sign % 4},{sign}")
    (tmp_path / "all.csv").write_text("\n".join(rows))
    report = check(str(tmp_path / "all.csv"))
    (told_of,) = [issue.message for issue in report.issues if issue.kind == "group_leak_avoided"]
    assert "be right for 100.0%" in told_of
    assert float(told_of.rpartition("right for ")[2].rstrip("%")) <= 60


def test_other_folders_are_what_they_were(tmp_path):
    for name in ("00000", "00001", "GTSRB"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "photos" / name / "00000_00000.png")
    assert find(tmp_path / "photos") is None
    assert kind_of(tmp_path / "photos").name == "folder"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Filename;Width\n", "has no column Height"),
        (f"{HEAD}\n00000_00000.ppm;15;16;2;3;30;12;0\n", "the region is not inside the picture"),
        (f"{HEAD}\n00000_00000.ppm;15;16;2;3;12;12;43\n", "class 43"),
        (f"{HEAD}\n00000_00000.ppm;15;16;2;3;12;twelve;0\n", "not a row of numbers"),
        (f"{HEAD}\n00009_00000.ppm;15;16;2;3;12;12;0\n", "names pictures that are not in"),
    ],
)
def test_a_table_that_does_not_fit_is_told_with_its_place(unzipped, text, words):
    table = unzipped / "GTSRB/Final_Training/Images/00000/GT-00000.csv"
    table.write_text(text)
    with pytest.raises(DataError, match=words) as found:
        list_signs(unzipped)
    assert "GT-00000.csv" in found.value.message


def test_a_damaged_archive_is_told_and_nothing_outside_the_layout_is_unpacked(zipped, tmp_path):
    with zipfile.ZipFile(zipped / TRAIN, "a") as packed:
        packed.writestr("GTSRB/Final_Training/Images/00000/../../../../../evil.ppm", b"x")
        packed.writestr("evil.sh", b"x")
    list_signs(zipped)
    assert not list(tmp_path.rglob("evil*"))
    whole = (zipped / TRAIN).read_bytes()
    (zipped / TRAIN).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="is damaged"):
        list_signs(zipped)


def test_fetched_it_is_what_lies_on_the_mirror(zipped, monkeypatch):
    handler = partial(SimpleHTTPRequestHandler, directory=str(zipped))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *words: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as mirror:
        threading.Thread(target=mirror.serve_forever, args=(0.01,), daemon=True).start()
        here = f"http://127.0.0.1:{mirror.server_port}/"
        monkeypatch.setattr("profond.data.sets.gtsrb.SOURCES", (Web(f"{here}not-there/"), Web(here)))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        fetched = open_dataset("gtsrb", language="fr")
        mirror.shutdown()
    assert fetched.source.startswith(here)
    assert fetched.spec.classes[14] == "arrêt"
    by_path = open_dataset(zipped)
    assert [fetched.contents(name) for name in ("train", "test")] == [by_path.contents(n) for n in ("train", "test")]
