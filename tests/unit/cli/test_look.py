from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from profond.cli import run

LECTURE = "[[1,1,2,4],[5,6,7,8],[3,2,1,0],[1,2,3,4]]"


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A picture in the current folder."""
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def is_picture(path: Path) -> bool:
    with Image.open(path) as image:
        image.load()
        return min(image.size) > 200


def test_look_says_what_a_file_holds_and_writes_a_picture(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["look", "photo.png", "--pixel", "2,31"]) == 0
    printed = capsys.readouterr().out
    red, green, blue = np.asarray(Image.open(photo))[2, 31]
    assert "32 × 24 pixels, mode RGB" in printed
    assert f"row 2, column 31: red {red}, green {green}, blue {blue}" in printed
    assert is_picture(Path("photo-planes.png"))


def test_look_prints_one_json_object(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["look", "photo.png", "--json", "--space", "hsv", "--pixel", "3,17", "--out", "new/folder/hsv.png"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["schema_version"] == 1
    assert report["command"] == "look"
    assert [plane["name"] for plane in report["planes"]] == ["hue", "saturation", "value"]
    assert [sum(plane["histogram"]) for plane in report["planes"]] == [24 * 32] * 3
    assert (report["pixel"]["row"], report["pixel"]["column"]) == (3, 17)
    assert report["pixel"]["levels"] == list(Image.open(photo).convert("HSV").getpixel((17, 3)))
    assert is_picture(Path(report["picture"]))


def test_a_conversion_is_said_once(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.open(photo).convert("CMYK").save("four.tif")
    Image.open(photo).convert("L").save("really.jpg", "PNG")
    assert run(["look", "four.tif"]) == 0
    assert capsys.readouterr().out.count("CMYK converted to RGB") == 1
    assert run(["conv", "really.jpg"]) == 0
    assert "note: named .jpg, but it is PNG" in capsys.readouterr().out


def test_conv_prints_the_arithmetic_of_a_pixel(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["conv", "--matrix", LECTURE, "--kernel", "sharpen", "--at", "0,1"]) == 0
    printed = capsys.readouterr().out
    assert "1×(−1) + 1×5 + 2×(−1) = 2" in printed
    assert "value: −4" in printed
    assert "cross-correlation" in printed
    assert is_picture(Path("matrix-conv.png"))


def test_conv_gives_the_exact_numbers_of_a_small_table(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("table.csv").write_text("1,1,2,4\n5,6,7,8\n3,2,1,0\n1,2,3,4\n")
    answers = []
    for source in (["--matrix", LECTURE], ["table.csv"]):
        assert run(["conv", *source, "--kernel", "[[1,2],[0,-1]]", "--padding", "valid", "--json"]) == 0
        answers.append(json.loads(capsys.readouterr().out)["output"]["numbers"]["values"])
    assert answers[0] == answers[1] == [[-3, -2, 2], [15, 19, 23], [5, 1, -3]]
    assert run(["conv", "--matrix", LECTURE, "--kernel", "[[1,2],[0,-1]]", "--padding", "0", "--flip", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["output"]["numbers"]["values"][0] == [1 * -1 + 0 * 1 + 2 * 5 + 6, 18, 20]


def test_conv_takes_an_image_grey_or_channel_by_channel(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for channels, names in (("grey", ["grey"]), ("each", ["red", "green", "blue"]), ("green", ["green"])):
        arguments = ["conv", "photo.png", "--kernel", "sobel_x", "--stride", "2", "--channels", channels, "--json"]
        assert run([*arguments, "--at", "1,1"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert list(report["output"]) == names
        assert list(report["at"]) == names
        assert report["output_size"] == [12, 16]
    assert is_picture(Path("photo-conv.png"))


def test_pool_gives_the_lectures_answer(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pool", "--matrix", LECTURE, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["output"]["numbers"]["values"] == [[6, 8], [3, 4]]
    assert run(["pool", "--matrix", LECTURE]) == 0
    assert "  6  8\n  3  4\n" in capsys.readouterr().out
    assert is_picture(Path("matrix-pool.png"))


def test_a_place_is_row_and_column_in_every_verb(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["look", "photo.png", "--pixel", "5,20", "--json"]) == 0
    levels = json.loads(capsys.readouterr().out)["pixel"]["levels"]
    assert run(["conv", "photo.png", "--kernel", "identity", "--channels", "each", "--at", "5,20", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["at"]
    assert [found[name]["value"] for name in ("red", "green", "blue")] == levels


@pytest.mark.slow
def test_a_pictures_size_is_width_by_height_in_every_verb_and_a_tables_is_said_in_rows_and_columns(
    photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for verb in ("look", "conv", "pool"):
        assert run([verb, "photo.png"]) == 0
        assert "32 × 24 pixels" in capsys.readouterr().out
    assert run(["conv", "photo.png", "--kernel", "[[1]]", "--stride", "2"]) == 0
    assert "result 16 × 12 pixels" in capsys.readouterr().out
    assert run(["pool", "--matrix", "[[1,2,3,4],[5,6,7,8]]", "--size", "2"]) == 0
    printed = capsys.readouterr().out
    assert "matrix: 2 rows × 4 columns" in printed
    assert "result 1 row × 2 columns" in printed


def test_pool_reduces_a_photo(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pool", "photo.png", "--kind", "average", "--size", "4", "--out", "."]) == 0
    assert "result 8 × 6 pixels" in capsys.readouterr().out
    assert is_picture(Path("photo-pool.png"))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["look", "absent.png"], 3, "does not exist"),
        (["look", "."], 3, "is a folder"),
        (["look", "empty.png"], 3, "empty"),
        (["look", "cut.png"], 3, "damaged"),
        (["look", "text.png"], 3, "not an image"),
        (["look", "photo.png", "--space", "hsl"], 2, "did you mean 'hsv'"),
        (["look", "photo.png", "--pixel", "24,0"], 3, "32 wide and 24 high"),
        (["look", "photo.png", "--pixel", "0,32"], 3, "give a column from 0 to 31"),
        (["look", "photo.png", "--pixel", "nonsense"], 2, "two whole numbers"),
        (["look", "photo.png", "--out", "photo.png"], 2, "the file that is read"),
        (["look", "photo.png", "--out", "picture.docx"], 2, "what kind of picture"),
        (["look", "photo.png", "--out", "text.png/under.png"], 1, "cannot write"),
        (["conv"], 2, "one of the two"),
        (["conv", "photo.png", "--matrix", "[[1]]"], 2, "one of the two"),
        (["conv", "photo.png", "--kernel", "sobelx"], 2, "did you mean 'sobel_x'"),
        (["conv", "photo.png", "--kernel", "[[1,2],[3]]"], 3, "row 2 has 1"),
        (["conv", "photo.png", "--kernel", "[[1,2],[3,4]]"], 3, "use an odd kernel such as 3 × 3"),
        (["conv", "photo.png", "--stride", "0"], 3, "never moves"),
        (["conv", "photo.png", "--stride", "1.5"], 2, "not a whole number"),
        (["conv", "photo.png", "--padding", "some"], 3, "'same', 'valid'"),
        (["conv", "photo.png", "--padding-mode", "mirror"], 2, "unknown padding mode"),
        (["conv", "photo.png", "--at", "24,0"], 3, "give a row from 0 to 23"),
        (["conv", "--matrix", "[[1,2]]", "--padding", "valid"], 3, "does not fit"),
        (["pool", "photo.png", "--size", "25"], 3, "does not fit"),
        (["pool", "photo.png", "--kind", "median"], 2, "unknown kind of pooling"),
    ],
)
def test_what_cannot_be_done_is_one_clear_error_and_no_picture(
    photo: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    Path("empty.png").touch()
    Path("text.png").write_text("words")
    Path("cut.png").write_bytes(photo.read_bytes()[:300])
    before = {path: path.read_bytes() for path in photo.parent.iterdir()}
    assert run(arguments) == code
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.err.startswith("error: ")
    assert "help: " in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert {path: path.read_bytes() for path in photo.parent.iterdir()} == before


def test_a_file_named_in_another_encoding_is_looked_at(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = b"caf\xe9.png".decode("utf-8", "surrogateescape")
    try:
        Path(name).write_bytes(photo.read_bytes())
    except (OSError, UnicodeError):
        pytest.skip("this file system takes only names in UTF-8")
    assert run(["look", name, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["width"] == 32


def test_the_help_names_every_kernel(capsys: pytest.CaptureFixture[str]) -> None:
    from profond.explain.steps.kernels import KERNELS

    assert run(["conv", "--help"]) == 0
    printed = capsys.readouterr().out
    assert [name for name in KERNELS if name not in printed] == []


def test_looking_at_an_image_does_not_import_torch(photo: Path) -> None:
    code = "import sys; from profond.cli import run; run(['look', 'photo.png']); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_reading_the_commands_imports_neither_numpy_nor_matplotlib() -> None:
    code = "import sys; import profond.cli.look; print({'numpy', 'matplotlib', 'torch', 'PIL'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
