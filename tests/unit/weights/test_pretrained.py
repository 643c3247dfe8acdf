"""Published weights as rows, files of one's own, and what belongs to them: preprocessing, class names, verbs."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from profond import models
from profond.cli import run as profond
from profond.core.errors import ConfigError, MissingError, UnknownName
from profond.data.fetch import unpack
from profond.data.fetch.sources import DataFile, Web
from profond.data.preprocessing import Preprocessing
from profond.explain.network.stages import stage_output
from profond.serve.predictor import Predictor
from profond.weights import naming, pretrained
from profond.weights.classes import unique
from profond.weights.pretrained import load_pretrained, published
from profond.weights.published import ROWS, caffe, scaled, symmetric

SETTINGS = {"width": 0.35, "num_classes": 3, "input_shape": [3, 32, 32]}
CHANGES = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={json.dumps(value)}")]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PROFOND_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def weights(tmp_path):
    """A small MobileNetV2 of one's own, in a file."""
    torch.manual_seed(0)
    path = tmp_path / "own.pth"
    torch.save(models.create("mobilenet_v2", **{**SETTINGS, "input_shape": (3, 32, 32)}).state_dict(), path)
    return path


@pytest.fixture
def photos(tmp_path):
    random = np.random.default_rng(0)
    for name in ("class 0", "class 2"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(3):
            pixels = random.integers(0, 256, (40 + number, 50, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path / "photos"


def own(weights, **changes):
    return load_pretrained("mobilenet_v2", weights, **{**SETTINGS, **changes})


# Rows


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.folder)
def test_a_row_names_a_model_that_its_settings_fit(row):
    target = models.registry.load(row.model)
    settings = naming.settings(target.__module__, row.convention)
    config = models.configure(row.model, None, {**settings, **row.settings})
    assert row.preprocessing.size is not None
    if row.classes is not None:
        assert len(row.classes) == config["num_classes"] == len(set(row.classes))
    assert row.preprocessing.mode == "RGB"
    assert row.sources
    for source in row.sources:
        if isinstance(source, Web):
            assert re.fullmatch(r"https://[\w./-]+/", source.url)
        else:  # a package's member may be called otherwise, but there is exactly this one
            assert list(source.members) == [row.file.name]
            assert len(row.file.sha256) == 64
            assert row.file.size > 0


def test_rows_are_unique_and_every_name_is_a_file():
    assert len({(row.model, row.source) for row in ROWS}) == len(ROWS)
    assert all("/" not in row.file.name for row in ROWS)
    without = {row.model for row in ROWS if not (row.file.sha256 or row.file.md5)}
    assert without == {"mobilenet", "mobilenet_v2"}  # Keras publishes no checksum for these two


def test_every_model_of_torchvision_and_keras_has_a_row():
    known = set(models.registry.names())
    assert {row.model for row in ROWS} <= known
    for name in known:
        names = naming._module(models.registry.load(name).__module__)
        if hasattr(names, "KERAS") and hasattr(names, "keras_layers") and not name.startswith("squeezenet"):
            in_keras = {row.model for row in ROWS if row.convention == "KERAS"}
            assert name in in_keras or name in ("resnet18", "resnet34", "vgg11", "vgg13"), name


def test_what_is_not_published_is_said():
    with pytest.raises(MissingError, match="no weights are published for lenet5"):
        load_pretrained("lenet5")
    with pytest.raises(UnknownName, match=r"unknown weights of resnet50 'kears'") as caught:
        load_pretrained("resnet50", "kears")
    assert caught.value.help.startswith("known: torchvision, keras")
    with pytest.raises(UnknownName, match="did you mean 'resnet50'"):
        load_pretrained("resnet5")


def test_names_that_two_classes_share_get_their_number():
    assert unique(["crane", "wing", "crane"]) == ("crane (0)", "wing", "crane (2)")


# Fetching


def serve(monkeypatch, cache, name, sha256, path):
    """A row whose file is taken from this machine."""

    class Here:
        label = "here"

        def fetch(self, files, folder):
            (folder / files[0].name).write_bytes(path.read_bytes())

    row = published("mobilenet_v2")[0]
    changed = pretrained.dataclasses.replace(
        row, file=DataFile(name, sha256), sources=(Here(),), classes=("a", "b", "c"), settings=SETTINGS
    )
    monkeypatch.setattr(pretrained, "ROWS", (changed,))
    return changed


def test_published_weights_are_fetched_checked_and_kept(monkeypatch, cache, weights):
    digits = hashlib.sha256(weights.read_bytes()).hexdigest()[:8]  # as torchvision publishes them
    row = serve(monkeypatch, cache, "a.pth", digits, weights)
    found = load_pretrained("mobilenet_v2")
    assert found.classes == ("a", "b", "c")
    assert found.weights == "mobilenet_v2 of torchvision"
    assert found.settings["name"] == "mobilenet_v2"
    assert (cache / row.folder / "a.pth").read_bytes() == weights.read_bytes()
    weights.unlink()
    load_pretrained("mobilenet_v2")  # from the cache


def test_weights_with_another_checksum_are_not_used(monkeypatch, cache, weights):
    row = serve(monkeypatch, cache, "a.pth", "00000000", weights)
    with pytest.raises(MissingError, match=r"wrong checksum"):
        load_pretrained("mobilenet_v2")
    assert not (cache / row.folder / "a.pth").exists()


def test_checksums_may_be_whole_begun_md5_or_absent(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"content")
    whole, md5 = hashlib.sha256(b"content").hexdigest(), hashlib.md5(b"content").hexdigest()
    for right in (DataFile("a", whole, 7), DataFile("a", whole[:8]), DataFile("a", "", md5=md5), DataFile("a", "")):
        assert right.is_right(path)
    for wrong in (DataFile("a", whole, 8), DataFile("a", "0" * 8), DataFile("a", "", md5="0" * 32)):
        assert not wrong.is_right(path)


def test_a_download_without_a_length_is_refused(tmp_path):
    with pytest.raises(unpack.SourceError, match="no length"):
        unpack.copy(io.BytesIO(b"content"), tmp_path / "a", DataFile("a", ""))


# A file of one's own


def test_a_file_of_ones_own_comes_with_the_preprocessing_of_its_format(weights):
    found = own(weights)
    assert found.preprocessing == Preprocessing(**{**scaled(224, 256).to_json(), "size": (32, 32)})
    assert found.classes == ("class 0", "class 1", "class 2")
    assert not found.model.training
    assert found.settings["width"] == 0.35
    keras = published("mobilenet_v2")[1]
    assert (keras.source, keras.preprocessing) == ("keras", symmetric(224, 256))


def test_another_number_of_classes_needs_a_new_head(weights):
    with pytest.raises(ConfigError, match="in the model"):
        own(weights, num_classes=5)
    found = own(weights, num_classes=5, new_head=True)
    assert found.assigned.fresh == ("output",)
    assert len(found.classes) == 5


def test_files_of_unknown_kinds_and_absent_ones_are_named(tmp_path):
    with pytest.raises(ConfigError, match="there is no file"):
        own(tmp_path / "absent.pth")
    with pytest.raises(ConfigError, match="no ending of a file of weights"):
        own("./weights.onnx")


# Preprocessing


def test_caffes_preprocessing_is_blue_green_red_minus_their_means():
    red = torch.tensor([200, 30, 7], dtype=torch.uint8).view(1, 3, 1, 1)
    out = caffe(2, 2).normalise(red).flatten()
    torch.testing.assert_close(out, torch.tensor([7 - 103.939, 30 - 116.779, 200 - 123.68]))
    assert red.flatten().tolist() == [200, 30, 7]  # the raw picture stays as it was
    grey = Preprocessing(size=(1, 1), mode="L", channels="BGR").normalise(torch.full((1, 1, 1, 1), 255))
    assert grey.item() == 1


def test_the_middle_is_kept_as_torchvision_does_it():
    pixels = np.zeros((100, 200, 3), dtype=np.uint8)
    pixels[8:92, 58:142] = 255  # the middle 80×80, and what the filter sees around it
    image = Image.fromarray(pixels)
    inner = Preprocessing(size=(40, 40), mode="RGB", crop=0.8).decode(image)
    assert inner.min() == 255
    whole = Preprocessing(size=(40, 40), mode="RGB").decode(image)
    assert whole.min() == 0
    smooth = Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 16, 3), dtype=np.uint8)).resize((320, 160))
    theirs = smooth.resize((100, 50), Image.Resampling.BILINEAR)  # the shorter side, then the middle
    left = (theirs.width - 40) // 2
    theirs = np.asarray(theirs.crop((left, 5, left + 40, 45))).astype(float)
    ours = Preprocessing(size=(40, 40), mode="RGB", crop=40 / 50).decode(smooth).permute(1, 2, 0).numpy()
    assert np.abs(ours - theirs).mean() < 2
    exact = Image.fromarray(pixels[:100, 50:150])  # of exactly the size, it is still cut
    assert Preprocessing(size=(100, 100), mode="RGB", crop=0.8).decode(exact).min() == 255


def test_preprocessing_travels_as_json():
    for one in (caffe(227, 256), symmetric(299, 342), ROWS[0].preprocessing):
        assert Preprocessing.from_json(json.loads(json.dumps(one.to_json()))) == one
    with pytest.raises(ConfigError, match="crop"):
        Preprocessing(crop=0)


# Stages


def test_a_stage_is_copied_before_an_activation_in_place_changes_it():
    model = nn.Sequential(nn.Identity(), nn.ReLU(inplace=True))
    inputs = torch.tensor([[-1.0, 2.0]])
    assert stage_output(model, inputs, "0").tolist() == [[-1.0, 2.0]]
    assert stage_output(model, torch.tensor([[-1.0, 2.0]]), "1").tolist() == [[0.0, 2.0]]


def test_the_default_stage_is_what_the_head_is_given(weights):
    found = own(weights)
    inputs = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        features = stage_output(found.model, inputs)
        assert features.shape == (2, 1280)
        torch.testing.assert_close(found.model.output(features), found.model(inputs))
        assert stage_output(found.model, inputs, "body.3").shape[:1] == (2,)
    with pytest.raises(UnknownName, match=r"did you mean 'body.3'"):
        stage_output(found.model, inputs, "body,3")
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in found.model.modules())


# Verbs


def test_predict_names_classes_with_weights_instead_of_a_run(weights, photos, capsys):
    image = photos / "class 0" / "0.png"
    words = ["predict", "--model", "mobilenet_v2", "--weights", str(weights), *CHANGES, "--device", "cpu"]
    assert profond([*words, str(image)]) == 0
    path, label, probability, *_ = capsys.readouterr().out.split("\t")
    assert path == str(image)
    [said] = Predictor.pretrained("mobilenet_v2", weights, device="cpu", **SETTINGS).predict([image])
    assert (label, round(said.probability, 4)) == (said.label, float(probability))
    assert profond([*words, "--json", str(photos)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["model"] == "mobilenet_v2"
    assert found["weights"] == str(weights)
    assert len(found["predictions"]) == 6


def test_predict_says_what_is_missing(weights, photos, capsys):
    image = str(photos / "class 0" / "0.png")
    for words, code, expected in [
        (["--model", "mobilenet_v2", image], 2, "--pretrained"),
        (["--pretrained", image], 2, "--model"),
        (["--model", "lenet5", "--pretrained", image], 4, "no weights are published"),
        (["--model", "mobilenet_v2", "--weights", str(weights)], 2, "no images"),
        (["--model", "mobilenet_v2", "--weights", str(weights), "--set", "width=0.35", image], 3, "num_classes"),
        ([], 2, "no run"),
    ]:
        assert profond(["predict", *words]) == code, words
        assert expected in capsys.readouterr().err


def test_evaluate_measures_weights_on_other_data(weights, photos, capsys):
    words = ["--model", "mobilenet_v2", "--weights", str(weights), *CHANGES, "--device", "cpu", "--json"]
    assert profond(["evaluate", *words, "--data", str(photos)]) == 0
    found = json.loads(capsys.readouterr().out)
    files = sorted(photos.rglob("*.png"))
    predictor = Predictor.pretrained("mobilenet_v2", weights, device="cpu", **SETTINGS)
    right = sum(said.label == file.parent.name for said, file in zip(predictor.predict(files), files, strict=True))
    [measured] = found["metrics"].values()
    assert found["count"] == 6
    assert measured["accuracy"]["value"] == pytest.approx(right / 6)
    assert profond(["evaluate", *words]) == 2
    assert "--data" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".npy", ".csv"])
def test_features_writes_the_vector_of_each_image(weights, photos, tmp_path, suffix, capsys):
    out = tmp_path / f"features{suffix}"
    words = ["--model", "mobilenet_v2", "--weights", str(weights), *CHANGES, "--device", "cpu"]
    assert profond(["features", *words, str(photos), "--out", str(out)]) == 0
    assert "6×1280" in capsys.readouterr().out
    files = sorted(photos.rglob("*.png"))
    predictor = Predictor.pretrained("mobilenet_v2", weights, device="cpu", **SETTINGS)
    expected = np.stack([vector.numpy() for _, vector in predictor.features(files)])
    if suffix == ".npy":
        found = np.load(out, allow_pickle=False)
    else:
        rows = list(csv.reader(out.read_text().splitlines()))
        assert [row[0] for row in rows[1:]] == [str(file) for file in files]
        found = np.array([[float(cell) for cell in row[1:]] for row in rows[1:]], dtype="f4")
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_features_gives_maps_or_their_averages_at_any_stage(weights, photos, tmp_path, capsys):
    out = tmp_path / "maps.npy"
    words = ["--model", "mobilenet_v2", "--weights", str(weights), *CHANGES, "--device", "cpu", "--out", str(out)]
    assert profond(["features", *words, str(photos), "--stage", "body.2"]) == 0
    maps = np.load(out)
    assert maps.ndim == 4
    assert profond(["features", *words, str(photos), "--stage", "body.2", "--average", "--json"]) == 0
    found = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert found["shape"] == [6, maps.shape[1]]
    np.testing.assert_allclose(np.load(out), maps.mean((2, 3)), rtol=1e-4, atol=1e-5)
    (photos / "bad.png").write_bytes(b"no image")
    assert profond(["features", *words, str(photos), "--stage", "body.2"]) == 3
    assert len(np.load(out)) == 6
    assert profond(["features", *words[:-1], str(tmp_path / "a.txt"), str(photos)]) == 2
    assert profond(["features", *words, str(photos), "--stage", "nowhere"]) == 2


def test_weights_are_listed(capsys):
    assert profond(["weights", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["weights"]
    assert len(rows) == len(ROWS)
    assert profond(["weights", "list", "resnet50"]) == 0
    assert capsys.readouterr().out.count("resnet50") == 2
    assert profond(["weights", "list", "resnet5"]) == 2
