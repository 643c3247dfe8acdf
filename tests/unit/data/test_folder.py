"""Folders and manifests, right and wrong, their splits, and what the check finds in them."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from profond.cli import run
from profond.core.errors import ConfigError, DataError, ImageError, MissingError, UnknownName
from profond.data import open_dataset
from profond.data.check import check
from profond.data.saved_split import store_split
from profond.data.splitting import assign


def image(path, seed, side=12, mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    Image.fromarray(small).resize((side, side)).convert(mode).save(path)


def again(path):
    with Image.open(path) as opened:
        return opened.copy()


def images(folder, label, count, first=0, **how):
    for i in range(first, first + count):
        image(folder / label / f"{i}.png", sum(label.encode()) * 1000 + i, **how)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for label in ("cat", "dog", "owl"):
        images(folder, label, 20)
    return folder


def kinds(report):
    return {issue.kind for issue in report.issues}


def test_a_folder_is_split_by_class_and_the_same_for_everybody(photos):
    dataset = open_dataset(str(photos))
    assert dataset.spec.classes == ("cat", "dog", "owl")
    assert dataset.spec.shape == (3, 12, 12)
    counts = {name: split.targets.bincount().tolist() for name, split in dataset.splits.items()}
    assert counts == {"train": [16] * 3, "valid": [2] * 3, "test": [2] * 3}
    again = open_dataset(str(photos))
    assert [dataset.split_hash(name) for name in counts] == [again.split_hash(name) for name in counts]
    other = open_dataset(str(photos), split_seed=1)
    assert other.split_hash("test") != dataset.split_hash("test")


def test_adding_a_class_moves_nothing_of_the_others(photos):
    def cats():
        split = open_dataset(str(photos)).splits["test"]
        return {split.identity(i) for i in range(len(split)) if split.identity(i).startswith("cat")}

    before = cats()
    images(photos, "ant", 20)
    assert cats() == before


def test_mean_and_deviation_are_those_of_the_training_images(photos):
    dataset = open_dataset(str(photos))
    inputs = dataset.preprocessing.normalise(dataset.splits["train"].samples)
    assert inputs.mean((0, 2, 3)).abs().max() < 1e-4
    assert (inputs.std((0, 2, 3)) - 1).abs().max() < 1e-2


def test_given_splits_are_kept_under_their_usual_names(tmp_path):
    for split, count in (("training", 6), ("val", 3), ("Test", 2)):
        for label in ("10", "9"):
            images(tmp_path / split, label, count, first=100 * count)
    dataset = open_dataset(str(tmp_path))
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 12, "valid": 6, "test": 4}
    assert dataset.spec.classes == ("9", "10")


def test_a_class_may_be_called_train(tmp_path):
    for label in ("bus", "car", "train"):
        images(tmp_path, label, 5)
    assert open_dataset(str(tmp_path)).spec.classes == ("bus", "car", "train")


def test_grey_images_stay_grey_and_large_ones_are_brought_to_one_size(tmp_path):
    images(tmp_path, "a", 5, mode="L", side=90)
    images(tmp_path, "b", 5, mode="L", side=70)
    dataset = open_dataset(str(tmp_path))
    assert dataset.spec.shape == (1, 64, 64)
    assert any("2 sizes" in note for note in dataset.notes)
    assert open_dataset(str(tmp_path), size=[8, 10], channels=3).spec.shape == (3, 8, 10)


def test_conversions_are_said_once(photos):
    for i in range(3):
        Image.new("CMYK", (12, 12), (i, 2, 3, 4)).save(photos / "cat" / f"print{i}.jpg")
    notes = open_dataset(str(photos)).notes
    assert [note for note in notes if "CMYK" in note] == ["3 images: CMYK converted to RGB (first: print0.jpg)"]


def break_layout(folder, case):
    if case == "empty":
        folder.mkdir()
    elif case == "one class":
        images(folder, "cat", 3)
    elif case == "one level too high":
        for label in ("a", "b"):
            images(folder / "inner", label, 3)
    elif case == "no train":
        for label in ("a", "b"):
            images(folder / "test", label, 3)
            images(folder / "valid", label, 3, first=5)
    elif case == "unseen label":
        for label in ("a", "b"):
            images(folder / "train", label, 3)
        images(folder / "test", "c", 1)
    elif case == "twice":
        for split in ("val", "valid", "train"):
            images(folder / split, "a", 2)
    elif case == "loose":
        images(folder, "a", 2)
        images(folder, "b", 2)
        image(folder / "x.png", 1)
    elif case == "loop":
        images(folder, "a", 2)
        images(folder, "b", 2)
        (folder / "b" / "back").symlink_to(folder)
    elif case == "link to itself":
        images(folder, "a", 2)
        (folder / "b").symlink_to(folder / "b")
    elif case == "text only":
        (folder / "a").mkdir(parents=True)
        (folder / "a" / "notes.txt").write_text("x")


@pytest.mark.parametrize(
    ("case", "told", "help_line"),
    [
        ("empty", "no images", "sub-folder"),
        ("text only", "one class only, 'a'", ""),
        ("one class", "one class only, 'cat'", "two"),
        ("one level too high", "one class only, 'inner'", "did you mean"),
        ("no train", "no train", "train"),
        ("unseen label", "'c' is in test but never in train", "add examples"),
        ("twice", "valid twice", "merge"),
        ("loose", "1 image outside", "sub-folder"),
        ("loop", "leads back", "remove"),
        ("link to itself", "leads nowhere", "remove"),
    ],
)
def test_a_wrong_layout_is_one_clear_error(tmp_path, case, told, help_line):
    folder = tmp_path / "photos"
    break_layout(folder, case)
    with pytest.raises(DataError) as caught:
        open_dataset(str(folder))
    assert told in caught.value.message
    assert str(folder) in caught.value.message
    assert help_line in caught.value.help


def test_images_that_cannot_be_read_are_counted_and_named(photos):
    (photos / "cat" / "0.png").write_bytes(b"")
    with pytest.raises(ImageError, match=r"0\.png is empty"):
        open_dataset(str(photos))
    (photos / "dog" / "1.png").write_bytes((photos / "dog" / "1.png").read_bytes()[:60])
    with pytest.raises(ImageError, match=r"2 of 60 images cannot be read: .*cat/0\.png.*dog/1\.png"):
        open_dataset(str(photos))


def test_a_reference_that_leads_nowhere_is_said_to(tmp_path, photos):
    with pytest.raises(UnknownName, match="mnist") as caught:
        open_dataset("mnits")
    assert caught.value.help == "there is no folder 'mnits' here either; did you mean 'mnist'?"
    with pytest.raises(DataError, match="there is no"):
        open_dataset(str(tmp_path / "absent"))
    with pytest.raises(DataError, match="neither"):
        open_dataset(str(photos / "cat" / "0.png"))
    (tmp_path / "link").symlink_to(tmp_path / "absent")
    with pytest.raises(DataError, match="leads nowhere"):
        open_dataset(str(tmp_path / "link"))
    with pytest.raises(ConfigError, match="sise"):
        open_dataset(str(photos), sise=3)
    with pytest.raises(ConfigError, match="5000"):
        open_dataset(str(photos), size=5000)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_manifest_is_read_with_any_separator(photos, separator, mark):
    rows = [("Path", "label", "comment")] + [
        (f"{label}/{i}.png", {"cat": "félin", "dog": "chien"}[label], "") for label in ("cat", "dog") for i in range(10)
    ]
    text = mark + "\r\n".join(separator.join(row) for row in rows)
    (photos / "list.csv").write_text(text, encoding="utf-8")
    dataset = open_dataset(str(photos / "list.csv"))
    assert dataset.spec.classes == ("chien", "félin")
    assert sum(len(split) for split in dataset.splits.values()) == 20


GOOD = "path,label,split,group\ncat/0.png,cat,train,a\ndog/0.png,dog,train,b\ncat/1.png,cat,test,c\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("path,label\n", "header but no rows"),
        ("file,label\ncat/0.png,cat\n", "no column path; it has file, label"),
        ("cat/0.png\n", "no column path and no column label"),
        (GOOD + "cat/none.png,cat,train,z\n", "1 of 4 files do not exist: cat/none.png"),
        (GOOD + "cat/2.png,,train,z\n", "line 5: label is empty"),
        (GOOD + "cat/2.png,cat,tset,z\n", "line 5: split is 'tset'"),
        (GOOD + "cat/2.png,cat,,z\n", "1 of 4 rows have no split"),
        (GOOD + "cat/2.png,cat,test,a\n", "group 'a' is in two splits, train and test"),
        (GOOD + "cat/0.png,cat,train,a\n", "line 5: cat/0.png stands already in line 2"),
        (GOOD + "owl/0.png,owl,test,z\n", "'owl' is in test but never in train"),
        (GOOD + "a,b,c,d,e,f\n", "line 5: 6 cells for 4 columns"),
        (GOOD + '"cat/2.png,cat\n', "list.csv, line"),
        ("path,label\ncat/0.png,cat\ncat/1.png,cat\n", "one class only"),
        (b"path,label\ncat/0.png,f\xe9lin\n", "not UTF-8: byte 0xe9 in line 2"),
        (b"\xff\xfep\0a\0t\0h\0", "not UTF-8"),
        (b"path,label\n\0\0\0,\0\n", "list.csv"),
    ],
)
def test_a_wrong_manifest_is_one_clear_error(photos, text, told):
    path = photos / "list.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError) as caught:
        open_dataset(str(path))
    assert told in caught.value.message
    assert caught.value.help


def test_groups_never_straddle_and_classes_keep_their_shares():
    random = np.random.default_rng(0)
    groups = [f"g{g}" for g in random.integers(0, 150, 2000)]
    targets = random.integers(0, 4, 2000).tolist()
    names = [str(i) for i in range(2000)]
    placed = assign(names, targets, groups, {"train": 0.7, "valid": 0.1, "test": 0.2}, seed=3)
    where = defaultdict(set)
    for group, split in zip(groups, placed, strict=True):
        where[group].add(split)
    assert all(len(splits) == 1 for splits in where.values())
    counts = Counter(zip(placed, targets, strict=True))
    for target in range(4):
        total = targets.count(target)
        assert abs(counts["train", target] / total - 0.7) < 0.05
        assert abs(counts["test", target] / total - 0.2) < 0.05
    order = random.permutation(2000)
    shuffled = assign(
        [names[i] for i in order],
        [targets[i] for i in order],
        [groups[i] for i in order],
        {"train": 0.7, "valid": 0.1, "test": 0.2},
        seed=3,
    )
    assert [placed[i] for i in order] == shuffled


def test_every_class_keeps_something_to_train_on():
    for count in range(1, 12):
        placed = assign(
            [str(i) for i in range(count)], [0] * count, None, {"train": 0.8, "valid": 0.1, "test": 0.1}, seed=count
        )
        assert placed.count("train") >= 1
        if count >= 3:
            assert set(placed) == {"train", "valid", "test"}


def test_holding_out_takes_a_share_of_every_class_and_keeps_the_rest(photos):
    for label in ("cat", "dog", "owl"):
        for i in range(20):
            (photos / ("train" if i < 15 else "test") / label).mkdir(parents=True, exist_ok=True)
            (photos / label / f"{i}.png").rename(photos / ("train" if i < 15 else "test") / label / f"{i}.png")
        (photos / label).rmdir()
    whole = open_dataset(str(photos))
    held = whole.holdout(0.2, seed=1)
    assert held.splits["valid"].targets.bincount().tolist() == [3, 3, 3]
    assert len(held.splits["train"]) == 36
    assert held.split_hash("test") == whole.split_hash("test")
    assert held.split_hash("train") != whole.split_hash("train")
    with pytest.raises(DataError, match="valid split already"):
        held.holdout(0.2)
    with pytest.raises(DataError, match="between 0 and 1"):
        whole.holdout(1.5)


def test_a_stored_split_opens_as_the_same_split(photos):
    stored = store_split(str(photos), photos / "split.csv", seed=5)
    opened = open_dataset(str(photos / "split.csv"))
    direct = open_dataset(str(photos), split_seed=5)
    for name, about in stored.items():
        assert opened.split_hash(name) == direct.split_hash(name) == about["hash"]
        assert len(opened.splits[name]) == about["samples"]


def test_a_sound_folder_has_nothing_to_complain_about(photos):
    report = check(str(photos))
    assert report.usable
    assert report.issues == ()
    assert report.samples == 60


def test_the_check_finds_what_is_wrong(photos):
    (photos / "cat" / "0.png").write_bytes(b"")
    (photos / "cat" / "1.png").write_bytes((photos / "cat" / "1.png").read_bytes()[:70])
    (photos / "cat" / "copy.png").write_bytes((photos / "cat" / "2.png").read_bytes())
    again(photos / "cat" / "3.png").save(photos / "dog" / "same.bmp")
    image(photos / "owl" / "large.png", 7, side=48)
    again(photos / "owl" / "large.png").resize((64, 64)).save(photos / "owl" / "larger.png")
    again(photos / "owl" / "4.png").convert("L").save(photos / "owl" / "4b.jpg", format="PNG")
    images(photos, "ant", 3)
    found = {issue.kind: issue for issue in check(str(photos)).issues}
    assert found["unreadable"].items == (("cat/0.png",), ("cat/1.png",))
    assert found["duplicate"].items == (("cat/2.png", "cat/copy.png"),)
    assert found["contradiction"].items == (("cat/3.png", "dog/same.bmp"),)
    assert found["near-duplicate"].items == (("owl/large.png", "owl/larger.png"),)
    assert found["mislabelled"].items == (("owl/4b.jpg is PNG",),)
    assert {"imbalance", "few", "sizes", "modes"} <= found.keys()


def test_a_picture_in_two_splits_is_a_leak_even_when_compressed_again(tmp_path):
    for label in ("a", "b"):
        images(tmp_path / "train", label, 12, side=32)
        images(tmp_path / "test", label, 6, first=100, side=32)
    assert check(str(tmp_path)).usable
    source = tmp_path / "train" / "a" / "0.png"
    again(source).save(tmp_path / "test" / "a" / "again.jpg", quality=90)
    report = check(str(tmp_path))
    assert not report.usable
    assert kinds(report) == {"near-leak"}
    assert "LEAK" in report.issues[0].message
    (tmp_path / "test" / "a" / "again.png").write_bytes(source.read_bytes())
    assert "leak" in kinds(check(str(tmp_path)))


def test_duplicates_can_be_kept_together(photos):
    for i in range(8):
        again(photos / "cat" / "0.png").save(photos / "cat" / f"again{i}.{'bmp' if i % 2 else 'tif'}")
        again(photos / "dog" / f"{i}.png").save(photos / "dog" / f"again{i}.bmp")
    store_split(str(photos), photos / "apart.csv")
    assert "leak" in kinds(check(str(photos / "apart.csv")))
    store_split(str(photos), photos / "together.csv", duplicates_together=True)
    assert "leak" not in kinds(check(str(photos / "together.csv")))


def test_what_is_kept_together_of_splits_that_are_given_goes_to_train_first(tmp_path, capsys):
    for label in ("a", "b"):
        images(tmp_path / "train", label, 6, side=32)
        images(tmp_path / "valid", label, 4, first=50, side=32)
        images(tmp_path / "test", label, 4, first=100, side=32)
    learned, checked = tmp_path / "train" / "a" / "0.png", tmp_path / "valid" / "b" / "50.png"
    (tmp_path / "test" / "a" / "equal.png").write_bytes(learned.read_bytes())
    again(learned).save(tmp_path / "valid" / "a" / "nearly.jpg", quality=90)
    (tmp_path / "test" / "b" / "equal.png").write_bytes(checked.read_bytes())
    assert {"leak", "near-leak"} & kinds(check(str(tmp_path)))
    stored = store_split(str(tmp_path), tmp_path / "together.csv", duplicates_together=True)
    assert {name: about["samples"] for name, about in stored.items()} == {"train": 14, "valid": 9, "test": 8}
    assert "3 images moved to the split of another that looks the same" in capsys.readouterr().err
    assert check(str(tmp_path / "together.csv")).usable


@pytest.fixture
def profond(capfd, monkeypatch):
    """The command line in this process: its exit code, and what it said."""

    def profond(*arguments, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        code = run(["data", *arguments])
        said = capfd.readouterr()
        assert "Traceback" not in said.err
        return SimpleNamespace(returncode=code, stdout=said.out, stderr=said.err)

    return profond


def test_the_check_verb_exits_3_on_a_leak_and_0_on_warnings(profond, photos, tmp_path):
    (photos / "cat" / "copy.png").write_bytes((photos / "cat" / "2.png").read_bytes())
    warned = profond("check", str(photos), "--picture", str(tmp_path / "sheet.png"))
    assert warned.returncode == 0
    assert "cat/2.png = cat/copy.png" in warned.stdout
    assert again(tmp_path / "sheet.png").width > 100
    (photos / "dog" / "0.png").write_bytes(b"no image")
    failed = profond("check", str(photos), "--json")
    assert failed.returncode == 3
    report = json.loads(failed.stdout)
    assert report["schema_version"] == 1
    assert report["usable"] is False
    assert report["findings"][0]["kind"] == "unreadable"


def test_the_split_verb_writes_once(profond, photos, tmp_path):
    out = tmp_path / "m.csv"
    assert profond("split", str(photos), "--out", str(out)).returncode == 0
    before = out.read_bytes()
    again = profond("split", str(photos), "--out", str(out), "--seed", "9")
    assert again.returncode == 2
    assert "--force" in again.stderr
    assert out.read_bytes() == before


def test_list_and_path_know_what_is_fetched(profond, tmp_path):
    listed = profond("list", "--json", PROFOND_CACHE=str(tmp_path))
    rows = {row["name"]: row for row in json.loads(listed.stdout)["data"]}
    assert {"mnist", "fashion_mnist", "japanese_vowels", "clips"} <= rows.keys()
    assert not rows["mnist"]["fetched"]
    absent = profond("path", "mnist", PROFOND_CACHE=str(tmp_path))
    assert absent.returncode == 4
    assert "profond data fetch mnist" in absent.stderr
    unknown = profond("path", "mnits")
    assert unknown.returncode == 2
    assert "did you mean 'mnist'?" in unknown.stderr


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "japanese_vowels", "clips"])
def test_registered_data_is_what_it_says(name):
    if name == "clips":
        pytest.importorskip("av", reason="PyAV is not installed", exc_type=ImportError)
    try:
        dataset = open_dataset(name)
    except MissingError as error:
        pytest.skip(f"no source answers here: {error.message.splitlines()[-1].strip()}")
    sizes = {"mnist": (60000, 10000), "fashion_mnist": (60000, 10000), "japanese_vowels": (270, 370)}
    expected = sizes.get(name, (3000, 1000))
    assert (len(dataset.splits["train"]), len(dataset.splits["test"])) == expected
    inputs, targets = next(iter(dataset.batches("train", 256, shuffle=True)))
    assert tuple(inputs.shape[1:]) == dataset.spec.shape
    assert targets.max() < dataset.spec.num_classes
    if name != "japanese_vowels":
        assert abs(float(inputs.mean())) < 0.1
        assert abs(float(inputs.std()) - 1) < 0.1
    classes = dataset.splits["train"].targets.bincount()
    assert len(classes) == dataset.spec.num_classes
    assert classes.min() >= 30
