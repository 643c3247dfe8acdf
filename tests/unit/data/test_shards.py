"""Tar shards: the same batches as from files, from anybody's writer, and every damage told by shard and file."""

from __future__ import annotations

import gc
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.disk import mounted

from profond.cli import run
from profond.core.errors import ConfigError, DataError, ImageError, StorageError
from profond.core.files import write_json
from profond.data import open_dataset
from profond.data.check import check
from profond.data.images.augment import Augment
from profond.data.images.contact_sheet import contact_sheet
from profond.data.loader import WINDOW
from profond.data.locations import Member
from profond.data.shards.read import index, list_shards
from profond.data.shards.write import parse_size, write_shards

GROWING = Augment(decode_crop=0.35, flip=True, brightness=0.2, sizes=((0.0, 32), (0.5, 64)))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PROFOND_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def picture(number: int, kind: str = "PNG") -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def shard(path: Path, files: list[tuple[str, bytes]]) -> Path:
    """A shard as somebody else's program writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def labelled(count: int, first: int = 0, classes: int = 2) -> list[tuple[str, bytes]]:
    """Pictures and labels, one after the other."""
    files = []
    for number in range(first, first + count):
        files += [(f"{number:04}.png", picture(number)), (f"{number:04}.cls", b"%d" % (number % classes))]
    return files


def equal(first, second) -> bool:
    return len(first) == len(second) and all(
        torch.equal(a, b) for one, other in zip(first, second, strict=True) for a, b in zip(one, other, strict=True)
    )


def test_the_same_files_in_the_same_order_give_the_same_batches(miniature: Path, tmp_path: Path) -> None:
    about = write_shards(miniature, tmp_path / "shards", count=7, shuffle=False)
    assert {name: (part["samples"], part["shards"]) for name, part in about.items()} == {
        "train": (24, 4),
        "valid": (8, 2),
    }
    folder, shards = open_dataset(miniature, size=48), open_dataset(tmp_path / "shards", size=48, memory_mib=0)
    assert shards.spec == folder.spec
    assert shards.preprocessing == folder.preprocessing
    for split, augment in (("train", None), ("train", GROWING), ("valid", None)):
        for epoch in (0, 3):
            one, other = (
                list(data.batches(split, 5, augment=augment, workers=workers, epochs=4).at(epoch))
                for data, workers in ((folder, 0), (shards, 2))
            )
            assert equal(one, other)
    kept = open_dataset(tmp_path / "shards", size=48)
    assert equal(list(kept.batches("valid", 8)), list(folder.batches("valid", 8, workers=0)))
    assert kept.split_hash("train") == shards.split_hash("train")


def test_a_batch_depends_on_seed_epoch_and_step_alone(miniature: Path, tmp_path: Path) -> None:
    write_shards(miniature, tmp_path / "shards", count=3)

    def batches(seed: int = 1):
        data = open_dataset(tmp_path / "shards", size=48, memory_mib=0)
        return data.batches("train", 5, seed=seed, shuffle=True, augment=GROWING, workers=0, epochs=2)

    whole = list(batches().at(1))
    assert equal(list(batches().at(1, start=3)), whole[3:])
    assert not equal(list(batches(2).at(1)), whole)


def test_an_epoch_takes_each_sample_once_and_reads_a_few_shards_at_a_time(tmp_path: Path) -> None:
    for number in range(40):
        shard(tmp_path / "shards" / f"train-{number:06}.tar", labelled(5, 5 * number))
    shard(tmp_path / "shards/valid-000000.tar", labelled(2, 900))
    data = open_dataset(tmp_path / "shards", memory_mib=0)
    batches = data.batches("train", 10, shuffle=True)
    orders = [batches.order(epoch) for epoch in range(3)]
    for order in orders:
        assert torch.equal(order.sort().values, torch.arange(200))
        window = 5 * WINDOW
        for first in range(0, 200, window):
            assert len(set((order[first : first + window] // 5).tolist())) == WINDOW
        assert len(set((order[:20] // 5).tolist())) > 4, "shards are mixed"
    assert not torch.equal(orders[0], orders[1])
    together = [{frozenset((order[f : f + 40] // 5).tolist()) for f in range(0, 200, 40)} for order in orders]
    assert together[0] != together[1], "and not with the same others each epoch"
    assert torch.equal(data.batches("train", 10, shuffle=True).order(2), orders[2])


def test_shards_have_the_same_bytes_for_the_same_seed_and_hold_the_files_as_they_are(
    miniature: Path, tmp_path: Path
) -> None:
    for name, seed in (("one", 0), ("two", 0), ("other", 1)):
        write_shards(miniature, tmp_path / name, count=10, seed=seed)

    def content(name: str) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted((tmp_path / name).iterdir())}

    assert content("one") == content("two")
    assert content("one") != content("other")
    assert sorted(content("one")) == [
        "shards.json", "train-000000.tar", "train-000001.tar", "train-000002.tar", "valid-000000.tar"
    ]  # fmt: skip
    files = sorted(path.read_bytes() for path in (miniature / "train").rglob("*.JPEG"))
    for name in ("one", "other"):
        members = [s.path for s in list_shards(tmp_path / name).samples if s.split == "train"]
        assert sorted(member.read() for member in members) == files
    labels = [sample.label for sample in list_shards(tmp_path / "one").samples if sample.split == "train"]
    assert labels != sorted(labels), "mixed"


def test_a_folder_without_splits_keeps_those_it_would_have(tmp_path: Path) -> None:
    for label in ("cat", "d.o.g"):
        for i in range(10):
            path = tmp_path / "photos" / label / f"{i}.v{i % 2}.PNG"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture(i + 100 * len(label)))
    write_shards(tmp_path / "photos", tmp_path / "shards", size=20_000)
    folder, shards = open_dataset(tmp_path / "photos"), open_dataset(tmp_path / "shards")
    assert shards.spec == folder.spec
    for split in ("train", "valid", "test"):
        one, other = (
            sorted((raw.flatten().tolist(), int(target)) for raw, target in zip(s.samples, s.targets, strict=True))
            for s in (folder.split(split), shards.split(split))
        )
        assert one == other
    assert len(list((tmp_path / "shards").glob("train-*.tar"))) > 1
    assert all(path.stat().st_size <= 20_000 + 10_240 for path in (tmp_path / "shards").glob("*.tar"))


def test_shards_can_be_written_again_from_shards_and_from_a_manifest(tmp_path: Path) -> None:
    shard(tmp_path / "a/train-000000.tar", labelled(6))
    shard(tmp_path / "a/train-000001.tar", labelled(6))  # the same names again
    shard(tmp_path / "a/test-000000.tar", labelled(2, 50))
    write_shards(tmp_path / "a", tmp_path / "b")
    assert [len(s) for s in open_dataset(tmp_path / "b").splits.values()] == [12, 2]
    (tmp_path / "pictures").mkdir()
    lines = ["path,label"]
    for number in range(20):
        (tmp_path / f"pictures/{number}.png").write_bytes(picture(number))
        lines.append(f"pictures/{number}.png,{'ab'[number % 2]}")
    (tmp_path / "list.csv").write_text("\n".join(lines))
    write_shards(tmp_path / "list.csv", tmp_path / "c")
    assert open_dataset(tmp_path / "c").spec.classes == ("a", "b")


@pytest.mark.parametrize(
    ("kind", "labels", "classes"),
    [
        ("cls", [b"0", b"2", b"1\n", b"2"], ("0", "1", "2")),
        ("json", [b'{"label": 1}', b'{"cls": 0}', b'{"label": "1", "x": 2}', b"0"], ("0", "1")),
        ("json", [b'{"label": "dog"}', b'{"class": "cat"}', b'{"label": "dog"}', b'{"label": "cat"}'], ("cat", "dog")),
        ("txt", [b"dog", b"cat\n", b"dog", b"cat"], ("cat", "dog")),
    ],
)
def test_labels_are_read_in_every_form(
    tmp_path: Path, kind: str, labels: list[bytes], classes: tuple[str, ...]
) -> None:
    files = [("__meta__/about.txt", b"x"), ("README", b"x")]
    for number, label in enumerate(labels):
        files += [(f"in/{number}.{kind.upper()}", label), (f"in/{number}.Png", picture(number))]
    shard(tmp_path / "all.tar", files)
    data = open_dataset(tmp_path / "all.tar", valid_fraction=0.0, test_fraction=0.0)
    assert data.spec.classes == classes
    named = [classes[target] for target in data.split("train").targets.tolist()]
    said = [next((name for name in classes if name in label.decode()), None) for label in labels]
    if kind == "json" and classes == ("0", "1"):
        said = ["1", "0", "1", "0"]
    assert named == said


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # it leaves closing its files to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_webdatasets_own_writer_wrote_is_read_as_it_reads_it(miniature: Path, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset", reason="webdataset is not installed; it is the oracle here")
    (tmp_path / "shards").mkdir()
    paths = sorted((miniature / "train").rglob("*.JPEG"))
    with webdataset.ShardWriter(str(tmp_path / "shards/train-%06d.tar"), maxcount=5, verbose=0) as writer:
        for number, path in enumerate(paths):
            label = sorted({p.parent.name for p in paths}).index(path.parent.name)
            writer.write({"__key__": f"sample{number:04}", "jpg": path.read_bytes(), "cls": label})
    ours = [(s.path.read(), int(s.label)) for s in list_shards(tmp_path / "shards").samples]
    urls = sorted(map(str, (tmp_path / "shards").glob("*.tar")))
    theirs = webdataset.WebDataset(urls, shardshuffle=False).to_tuple("jpg", "cls")
    assert ours == [(data, int(label)) for data, label in theirs]
    write_shards(miniature, tmp_path / "written", count=9)
    urls = sorted(map(str, (tmp_path / "written").glob("train-*.tar")))
    read = webdataset.WebDataset(urls, shardshuffle=False).to_tuple("jpg;jpeg", "cls")
    known = list_shards(tmp_path / "written")
    mine = [(s.path.read(), known.classes.index(s.label)) for s in known.samples if s.split == "train"]
    assert [(data, int(label)) for data, label in read] == mine
    del theirs, read, writer
    gc.collect()


def test_a_shard_is_looked_through_once_and_again_when_it_has_changed(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shard(tmp_path / "all.tar", labelled(4))
    first = index(path)
    (kept,) = (cache / "shard_indexes").iterdir()
    looked = []
    opened = tarfile.open
    monkeypatch.setattr(tarfile, "open", lambda *args, **how: looked.append(args) or opened(*args, **how))
    assert index(path) == first
    assert looked == []
    shard(path, labelled(3, 7))
    os.utime(path, ns=(1, 1))
    looked.clear()
    assert [entry.path for entry in index(path)] == ["0007.png", "0008.png", "0009.png"]
    assert looked
    for damage in (b"", b"{", b'{"version": 1}', kept.read_bytes()[:-9]):
        kept.write_bytes(damage)
        assert len(index(path)) == 3


def test_an_index_that_cannot_be_kept_costs_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shard(tmp_path / "all.tar", labelled(4))
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("PROFOND_CACHE", str(tmp_path / "a file" / "cache"))
    assert len(index(path)) == 4


def test_a_shard_that_is_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    whole = shard(tmp_path / "all.tar", labelled(3)).read_bytes()
    content = whole.rstrip(b"\0")
    path = tmp_path / "cut.tar"
    for length in range(0, len(content), 1000):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"cut\.tar"):
            index(path)
    last = len(content) + (-len(content) % 512)  # at the end of the last file, before the end mark
    path.write_bytes(whole[:last])
    with pytest.raises(DataError, match="end mark"):
        index(path)


def test_a_shard_damaged_in_the_middle_is_not_taken_for_a_shorter_one(tmp_path: Path) -> None:
    path = shard(tmp_path / "all.tar", labelled(6))
    data = bytearray(path.read_bytes())
    header = data.index(b"0003.png")
    data[header : header + 100] = b"\xff" * 100
    path.write_bytes(data)
    with pytest.raises(DataError, match=f"damaged at byte {header}"):
        index(path)


WRONG = {
    "no label": ([("1.png", picture(1)), ("2.png", picture(2)), ("2.cls", b"1")], "all.tar: 1.png has no label"),
    "no picture": ([("1.cls", b"1")], "sample of 1.cls has no picture"),
    "a word": ([("1.png", picture(1)), ("1.cls", b"dog")], "1.cls says 'dog', which is not the label"),
    "a fraction": ([("1.png", picture(1)), ("1.cls", b"1.5")], "1.cls says '1.5'"),
    "negative": ([("1.png", picture(1)), ("1.cls", b"-1")], "1.cls says -1, which"),
    "binary": ([("1.png", picture(1)), ("1.cls", b"\xff\x00")], "1.cls is damaged"),
    "no json": ([("1.png", picture(1)), ("1.json", b'{"label": ')], "1.json is damaged"),
    "another json": ([("1.png", picture(1)), ("1.json", b'{"width": 3}')], "1.json says None"),
    "twice": ([("1.png", picture(1)), ("1.png", picture(2)), ("1.cls", b"1")], "1.png is in it twice"),
    "mixed": (
        [("1.png", picture(1)), ("1.txt", b"dog"), ("2.png", picture(1)), ("2.txt", b"3")],
        "1 of 2 samples have numbers",
    ),
    "nothing": ([("README", b"x")], "has no class"),
    "one class": ([("1.png", picture(1)), ("1.cls", b"0")], "one class only"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_shard_is_one_clear_error(tmp_path: Path, what: str) -> None:
    files, message = WRONG[what]
    shard(tmp_path / "all.tar", files)
    with pytest.raises(DataError, match=message):
        list_shards(tmp_path / "all.tar")


def test_other_files_called_tar_are_refused(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s/train.tar").write_bytes(picture(1) * 40)
    with pytest.raises(DataError, match=r"train\.tar is no tar archive"):
        open_dataset(tmp_path / "s")
    shard(tmp_path / "s/train.tar", labelled(4))
    shard(tmp_path / "s/more.tar", labelled(4))
    with pytest.raises(DataError, match=r"1 of 2 shards have no train.*more\.tar"):
        open_dataset(tmp_path / "s")
    shard(tmp_path / "d/ILSVRC2012_img_train.tar", [("n01440764.tar", b"")])
    with pytest.raises(DataError, match="handed out") as caught:
        open_dataset(tmp_path / "d")
    assert "unpack" in (caught.value.help or "")


def test_shards_that_are_lost_or_of_another_size_are_noticed(miniature: Path, tmp_path: Path) -> None:
    write_shards(miniature, tmp_path / "shards", count=10)
    lost = tmp_path / "shards/train-000001.tar"
    data = lost.read_bytes()
    lost.write_bytes(data[:-512])
    with pytest.raises(DataError, match=r"train-000001\.tar has \d+ bytes instead of"):
        open_dataset(tmp_path / "shards")
    lost.unlink()
    with pytest.raises(DataError, match=r"lacks 1 of its 4 shards: train-000001\.tar"):
        open_dataset(tmp_path / "shards")
    lost.write_bytes(data)
    contents = json.loads((tmp_path / "shards/shards.json").read_text())
    contents["classes"].pop()
    (tmp_path / "shards/shards.json").write_text(json.dumps(contents))
    with pytest.raises(DataError, match=r"is of class 3, but shards[.]json names 3 classes"):
        open_dataset(tmp_path / "shards")
    (tmp_path / "shards/shards.json").write_text("[]")
    with pytest.raises(DataError, match=r"shards[.]json is damaged"):
        open_dataset(tmp_path / "shards")


@pytest.mark.slow
def test_a_truncated_picture_is_named_with_its_shard_by_training_and_by_the_check(tmp_path: Path) -> None:
    path = shard(tmp_path / "shards/train-000000.tar", labelled(12))
    shard(tmp_path / "shards/valid-000000.tar", labelled(2, 50))
    data = open_dataset(tmp_path / "shards", size=16, memory_mib=0)
    entry = next(entry for entry in index(path) if entry.path == "0005.png")
    content = bytearray(path.read_bytes())
    content[entry.offset + 200 : entry.offset + entry.size] = bytes(entry.size - 200)
    path.write_bytes(content)
    for workers in (0, 2):
        with pytest.raises(ImageError, match=r"train-000000\.tar: 0005\.png is damaged"):
            list(data.batches("train", 4, workers=workers))
    report = check(str(tmp_path / "shards"))
    unreadable = next(issue for issue in report.issues if issue.kind == "unreadable")
    assert unreadable.items == (("train-000000.tar/0005.png",),)
    assert not report.usable
    assert contact_sheet(report, tmp_path / "sheet.png")
    path.unlink()
    with pytest.raises(ImageError, match=r"0000\.png cannot be read: No such file"):
        data.split("train").raw(0)


def test_the_contact_sheet_shows_what_lies_in_shards(tmp_path: Path) -> None:
    same = [("9.png", picture(0)), ("9.cls", b"1")]
    shard(tmp_path / "shards/train-000000.tar", labelled(4) + same)
    shard(tmp_path / "shards/valid-000000.tar", labelled(2, 50))
    report = check(str(tmp_path / "shards"))
    assert contact_sheet(report, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        colours = len(set(sheet.convert("RGB").crop((8, 22, 104, 118)).resize((32, 24)).tobytes()))
    assert colours > 100, "a picture, and not the cross of one that cannot be read"


def test_a_member_says_where_it_lies(tmp_path: Path) -> None:
    member = Member(str(tmp_path / "a.tar"), "x/1.jpg", 0, 9)
    assert (member.name, member.suffix) == ("1.jpg", ".jpg")
    (tmp_path / "a.tar").write_bytes(b"12345")
    with pytest.raises(ImageError, match=r"a\.tar: x/1\.jpg is cut off: 5 of 9 bytes"):
        member.read()


@pytest.mark.parametrize(("text", "size"), [("100MB", 10**8), ("1.5 GiB", 3 << 29), ("4096", 4096), ("1kb", 1000)])
def test_sizes_are_understood(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "10 parsecs", "0"])
def test_other_sizes_are_not(text: str) -> None:
    with pytest.raises(ConfigError, match=r"100MB|size"):
        parse_size(text)


def profond(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "profond", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_verb_writes_once_and_says_what(miniature: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["data", "shard", str(miniature), str(tmp_path / "shards")]
    assert run([*words, "--count", "10", "--json"]) == 0
    said = json.loads(capfd.readouterr().out)
    assert said["splits"]["train"]["samples"] == 24
    assert said["splits"]["train"]["shards"] == 3
    assert run(words) == 3
    assert "exists" in capfd.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("moment", [0.0, 0.05])
def test_a_killed_writer_leaves_no_shards_that_look_whole(tmp_path: Path, moment: float) -> None:
    folder = tmp_path / "photos"
    for label in "ab":
        (folder / label).mkdir(parents=True)
        for i in range(400):
            (folder / label / f"{i}.png").write_bytes(picture(i) + bytes(40_000))
    process = profond("data", "shard", folder, tmp_path / "shards", "--count", 5)
    while not (tmp_path / ".shards.unfinished").exists():
        assert process.poll() is None
        time.sleep(0.002)
    time.sleep(moment)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "shards").exists()
    write_shards(folder, tmp_path / "shards", count=100)
    assert not (tmp_path / ".shards.unfinished").exists()
    assert len(list_shards(tmp_path / "shards").samples) == 800


def held(path: Path) -> list[tuple[str, str]]:
    """What a shard holds: the picture's name, and its class."""
    return [(str(sample.path).partition(": ")[2], sample.label) for sample in list_shards(path).samples]


PICTURE = picture(1)
DOTS = {
    "versions": (["v1.0.png", "v1.0.cls=0", "v1.1.png", "v1.1.cls=1"], [("v1.0.png", "0"), ("v1.1.png", "1")]),
    "many dots": (["a b.2020.01.PNG", "a b.2020.01.cls=0", "c.d.e.png", "c.d.e.txt=1"],
                  [("a b.2020.01.PNG", "0"), ("c.d.e.png", "1")]),
    "in folders": (["x.y/f 1.5.png", "x.y/f 1.5.cls=0", "x.y/f 1.6.png", "x.y/f 1.6.cls=1"],
                   [("x.y/f 1.5.png", "0"), ("x.y/f 1.6.png", "1")]),
    "a plain one before": (["v1.png", "v1.cls=0", "v1.5.png", "v1.5.cls=1"], [("v1.png", "0"), ("v1.5.png", "1")]),
    "further parts": (["0.png", "0.seg.png", "0.cls=0", "1.cls=1", "1.seg.png", "1.left.jpg", "1.png"],
                      [("0.png", "0"), ("1.png", "1")]),
    "parts with words": (["0.png", "0.seg.png", "0.seg.txt=far", "0.cls=0", "1.png", "1.cls=1"],
                         [("0.png", "0"), ("1.png", "1")]),
    "label first": (["f 3.07.json=0", "f 3.07.png", "f 3.08.json=1", "f 3.08.png"],
                    [("f 3.07.png", "0"), ("f 3.08.png", "1")]),
}  # fmt: skip


@pytest.mark.parametrize("what", DOTS)
def test_a_dot_in_a_name_is_the_names_own_where_the_layout_leaves_no_picture(tmp_path: Path, what: str) -> None:
    names, expected = DOTS[what]
    files = [(name.partition("=")[0], name.partition("=")[2].encode() or PICTURE) for name in names]
    shard(tmp_path / "all.tar", files)
    assert held(tmp_path / "all.tar") == expected
    notes = list_shards(tmp_path / "all.tar").notes
    dotted = [name for name, _ in expected if name.rpartition("/")[2].count(".") > 1]
    assert any(f"{len(dotted)} samples have dots in their names" in note for note in notes) == bool(dotted)
    assert any("stand beside others of the same sample" in note for note in notes) == ("part" in what)


def test_a_dotted_name_without_a_label_or_a_picture_is_named(tmp_path: Path) -> None:
    shard(tmp_path / "a.tar", [("f 1.0.png", PICTURE), ("f 1.0.cls", b"0"), ("f 1.1.png", PICTURE)])
    with pytest.raises(DataError, match=r"f 1\.1\.png has no label"):
        list_shards(tmp_path / "a.tar")
    shard(tmp_path / "b.tar", [("f 1.0.png", PICTURE), ("f 1.0.cls", b"0"), ("f 1.1.cls", b"1")])
    with pytest.raises(DataError, match=r"f 1\.1\.cls has no picture"):
        list_shards(tmp_path / "b.tar")
    shard(tmp_path / "c.tar", [("1.png", PICTURE), ("2.png", PICTURE), ("1.cls", b"0"), ("2.cls", b"1")])
    with pytest.raises(DataError, match=r"1\.png has no label") as told:
        list_shards(tmp_path / "c.tar")
    assert "follow each other" in (told.value.help or "")


def test_dotted_shards_are_checked_and_opened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for split, count in (("train", 6), ("test", 4)):
        files = []
        for number in range(count):
            name = f"frame 3.{number:02}"
            files += [(f"{name}.png", picture(number + 10 * count)), (f"{name}.cls", b"%d" % (number % 2))]
        shard(tmp_path / "s" / f"{split}-000000.tar", files)
    data = open_dataset(tmp_path / "s")
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 6, "test": 4}
    assert data.split("train").identity(3) == "train-000000.tar/frame 3.03.png"
    assert run(["data", "check", str(tmp_path / "s")]) == 0
    assert "10 samples have dots in their names, which end at the last one: frame 3.00.png" in capsys.readouterr().out


def test_numbers_of_which_most_stand_for_nothing_are_refused_with_the_sample(tmp_path: Path) -> None:
    path = shard(tmp_path / "s" / "all.tar", [*labelled(8), ("x.png", picture(9)), ("x.cls", b"999999")])
    with pytest.raises(DataError, match=r"x\.png is of class 999,999, .* 1,000,000 classes, .* are of 3") as told:
        list_shards(path)
    assert "number the classes from 0" in (told.value.help or "")
    shard(path, [*labelled(8), ("x.png", picture(9)), ("x.cls", b"6")])
    with pytest.raises(DataError, match="of class 6"):
        list_shards(tmp_path / "s")
    (tmp_path / "s" / "shards.json").write_text(
        json.dumps({"classes": list("abcdefg"), "shards": {"all.tar": {"bytes": path.stat().st_size}}})
    )
    for reference in (tmp_path / "s", path):  # whoever names them means them, also where one shard is asked for alone
        listing = list_shards(reference)
        assert listing.classes == tuple("abcdefg")
        assert listing.warnings == ("4 of 7 classes have no sample: c, d, e, f (labels count from 0)",)
    shard(tmp_path / "one.tar", [(f"{n}.{kind}", b"%d" % n if kind == "cls" else PICTURE) for n in (1, 2, 3)
                                 for kind in ("png", "cls")])  # fmt: skip
    assert list_shards(tmp_path / "one.tar").warnings == ("1 of 4 classes have no sample: 0 (labels count from 0)",)


def header(name: str, size: bytes, kind: bytes = b"0") -> bytes:
    """A header of tar with a size that no writer would give it, and a true checksum."""
    block = bytearray(512)
    block[: len(name)] = name.encode()
    block[100:108], block[124 : 124 + len(size)], block[156:157] = b"0000644\0", size, kind
    block[257:265] = b"ustar\x0000"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def pax(record: bytes) -> bytes:
    line = b" " + record + b"\n"
    length = len(line) + 2
    text = b"%d" % length + line
    return header("pax", b"%011o" % len(text), b"x") + text.ljust(512, b"\0")


BROKEN = {
    "5000 digits": [("0.cls", b"9" * 5000)],
    "a million digits": [("0.cls", b"9" * 1_000_000)],
    "digits in txt": [("0.txt", b"9" * 5000)],
    "digits in json": [("0.json", b"9" * 5000)],
    "deep lists": [("0.json", b"[" * 200_000)],
    "deep objects": [("0.json", b'{"label":' * 100_000)],
    "less deep": [("0.json", b"[" * 900 + b"]" * 900)],
    "infinity": [("0.json", b"Infinity")],
    "a surrogate": [("0.txt", b"\xed\xa0\x80")],
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_label_that_cannot_be_one_is_refused_by_name(tmp_path: Path, what: str) -> None:
    shard(tmp_path / "all.tar", [("0.png", PICTURE), *BROKEN[what], *labelled(4, 1)])
    with pytest.raises(DataError, match=r"all\.tar: 0\.(cls|txt|json) (is damaged|says )") as told:
        list_shards(tmp_path / "all.tar")
    assert len(str(told.value)) < 500


@pytest.mark.parametrize(
    "start",
    [
        header("0.png", b"\x80" + b"\0" * 3 + b"\x80" + b"\0" * 7),
        header("0.png", b"\x80" + b"\x7f" * 11),
        header("0.png", b"\xff" * 12),
        header("0.png", b"77777777777"),
        header("long", b"\x80" + b"\0" * 3 + b"\x40" + b"\0" * 7, b"L"),
        header("long", b"00000000000", b"L") * 3000,
        pax(b"size=9223372036854775808") + header("0.png", b"00000000000"),
        pax(b"size=-1024") + header("0.png", b"00000000000"),
        pax(b"size=many") + header("0.png", b"00000000000"),
        pax(b"GNU.sparse.map=a,b") + header("0.png", b"00000000000"),
        pax(b"GNU.sparse.size=x") + header("0.png", b"00000000000"),
        header("0.png", b"00000000000", b"S"),
    ],
    ids=[str(number) for number in range(12)],
)
def test_a_header_that_makes_no_sense_is_a_damaged_shard(tmp_path: Path, start: bytes) -> None:
    rest = shard(tmp_path / "rest.tar", labelled(4)).read_bytes()
    (tmp_path / "all.tar").write_bytes(start + rest)
    with pytest.raises(DataError, match=r"all\.tar"):
        list_shards(tmp_path / "all.tar")


def test_a_folder_that_is_called_tar_is_no_shard(tmp_path: Path) -> None:
    for name in ("x.tar", "y"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(3):
            (tmp_path / "photos" / name / f"{number}.png").write_bytes(picture(number + len(name)))
    assert open_dataset(tmp_path / "photos").spec.classes == ("x.tar", "y")


def many_pictures(folder: Path) -> Path:
    for label in "ab":
        (folder / label).mkdir(parents=True)
        for i in range(40):
            (folder / label / f"{i}.png").write_bytes(picture(i) + bytes(10_000))
    return folder


def test_a_full_disk_is_said_and_nothing_is_left_on_it(tmp_path: Path) -> None:
    photos = many_pictures(tmp_path / "photos")
    with mounted(tmp_path / "disk", "size=200k") as disk:
        with pytest.raises(StorageError, match=r"no space left on the disk that holds .*shards"):
            write_shards(photos, disk / "shards", count=10)
        assert list(disk.iterdir()) == []


def test_ctrl_c_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = many_pictures(tmp_path / "photos")
    out = tmp_path / "out"

    def pressed(*arguments: object) -> None:
        assert list(out.glob(".shards.unfinished/train-*.tar"))
        raise KeyboardInterrupt

    monkeypatch.setattr("profond.data.shards.write.write_json", pressed)
    with pytest.raises(KeyboardInterrupt):
        write_shards(photos, out / "shards")
    assert list(out.iterdir()) == []


@pytest.mark.slow
def test_a_second_writer_of_the_same_shards_is_refused_while_the_first_one_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = many_pictures(tmp_path / "photos")
    out = tmp_path / "out" / "shards"
    refused: list[str] = []

    def meanwhile(path: Path, data: object) -> None:
        process = profond("data", "shard", photos, out)
        _, told = process.communicate(timeout=120)
        refused.append(told)
        assert process.returncode == 3
        write_json(path, data)

    monkeypatch.setattr("profond.data.shards.write.write_json", meanwhile)
    write_shards(photos, out)
    assert refused == [
        f"error: {out} is being written by another process\nhelp: wait for it, or choose another folder\n"
    ]
    assert len(list_shards(out).samples) == 80
    assert list(out.parent.iterdir()) == [out]
