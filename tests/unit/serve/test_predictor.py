"""A trained run says what is in images, from Python and from the command line."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from profond.cli import run as profond
from profond.core.errors import ConfigError, DataError, ImageError, ProfondError
from profond.core.run import Run
from profond.experiments.configuration import changed, for_model
from profond.experiments.experiment import assemble
from profond.experiments.train import train_experiment
from profond.serve.compiled import Compiled
from profond.serve.predictor import Predictor

pytestmark = pytest.mark.usefixtures("undrawn")  # pictures are other tests' matter

SIDE = 8
COLOURS = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200)}


def paint(name: str, number: int = 0, side: int = SIDE) -> Image.Image:
    return Image.new("RGB", (side, side), tuple(min(255, part + 3 * number) for part in COLOURS[name]))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A really trained run on a folder of coloured squares."""
    root = tmp_path_factory.mktemp("trained")
    for name in COLOURS:
        (root / "squares" / name).mkdir(parents=True)
        for number in range(16):
            paint(name, number).save(root / "squares" / name / f"{number}.png")
    config = changed(
        for_model("mlp", str(root / "squares")),
        {
            "hidden": [8],
            "training.steps": 60,
            "precision": "fp32",
            "learning_rate": 0.02,
            "device": "cpu",
            "keep": "last",
        },
    )
    return train_experiment(assemble(config), out=root / "runs")


@pytest.fixture
def run(trained, tmp_path):
    """A copy to damage or change."""
    return Run(shutil.copytree(trained.path, tmp_path / "runs" / trained.name))


@pytest.fixture
def fixed(run):
    """As a run on data that had one size to begin with, such as MNIST."""
    run.write("preprocessing.json", {**run.read("preprocessing.json"), "fixed_size": True})
    return run


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    paint("red").save(folder / "1.png")
    paint("green").save(folder / "2.bmp")
    paint("blue").save(folder / "more" / "3.png")
    (folder / "notes.txt").write_text("not an image by its name")
    return folder


def lines_of(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


def table_of(path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_training_measured_the_run_with_intervals(trained):
    accuracy = trained.read("evaluation.json")["metrics"]["test"]["accuracy"]
    assert accuracy["value"] == 1.0
    assert accuracy["low"] < 1.0


def test_images_in_memory_and_in_files_get_the_same_predictions(trained, photos):
    predictor = Predictor.open(trained.path, device="cpu")
    from_files = predictor.predict([photos / "1.png", str(photos / "2.bmp")])
    from_memory = predictor.predict([paint("red"), paint("green")])
    assert [each.label for each in from_files] == ["red", "green"]
    assert [each.source for each in from_memory] == ["image 0", "image 1"]
    assert [each.top for each in from_files] == [each.top for each in from_memory]


def forms_of(image: Image.Image, folder) -> dict[str, object]:
    """One picture in every form that it may be given in."""
    path = folder / "picture.png"
    image.save(path)
    pixels = np.asarray(image)
    tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
    return {
        "a path": path,
        "a name": str(path),
        "a Pillow image": image,
        "bytes": path.read_bytes(),
        "a bytearray": bytearray(path.read_bytes()),
        "a stream": io.BytesIO(path.read_bytes()),
        "an array": pixels,
        "an array of shares": pixels / 255,
        "an array of single precision": (pixels / 255).astype(np.float32),
        "an array of large numbers": pixels.astype(np.float64),
        "an array of int64": pixels.astype(np.int64),
        "an array of 16 bits": pixels.astype(np.uint16) * 257,
        "an array, colours first": pixels.transpose(2, 0, 1),
        "an array that is opaque": np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)]),
        "a tensor": tensor,
        "a tensor of shares": tensor / 255,
        "a tensor of bfloat16 that learns": (tensor / 255).bfloat16().requires_grad_(),
        "a tensor, colours last": tensor.permute(1, 2, 0),
    }


@pytest.mark.parametrize("name", list(COLOURS))
def test_a_picture_gets_the_same_prediction_in_every_form_alone_and_in_a_list(trained, tmp_path, name):
    predictor = Predictor.open(trained.path, device="cpu")
    (expected,) = predictor.predict([paint(name)])
    assert expected.label == name
    for form, given in forms_of(paint(name), tmp_path).items():
        (alone,) = predictor.predict(given)
        assert alone.label == name, form
        assert alone.probability == pytest.approx(expected.probability, abs=0.02), form
    forms = list(forms_of(paint(name), tmp_path).values())
    assert [each.label for each in predictor.predict(forms)] == [name] * len(forms)
    with (tmp_path / "picture.png").open("rb") as file:
        (from_file,) = predictor.predict(file)
    assert (from_file.label, from_file.source) == (name, str(tmp_path / "picture.png"))


def test_an_array_of_many_is_one_prediction_for_each(trained):
    pixels = np.stack([np.asarray(paint(name)) for name in COLOURS])
    predictor = Predictor.open(trained.path, device="cpu")
    for many in (pixels, torch.from_numpy(pixels).permute(0, 3, 1, 2)):
        said = predictor.predict(many)
        assert [each.label for each in said] == list(COLOURS)
        assert [each.source for each in said] == ["image 0", "image 1", "image 2"]
    assert [len(one) for _, one in predictor.features(paint("red"))] == [8]


def test_grey_arrays_are_pictures_too(trained):
    predictor = Predictor.open(trained.path, device="cpu")
    grey = np.full((SIDE, SIDE), 90, np.uint8)
    (expected,) = predictor.predict(Image.fromarray(grey))
    for given in (grey, grey[..., None], grey[None], torch.from_numpy(grey), torch.from_numpy(grey)[None], grey / 255):
        (said,) = predictor.predict(given)
        assert said.probability == pytest.approx(expected.probability, abs=0.01)
    black = predictor.predict([np.zeros((SIDE, SIDE), bool), Image.new("L", (SIDE, SIDE))])
    assert black[0].top == black[1].top


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.random.default_rng(0).normal(size=(SIDE, SIDE, 3)), "give the pixels themselves"),
        (np.full((SIDE, SIDE), 300), "numbers from 300 to 300"),
        (np.full((SIDE, SIDE), np.nan), "numbers from nan"),
        (np.zeros((SIDE, SIDE, 2)), "no axis of 1, 3 or 4 colours"),
        (np.zeros(SIDE), "not a picture"),
        (np.zeros((0, SIDE)), "not a picture"),
        (np.array([["a"]]), "not of numbers"),
        (torch.zeros(()), "not a picture"),
        (b"", "image 0 is empty"),
        (b"words", "image 0 is not an image"),
        (io.StringIO("words"), "opened as text"),
        (None, "the images are of the type NoneType"),
        (7, "the images are of the type int"),
        ({"a": 1}, "the images are of the type dict"),
        ([None], "image 0 is of the type NoneType, not a picture"),
        ("absent.png", "absent.png does not exist"),
        ("", "is a folder, not an image"),
    ],
)
def test_what_is_no_picture_is_said_to_be_none(trained, given, words):
    with pytest.raises(ProfondError, match=words) as caught:
        Predictor.open(trained.path, device="cpu").predict(given)
    assert caught.value.help


def test_probabilities_are_of_all_classes_best_first_and_sum_to_one(trained):
    (said,) = Predictor.open(trained.path, device="cpu").predict([paint("blue")])
    shares = [probability for _, probability in said.top]
    assert {label for label, _ in said.top} == set(COLOURS)
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    assert (said.label, said.probability) == said.top[0]


def test_a_prediction_does_not_depend_on_its_batch(trained):
    images = [paint(name, number) for number in range(7) for name in COLOURS]
    predictor = Predictor.open(trained.path, device="cpu")
    alone = predictor.predict(images, batch_size=1)
    together = predictor.predict(images, batch_size=100)
    assert [each.label for each in alone] == [each.label for each in together]
    assert [each.probability for each in alone] == pytest.approx([each.probability for each in together], abs=1e-6)


def test_many_images_go_through_openvino_and_few_through_torch(trained, monkeypatch):
    monkeypatch.setattr("profond.serve.predictor.PAYS_FROM", 7)
    monkeypatch.setattr("profond.core.device.AT_ONCE", 3 * 3 * SIDE * SIDE)  # three at once
    images = [paint(name, number) for name in COLOURS for number in range(4)]
    expected = Predictor.open(trained, engine="torch").predict(images)
    predictor = Predictor.open(trained)
    few = predictor.predict(images[:6])
    assert not isinstance(predictor.ready, Compiled)
    many = predictor.predict(images)
    assert isinstance(predictor.ready, Compiled)
    assert predictor.ready.run is not None
    assert predictor.ready.engine == "openvino"
    assert predictor.ready.batch_size == 3
    for found in (few, many):
        assert [one.label for one in found] == [one.label for one in expected[: len(found)]]
        for one, other in zip(found, expected, strict=False):
            assert one.probability == pytest.approx(other.probability, abs=1e-5)


def test_8_bits_take_their_ranges_from_the_first_images_and_say_how_many_labels_stay(trained, tmp_path, capsys):
    for number in range(40):
        paint(("red", "green", "blue")[number % 3], number // 3).save(tmp_path / f"{number:02}.png")
    few = [tmp_path / f"{number:02}.png" for number in range(3)]
    with pytest.raises(ConfigError, match="3 are too few"):
        Predictor.open(trained, precision="int8").predict(few)
    plain = Predictor.open(trained).predict(sorted(tmp_path.iterdir()))
    assert (
        profond(["predict", str(trained.path), str(tmp_path), "--precision", "int8", "--batch-size", "8", "--json"])
        == 0
    )
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert found["agreement"] == {"equal": 40, "of": 40}
    assert [one["label"] for one in found["predictions"]] == [one.label for one in plain]
    assert "int8 gave 40 of 40 images the network's own answer" in shown.err


def test_predictions_equal_those_of_the_evaluation(trained, tmp_path):
    rows = table_of(trained.path / "evaluation/test/predictions.csv")
    root = trained.path.parent.parent / "squares"
    found = Predictor.open(trained.path, device="cpu").predict([root / row["identity"] for row in rows])
    assert [each.label for each in found] == [row["predicted"] for row in rows]
    assert [each.probability for each in found] == pytest.approx([float(row["confidence"]) for row in rows], abs=1e-5)


def test_the_data_is_not_needed_to_predict(run):
    run.write("config.json", {**run.config, "data": {**run.config["data"], "name": "/nowhere/squares"}})
    assert Predictor.open(run, device="cpu").predict([paint("red")])[0].label == "red"


def test_a_run_on_resized_images_takes_any_size_and_mode(trained):
    predictor = Predictor.open(trained.path, device="cpu")
    large, palette = paint("green", side=50), paint("blue").convert("P")
    assert [each.label for each in predictor.predict([large, palette])] == ["green", "blue"]
    assert predictor.conversions == {"palette converted": 1}


@pytest.mark.parametrize(
    ("image", "received"),
    [(paint("red", side=20), "20×20 colour"), (Image.new("L", (SIDE, SIDE), 90), "8×8 grey")],
)
def test_an_image_of_another_size_or_channel_count_than_the_runs_is_refused(fixed, image, received):
    with pytest.raises(DataError, match=f"image 0 is {received}, but the run was trained on 8×8 colour") as caught:
        Predictor.open(fixed, device="cpu").predict([image])
    assert "--resize" in caught.value.help
    assert Predictor.open(fixed, device="cpu").predict([paint("red")])[0].label == "red"


def test_resize_converts_such_an_image_and_counts_it(fixed):
    predictor = Predictor.open(fixed, device="cpu", resize=True)
    said = predictor.predict([paint("red", side=20), paint("blue", side=9), paint("green")])
    assert [each.label for each in said] == ["red", "blue", "green"]
    assert predictor.conversions == {"converted to 8×8 colour": 2}


def test_images_that_cannot_be_read_are_handed_over_and_the_others_predicted(trained, photos):
    (photos / "empty.png").touch()
    (photos / "false.png").write_text("hello")
    refused = []
    paths = [photos / "empty.png", photos / "1.png", photos / "false.png", photos / "absent.png"]
    predictor = Predictor.open(trained.path, device="cpu")
    said = list(predictor.stream(paths, batch_size=2, refused=lambda source, error: refused.append((source, error))))
    assert [each.label for each in said] == ["red"]
    assert [source for source, _ in refused] == [str(paths[0]), str(paths[2]), str(paths[3])]
    assert all(isinstance(error, ImageError) for _, error in refused)
    with pytest.raises(ImageError, match="is empty"):
        predictor.predict(paths)


def test_a_stream_reads_no_further_than_it_has_to(trained):
    taken = []

    def images():
        for number in range(100):
            taken.append(number)
            yield paint("red")

    stream = Predictor.open(trained.path, device="cpu").stream(images(), batch_size=10)
    assert next(stream).label == "red"
    assert len(taken) == 10


def edit(name, change):
    def damage(run):
        data = run.read(name)
        change(data)
        run.write(name, data)

    damage.__name__ = name
    return damage


def cut(run):
    weights = run.file("model.safetensors").read_bytes()
    run.file("model.safetensors").write_bytes(weights[: len(weights) // 2])


def pickled(run):
    torch.save({"weight": torch.zeros(1)}, run.file("model.safetensors"))


DAMAGE = [
    lambda run: run.file("model.safetensors").unlink(),
    lambda run: run.file("model.safetensors").write_bytes(b""),
    lambda run: run.file("model.safetensors").write_bytes(b"garbled" * 100),
    cut,
    pickled,
    lambda run: run.file("config.json").write_text("not JSON"),
    lambda run: run.file("config.json").write_text("[]"),
    lambda run: run.file("config.json").write_text("{}"),
    lambda run: run.file("config.json").write_bytes(b"\xff\xfe\x00"),
    lambda run: run.file("config.json").unlink(),
    lambda run: run.file("run.json").unlink(),
    edit("config.json", lambda data: data["model"].update(hidden=[9])),
    edit("config.json", lambda data: data["model"].update(hidden="wide")),
    edit("config.json", lambda data: data["model"].pop("input_shape")),
    edit("config.json", lambda data: data["model"].pop("name")),
    edit("config.json", lambda data: data.update(model="mlp")),
    edit("config.json", lambda data: data.update(training=3)),
    edit("config.json", lambda data: data["training"].pop("seed")),
    edit("config.json", lambda data: data["task"].update(name=None)),
    edit("spec.json", lambda data: data.pop("classes")),
    edit("spec.json", lambda data: data.update(classes=["red", "green"])),
    edit("spec.json", lambda data: data.update(classes=7)),
    lambda run: run.file("spec.json").write_text('{"classes": '),
    edit("preprocessing.json", lambda data: data.update(std=[0.0])),
    edit("preprocessing.json", lambda data: data.update(size="large")),
    lambda run: run.file("preprocessing.json").write_text("[1]"),
    lambda run: run.file("preprocessing.json").write_bytes(b"\x80"),
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_run_folder_is_one_clear_error(run, damage, photos, capsys):
    damage(run)
    code = profond(["predict", str(run.path), str(photos / "1.png"), "--device", "cpu"])
    captured = capsys.readouterr()
    assert code == ConfigError.exit_code, captured.err
    assert captured.err.startswith("error: ")
    assert captured.err.count("error: ") == 1
    assert captured.out == ""


def test_weights_that_are_not_finite_are_an_error(run):
    from safetensors.torch import load_file, save_file

    weights = {name: tensor * float("nan") for name, tensor in load_file(run.file("model.safetensors")).items()}
    save_file(weights, run.file("model.safetensors"))
    with pytest.raises(ConfigError, match="not finite") as caught:
        Predictor.open(run, device="cpu").predict([paint("red")])
    assert "fetch them again, or train again" in (caught.value.help or "")


def predict(*arguments) -> int:
    return profond(["predict", *map(str, arguments), "--device", "cpu"])


def test_predict_prints_a_line_for_each_image_of_a_folder(trained, photos, capsys):
    assert predict(trained.path, photos) == 0
    lines = lines_of(capsys.readouterr().out)
    paths = [photos / "1.png", photos / "2.bmp", photos / "more/3.png"]
    assert [line[:2] for line in lines] == [[str(path), label] for path, label in zip(paths, COLOURS, strict=True)]
    assert all(0.5 < float(line[2]) <= 1 for line in lines)
    assert [len(line) for line in lines] == [5, 5, 5]


def test_predict_takes_patterns_and_several_inputs(trained, photos, capsys):
    assert predict(trained.path, photos / "*.png", photos / "2.bmp", "--top", 1) == 0
    assert [line[1:2] for line in lines_of(capsys.readouterr().out)] == [["red"], ["green"]]
    assert predict(trained.path, photos / "**" / "*.png") == 0
    assert [line[1] for line in lines_of(capsys.readouterr().out)] == ["red", "blue"]


def piped(monkeypatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_predict_takes_an_image_or_a_list_of_paths_on_standard_input(trained, photos, capsys, monkeypatch):
    piped(monkeypatch, (photos / "1.png").read_bytes())
    assert predict(trained.path, "-") == 0
    assert lines_of(capsys.readouterr().out)[0][:2] == ["standard input", "red"]
    piped(monkeypatch, f"{photos / '2.bmp'}\n\n{photos / '1.png'}\n".encode())
    assert predict(trained.path, "-") == 0
    assert [line[1] for line in lines_of(capsys.readouterr().out)] == ["green", "red"]


@pytest.mark.parametrize(("data", "message"), [(b"", "is empty"), (b"\x00\x01\xff" * 9, "neither an image nor")])
def test_anything_else_on_standard_input_is_an_error(trained, capsys, monkeypatch, data, message):
    piped(monkeypatch, data)
    assert predict(trained.path, "-") == 3
    assert message in capsys.readouterr().err


def test_a_truncated_image_on_standard_input_is_named_so(trained, photos, capsys, monkeypatch):
    whole = io.BytesIO()
    Image.effect_noise((40, 40), 90).save(whole, "png")
    piped(monkeypatch, whole.getvalue()[:700])
    assert predict(trained.path, "-") == 3
    assert capsys.readouterr().err.startswith("error: standard input is damaged")


def test_predict_reports_each_bad_image_predicts_the_others_and_exits_with_3(trained, photos, capsys):
    (photos / "0.png").touch()
    (photos / "4.png").write_text("hello")
    assert predict(trained.path, photos, photos / "absent.png") == 3
    captured = capsys.readouterr()
    assert [line[1] for line in lines_of(captured.out)] == list(COLOURS)
    for name in ("0.png is empty", "4.png is not an image", "absent.png does not exist"):
        assert name in captured.err
    assert "3 of 6 images could not be used" in captured.err


def test_one_bad_image_alone_is_one_error(fixed, tmp_path, capsys):
    paint("red", side=30).save(tmp_path / "big.png")
    assert predict(fixed.path, tmp_path / "big.png") == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("error: ") == 1
    assert captured.err.count("help: ") == 1


def test_predict_says_once_what_it_converted(fixed, tmp_path, capsys):
    for number in range(3):
        paint("red", side=30).save(tmp_path / f"{number}.png")
    assert predict(fixed.path, tmp_path / "*.png", "--resize", "--batch-size", 1) == 0
    assert capsys.readouterr().err.splitlines() == ["note: 3 images: converted to 8×8 colour"]


def test_predict_prints_one_json_object_and_writes_a_table(trained, photos, tmp_path, capsys):
    (photos / "0.png").touch()
    assert predict(trained.path, photos, "--json", "--csv", tmp_path / "out.csv", "--top", 2) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["command"] == "predict"
    assert [each["label"] for each in document["predictions"]] == list(COLOURS)
    assert [len(each["top"]) for each in document["predictions"]] == [2, 2, 2]
    assert [each["source"] for each in document["refused"]] == [str(photos / "0.png")]
    rows = table_of(tmp_path / "out.csv")
    assert [row["label"] for row in rows] == list(COLOURS)
    assert set(rows[0]) == {"path", "label", "probability", "label_2", "probability_2"}


@pytest.mark.parametrize("given", ["nothing*.png", "empty"])
def test_an_input_that_holds_no_image_is_an_error(trained, tmp_path, capsys, given):
    (tmp_path / "empty").mkdir()
    assert predict(trained.path, tmp_path / given) == 3
    assert given in capsys.readouterr().err


def test_last_is_the_newest_finished_run(run, photos, capsys):
    unfinished = Run.create(run.path.parent, "zzz", {})
    assert unfinished.state["status"] == "created"
    assert predict("last", photos / "1.png", "--out", run.path.parent) == 0
    assert predict(run.name, photos / "1.png", "--out", run.path.parent) == 0
    assert predict("lost", photos / "1.png", "--out", run.path.parent) == 3
    assert "did you mean 'last'?" in capsys.readouterr().err


def test_without_a_finished_run_last_says_how_to_make_one(tmp_path, photos, capsys):
    assert predict("last", photos / "1.png", "--out", tmp_path) == 4
    assert "profond train lenet5" in capsys.readouterr().err


def test_where_the_only_run_is_unfinished_last_says_how_to_go_on(tmp_path, photos, capsys):
    stopped = Run.create(tmp_path, "stopped", {})
    assert predict("last", photos / "1.png", "--out", tmp_path) == 4
    assert f"help: `profond runs resume {stopped.path}` goes on" in capsys.readouterr().err


def test_shards_are_said_to_be_what_predict_does_not_take(trained, tmp_path, capsys):
    (tmp_path / "train-000000.tar").write_bytes(b"")
    assert predict(trained.path, tmp_path) == 3
    assert "shards are taken by `profond evaluate RUN --data` only" in capsys.readouterr().err


def test_evaluate_prints_a_table_and_writes_into_the_run(run, capsys):
    assert profond(["evaluate", str(run.path), "--split", "valid", "--device", "cpu", "--no-pictures"]) == 0
    said = capsys.readouterr().out
    assert "accuracy" in said
    assert "100.00 %" in said
    assert str(run.file("evaluation/valid")) in said
    assert run.file("evaluation/valid/predictions.csv").exists()


def test_evaluate_measures_other_data_of_the_same_classes(run, tmp_path, capsys):
    for name in COLOURS:
        (tmp_path / "mine" / name).mkdir(parents=True)
        paint(name, 5, side=31).save(tmp_path / "mine" / name / "a.png")
    assert profond(["evaluate", str(run.path), "--data", str(tmp_path / "mine"), "--json", "--device", "cpu"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["metrics"]["mine"]["accuracy"]["value"] == 1.0
    assert document["count"] == 3
    (tmp_path / "mine" / "red").rename(tmp_path / "mine" / "pink")
    assert profond(["evaluate", str(run.path), "--data", str(tmp_path / "mine"), "--device", "cpu"]) == 3
    assert "never seen in training: pink" in capsys.readouterr().err


def test_evaluate_refuses_a_run_whose_data_has_changed(run, tmp_path, capsys):
    moved = shutil.copytree(run.config["data"]["name"], tmp_path / "squares")
    (moved / "red" / "0.png").rename(moved / "red" / "other.png")
    run.write("config.json", {**run.config, "data": {**run.config["data"], "name": str(moved)}})
    assert profond(["evaluate", str(run.path), "--device", "cpu"]) == 3
    assert "is not the one" in capsys.readouterr().err


def test_errors_of_every_kind_carry_a_help_line(fixed):
    predictor = Predictor.open(fixed, device="cpu")
    for images, settings in [
        ([paint("red", side=9)], {}),
        ([paint("red")], {"top": 0}),
        ([paint("red")], {"batch_size": 0}),
    ]:
        with pytest.raises(ProfondError) as caught:
            predictor.predict(images, **settings)
        assert caught.value.help


def test_listing_the_help_imports_neither_torch_nor_numpy():
    code = (
        "import sys; from profond.cli import run; import profond.cli.evaluate, profond.cli.compare; "
        "run(['predict', '--help']); run(['evaluate', '--help']); "
        "sys.exit(bool({'torch', 'numpy', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
