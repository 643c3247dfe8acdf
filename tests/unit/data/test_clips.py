"""Videos with labels for their frames: real ones, decoded, cut into clips, and what is wrong with them in words."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.videos import LIGHT, shades, write_video

from profond.core.errors import ConfigError, DataError, MissingError
from profond.data import open_dataset
from profond.data.check import check
from profond.data.clips.decode import Film, frames_of
from profond.data.clips.labels import read_labels
from profond.data.clips.preparation import ClipPreparation
from profond.data.open import kind_of
from profond.data.sets.moving_digits import clips as moving_clips
from profond.data.split import TensorSplit

SETTINGS: dict[str, Any] = {"rate": 5.0, "frames": 4, "size": 8, "channels": 1}
PLAIN = ClipPreparation(5.0, 4, 8, 8, colour=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four videos of 2 to 2.6 seconds, 10 frames a second; dark and bright in turn."""
    folder = tmp_path_factory.mktemp("videos")
    for number in range(4):
        write_video(folder / f"{number}.mp4", shades(("dark", 8), ("bright", 12 + 2 * number)))
    return folder


def spans(folder: Path, head: str = "video,start,end,label", ends: float | None = None) -> Path:
    rows = [f"{n}.mp4,0,0.8,dark\n{n}.mp4,0.8,{ends or 2 + 0.2 * n:.1f},bright" for n in range(4)]
    table = folder / "labels.csv"
    table.write_text(head + "\n" + "\n".join(rows) + "\n")
    return table


def test_frames_come_at_the_rate_whatever_that_of_the_video(folder: Path) -> None:
    for rate, wanted in ((5.0, list(range(0, 20, 2))), (10.0, list(range(20))), (20.0, [n // 2 for n in range(40)])):
        film = Film()
        found = list(frames_of(folder / "0.mp4", ClipPreparation(rate, 4, 8, 8, colour=True), film))
        assert [one.number for one in found] == wanted
        assert [one.seconds for one in found] == pytest.approx([n / rate for n in range(len(wanted))])
        assert (film.frames, film.seconds) == (20, pytest.approx(2.0))
        for one in found:
            assert one.pixels.shape == (3, 8, 8)
            assert abs(int(one.pixels.mean()) - LIGHT["dark" if one.number < 8 else "bright"]) < 12


def test_a_folder_is_opened_as_clips_with_a_label_for_each_frame(folder: Path) -> None:
    spans(folder)
    data = open_dataset(folder, **SETTINGS)
    assert (data.spec.shape, data.spec.axes, data.spec.each, data.spec.rate) == ((1, 4, 8, 8), "cthw", "t", 5.0)
    assert data.spec.classes == ("bright", "dark")
    videos: dict[str, set[str]] = {}
    for name, split in data.splits.items():
        assert isinstance(split, TensorSplit)
        there = ~split.samples[:, 0, :, 0, 0].float().isnan()
        assert torch.equal(there, split.targets >= 0)  # a clip that is shorter is followed by nothing
        shade = split.samples.float()[:, 0].mean((2, 3))
        assert torch.equal((shade > 127)[there], (split.targets == 0)[there])
        assert split.groups is not None
        videos[name] = set(split.groups)
    assert sum(map(len, videos.values())) == 4  # whole videos are dealt
    lengths = [int((split.targets >= 0).sum()) for split in data.splits.values()]
    assert sum(lengths) == 10 + 11 + 12 + 13
    inputs, targets = next(iter(data.batches("train", 64)))
    assert inputs.dtype == torch.float32
    assert torch.equal(~inputs[:, 0, :, 0, 0].isnan(), targets >= 0)
    assert open_dataset(folder / "labels.csv", **SETTINGS).split_hash("train") == data.split_hash("train")


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("video,frame,label\n" + "".join(f"0.mp4,{n},{'dark' if n < 8 else 'bright'}\n" for n in range(20)), 10),
        ("vidéo;début (s);fin (s);étiquette\n0.mp4;0;0,8;dark\n0.mp4;0:00,8;0:02;bright\n", 10),
        ("video,start,end,label\n0,0.4,0.8,dark\n0.mp4,0.8,1.2,bright\n".replace("\n0,", "\n0.mp4,"), 4),
        ("path\tlabel\n0.mp4\tdark\n1.mp4\tbright\n", 21),
    ],
)
def test_tables_of_all_forms_are_read(folder: Path, text: str, labels: int) -> None:
    (folder / "labels.csv").write_bytes(text.encode("cp1252"))
    data = open_dataset(folder, **SETTINGS, valid_fraction=0.0, test_fraction=0.0)
    assert int((data.splits["train"].targets >= 0).sum()) == labels


def test_frames_may_be_counted_from_one_and_a_column_says_the_split(folder: Path) -> None:
    rows = [
        f"{v}.mp4,{n + 1},{'dark' if n < 8 else 'bright'},{s}"
        for v, s in ((0, "train"), (1, "test"))
        for n in range(20)
    ]
    (folder / "labels.csv").write_text("video,frame,label,split\n" + "\n".join(rows))
    data = open_dataset(folder, **SETTINGS, first_frame=1)
    assert {name: int((split.targets >= 0).sum()) for name, split in data.splits.items()} == {"train": 10, "test": 10}
    with pytest.raises(DataError, match=r"line 21: frame 20 is labelled, and 0.mp4 has 20 frames"):
        open_dataset(folder, **SETTINGS)


def test_one_video_is_learned_from_in_its_first_part(folder: Path) -> None:
    (folder / "labels.csv").write_text("video,start,end,label\n3.mp4,0,0.8,dark\n3.mp4,0.8,2.6,bright\n")
    data = open_dataset(folder, **{**SETTINGS, "frames": 2}, test_fraction=0.3)
    ends = {name: [float(one.split("@")[1][:-1]) for one in names(split)] for name, split in data.splits.items()}
    assert max(ends["train"]) < min(ends["test"])
    assert any("says little about other videos" in warning for warning in data.warnings)


@pytest.mark.parametrize(("frames", "expected"), [(7, (2, 1, 1)), (3, (5, 2, 2)), (20, (2, 0, 0))])
def test_two_short_videos_are_learned_from_and_measured_on(
    folder: Path, frames: int, expected: tuple[int, ...]
) -> None:
    rows = "".join(f"{n}.mp4,0,0.8,dark\n{n}.mp4,0.8,{2 + 0.2 * n:.1f},bright\n" for n in (2, 3))
    (folder / "labels.csv").write_text("video,start,end,label\n" + rows)
    data = open_dataset(folder, **{**SETTINGS, "frames": frames})
    assert tuple(len(data.splits.get(name, ())) for name in ("train", "valid", "test")) == expected  # type: ignore[arg-type]


def test_videos_are_checked_as_they_would_be_learned_from(folder: Path) -> None:
    report = check(str(spans(folder)), **SETTINGS)
    assert (report.noun, report.target) == ("clip", "2 classes, one for each step")
    assert any(issue.kind == "steps" and "dark" in issue.message for issue in report.issues)
    (folder / "labels.csv").write_text("video,split,label\n0.mp4,train,dark\n1.mp4,test,bright\n")
    told = check(str(folder), **SETTINGS)
    assert any(issue.severity == "error" and issue.message.endswith("in train: bright") for issue in told.issues)


@pytest.mark.parametrize("text", ["", "video,frame,label\n", "frame,label\n3,dark\n", "nothing.png,3\nnothing,4\n"])
def test_a_table_beside_videos_that_is_called_labels_is_one_of_videos(folder: Path, text: str) -> None:
    (folder / "labels.csv").write_text(text)
    assert kind_of(folder / "labels.csv").videos
    (folder / "pictures.csv").write_text("path,label\n3.png,dark\n")
    assert not kind_of(folder / "pictures.csv").videos


def test_a_table_of_utf_16_is_read(folder: Path) -> None:
    spans(folder)
    (folder / "labels.csv").write_bytes((folder / "labels.csv").read_text().encode("utf-16"))
    assert kind_of(folder / "labels.csv").videos
    assert open_dataset(folder / "labels.csv", **SETTINGS).spec.num_classes == 2


def names(split: Any) -> list[str]:
    return [split.identity(i) for i in range(len(split))]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("video,frame,label\n", "no line below its columns"),
        ("film_name,label\n0.mp4,dark\n", "has the columns 'film_name', 'label'"),
        ("video,start,label\n0.mp4,0,dark\n", "has the columns"),
        ("video,frame,label\n0.mp4,x,dark\n", "line 2: 'x' is no number of a frame"),
        ("video,frame,label\n0.mp4,²,dark\n", "line 2: '²' is no number of a frame"),
        ("video,frame,label\n0.mp4," + "9" * 5000 + ",dark\n", "999' is no number of a frame"),
        ("video,frame,label\n0.mp4,-1,dark\n", "line 2: '-1' is no number of a frame"),
        ("video,frame,label\n0.mp4,3,dark\n0.mp4,3,bright\n", "line 3: frame 3 has a label already, line 2"),
        ("video,start,end,label\n0.mp4,0,soon,dark\n", "line 2: 'soon' is no time"),
        ("video,start,end,label\n0.mp4,2,1,dark\n", "line 2: the label ends at 1 s"),
        ("video,start,end,label\n0.mp4,0,1,dark\n0.mp4,0.5,2,bright\n", "line 3: 'bright' at 0.5 s, where line 2 says"),
        (
            "video,start,end,label\n0.mp4,0,1,dark\n0.mp4,1,9,bright\n",
            "line 3: the label ends at 9 s, and 0.mp4 has 2.00 s",
        ),
        ("video,frame,label\n0.mp4,7,\n", "line 2: label is empty"),
        ("path,label\n0.mp4,dark\ngone.mp4,bright\n", "1 of 2 videos are not in"),
        ("path,label\n0.mp4,dark\n1.mp4,dark\n", "one label only"),
        ("path,label\n0.mp4,dark\n0.mp4,bright\n", "'bright' for one video, where line 2 says 'dark' still"),
        ("path,label,split\n0.mp4,dark,train\n1.mp4,bright,somewhere\n", "split is 'somewhere'"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_with_its_line(folder: Path, text: str, said: str) -> None:
    (folder / "labels.csv").write_text(text)
    with pytest.raises(DataError) as refused:
        open_dataset(folder, **SETTINGS)
    assert said in str(refused.value)
    assert refused.value.help


def test_videos_that_cannot_be_decoded_are_refused_in_words(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", shades(("dark", 8), ("bright", 12)))
    (tmp_path / "cut.mp4").write_bytes(whole.read_bytes()[:900])
    (tmp_path / "no.mp4").write_bytes(b"no video at all" * 100)
    write_video(tmp_path / "sound.mp4", [], sound_only=True)
    (tmp_path / "empty.mp4").write_bytes(b"")
    for name, said in (("cut", "cannot be decoded"), ("no", "cannot be decoded"), ("sound", "has no pictures")):
        with pytest.raises(DataError, match=said) as refused:
            list(frames_of(tmp_path / f"{name}.mp4", PLAIN))
        assert refused.value.help
    with pytest.raises(DataError, match="cannot be decoded"):
        list(frames_of(tmp_path / "empty.mp4", PLAIN))
    with pytest.raises(DataError, match="there is no video"):
        list(frames_of(tmp_path / "gone.mp4", PLAIN))
    (tmp_path / "labels.csv").write_text("path,label\nwhole.mp4,dark\nno.mp4,bright\n")
    with pytest.raises(DataError, match=r"no.mp4 cannot be decoded"):
        open_dataset(tmp_path, **SETTINGS)


def test_without_a_table_or_a_decoder_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_video(tmp_path / "a.mp4", shades(("dark", 3)))
    with pytest.raises(DataError, match=r"holds videos and no labels.csv"):
        open_dataset(tmp_path)
    imported = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "av":
            raise ImportError(name)
        return imported(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingError, match="PyAV") as refused:
        open_dataset(tmp_path)
    assert "profond[video]" in refused.value.help


def test_memory_and_settings_have_bounds(folder: Path) -> None:
    spans(folder)
    with pytest.raises(DataError, match="take more than 0 MiB"):
        open_dataset(folder, **SETTINGS, memory_mib=0)
    for wrong in ({"rate": 0.0}, {"frames": 0}, {"size": 5000}):
        with pytest.raises(ConfigError):
            open_dataset(folder, **{**SETTINGS, **wrong})


def test_labels_are_looked_up_by_time(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("video,start,end,label\na,1:00,1:02.5,x\na,0:01:02.5,63,y\n")
    labels = read_labels(tmp_path / "labels.csv")["a"]
    assert [labels.at(0, t) for t in (59.9, 60, 62.49, 62.5, 63)] == ["", "x", "x", "y", ""]


def test_moving_digits_are_the_same_each_time_and_marked_where_nothing_is_seen() -> None:
    digits = torch.zeros(30, 28, 28, dtype=torch.uint8)
    labels = torch.arange(30) % 10
    for i in range(30):
        digits[i, 4:24, 4:24] = 20 * (1 + labels[i])
    one, other = (moving_clips(digits, labels, 12, "train", np.random.default_rng(5)) for _ in range(2))
    assert torch.equal(one.samples, other.samples)
    assert torch.equal(one.targets, other.targets)
    covered = one.marks["hidden"] | one.marks["blurred"]
    assert 0.1 < float(covered.float().mean()) < 0.6
    assert not (one.marks["hidden"] & one.marks["blurred"]).any()
    brightest = one.samples[:, 0].flatten(2).amax(2).long()
    seen = ~covered
    assert torch.equal(brightest[seen], (20 * (1 + one.targets))[seen])  # the label is that of the digit in the frame
    assert (np.diff(one.targets.numpy()) != 0).any()
    part = one.subset([3, 1])
    assert torch.equal(part.marks["hidden"], one.marks["hidden"][[3, 1]])
