"""Samples are what they hold, not what they are called."""

from __future__ import annotations

import csv
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from profond.cli import run as profond
from profond.data import fingerprint
from profond.data.fingerprint import ENDS, of_locations, of_tensor
from profond.data.images.adapt import adapted
from profond.data.locations import Locations, Member
from profond.data.open import open_dataset
from profond.data.preprocessing import Preprocessing
from profond.data.split import TensorSplit

pytestmark = pytest.mark.usefixtures("undrawn")  # pictures are other tests' matter

COLOURS = [(220, 40, 40), (40, 200, 60)]


def pictures(folder: Path, turn: int = 0) -> Path:
    for location, name in enumerate(["cat", "dog"]):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(20):
            pixels = np.random.default_rng([location, number]).integers(60, 110, (16, 16, 3)).astype(np.uint8)
            pixels[4:10, 4:10] = COLOURS[(location + turn) % 2]
            Image.fromarray(pixels).save(folder / name / f"{number:02}.png")
    return folder


def trained(capsys: Any, *arguments: str) -> Path:
    assert profond(["train", "--model=mlp", "--epochs=1", "--json", "--quiet", *arguments]) == 0
    return Path(json.loads(capsys.readouterr().out)["run"])


def test_each_sample_has_a_digest_of_its_own_type_and_shape() -> None:
    samples = torch.arange(24, dtype=torch.uint8).reshape(2, 3, 4)
    one, other = of_tensor(samples)
    assert one != other
    assert of_tensor(samples.clone()) == [one, other]
    assert of_tensor(samples.flatten(1)) != [one, other]
    assert of_tensor(samples.to(torch.int16))[0] != one
    assert of_tensor(samples[[1, 0]]) == [other, one]


@pytest.mark.parametrize("location", [0, ENDS - 1, 3 * ENDS - 1])
def test_a_change_at_either_end_of_a_large_file_is_seen_and_so_is_its_size(tmp_path: Path, location: int) -> None:
    content = bytearray(3 * ENDS)
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(content)
    content[location] = 1
    (tmp_path / "c").write_bytes(content)
    (tmp_path / "d").write_bytes(bytes(3 * ENDS + 1))
    a, b, c, d = of_locations(Locations([tmp_path / name for name in "abcd"], tmp_path))
    assert a == b
    assert len({a, c, d}) == 3


def test_of_very_many_files_some_are_read_and_of_the_others_the_size_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprint, "READ", 10)
    for number in range(100):
        (tmp_path / str(number)).write_bytes(b"x" * (number + 1))
    locations = Locations([tmp_path / str(number) for number in range(100)], tmp_path)
    digests = of_locations(locations)
    read = [digest for digest in digests if not digest.endswith(" bytes")]
    assert 2 <= len(read) <= 30
    assert len(set(digests)) == 100
    assert of_locations(locations) == digests


def test_a_member_of_an_archive_is_known_as_the_file_is(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"some picture")
    with tarfile.open(tmp_path / "s.tar", "w") as archive:
        archive.add(tmp_path / "a.png", "a.png")
    with tarfile.open(tmp_path / "s.tar") as archive:
        offset = archive.getmember("a.png").offset_data
    member = Member(str(tmp_path / "s.tar"), "a.png", offset, 12)
    assert of_locations(Locations([member], tmp_path)) == of_locations(Locations([tmp_path / "a.png"], tmp_path))


def test_the_digest_does_not_depend_on_how_pictures_are_prepared_or_kept(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "photos")
    known = [open_dataset(folder, **options) for options in ({}, {"size": 8}, {"channels": 1}, {"memory_mib": 0})]
    assert len({data.content_hash("train") for data in known}) == 1
    held_out = known[0].holdout(0.2) if "valid" not in known[0].splits else known[0]
    assert held_out.content_hash("valid") == known[3].content_hash("valid")


def test_pictures_brought_to_a_network_keep_the_digest_of_what_they_were() -> None:
    raw = torch.randint(0, 255, (6, 1, 8, 8), dtype=torch.uint8)
    split = TensorSplit(raw, torch.arange(6) % 2, "train")
    from profond.core.spec import Spec
    from profond.data.dataset import Dataset

    data = Dataset(
        "made", Spec((1, 8, 8), "chw", (0.0, 255.0), ("a", "b")), Preprocessing(mode="L"), {"train": split}, "here"
    )
    for memory in (512, 0):
        larger = adapted(data, Preprocessing(size=(16, 16), mode="RGB", mean=(0.0,) * 3, std=(1.0,) * 3), memory)
        assert larger.contents("train") == data.contents("train")
        assert larger.splits["train"].subset([4, 1]).contents() == [data.contents("train")[i] for i in (4, 1)]


def test_runs_on_other_pictures_of_the_same_names_are_not_compared(tmp_path: Path, capsys: Any) -> None:
    photos = pictures(tmp_path / "photos")
    first = trained(capsys, f"--data={photos}", f"--out={tmp_path / 'runs'}")
    pictures(photos, turn=1)
    second = trained(capsys, f"--data={photos}", f"--out={tmp_path / 'runs'}", "--seed=1")
    assert profond(["runs", "compare", str(first), str(second)]) == 3
    assert "4 of 4 samples of the test split (cat/" in capsys.readouterr().err
    assert profond(["evaluate", str(first), "--quiet", "--no-pictures"]) == 3
    assert f"something else than when {first} was trained" in capsys.readouterr().err
    assert profond(["evaluate", str(first), "--quiet", "--no-pictures", f"--data={photos}"]) == 0


def test_one_picture_that_changed_is_named_and_no_other(tmp_path: Path, capsys: Any) -> None:
    photos = pictures(tmp_path / "photos")
    run = trained(capsys, f"--data={photos}", f"--out={tmp_path / 'runs'}")
    (tested,) = [line.split(",")[2] for line in (run / "split.csv").read_text().splitlines() if ",dog,dog/0" in line][
        :1
    ]
    split = next(line.split(",")[0] for line in (run / "split.csv").read_text().splitlines() if tested in line)
    Image.new("RGB", (16, 16)).save(photos / tested)
    assert profond(["evaluate", str(run), "--quiet", "--no-pictures", f"--split={split}"]) == 3
    assert (
        f"1 of {16 * 2 if split == 'train' else 4} samples of the {split} split ({tested}) hold"
        in capsys.readouterr().err
    )


@pytest.mark.slow
def test_runs_of_before_without_contents_are_believed(tmp_path: Path, capsys: Any) -> None:
    photos = pictures(tmp_path / "photos")
    run = trained(capsys, f"--data={photos}", f"--out={tmp_path / 'runs'}")
    other = trained(capsys, f"--data={photos}", f"--out={tmp_path / 'runs'}", "--seed=1")
    split = json.loads((run / "split.json").read_text())
    del split["content"]
    (run / "split.json").write_text(json.dumps(split))
    for name in ("split.csv", "evaluation/test/predictions.csv"):
        head, *rows = csv.reader((run / name).read_text().splitlines())
        assert head[-1] == "content"
        (run / name).write_text("".join(",".join(row[:-1]) + "\n" for row in (head, *rows)))
    assert profond(["runs", "compare", str(run), str(other)]) == 0
    pictures(photos, turn=1)
    assert profond(["evaluate", str(run), "--quiet", "--no-pictures"]) == 0


def test_names_that_are_gone_or_new_are_told(tmp_path: Path, capsys: Any) -> None:
    photos = pictures(tmp_path / "photos")
    run = trained(capsys, f"--data={photos}", f"--out={tmp_path / 'runs'}")
    (photos / "cat" / "00.png").rename(photos / "cat" / "new.png")
    assert profond(["evaluate", str(run), "--quiet", "--no-pictures"]) == 3
    said = capsys.readouterr().err
    assert "cat/00.png" in said or "cat/new.png" in said


def test_data_that_moved_are_taken_where_they_are_now_and_other_data_are_not(tmp_path: Path, capsys: Any) -> None:
    photos = pictures(tmp_path / "photos")
    whole = trained(capsys, f"--data={photos}", f"--out={tmp_path / 'runs'}")
    (whole / "README.md").unlink()
    before = (whole / "config.json").read_bytes()
    photos.rename(tmp_path / "barn")
    assert profond(["runs", "resume", str(whole)]) == 3
    assert "--data NEW" in capsys.readouterr().err
    pictures(tmp_path / "farm", turn=1)
    assert profond(["runs", "resume", str(whole), f"--data={tmp_path / 'farm'}", "--quiet"]) == 3
    assert (whole / "config.json").read_bytes() == before
    shutil.copytree(tmp_path / "barn", tmp_path / "elsewhere")
    assert profond(["runs", "resume", str(whole), f"--data={tmp_path / 'elsewhere'}", "--quiet"]) == 0
    assert profond(["evaluate", str(whole), "--quiet", "--no-pictures"]) == 0
