"""What becomes of people's pictures on the way to a network: what is cut off, left out, and comes in from outside."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from profond import cli
from profond.core.errors import ConfigError, DataError, ImageError
from profond.core.run import Run
from profond.data import open_dataset
from profond.data.check import check
from profond.data.images.augment import Augment
from profond.data.images.build import cut_off
from profond.data.preprocessing import Preprocessing
from profond.experiments.train import resume_run
from profond.training.checkpoint import load_tensors

pytestmark = pytest.mark.usefixtures("undrawn")  # pictures are other tests' matter


def folder(path: Path, sizes: list[tuple[int, int]], count: int = 12, suffix: str = "jpg") -> Path:
    """Noise of these sizes, width and height, in two classes."""
    random = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (path / name).mkdir(parents=True)
        for number in range(count):
            width, height = sizes[number % len(sizes)]
            pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path / name / f"{number:02}.{suffix}")
    return path


# What is cut off


STRIP, TALL, PHOTO, SQUARE = (200, 50), (40, 160), (96, 72), (80, 80)


@pytest.mark.parametrize("sizes", [[STRIP], [TALL], [STRIP, TALL, (300, 90)], [SQUARE, STRIP]])
def test_what_is_cut_off_is_said_before_training_and_by_the_check(tmp_path, sizes):
    path = folder(tmp_path / "pets", sizes)
    [warning] = open_dataset(path).warnings
    assert "% of the median" in warning
    assert "is cut off" in warning
    assert "data.resize=pad" in warning
    [issue] = [issue for issue in check(str(path)).issues if issue.kind == "cut"]
    assert (issue.severity, issue.message) == ("warning", warning)
    for resize in ("pad", "stretch"):
        assert open_dataset(path, resize=resize).warnings == ()
    assert open_dataset(path, memory_mib=0).warnings == (warning,)


@pytest.mark.parametrize("sizes", [[SQUARE], [PHOTO], [(72, 96)], [SQUARE, PHOTO], [(60, 20)]])
def test_nothing_is_said_of_square_pictures_photos_and_what_keeps_its_own_size(tmp_path, sizes):
    path = folder(tmp_path / "pets", sizes)
    assert open_dataset(path).warnings == ()
    assert all("cut" not in issue.message for issue in check(str(path)).issues)


def test_the_share_that_is_cut_off_is_right():
    assert "64×64: 75 % of the median picture is cut off" in str(cut_off([(400, 100)] * 9, (64, 64)))
    assert "32×64: 50 % of the median picture" in str(cut_off([(100, 100)] * 9, (64, 32)))
    assert "81 % of the median picture" in str(cut_off([(400, 100)], (64, 64), crop=0.875))
    assert "75 % of the median of 5 of 20" in str(cut_off([(400, 100)] * 5 + [(90, 90)] * 15, (64, 64)))
    assert cut_off([(400, 100)] + [(90, 90)] * 19, (64, 64)) is None
    assert cut_off([(400, 100)], (10, 40)) is None
    assert cut_off([(640, 480)], (224, 224), crop=0.875) is None


def test_sizes_are_told_as_width_times_height(tmp_path):
    path = folder(tmp_path / "pets", [(200, 100)])
    assert any("size 200×100 are brought to 64×64" in note for note in open_dataset(path).notes)
    [warning] = open_dataset(path, size=(64, 32)).warnings
    assert "brought to 32×64: 75 %" in warning


def test_the_command_line_names_the_way_out(tmp_path, capsys):
    path = folder(tmp_path / "strips", [STRIP])
    train = ["train", "--model", "lenet5", "--data", str(path), "--epochs", "1", "--quiet", "--out", str(tmp_path)]
    assert cli.run(train) == 0
    assert "data.resize=pad" in capsys.readouterr().err
    assert cli.run([*train, "--set", "data.resize=pad"]) == 0
    assert "cut off" not in capsys.readouterr().err
    assert cli.run(["data", "--help"]) == 0
    assert "data.resize=pad" in capsys.readouterr().out


# What cannot be read


def damaged(path: Path, how: str) -> None:
    content = path.read_bytes()
    kept = {"cut": content[: len(content) // 2], "empty": b"", "text": b"no picture " * 900}
    path.write_bytes(kept[how])


@pytest.mark.parametrize("how", ["cut", "empty", "text"])
@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "webp", "bmp", "tif"])
def test_a_damaged_file_is_found_before_the_first_step_where_data_is_streamed(tmp_path, how, suffix):
    path = folder(tmp_path / "pets", [(90, 90)], suffix=suffix)
    damaged(path / "dog" / f"07.{suffix}", how)
    with pytest.raises(ImageError, match=rf"07\.{suffix}") as caught:
        open_dataset(path, memory_mib=0)
    assert "--set data.unreadable=skip" in str(caught.value.help)


@pytest.mark.parametrize("memory_mib", [0, 512])
def test_what_cannot_be_read_is_left_out_and_told(tmp_path, memory_mib):
    path = folder(tmp_path / "pets", [(40, 40)])
    for name, how in (("cat/03", "cut"), ("dog/07", "text"), ("dog/01", "empty")):
        damaged(path / f"{name}.jpg", how)
    with pytest.raises(ImageError, match="3 of 24 images cannot be read") as caught:
        open_dataset(path, memory_mib=memory_mib)
    assert "data.unreadable=skip" in str(caught.value.help)
    dataset = open_dataset(path, memory_mib=memory_mib, unreadable="skip")
    assert [name for name, _ in dataset.skipped] == ["cat/03.jpg", "dog/01.jpg", "dog/07.jpg"]
    assert any("3 of 24 images cannot be read and are left out: cat/03.jpg" in line for line in dataset.warnings)
    assert sum(len(split) for split in dataset.splits.values()) == 21
    hashes = {name: dataset.split_hash(name) for name in dataset.splits}
    for name in ("cat/03", "dog/07", "dog/01"):
        (path / f"{name}.jpg").unlink()
    without = open_dataset(path, memory_mib=memory_mib)
    assert {name: without.split_hash(name) for name in without.splits} == hashes


def test_manifests_and_shards_leave_out_what_cannot_be_read(tmp_path):
    path = folder(tmp_path / "pets", [(40, 40)])
    damaged(path / "dog" / "07.jpg", "cut")
    lines = [f"{file.relative_to(tmp_path)},{file.parent.name}" for file in sorted(path.rglob("*.jpg"))]
    (tmp_path / "pets.csv").write_text("path,label\n" + "\n".join(lines) + "\n")
    (tmp_path / "shards").mkdir()
    with tarfile.open(tmp_path / "shards" / "all.tar", "w") as shard:
        for number, file in enumerate(sorted(path.rglob("*.jpg"))):
            for suffix, content in (("jpg", file.read_bytes()), ("cls", str(int(file.parent.name == "dog")).encode())):
                member = tarfile.TarInfo(f"{number:03}.{suffix}")
                member.size = len(content)
                shard.addfile(member, io.BytesIO(content))
    for reference, name in ((tmp_path / "pets.csv", "pets/dog/07.jpg"), (tmp_path / "shards", "all.tar/019.jpg")):
        with pytest.raises(ImageError, match="is damaged"):
            open_dataset(reference, memory_mib=0)
        dataset = open_dataset(reference, memory_mib=0, unreadable="skip")
        assert [skipped for skipped, _ in dataset.skipped] == [name]
        assert sum(len(split) for split in dataset.splits.values()) == 23


def test_a_class_is_not_left_out_with_its_pictures(tmp_path):
    path = folder(tmp_path / "pets", [(40, 40)], count=3)
    for file in (path / "dog").iterdir():
        damaged(file, "cut")
    with pytest.raises(DataError, match="no image can be read of class dog"):
        open_dataset(path, unreadable="skip")


def test_only_refuse_and_skip_are_known(tmp_path):
    with pytest.raises(ConfigError, match="unreadable"):
        open_dataset(folder(tmp_path / "pets", [(40, 40)]), unreadable="ignore")


@pytest.mark.slow
@pytest.mark.parametrize("later", ["stays", "is deleted", "is repaired"])
def test_a_run_keeps_what_it_left_out_and_goes_on_without_it_to_the_same_bits(tmp_path, later, capsys):
    path = folder(tmp_path / "pets", [(32, 32)])
    whole = (path / "dog" / "07.jpg").read_bytes()
    damaged(path / "dog" / "07.jpg", "cut")
    train = ["train", "--model", "lenet5", "--data", str(path), "--epochs", "3", "--quiet"]
    train += ["--out", str(tmp_path / "r")]
    assert cli.run(train) == 3
    assert "data.unreadable=skip" in capsys.readouterr().err
    assert cli.run([*train, "--set", "data.unreadable=skip", "--json"]) == 0
    assert any("left out: dog/07.jpg" in line for line in json.loads(capsys.readouterr().out)["warnings"])
    run = Run.open(next((tmp_path / "r").iterdir()))
    with run.file("skipped.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert row["sample"] == "dog/07.jpg"
    assert "is damaged" in row["reason"]
    expected, _ = load_tensors(run.file("model.safetensors"))
    for name in ("README.md", "model.safetensors"):  # as a kill just before the end leaves it
        run.file(name).unlink()
    if later == "is deleted":
        (path / "dog" / "07.jpg").unlink()
    if later == "is repaired":
        (path / "dog" / "07.jpg").write_bytes(whole)
    resumed = resume_run(Run.open(run.path))
    found, _ = load_tensors(resumed.file("model.safetensors"))
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    assert "dog/07.jpg" in run.file("skipped.csv").read_text()


# What comes in from outside


def shapes(path: Path, ground: tuple[int, ...] | None, count: int = 10, mode: str = "RGB") -> Path:
    """Two kinds of dark shapes on a ground; None is transparent."""
    random = np.random.default_rng(0)
    for name in ("disc", "square"):
        (path / name).mkdir(parents=True)
        for number in range(count):
            image = Image.new("RGBA" if ground is None else mode, (32, 32), ground or (0, 0, 0, 0))
            left, top = (int(place) for place in random.integers(4, 12, 2))
            draw = ImageDraw.Draw(image)
            (draw.ellipse if name == "disc" else draw.rectangle)((left, top, left + 16, top + 16), fill="purple")
            image.save(path / name / f"{number}.png")
    return path


@pytest.mark.parametrize(
    ("ground", "expected"),
    [
        (None, (255, 255, 255)),
        ((255, 255, 255), (255, 255, 255)),
        ((0, 0, 0), (0, 0, 0)),
        ((20, 120, 230), (20, 120, 230)),
    ],
)
@pytest.mark.parametrize("memory_mib", [0, 512])
def test_what_comes_in_has_the_pictures_own_background(tmp_path, ground, expected, memory_mib):
    dataset = open_dataset(shapes(tmp_path / "shapes", ground), memory_mib=memory_mib)
    assert dataset.preprocessing.background == expected
    colour = dataset.preprocessing.normalise(torch.tensor(expected, dtype=torch.uint8).view(1, 3, 1, 1).float())
    for augment in (Augment(shift=4), Augment(rotate=45), Augment(scale=0.5), Augment(erase=9)):
        for inputs, _ in dataset.batches("train", 8, augment=augment, workers=0):
            corners = inputs[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]
            assert torch.allclose(corners, colour.view(1, 3, 1).expand_as(corners), atol=2e-3)


def test_pictures_whose_borders_do_not_agree_have_black_around_them_as_before(tmp_path):
    dataset = open_dataset(folder(tmp_path / "pets", [(32, 32)]))
    assert dataset.preprocessing.background == (0, 0, 0)
    [(shifted, _)] = list(dataset.batches("train", 99, augment=Augment(shift=3)))
    nothing_known = replace(dataset, preprocessing=replace(dataset.preprocessing, background=None))
    [(before, _)] = list(nothing_known.batches("train", 99, augment=Augment(shift=3)))
    assert torch.equal(shifted, before)
    assert torch.equal(shifted.amin((0, 2, 3)), dataset.preprocessing.black(3))


def test_padding_to_a_size_adds_the_background_in_training_and_in_predicting(tmp_path):
    random = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / "wide" / name).mkdir(parents=True)
        for number in range(6):
            pixels = np.full((20, 80, 3), (250, 240, 200), np.uint8)
            pixels[5:15, 10:70] = random.integers(0, 256, 3)
            Image.fromarray(pixels).save(tmp_path / "wide" / name / f"{number}.png")
    dataset = open_dataset(tmp_path / "wide", size=40, resize="pad")
    assert dataset.preprocessing.background == (250, 240, 200)
    assert dataset.splits["train"].raw(0)[:, 0, 0].tolist() == [250, 240, 200]
    kept = Preprocessing.from_json(json.loads(json.dumps(dataset.preprocessing.to_json())))
    assert kept == dataset.preprocessing
    assert kept.decode(Image.new("RGB", (80, 20), "red"))[:, 0, 0].tolist() == [250, 240, 200]
    grey = Preprocessing(size=(40, 40), mode="L", resize="pad", background=(200,))
    assert grey.decode(Image.new("L", (80, 20), 5))[0, 0, 0] == 200


def test_the_background_is_in_the_order_that_the_network_takes():
    preprocessing = Preprocessing(
        size=(4, 4),
        mode="RGB",
        mean=(0.1, 0.2, 0.3),
        std=(0.5,) * 3,
        channels="BGR",
        padding=1,
        background=(10, 20, 30),
    )
    picture = torch.tensor((10, 20, 30), dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    padded = preprocessing.normalise(picture)
    assert padded.shape == (1, 3, 6, 6)
    assert torch.allclose(padded, padded[:, :, 2:3, 2:3].expand_as(padded))


def test_brightness_still_counts_from_black():
    black, white = torch.tensor([-1.0]), torch.tensor([1.0])
    inputs = torch.full((2, 1, 4, 4), 0.5)
    drawn = {"brightness": torch.tensor([0.5, 2.0])}
    found = Augment(brightness=0.5).apply(inputs, drawn, black, white)
    assert found[0, 0, 0, 0] == -0.25
    assert found[1, 0, 0, 0] == 2.0
