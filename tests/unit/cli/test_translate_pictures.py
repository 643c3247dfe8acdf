"""`profond translate` on a run that was really trained: pictures of every kind and size, folders, and bad ones."""

from __future__ import annotations

import io
import json
import shutil
import struct
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file, save_file
from support.examples import untrained

import profond as profond_in_python
from profond.cli import run as profond
from profond.core.errors import UsageError
from profond.experiments.configuration import Chosen, changed, for_model
from profond.experiments.experiment import Experiment, settled
from profond.experiments.train import train_experiment
from profond.models.cyclegan import CycleGAN
from profond.weights.names.cyclegan import published_names


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> str:
    case = untrained("translate_images")
    chosen = {key: value for key, value in case.model_settings.items() if key != "name"}
    config = changed(for_model("cyclegan", case.dataset.name), {"training.steps": 2, "training.precision": "fp32"})
    config, _ = settled(replace(config, model=Chosen("cyclegan", chosen)), case.dataset)
    run = train_experiment(Experiment(config, case.model, dataset=case.dataset), out=tmp_path_factory.mktemp("runs"))
    return str(run.path)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def picture(width: int = 30, height: int = 21, mode: str = "RGB") -> Image.Image:
    levels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(levels).convert(mode)


def pixels(name: str) -> NDArray[np.int64]:
    with Image.open(name) as image:
        return np.asarray(image).astype(np.int64)


def _with_size(png: bytes, width: int, height: int) -> bytes:
    """A PNG whose header promises other sides than its data have."""
    header = b"IHDR" + struct.pack(">II", width, height) + png[24:29]
    return png[:12] + header + struct.pack(">I", zlib.crc32(header)) + png[33:]


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> tuple[str, str]:
    assert profond(["translate", *words]) == code
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return captured.out, captured.err


def test_a_photo_becomes_a_file_beside_the_current_folder(
    trained: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "in").mkdir()
    picture().save(here / "in" / "photo.jpg")
    out, err = said(capsys, trained, "in/photo.jpg")
    assert out == "in/photo.jpg\tphoto-translated.png\n"
    assert "error" not in err
    assert f"profond translate {trained} picture.png\n" in Path(trained, "README.md").read_text()
    with Image.open("photo-translated.png") as made:
        assert (made.size, made.mode, made.format) == ((30, 21), "RGB", "PNG")


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (7, 5), (33, 32)])
def test_any_size_is_kept(trained: str, size: tuple[int, int], capsys: pytest.CaptureFixture[str]) -> None:
    picture(*size).save("odd.png")
    said(capsys, trained, "odd.png")
    with Image.open("odd-translated.png") as made:
        assert made.size == size


def test_either_direction_by_letters_or_names(trained: str, capsys: pytest.CaptureFixture[str]) -> None:
    picture().save("photo.png")
    for asked, name in (("a-to-b", "there"), ("b-to-a", "back"), ("coloured-to-grey", "named")):
        said(capsys, trained, "photo.png", "--direction", asked, "--out", f"{name}.png")
    there, back, named = (Path(f"{name}.png").read_bytes() for name in ("there", "back", "named"))
    assert there != back
    assert back == named
    _, err = said(capsys, trained, "photo.png", "--direction", "c-to-d", code=2)
    assert "a-to-b (grey to coloured)" in err


def test_from_python_the_same_picture_comes(trained: str, capsys: pytest.CaptureFixture[str]) -> None:
    picture().save("photo.png")
    said(capsys, trained, "photo.png", "--direction", "b-to-a", "--out", "back.png")
    made = profond_in_python.load(trained).translate("photo.png", "b-to-a")
    assert (np.asarray(made) == pixels("back.png")).all()
    assert profond_in_python.load(trained).translate(picture(7, 5, "RGBA")).size == (7, 5)
    with pytest.raises(UsageError, match="c-to-d"):
        profond_in_python.load(trained).translate("photo.png", "c-to-d")


def test_a_translator_is_not_fine_tuned(trained: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("trainA", "trainB"):
        (here / "heaps" / folder).mkdir(parents=True)
        for number in range(60):
            picture(16 + number, 16).save(here / "heaps" / folder / f"{number}.png")
    assert profond(["finetune", "--model", "cyclegan", "--weights", trained, "--data", "heaps"]) == 3
    assert "cyclegan is not fine-tuned" in capsys.readouterr().err


def test_a_folder_of_results_is_not_taken_for_that_of_the_runs_and_that_of_the_runs_is_found_both_ways(
    trained: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture().save("photo.png")
    runs = str(Path(trained).parent)
    (here / "made" / "last").mkdir(parents=True)
    assert said(capsys, "last", "photo.png", "--runs", runs, "--out", "made")[0].endswith("made/photo-translated.png\n")
    assert said(capsys, "last", "photo.png", "--out", runs)[0] == "photo.png\tphoto-translated.png\n"
    assert said(capsys, Path(trained).name, "photo.png", "--out", runs, "--overwrite")[0].startswith("photo.png")


def test_what_is_transparent_stays_so(trained: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = picture(mode="RGBA")
    alpha = Image.fromarray(np.linspace(0, 255, 30 * 21).reshape(21, 30).astype(np.uint8))
    given.putalpha(alpha)
    given.save("glass.png")
    said(capsys, trained, "glass.png")
    with Image.open("glass-translated.png") as made:
        assert made.mode == "RGBA"
        assert (np.asarray(made.getchannel("A")) == np.asarray(alpha)).all()
    said(capsys, trained, "glass.png", "--out", "glass.webp")
    _, err = said(capsys, trained, "glass.png", "--out", "glass.jpg")
    assert "laid on white" in err
    with Image.open("glass.jpg") as made:
        assert made.format == "JPEG"


def test_turned_grey_palette_and_16_bit_pictures_are_taken(trained: str, capsys: pytest.CaptureFixture[str]) -> None:
    exif = Image.Exif()
    exif[274] = 6  # lying on its side
    picture().save("turned.jpg", exif=exif)
    picture(mode="L").save("grey.png")
    picture(mode="P").save("palette.png")
    Image.fromarray(np.arange(30 * 21, dtype=np.uint16).reshape(21, 30) * 100).save("deep.png")
    out, err = said(capsys, trained, "turned.jpg", "grey.png", "palette.png", "deep.png")
    assert len(out.splitlines()) == 4
    assert "16-bit scaled to 8-bit" in err
    sizes = {"turned": (21, 30), "grey": (30, 21), "palette": (30, 21), "deep": (30, 21)}
    assert {name: pixels(f"{name}-translated.png").shape[1::-1] for name in sizes} == sizes


def test_a_folder_becomes_a_folder_and_nothing_is_written_over(
    trained: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "photos" / "more").mkdir(parents=True)
    for name in ("a.png", "a.jpg", "more/b.png"):
        picture().save(here / "photos" / name)
    (here / "photos" / "notes.txt").write_text("not a picture")
    _, err = said(capsys, trained, "photos")
    written = sorted(str(path) for path in Path("photos-translated").rglob("*.png"))
    assert [name.removeprefix("photos-translated/") for name in written] == [
        "a-translated-2.png",
        "a-translated.png",
        "more/b-translated.png",
    ]
    assert "passed over: 1 .txt" in err
    before = {name: Path(name).stat().st_mtime_ns for name in written}
    _, err = said(capsys, trained, "photos", code=3)
    assert "is there already" in err
    assert "3 of 3 pictures could not be used" in err
    assert before == {name: Path(name).stat().st_mtime_ns for name in written}
    said(capsys, trained, "photos", "--overwrite")
    assert all(before[name] < Path(name).stat().st_mtime_ns for name in written)


def test_what_was_written_into_the_folder_that_is_read_is_not_translated_again(
    trained: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture().save("a.png")
    said(capsys, trained, ".", "--out", "made")
    out, _ = said(capsys, trained, ".", "--out", "made", "--overwrite")
    assert out.splitlines() == ["a.png\tmade/a-translated.png"]


def test_bad_pictures_are_told_and_the_others_done(
    trained: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture().save("good.png")
    whole = (here / "good.png").read_bytes()
    (here / "cut.png").write_bytes(whole[: len(whole) // 2])
    (here / "empty.png").write_bytes(b"")
    (here / "words.png").write_text("not a picture")
    (here / "bomb.png").write_bytes(_with_size(whole, 60_000, 60_000))
    names = ["cut.png", "empty.png", "words.png", "bomb.png", "absent.png", "good.png"]
    out, err = said(capsys, trained, *names, code=3)
    assert out.splitlines() == ["good.png\tgood-translated.png"]
    assert "5 of 6 pictures could not be used" in err
    for words in ("empty.png is empty", "words.png is not an image", "bomb.png is too large", "absent.png does not"):
        assert words in err
    assert sorted(path.name for path in here.glob("*-translated*")) == ["good-translated.png"]


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        ((), 2, "no pictures were given"),
        (("folder",), 3, "there is no image in folder"),
        (("photo.png", "--out", "photo.png"), 3, "is the picture that is read"),
        (("photo.png", "photo.png", "--out", "one.png"), 2, "is one file"),
        (("photo.png", "--out", "photo.png/made"), 1, "a file stands where a folder is needed"),
        (("photo.png", "--out", "made.gif"), 2, "what kind of picture"),
        (("photo.png", "--beam", "3"), 2, "--beam is not for these"),
        (("photo.png", "--sheet", "sheet.xyz"), 2, "what kind of picture"),
        (("photo.png", "--sheet", "photo.png"), 2, "photo.png is there already"),
        (("photo.png", "--tile", "3"), 2, "64"),
    ],
)
def test_what_cannot_be_done_is_said(
    trained: str, here: Path, words: tuple[str, ...], code: int, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "folder").mkdir()
    picture().save("photo.png")
    whole = (here / "photo.png").read_bytes()
    out, err = said(capsys, trained, *words, code=code)
    assert out == ""
    assert part in err
    assert (here / "photo.png").read_bytes() == whole


def test_json_a_sheet_and_tiles(trained: str, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(4):
        picture(160, 90 + 40 * number).save(f"{number}.png")
    names = [f"{number}.png" for number in range(4)]
    out, _ = said(capsys, trained, *names, "nowhere.png", "--json", "--sheet", "sheet.png", code=3)
    found = json.loads(out)
    assert (found["direction"], found["before"], found["after"]) == ("a-to-b", "grey", "coloured")
    assert found["pictures"][0] == {
        "source": "0.png",
        "written": "0-translated.png",
        "width": 160,
        "height": 90,
        "tiles": 1,
    }
    assert [one["source"] for one in found["refused"]] == ["nowhere.png"]
    with Image.open("sheet.png") as sheet:
        assert len(sheet.convert("RGB").getcolors(2**20) or []) > 500
    _, err = said(capsys, trained, "0.png", "--tile", "64", "--out", "tiled.png")
    assert "1 picture: done in 6 tiles" in err
    assert abs(pixels("0-translated.png") - pixels("tiled.png")).max() <= 2


def test_a_file_of_the_authors_of_cyclegan_translates(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = CycleGAN(width=4, blocks=1, one_way=True)
    state = model.state_dict()
    torch.save({theirs: state[ours] for theirs, ours in published_names(model).items()}, "latest_net_G_A.pth")
    picture().save("photo.png")
    words = ["--model", "cyclegan_256", "--weights", "latest_net_G_A.pth", "--set", "width=4", "--set", "blocks=1"]
    out, err = said(capsys, "photo.png", *words)
    assert out == "photo.png\tphoto-translated.png\n"
    _, err = said(capsys, "photo.png", *words, "--direction", "b-to-a", "--overwrite", code=2)
    assert "goes a-to-b alone" in err


def test_the_weights_of_another_generator_are_refused(
    trained: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(trained, "other")
    picture().save("photo.png")
    weights = load_file("other/model.safetensors")
    save_file({name: torch.cat([one, one]) for name, one in weights.items()}, "other/model.safetensors")
    out, err = said(capsys, "other", "photo.png", code=3)
    assert out == ""
    assert "other/model.safetensors" in err
    assert not Path("photo-translated.png").exists()


def test_a_picture_is_piped_in(
    trained: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = io.BytesIO()
    picture().save(file, "PNG")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(file.getvalue())))
    out, _ = said(capsys, trained, "-")
    assert out == "standard input\tstandard-input-translated.png\n"
