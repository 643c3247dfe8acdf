"""`profond explain`, on a run that was really trained."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from profond.cli import run as profond
from profond.experiments.configuration import changed, for_model
from profond.experiments.experiment import assemble
from profond.experiments.train import train_experiment
from profond.serve.predictor import Predictor

pytestmark = pytest.mark.usefixtures("undrawn")  # pictures are other tests' matter

COLOURS = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200)}
SIDE = 12


def paint(name: str, number: int = 0, size: tuple[int, int] = (SIDE, SIDE)) -> Image.Image:
    """A square of one colour in the middle of grey."""
    image = Image.new("RGB", size, (90 + number, 90, 90))
    box = (size[0] // 3, size[1] // 3, 2 * size[0] // 3, 2 * size[1] // 3)
    image.paste(tuple(min(255, part + number) for part in COLOURS[name]), box)
    return image


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("explained")
    for name in COLOURS:
        (root / "squares" / name).mkdir(parents=True)
        for number in range(12):
            paint(name, number).save(root / "squares" / name / f"{number}.png")
    settings = {"training.steps": 40, "learning_rate": 0.02, "device": "cpu", "keep": "last", "widths": [4, 8]}
    config = changed(for_model("convnet2d", str(root / "squares")), settings)
    return train_experiment(assemble(config), out=root / "runs").path


@pytest.fixture
def here(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    paint("green", 5, (40, 30)).save(tmp_path / "photo.png")
    return tmp_path


def is_picture(path: Path) -> bool:
    with Image.open(path) as image:
        image.load()
        return min(image.size) > 200


def explained(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict:
    assert profond(["explain", *arguments, "--json", "--quiet"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["schema_version"], report["command"]) == (1, "explain")
    return report


def test_by_default_one_sheet_shows_all_methods(trained: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert profond(["explain", str(trained), "photo.png"]) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[0].startswith("photo.png\tgreen\t")
    folder = trained / "explain" / "photo"
    assert str(folder / "overview.png") in printed
    assert is_picture(folder / "overview.png")
    for method, shape in {
        "grad_cam": (3, 3),
        "integrated_gradients": (3, SIDE, SIDE),
        "smooth_grad": (3, SIDE, SIDE),
        "occlusion": (SIDE, SIDE),
    }.items():
        assert is_picture(folder / f"{method}.png")
        values = np.load(folder / f"{method}.npy")
        assert values.shape == shape
        assert np.isfinite(values).all()
    told = json.loads((folder / "explanation.json").read_text())
    assert told["class"] == "green"
    assert told["top"][0]["probability"] == Predictor.open(trained).predict(["photo.png"])[0].probability
    facts = told["methods"]["integrated_gradients"]
    added = np.load(folder / "integrated_gradients.npy").sum(dtype=np.float64)
    assert added == pytest.approx(facts["difference"], rel=0.01)


def test_a_class_is_chosen_by_name(trained: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = explained(
        [str(trained), "photo.png", "--class", "Blue", "--method", "occlusion", "--out", "there"], capsys
    )
    one = report["explanations"][0]
    assert one["class"] == "blue"
    assert one["probability"] < 0.5 < one["top"][0]["probability"]
    assert one["files"] == [f"{Path('there/photo/occlusion-blue')}{end}" for end in (".png", ".npy")]
    assert profond(["explain", str(trained), "photo.png", "--class", "blu"]) == 2
    assert "did you mean 'blue'?" in capsys.readouterr().err


def test_maps_filters_and_neighbours(trained: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = ["--method", "maps", "--method", "nearest", "--method", "filters", "--count", "5"]
    report = explained([str(trained), "photo.png", *wanted, "--out", "there"], capsys)
    one = report["explanations"][0]
    assert [row["class"] for row in one["nearest"]] == ["green"] * 5
    assert len({row["image"] for row in one["nearest"]}) == 5
    distances = [row["distance"] for row in one["nearest"]]
    assert distances == sorted(distances)
    files = [Path(file) for file in (*one["files"], *report["filters"])]
    assert [file.name for file in files] == [
        "maps-body.1.png",
        "maps-body.1.npy",
        "nearest.png",
        "nearest.csv",
        "filters-body.0.0.png",
        "filters-body.0.0.npy",
    ]
    assert all(is_picture(file) for file in files if file.suffix == ".png")
    assert np.load(files[1]).shape == (8, 3, 3)
    assert np.load(files[5]).shape == (4, 3, 3, 3)
    kept = list(Path("there/features").glob("*.npy"))
    assert len(kept) == 1
    before = kept[0].stat().st_mtime_ns
    assert explained([str(trained), "photo.png", *wanted, "--out", "there"], capsys)["explanations"] == [one]
    assert kept[0].stat().st_mtime_ns == before
    kept[0].write_bytes(kept[0].read_bytes()[:50])  # damaged: made again
    assert explained([str(trained), "photo.png", *wanted, "--out", "there"], capsys)["explanations"] == [one]


def test_a_sample_of_the_run_s_own_data_is_not_its_own_neighbour(
    trained: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = explained([str(trained), "train/3", "--method", "nearest", "--out", "there"], capsys)
    one = report["explanations"][0]
    assert one["image"] == "train/3"
    assert all(Path("there/train-3", name).exists() for name in ("nearest.png", "nearest.csv"))
    assert min(row["distance"] for row in one["nearest"]) >= 0
    assert profond(["explain", str(trained), "train/999"]) == 2
    assert "there is no train/999" in capsys.readouterr().err


def test_the_arithmetic_of_one_number_is_printed_drawn_and_kept(
    trained: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert profond(["explain", str(trained), "photo.png", "--pixel", "body.0,2,0,5", "--out", "there"]) == 0
    printed = capsys.readouterr().out
    assert "body.0.0: 3×3 convolution of 3 maps" in printed
    assert "are padding, which counts as 0" in printed
    assert is_picture(Path("there/photo/pixel-body.0.0-2-0-5.png"))
    with Path("there/photo/pixel-body.0.0-2-0-5.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 27
    report = explained([str(trained), "photo.png", "--pixel", "body.0,2,0,5", "--out", "there"], capsys)
    told = report["explanations"][0]["pixel"]
    assert sum(float(row["product"]) for row in rows) + told["bias"] == pytest.approx(told["layer_output"], rel=1e-5)


def test_images_with_one_name_get_folders_of_their_own(
    trained: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("more").mkdir()
    paint("red").save("more/photo.png")
    Path("more/broken.png").write_bytes(Path("photo.png").read_bytes()[:60])
    code = profond(["explain", str(trained), "photo.png", "more", "--method", "grad_cam", "--out", "there", "--quiet"])
    told = capsys.readouterr()
    assert code == 3
    assert "broken.png is damaged" in told.err
    assert "1 of 3 images could not be used" in told.err
    assert sorted(path.name for path in Path("there").iterdir()) == ["photo", "photo-2"]


def test_images_with_one_name_are_not_mixed_between_calls(
    trained: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("more").mkdir()
    paint("red").save("more/photo.png")
    Path("there/photo").mkdir(parents=True)
    Path("there/photo/grad_cam.png").write_bytes(b"of an unknown image")

    def folder(image: str, method: str) -> str:
        one = explained([str(trained), image, "--method", method, "--out", "there"], capsys)["explanations"][0]
        (found,) = {Path(file).parent.name for file in one["files"]}
        return found

    assert folder("photo.png", "grad_cam") == "photo-2"
    assert folder("more/photo.png", "grad_cam") == "photo-3"
    assert folder("photo.png", "occlusion") == "photo-2"
    assert folder("more/photo.png", "occlusion") == "photo-3"
    assert Path("there/photo/grad_cam.png").read_bytes() == b"of an unknown image"
    told = json.loads(Path("there/photo-2/source.json").read_text())
    assert told["image"] == "photo.png"


def test_an_image_of_the_training_data_is_not_its_own_neighbour(
    trained: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = ["--method", "nearest", "--count", "36", "--out", "there"]
    data = json.loads((trained / "config.json").read_text())["data"]["name"]
    known = {f"{name}/{number}.png" for name in COLOURS for number in range(12)}
    one = explained([str(trained), "photo.png", *wanted], capsys)["explanations"][0]
    learned = {row["image"] for row in one["nearest"]}
    assert learned < known
    chosen = sorted(learned)[0]
    one = explained([str(trained), str(Path(data) / chosen), *wanted], capsys)["explanations"][0]
    assert {row["image"] for row in one["nearest"]} == learned - {chosen}
    one = explained([str(trained), "train/3", *wanted], capsys)["explanations"][0]
    assert len({row["image"] for row in one["nearest"]}) == len(learned) - 1


def test_neighbours_are_found_in_a_folder_without_classes(
    trained: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("flat").mkdir()
    for name in COLOURS:
        paint(name, 3, (30, 20)).save(f"flat/{name}.png")
    paint("green", 4).save("flat/photo.png")  # another image of the same name
    Path("flat/notes.txt").write_text("no image")
    wanted = ["--method", "nearest", "--data", "flat", "--out", "there"]
    rows = explained([str(trained), "photo.png", *wanted], capsys)["explanations"][0]["nearest"]
    assert {row["image"] for row in rows[:2]} == {"green.png", "photo.png"}
    assert {row["image"] for row in rows[2:]} == {"red.png", "blue.png"}
    assert {row["class"] for row in rows} == {"flat"}


def test_data_without_images_are_refused_before_anything_is_computed(
    trained: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty").mkdir()
    asked = ["--method", "overview", "--method", "nearest", "--data", "empty", "--out", "there"]
    assert profond(["explain", str(trained), "photo.png", *asked]) == 3
    assert "empty has no images" in capsys.readouterr().err
    assert not Path("there").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["photo.png", "--method", "gradcam"], 2, "did you mean 'grad_cam'?"),
        (["photo.png", "--method", "grad-cam", "--stage", "body.7"], 2, "unknown stage of ConvNet 'body.7'"),
        (["photo.png", "--method", "grad_cam", "--stage", "output"], 3, "3 numbers without positions"),
        (["photo.png", "--pixel", "body.0,1"], 2, "LAYER,MAP,ROW,COLUMN"),
        (["photo.png", "--pixel", "body.0,99,0,0"], 3, "no map 99"),
        (["photo.png", "--pixel", "output,0,0,0"], 3, "computes no convolution"),
        ([], 2, "no images were given"),
        (["nothing.png"], 3, "nothing.png does not exist"),
    ],
)
def test_bad_questions_are_answered_in_words(
    trained: Path, here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    assert profond(["explain", str(trained), *arguments]) == code
    told = capsys.readouterr().err
    assert words in told
    assert "Traceback" not in told
    assert "help: " in told


def test_a_run_with_images_of_one_size_refuses_others_unless_told(
    trained: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    run = Path(shutil.copytree(trained, here / "run"))
    shutil.rmtree(run / "explain", ignore_errors=True)
    facts = json.loads((run / "preprocessing.json").read_text())
    (run / "preprocessing.json").write_text(json.dumps({**facts, "fixed_size": True}))
    assert profond(["explain", "run", "photo.png", "--method", "grad_cam"]) == 3
    assert "photo.png is 40×30 colour, but the run was trained on 12×12" in capsys.readouterr().err
    assert explained(["run", "photo.png", "--method", "grad_cam", "--resize"], capsys)["explanations"][0]["notes"]
