"""Folders of images without classes: networks that make such pictures take them, and classifiers say what lacks."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from profond.cli import run
from profond.core.errors import DataError, ImageError
from profond.data import open_dataset
from profond.data.images.folder import list_folder
from profond.data.open import WITHOUT_CLASSES, kind_of
from profond.experiments.configuration import changed, for_model
from profond.experiments.experiment import assemble


def images(folder, count, size=(92, 112), mode="L", first=0):
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(first)
    planes = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    for i in range(first, first + count):
        pixels = random.integers(0, 256, (size[1], size[0], *planes), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:03}.png")
    return folder


@pytest.fixture
def faces(tmp_path):
    return images(tmp_path / "faces", 20)


def test_images_that_lie_in_a_folder_are_opened_without_classes_in_their_own_size(faces):
    opened = open_dataset(faces)
    assert (opened.spec.shape, opened.spec.classes, opened.spec.has_target) == ((1, 112, 92), (), False)
    assert {name: len(split) for name, split in opened.splits.items()} == {"train": 10, "valid": 5, "test": 5}
    inputs, targets = next(iter(opened.batches("train", 8, shuffle=True)))
    assert tuple(inputs.shape) == (8, 1, 112, 92)
    assert not targets.any()


@pytest.mark.parametrize(("count", "held_out"), [(12, 3), (40, 10), (100, 10), (130, 13)])
def test_enough_is_held_out_that_samples_can_be_set_beside_it(tmp_path, count, held_out):
    opened = open_dataset(images(tmp_path, count, (8, 8)))
    assert [len(opened.split(name)) for name in ("valid", "test")] == [held_out, held_out]
    given = open_dataset(tmp_path, valid_fraction=0.0, test_fraction=0.25)
    assert {name: len(split) for name, split in given.splits.items()} == {
        "train": count - round(count / 4),
        "test": round(count / 4),
    }


def test_too_few_images_are_refused_with_the_number_that_is_needed(tmp_path):
    images(tmp_path, 11, (8, 8))
    with pytest.raises(DataError, match="has 11 images, and 12 at least are needed") as told:
        open_dataset(tmp_path)
    assert "some hundred" in told.value.help
    whole = open_dataset(tmp_path, valid_fraction=0.0, test_fraction=0.0)  # as where a run is measured on other data
    assert {name: len(split) for name, split in whole.splits.items()} == {"train": 11}


def test_train_and_test_may_be_given_without_classes(tmp_path):
    images(tmp_path / "train", 8)
    images(tmp_path / "test", 4, first=50)
    opened = open_dataset(tmp_path)
    assert {name: len(split) for name, split in opened.splits.items()} == {"train": 8, "test": 4}
    assert opened.spec.classes == ()


@pytest.mark.parametrize(("side", "expected"), [(28, 28), (128, 128), (129, 64)])
def test_sizes_up_to_128_are_kept(tmp_path, side, expected):
    assert open_dataset(images(tmp_path, 12, (side, side))).spec.shape == (1, expected, expected)


def test_transparency_is_laid_on_white_and_grey_among_colours_becomes_colour(tmp_path):
    images(tmp_path, 3, (30, 30), "RGB")
    Image.new("RGBA", (30, 30), (200, 0, 0, 0)).save(tmp_path / "clear.png")
    images(tmp_path, 2, (30, 30), "L", first=10)
    opened = open_dataset(tmp_path, valid_fraction=0, test_fraction=0)
    train = opened.split("train")
    assert opened.spec.shape == (3, 30, 30)
    clear = next(i for i in range(len(train)) if train.identity(i) == "clear.png")
    assert bool((train.raw(clear) == 255).all())


def test_a_damaged_file_is_named(faces):
    (faces / "007.png").write_bytes((faces / "007.png").read_bytes()[:300])
    with pytest.raises(ImageError, match=r"007\.png"):
        open_dataset(faces)
    assert len(open_dataset(faces, unreadable="skip").skipped) == 1


def test_a_network_that_tells_classes_apart_refuses_them_in_the_words_for_folders_of_classes(faces):
    with pytest.raises(DataError, match="faces has 20 images but no sub-folders, so no classes") as told:
        assemble(for_model("lenet5", str(faces)))
    assert "a sub-folder of its own" in told.value.help
    with pytest.raises(DataError, match="these samples have no classes"):
        assemble(changed(for_model("lenet5", str(faces)), {"task.name": "classify"}))


def test_a_table_beside_the_images_is_asked_about(faces):
    (faces / "labels.csv").write_text("file,label\n000.png,a\n001.png,b\n")
    question = f"did you mean {faces / 'labels.csv'}?"
    assert any(question in warning for warning in open_dataset(faces).warnings)
    with pytest.raises(DataError) as told:
        assemble(for_model("lenet5", str(faces)))
    assert question in told.value.help


def test_registered_samples_without_classes_are_refused_by_name(faces):
    with pytest.raises(DataError, match="ring has neither classes nor numbers to be estimated, and mlp learns from"):
        assemble(for_model("mlp", "ring"))


def test_folders_of_classes_and_mixtures_are_what_they_were(faces):
    images(faces / "cat", 3, first=100)
    assert kind_of(faces).name == "folder"
    with pytest.raises(DataError, match="20 images outside of any class folder"):
        open_dataset(faces)


def test_one_folder_in_the_folder_is_pointed_at(tmp_path):
    images(tmp_path / "celebrities", 3)
    with pytest.raises(DataError, match="one class only") as told:
        open_dataset(tmp_path)
    assert f"a network that makes such pictures takes {tmp_path / 'celebrities'}" in told.value.help


def test_a_stored_split_of_them_is_a_manifest_without_labels(faces, capsys):
    assert run(["data", "split", str(faces), "--out", str(faces.parent / "faces.csv"), "--json"]) == 0
    stored = json.loads(capsys.readouterr().out)["splits"]
    opened = open_dataset(faces.parent / "faces.csv")
    assert opened.spec.classes == ()
    assert {name: opened.split_hash(name) for name in opened.splits} == {n: one["hash"] for n, one in stored.items()}
    plain = open_dataset(faces, valid_fraction=0.1, test_fraction=0.1)
    for name, split in plain.splits.items():
        assert {f"faces/{split.identity(i)}" for i in range(len(split))} == {
            opened.split(name).identity(i) for i in range(len(opened.split(name)))
        }


def test_the_check_says_that_there_are_no_classes_and_shards_refuse_them(faces, tmp_path, capsys):
    (faces / "copy.png").write_bytes((faces / "003.png").read_bytes())
    assert run(["data", "check", str(faces)]) == 0
    told = capsys.readouterr().out
    assert "21 images, without classes" in told
    assert "1 set of images that are the same: 003.png = copy.png" in told
    assert "faces has 21 images to learn from: a network that makes pictures learns fewer than 100 by heart" in told
    assert run(["data", "shard", str(faces), str(tmp_path / "shards")]) == 3
    assert "has no classes, and shards hold classes" in capsys.readouterr().err


def test_the_kind_is_known_without_reading_an_image(faces):
    (faces / "000.png").write_bytes(b"")
    assert kind_of(faces).name == WITHOUT_CLASSES
    with pytest.raises(DataError, match="so no classes"):
        list_folder(faces)
