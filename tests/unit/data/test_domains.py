"""Two domains of pictures, A to be translated into B: in one folder, or in two."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from profond.core.errors import DataError, UsageError
from profond.data import open_dataset
from profond.data.check import check
from profond.data.saved_split import store_split
from profond.experiments.plan import plan_training


def images(folder, count, size=(92, 112), mode="L", first=0):
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng([*folder.name.encode(), first])
    planes = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    for i in range(first, first + count):
        pixels = random.integers(0, 256, (size[1], size[0], *planes), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:03}.png")
    return folder


@pytest.fixture
def photos(tmp_path):
    for name, count in (("trainA", 12), ("trainB", 9), ("testA", 3), ("testB", 4)):
        images(tmp_path / "photos" / name, count)
    return tmp_path / "photos"


def counts(opened):
    return {name: split.targets.bincount(minlength=2).tolist() for name, split in opened.splits.items()}


def test_the_layout_of_cyclegan_opens_as_two_classes_with_splits(photos):
    opened = open_dataset(photos)
    assert opened.spec.classes == ("A", "B")
    assert opened.spec.shape == (1, 112, 92)
    assert counts(opened) == {"train": [12, 9], "test": [3, 4]}
    images(photos / "valA", 2)
    images(photos / "valB", 2)
    assert counts(open_dataset(photos)) == {"train": [12, 9], "valid": [2, 2], "test": [3, 4]}


def test_without_tests_a_share_of_each_domain_is_held_out(photos):
    shutil.rmtree(photos / "testA")
    shutil.rmtree(photos / "testB")
    with pytest.raises(DataError, match="B has 9 images, and 12 at least are needed"):
        open_dataset(photos)
    images(photos / "trainB", 12)
    assert counts(open_dataset(photos)) == {"train": [6, 6], "valid": [3, 3], "test": [3, 3]}


def test_two_folders_are_two_domains_the_first_of_which_is_a(tmp_path):
    zebras, horses = images(tmp_path / "zebras", 12, mode="RGBA"), images(tmp_path / "deep" / "horses", 20, mode="RGB")
    opened = open_dataset(zebras, to=str(horses))
    assert opened.spec.classes == ("zebras", "horses")
    assert opened.spec.shape == (3, 112, 92)
    assert np.array(list(counts(opened).values())).sum(0).tolist() == [12, 20]
    first = opened.split("train")
    assert {first.identity(i).rpartition("/")[0] for i in range(len(first))} == {"zebras", "deep/horses"}
    with pytest.raises(DataError, match="zebras and horses would change places"):
        store_split(str(zebras), tmp_path / "split.csv", options={"to": str(horses)})


def test_folders_of_one_name_are_called_a_and_b(tmp_path):
    opened = open_dataset(images(tmp_path / "x" / "photos", 12), to=str(images(tmp_path / "y" / "photos", 12)))
    assert opened.spec.classes == ("A", "B")


@pytest.mark.parametrize("gone", ["trainA", "trainB", "testB"])
def test_a_domain_that_is_missing_is_named(photos, gone):
    shutil.rmtree(photos / gone)
    with pytest.raises(DataError, match=f"but no {gone}\n") as told:
        open_dataset(photos)
    assert "trainA and trainB" in told.value.help


@pytest.mark.parametrize("left", ["", "photo.heic"])
def test_a_domain_that_is_empty_is_named(photos, left):
    shutil.rmtree(photos / "trainB")
    (photos / "trainB").mkdir()
    if left:
        (photos / "trainB" / left).write_bytes(b"x")
    with pytest.raises(DataError, match="trainB has no images: " + ("1 .heic" if left else "no file")):
        open_dataset(photos)


def test_a_folder_of_classes_is_no_domain_and_a_domain_no_file(tmp_path):
    images(tmp_path / "photos" / "cat", 3)
    images(tmp_path / "photos" / "dog", 3)
    sketches = images(tmp_path / "sketches", 5)
    with pytest.raises(DataError, match=r"photos holds folders of images \(cat, dog\)") as told:
        open_dataset(sketches, to=str(tmp_path / "photos"))
    assert f"did you mean {tmp_path / 'photos' / 'cat'}?" in told.value.help
    with pytest.raises(DataError, match=r"there is no folder .*gone"):
        open_dataset(sketches, to=str(tmp_path / "gone"))
    with pytest.raises(DataError, match="A and B are the same folder"):
        open_dataset(sketches, to=str(sketches))


def test_the_same_pictures_in_a_and_b_are_warned_of(tmp_path):
    summer = images(tmp_path / "summer", 12)
    shutil.copytree(summer, tmp_path / "winter")
    opened = open_dataset(summer, to=str(tmp_path / "winter"))
    assert any("the same pictures, all 12 of A" in warning for warning in opened.warnings)
    images(tmp_path / "winter", 11)  # all but one are others now
    told = [issue.message for issue in check(str(summer), to=str(tmp_path / "winter")).issues]
    assert any(message.startswith("1 of the 12 pictures of A are in B too") for message in told)


def test_few_pictures_are_told_of_both_domains_at_once(photos):
    told = [warning for warning in open_dataset(photos).warnings if "by heart" in warning]
    assert len(told) == 1
    assert told[0].startswith("A has 12 images, B has 9 images to learn from")


def test_a_training_takes_two_folders_instead_of_data(tmp_path):
    planned = plan_training(model="lenet5", domains=("a", "b"))
    assert (planned.data.name, planned.data.settings) == ("a", {"to": "b"})
    with pytest.raises(UsageError, match="--from is given, and --to is not"):
        plan_training(model="lenet5", domains=("a", None))
    with pytest.raises(UsageError, match="--data and --from"):
        plan_training(model="lenet5", data="mnist", domains=("a", "b"))
