"""ImageNet's folder in its three layouts, on a miniature of real photos; labels right, and what is wrong told."""

from __future__ import annotations

import contextlib
import csv
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from profond.core.errors import DataError, MissingError
from profond.data import open_dataset
from profond.data.check import check
from profond.data.images.decoding import open_image
from profond.data.images.imagenet_folder import list_imagenet
from profond.data.images.matlab import read_structures
from profond.data.sets.synsets import MEAN, STD

DEVKIT = "ILSVRC2012_devkit_t12/data"
TRUTH = f"{DEVKIT}/ILSVRC2012_validation_ground_truth.txt"
# As ILSVRC2012_ID has them in the miniature; a label is the place among the sorted.
NUMBERS = {3: "n02108422", 1: "n07745940", 4: "n01614925", 2: "n12768682"}
SORTED = ("n01614925", "n02108422", "n07745940", "n12768682")


@pytest.fixture
def copy(miniature: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(miniature, tmp_path / "copy"))


def labels(folder: Path) -> dict[str, str]:
    """Class of each picture of the validation, by the name of its file."""
    return {sample.path.name: sample.label for sample in list_imagenet(folder).samples if sample.split == "valid"}


def seen(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB").resize((8, 8)), dtype=float)


def test_the_official_layout_is_seen_by_itself_and_read_as_imagenet_is(miniature: Path) -> None:
    dataset = open_dataset(miniature)
    assert dataset.spec.classes == SORTED
    assert dataset.spec.shape == (3, 224, 224)
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 24, "valid": 8}
    preprocessing = dataset.preprocessing
    assert (preprocessing.mean, preprocessing.std, preprocessing.crop) == (MEAN, STD, 0.875)
    assert open_dataset(miniature, size=64).spec.shape == (3, 64, 64)
    assert dataset.split("train").identity(0).startswith("train/n01614925/n01614925_")


def test_labels_are_in_the_order_of_the_synsets_and_not_of_the_devkit(miniature: Path) -> None:
    """The classic mistake: the ground truth's 1, less one, taken for the first label."""
    truth = [int(line) for line in (miniature / TRUTH).read_text().split()]
    split = open_dataset(miniature).split("valid")
    expected = [SORTED.index(NUMBERS[number]) for number in truth]
    assert split.targets.tolist() == expected
    assert expected != [number - 1 for number in truth]
    # and the pictures say so too: each is most like one of its own class
    listing = list_imagenet(miniature)
    small = {s: seen(open_image(s.path).image) for s in listing.samples}
    train = [sample for sample in listing.samples if sample.split == "train"]
    for sample in listing.samples:
        if sample.split == "valid":
            nearest = min(train, key=lambda other, mine=small[sample]: np.abs(small[other] - mine).mean())
            assert nearest.label == sample.label


def test_grey_cmyk_and_a_png_called_jpeg_are_pictures_like_the_others(miniature: Path) -> None:
    train = open_dataset(miniature, size=32).split("train")
    opened = [open_image(train.locations[i]) for i in range(len(train))]
    assert {each.image.mode for each in opened} == {"RGB", "L", "CMYK"}
    assert {each.format for each in opened} == {"JPEG", "PNG"}
    raws = torch.stack([train.raw(i) for i in range(len(train))])
    assert raws.shape == (24, 3, 32, 32)
    of_owner = raws[train.targets == 1].float().mean((2, 3))  # the same photo, in colour, grey and CMYK
    assert (of_owner.mean(1).max() - of_owner.mean(1).min()) < 25, "none is inverted"


def test_a_validation_sorted_into_folders_is_the_same_data(miniature: Path, copy: Path) -> None:
    known = labels(miniature)
    for name, label in known.items():
        (copy / "val" / label).mkdir(exist_ok=True)
        (copy / "val" / name).rename(copy / "val" / label / name)
    shutil.rmtree(copy / "ILSVRC2012_devkit_t12")
    assert labels(copy) == known


@pytest.mark.parametrize("opened", [".", "ILSVRC", "ILSVRC/Data/CLS-LOC"])
def test_kaggles_layout_is_the_same_data_wherever_it_is_entered(miniature: Path, tmp_path: Path, opened: str) -> None:
    known = labels(miniature)
    inner = tmp_path / "kaggle/ILSVRC/Data/CLS-LOC"
    for part in ("train", "val"):
        shutil.copytree(miniature / part, inner / part)
    (inner / "test").mkdir()
    with (tmp_path / "kaggle/LOC_val_solution.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ImageId", "PredictionString"])
        for name, label in reversed(known.items()):
            writer.writerow([name.removesuffix(".JPEG"), f"{label} 85 1 499 272 {label} 3 4 5 6 "])
    assert labels(tmp_path / "kaggle" / opened) == known
    dataset = open_dataset(tmp_path / "kaggle" / opened)
    assert "test has no labels" in dataset.notes[0]


def test_the_map_of_later_devkits_does_as_well_as_the_mat_file(miniature: Path, copy: Path) -> None:
    (copy / DEVKIT / "meta.mat").unlink()
    lines = [f"{synset} {number} a_name\n" for number, synset in NUMBERS.items()]
    (copy / DEVKIT / "map_clsloc.txt").write_text("".join(lines))
    assert labels(copy) == labels(miniature)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_mat_file_gives_what_scipy_wrote(tmp_path: Path, compressed: bool) -> None:
    fields = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("gloss", "O"), ("children", "O"), ("height", "O")]
    rows = [
        (1, "n02119789", "a small grey fox; north-west, façade", np.array([3, 4, 5], np.int16), 0.0),
        (1860, "n00001740", "", np.array([], np.float64), np.float32(13.5)),
    ]
    content = {"synsets": np.array(rows, dtype=fields)[:, None], "other": np.arange(6.0)}
    savemat(tmp_path / "meta.mat", content, do_compression=compressed)
    first, second = read_structures(tmp_path / "meta.mat")["synsets"]
    assert (first["ILSVRC2012_ID"], first["WNID"], first["children"]) == (1, "n02119789", [3, 4, 5])
    assert first["gloss"] == "a small grey fox; north-west, façade"
    assert (second["ILSVRC2012_ID"], second["height"], second["children"]) == (1860, 13.5, [])


def test_a_damaged_mat_file_is_refused_wherever_it_is_cut(miniature: Path, tmp_path: Path) -> None:
    data = (miniature / DEVKIT / "meta.mat").read_bytes()
    path = tmp_path / "meta.mat"
    for length in range(0, len(data) - 1, 23):
        path.write_bytes(data[:length])
        if 128 <= length < 136:  # cut before the first array: a file that holds none
            assert read_structures(path) == {}
            continue
        with pytest.raises(DataError, match=r"meta\.mat"):
            read_structures(path)
    path.write_bytes(data[:300] + bytes(200) + data[500:])
    with pytest.raises(DataError, match="damaged"):
        read_structures(path)


def test_a_mat_file_that_would_fill_the_memory_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    savemat(tmp_path / "meta.mat", {"synsets": np.zeros((1, 9 << 20))}, do_compression=True)
    assert (tmp_path / "meta.mat").stat().st_size < 1 << 20
    with pytest.raises(DataError, match="more than 67108864 bytes"):
        read_structures(tmp_path / "meta.mat")


def test_a_mat_file_that_promises_more_structures_than_it_holds_is_refused(tmp_path: Path) -> None:
    savemat(tmp_path / "meta.mat", {"synsets": np.array([(1, "n02119789")] * 3, dtype=[("n", "O"), ("w", "O")])})
    whole = (tmp_path / "meta.mat").read_bytes()
    dimensions = struct.pack("<ii", 1, 3)
    assert whole.count(dimensions) == 1
    (tmp_path / "meta.mat").write_bytes(whole.replace(dimensions, struct.pack("<ii", 1, 1 << 30)))
    with pytest.raises(DataError, match="damaged"):
        read_structures(tmp_path / "meta.mat")


def test_a_mat_file_with_any_byte_changed_is_read_or_refused(miniature: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    savemat(tmp_path / "whole.mat", {"synsets": np.array([(1, "n02119789")] * 3, dtype=[("n", "O"), ("w", "O")])})
    for whole in ((tmp_path / "whole.mat").read_bytes(), (miniature / DEVKIT / "meta.mat").read_bytes()):
        for _ in range(150):
            changed = bytearray(whole)
            for position in random.integers(128, len(whole), 3):
                changed[position] = random.integers(256)
            (tmp_path / "meta.mat").write_bytes(changed)
            with contextlib.suppress(DataError):
                assert isinstance(read_structures(tmp_path / "meta.mat"), dict)


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


WRONG = {
    "no devkit": (lambda root: remove(root / "ILSVRC2012_devkit_t12"), "no list says which class", "devkit"),
    "no meta": (lambda root: remove(root / DEVKIT / "meta.mat"), "no meta.mat beside it", "synset_words.txt"),
    "a picture is missing": (
        lambda root: remove(root / "val/ILSVRC2012_val_00000003.JPEG"),
        r"lacks 1 of the 8 pictures .*: ILSVRC2012_val_00000003.JPEG",
        "again",
    ),
    "a picture too many": (
        lambda root: shutil.copy(root / "val/ILSVRC2012_val_00000003.JPEG", root / "val/ILSVRC2012_val_00000009.JPEG"),
        "1 pictures that .* does not list: ILSVRC2012_val_00000009.JPEG",
        "take them out",
    ),
    "a strange name": (
        lambda root: shutil.copy(root / "val/ILSVRC2012_val_00000003.JPEG", root / "val/photo.jpg"),
        "does not list: photo.jpg",
        "take them out",
    ),
    "a class that the devkit does not know": (
        lambda root: shutil.copytree(root / "train/n02108422", root / "train/n99999999"),
        "1 folders that meta.mat does not know: n99999999",
        "belongs",
    ),
    "an empty class": (
        lambda root: [remove(path) for path in (root / "train/n02108422").iterdir()],
        "train/n02108422 has no pictures",
        "unpack",
    ),
    "a class never learned": (
        lambda root: remove(root / "train/n02108422"),
        "'n02108422' is in valid but never in train",
        "add examples",
    ),
    "an empty validation": (
        lambda root: [remove(p) for p in (root / "val").iterdir()],
        "val has no pictures",
        "unpack",
    ),
    "a number out of range": (
        lambda root: (root / TRUTH).write_text("1\n" * 7 + "77\n"),
        "ground_truth.txt, line 8: '77' is not a number of meta.mat",
        "restore",
    ),
    "packed": (
        lambda root: [
            remove(root / "train"),
            (root / "train").mkdir(),
            (root / "train/n02108422.tar").write_bytes(b""),
        ],
        "holds 1 archives",
        "n02108422.tar into n02108422/",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_layout_is_one_clear_error(copy: Path, what: str) -> None:
    spoil, message, help_line = WRONG[what]
    spoil(copy)
    with pytest.raises(DataError, match=message) as caught:
        open_dataset(copy)
    assert help_line in (caught.value.help or "")


def test_imagenet_by_name_is_the_users_own_copy_or_a_clear_refusal(
    miniature: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROFOND_IMAGENET", str(tmp_path / "nothing"))
    with pytest.raises(MissingError, match="licence") as caught:
        open_dataset("imagenet")
    assert "--data" in (caught.value.help or "")
    monkeypatch.setenv("PROFOND_IMAGENET", str(miniature))
    assert open_dataset("imagenet", size=96).spec.shape == (3, 96, 96)
    report = check("imagenet")
    assert report.samples == 32
    assert report.usable


def test_the_check_reads_every_picture_and_tells_the_odd_ones(copy: Path) -> None:
    broken = copy / "train/n07745940/n07745940_7.JPEG"
    broken.write_bytes(broken.read_bytes()[:900])
    report = check(str(copy))
    kinds = {issue.kind: issue for issue in report.issues}
    assert kinds["unreadable"].items == (("train/n07745940/n07745940_7.JPEG",),)
    assert kinds["mislabelled"].items == (("train/n07745940/n07745940_37.JPEG is PNG",),)
    assert "CMYK" in kinds["converted"].message
