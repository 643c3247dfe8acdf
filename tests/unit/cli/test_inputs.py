"""Folders, names and standard input as predict, explain and features take them: listed as for training, and told."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from profond.cli import run

pytestmark = pytest.mark.usefixtures("undrawn")  # pictures are other tests' matter

HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(60)


def picture(path: Path, label: str, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 100, (32, 32, 3), dtype=np.uint8)
    pixels[:, :, 0 if label == "cat" else 1] += 120
    Image.fromarray(pixels).save(path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("inputs")
    for label in ("cat", "dog"):
        for number in range(10):
            picture(root / "pets" / label / f"{number}.png", label, number + 50 * (label == "dog"))
    words = ["train", "--model=lenet5", f"--data={root / 'pets'}", f"--out={root / 'runs'}", "--epochs=1", "--quiet"]
    assert run(words) == 0
    return next((root / "runs").iterdir())


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Three photos, four that cannot be read, a photo behind a link, and what computers leave behind."""
    folder = tmp_path / "new"
    for number in range(3):
        picture(folder / f"a{number}.jpg", "cat", 100 + number)
        picture(folder / ".ipynb_checkpoints" / f"a{number}-checkpoint.jpg", "cat", 100 + number)
    picture(tmp_path / "elsewhere" / "b0.jpg", "dog", 200)
    (folder / "__MACOSX").mkdir()
    for place in (folder / "._a0.jpg", folder / "__MACOSX" / "._a0.jpg"):
        place.write_bytes(b"\0\5\x16\7" + bytes(100))
    for number in range(4):
        (folder / f"IMG_{number}.HEIC").write_bytes(HEIC)
    (folder / "remarks.txt").write_text("x")
    (folder / "more").symlink_to("../elsewhere")
    return folder


def lines(text: str) -> list[str]:
    return [line.split("\t")[0] for line in text.splitlines()]


def test_predict_lists_a_folder_as_training_does_and_counts_what_it_passed_over(
    trained: Path, new: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["predict", str(trained), str(new)]) == 0
    said = capsys.readouterr()
    assert lines(said.out) == [str(new / name) for name in ("a0.jpg", "a1.jpg", "a2.jpg", "more/b0.jpg")]
    assert "passed over: 4 .heic: HEIC" in said.err
    assert "passed over: 1 .txt" in said.err
    assert run(["predict", str(trained), str(new), "--quiet", "--json"]) == 0
    said = capsys.readouterr()
    assert "passed over: 4 .heic" in said.err
    assert ".txt" not in said.err
    assert json.loads(said.out)["passed_over"] == {".heic": 4, ".txt": 1}


def test_features_and_explain_list_it_likewise(
    trained: Path, new: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["features", str(trained), str(new), "--out", str(tmp_path / "f.csv")]) == 0
    assert "passed over: 4 .heic" in capsys.readouterr().err
    rows = (tmp_path / "f.csv").read_text().splitlines()
    assert [Path(row.split(",")[0]).name for row in rows[1:]] == ["a0.jpg", "a1.jpg", "a2.jpg", "b0.jpg"]
    words = ["explain", str(trained), str(new), "--method", "grad_cam", "--out", str(tmp_path / "why")]
    assert run(words) == 0
    said = capsys.readouterr()
    assert sorted(path.name for path in (tmp_path / "why").iterdir()) == ["a0", "a1", "a2", "b0"]
    assert "passed over: 4 .heic" in said.err


def test_a_folder_without_images_says_what_it_holds(
    trained: Path, new: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    phone = tmp_path / "phone"
    phone.mkdir()
    (phone / "1.HEIC").write_bytes(HEIC)
    assert run(["predict", str(trained), str(phone)]) == 3
    said = capsys.readouterr().err
    assert f"there is no image in {phone}, passed over: 1 .heic" in said
    assert "convert them to JPEG" in said
    assert run(["predict", str(trained), str(phone), str(new)]) == 3  # the others are still predicted
    said = capsys.readouterr()
    assert len(lines(said.out)) == 4
    assert "there is no image in" in said.err
    assert run(["predict", str(trained), str(new / "__MACOSX"), str(new)]) == 0  # as a shell writes new/* out
    assert len(lines(capsys.readouterr().out)) == 4


def test_a_file_that_is_an_archive_or_a_known_format_is_called_so(
    trained: Path, new: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (new / "photos.zip").write_bytes(b"PK")
    assert run(["predict", str(trained), str(new / "photos.zip")]) == 3
    assert "unzip photos.zip" in capsys.readouterr().err
    assert run(["predict", str(trained), str(new / "IMG_0.HEIC")]) == 3
    assert "HEIC, as phones take photos" in capsys.readouterr().err


def test_a_folder_that_may_not_be_looked_into_is_told_and_the_others_predicted(
    trained: Path, new: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(new / "closed" / "c.jpg", "cat", 1)
    scandir = os.scandir

    def refusing(path: Any) -> Any:
        if os.fspath(path).endswith("closed"):  # chmod does not stop root
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert run(["predict", str(trained), str(new)]) == 3
    said = capsys.readouterr()
    assert len(lines(said.out)) == 4
    assert f"{new / 'closed'} may not be read" in said.err
    (new / "broken").symlink_to("nowhere")
    assert run(["predict", str(trained), str(new)]) == 3
    said = capsys.readouterr()
    assert len(lines(said.out)) == 4
    assert "broken is a link that leads nowhere" in said.err
    assert "2 folders could not be used" in said.err


def test_a_link_back_up_and_a_pipe_are_no_pictures(
    trained: Path, new: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (new / "back").symlink_to("..")
    os.mkfifo(new / "pipe.jpg")
    assert run(["predict", str(trained), str(new)]) == 0
    said = capsys.readouterr()
    assert len(lines(said.out)) == 4
    assert "back is a link that leads back" in said.err
    assert "1 not a file" in said.err


def test_standard_input_may_list_names_that_are_no_text(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(tmp_path / "1.png", "cat", 1)
    odd = os.fsencode(tmp_path) + b"/\xe9.png"
    os.rename(tmp_path / "1.png", odd)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(odd + b"\n")))
    assert run(["predict", str(trained), "-", "--csv", str(tmp_path / "t.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["predictions"][0]["source"] == os.fsdecode(odd)
    assert odd in (tmp_path / "t.csv").read_bytes()


@pytest.mark.slow
def test_names_that_are_not_utf_8_go_through_every_verb(trained: Path, tmp_path: Path) -> None:
    """NOTE in a process of its own: standard output is the point."""
    photos = tmp_path / "photos"
    for label in (b"\xe8t\xe9", b"cat"):
        os.makedirs(os.fsencode(photos) + b"/" + label)
        for number in range(6):
            picture(tmp_path / "one.png", "cat" if label == b"cat" else "dog", number + 20 * (label == b"cat"))
            os.rename(tmp_path / "one.png", os.fsencode(photos) + b"/" + label + b"/\xe9%d.png" % number)
    out = os.fsdecode(os.fsencode(tmp_path) + b"/r\xe9")
    words = ["train", "--model=lenet5", f"--data={photos}", f"--out={out}", "--epochs=1", "--quiet", "--json"]
    program = f"""
import glob, os
from profond.cli import main, run
from profond.cli.names import print_any_name
print_any_name()
assert run({words!r}) == 0
made = glob.glob(os.path.join({out!r}, '2*'))[0]
assert run(['evaluate', made, '--quiet']) == 0
assert run(['runs', 'show', made]) == 0
assert run(['data', 'check', {str(photos)!r}]) == 0
assert run(['explain', made, {str(photos)!r}, '--method', 'nearest', '--quiet']) == 0
main(['predict', made, {str(photos)!r}])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    assert os.fsencode(photos) + b"/\xe8t\xe9/\xe95.png\t" in done.stdout
    assert "èté".encode() in done.stdout


def test_a_list_of_files_is_no_image_and_what_it_is_for_is_said(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("path;value (kg)\na.png;1,5\n")
    assert run(["predict", str(trained), str(listed)]) == 3
    said = capsys.readouterr().err
    assert f"{listed} is a list of files, not an image" in said
    assert f"`profond evaluate RUN --data {listed}`" in said
