"""`profond generate` for pictures: sheets, single pictures, ways between them, and a photo found again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file
from support.bad_generators import NAMES, drawn

from profond.cli import run
from profond.core.run import Run, all_runs


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two steps on forty pictures of two classes, and the same without classes."""
    folder = tmp_path_factory.mktemp("generate")
    pictures, labels = drawn(40, 0)
    for number, (picture, label) in enumerate(zip(pictures, labels.tolist(), strict=True)):
        path = folder / "shapes" / NAMES[label] / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture[0].numpy()).save(path)
    words = ["train", "--model", "dcgan", "--data", str(folder / "shapes"), "--steps", "2", "--batch-size", "8"]
    words += ["--set", "model.width=4", "--set", "model.latent_size=4", "--device", "cpu", "--quiet"]
    words += ["--precision", "fp32", "--out", str(folder / "runs")]
    assert run([*words, "--set", "model.conditional=false"]) == 0
    assert run(words) == 0
    for made in all_runs(folder / "runs"):
        weights = load_file(made.file("model.safetensors"))
        larger = {name: 8 * one if "norm" not in name and one.ndim > 1 else one for name, one in weights.items()}
        save_file(larger, made.file("model.safetensors"))  # so that its pictures are no grey, and differ
    return folder / "runs"


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def conditional(runs: Path) -> str:
    return str(all_runs(runs)[1].path)


@pytest.fixture
def plain(runs: Path) -> str:
    return str(all_runs(runs)[0].path)


def pixels(path: Path | str) -> Any:
    return np.asarray(Image.open(path))


def test_training_has_left_pictures_and_a_film(conditional: str) -> None:
    kept = {path.name for path in Run(conditional).file("samples").iterdir()}
    assert kept == {"real.png", "step_000000.png", "step_000001.png", "step_000002.png", "film.gif"}
    card = Run(conditional).file("README.md").read_text()
    assert f"profond generate {conditional}\n" in card
    assert "`samples/`" in card


def test_a_sheet_goes_into_the_folder_where_one_is_and_what_was_there_is_said(
    runs: Path, conditional: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["generate", "last", "--runs", str(runs), "--device", "cpu"]) == 0
    out, told = capsys.readouterr()
    path = Path(f"samples-{Path(conditional).name}.png")
    assert out == f"{path}\n"
    assert told == f"last is {conditional}\n"
    assert pixels(path).shape[0] == 2 + 2 * 50, "a row for each class"
    first = path.read_bytes()
    assert run(["generate", "last", "--runs", str(runs), "--device", "cpu", "--quiet"]) == 0
    assert capsys.readouterr().err == f"warning: {path} was there and is replaced\n"
    assert path.read_bytes() == first


def test_a_picture_is_the_same_whatever_is_made_beside_it(conditional: str) -> None:
    for count in (1, 3, 70):
        assert run(["generate", conditional, "--each", "--count", str(count), "--seed", "5", "--out", str(count)]) == 0
    names = [sorted(path.name for path in Path(str(count)).iterdir()) for count in (1, 3, 70)]
    assert names[0] == ["0-bar.png"]
    assert names[1] == ["0-bar.png", "1-disc.png", "2-bar.png"]
    assert (pixels("1/0-bar.png") == pixels("3/0-bar.png")).all()
    for index, name in enumerate(names[1]):
        assert Path("3", name).read_bytes() == Path("70", f"{index:02}{name[1:]}").read_bytes()
    assert pixels("3/0-bar.png").shape == (16, 16)
    assert run(["generate", conditional, "--each", "--count", "1", "--seed", "6", "--out", "other"]) == 0
    assert (pixels("other/0-bar.png") != pixels("1/0-bar.png")).any()


def test_classes_are_asked_for_by_name_in_any_way(conditional: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = {}
    for words in (["--class", "disc,bar"], ["--class", "disc", "--class", "BAR"], ["--class", "disc"]):
        assert run(["generate", conditional, *words, "--count", "4", "--json", "--out", "sheet.png", "--quiet"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["files"] == ["sheet.png"]
        made[" ".join(words)] = [(one["index"], one["label"]) for one in document["made"]]
    turns = [(0, "disc"), (1, "bar"), (2, "disc"), (3, "bar")]
    assert list(made.values()) == [turns, turns, [(index, "disc") for index in range(4)]]


def test_less_noise_makes_more_alike(conditional: str) -> None:
    spread = {}
    for words in ([], ["--truncation", "0.1"]):
        run(["generate", conditional, "--class", "disc", "--each", "--count", "20", *words, "--out", "all", "--quiet"])
        spread[len(words)] = np.stack([pixels(path) for path in sorted(Path("all").iterdir())]).std(0).mean()
    assert spread[2] < spread[0]


@pytest.mark.parametrize(("way", "film"), [("--interpolate", "gif"), ("--walk", "gif"), ("--walk", "mp4")])
def test_a_way_between_pictures_is_a_sheet_and_a_film(way: str, film: str, conditional: str, plain: str) -> None:
    assert run(["generate", conditional, way, "--out", f"way.{film}", "--quiet"]) == 0
    assert pixels("way.png").shape[0] == 2 + 2 * 50, "a row for each class"
    if film == "gif":
        with Image.open("way.gif") as frames:
            assert getattr(frames, "n_frames", 1) > 20
    assert Path(f"way.{film}").stat().st_size > 500
    assert run(["generate", plain, way, "--count", "3", "--quiet"]) == 0
    sheet = Path(f"samples-{Path(plain).name}.png")
    assert pixels(sheet).shape[0] == 2 + 3 * 50
    assert sheet.with_name(f"{sheet.stem}.gif").is_file()


def test_a_photo_of_any_size_is_found_again(conditional: str, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (50, 30), (90, 20, 20)).save("photo.jpg")
    words = ["generate", conditional, "--project", "photo.jpg", "--out", "found.png"]
    assert run(words) == 0
    out = capsys.readouterr().out
    assert "found in class" in out
    assert "levels of 255 away" in out
    assert run([*words, "--json", "--class", "disc", "--quiet"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["made"]
    assert found["class"] == "disc"
    assert found["difference"] <= found["difference_of_nearest"]
    assert len(found["noise"]) == 4
    assert pixels("found.png").shape[2] == 3


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--class", "dics"], 2, "did you mean 'disc'?"),
        (["--class", ""], 2, "known: bar, disc"),
        (["--count", "0"], 3, "count is 0"),
        (["--count", "100000000"], 3, "can be made at once"),
        (["--truncation", "nan"], 3, "truncation is nan"),
        (["--seed", "-1"], 3, "the seed is -1"),
        (["--prompt", "Once"], 3, "no option --prompt"),
        (["--out", "sheet.xyz"], 2, "end it in .png"),
        (["--each", "--walk"], 2, "leave --each out"),
        (["--project", "nowhere.png"], 3, "nowhere.png"),
        (["--project", "a.png", "--walk"], 2, "both --project and --walk"),
        (["--walk", "--count", "0"], 3, "count is 0"),
    ],
)
def test_what_cannot_be_is_refused_in_words_and_leaves_nothing(
    words: list[str], code: int, said: str, conditional: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["generate", conditional, *words]) == code
    out, told = capsys.readouterr()
    assert out == ""
    assert told.startswith("error: ")
    assert told.count("help: ") == 1
    assert said in told
    assert not list(Path().iterdir())


def test_a_class_of_a_run_without_classes_is_refused(plain: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["generate", plain, "--class", "disc"]) == 3
    assert "of no class" in capsys.readouterr().err


def test_from_python_the_same_pictures_come(conditional: str) -> None:
    import profond

    trained = profond.load(conditional)
    made = trained.generate(count=3, seed=5)
    assert [one.label for one in made] == ["bar", "disc", "bar"]
    assert made.samples.shape == (3, 1, 16, 16)
    assert run(["generate", conditional, "--count", "3", "--seed", "5", "--out", "line.png", "--quiet"]) == 0
    np.testing.assert_array_equal(np.asarray(made.sheet()), pixels("line.png"))
    assert trained.generate("walk", count=2).rows.shape[0] == 2
    found = trained.project(Image.new("L", (16, 16), 40), steps=3)
    assert found.after <= found.before


def test_the_folder_of_the_runs_is_named_in_both_ways(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("pictures", "last").mkdir(parents=True)
    for words, place in (([f"--runs={runs}", "--out=pictures"], "pictures/samples-"), ([f"--out={runs}"], "samples-")):
        assert run(["generate", "last", "--count", "1", "--quiet", *words]) == 0
        assert capsys.readouterr().out.startswith(place)


def test_that_there_is_nothing_to_explain_is_said(
    conditional: str, plain: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("L", (16, 16), 40).save("one.png")
    for made in (conditional, plain):
        for words in ([], ["--method", "occlusion"]):
            assert run(["explain", made, "one.png", *words]) == 3
            assert "a generator says nothing of a picture" in capsys.readouterr().err


def test_what_its_critic_says_of_a_picture_is_predicted(conditional: str, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("L", (16, 16), 40).save("one.png")
    assert run(["predict", conditional, "one.png", "--device", "cpu", "--quiet"]) == 0
    name, score, label = capsys.readouterr().out.strip().split("\t")
    assert (name, label in NAMES) == ("one.png", True)
    assert np.isfinite(float(score))
