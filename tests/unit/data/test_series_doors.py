"""Series through what pictures go through, too: the listing of folders, options of the check, what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from profond.cli import run
from profond.core.errors import DataError
from profond.data import open_dataset
from profond.data.check import check
from profond.data.images.folder import list_folder
from profond.data.leaks import across
from profond.data.open import WITHOUT_CLASSES, kind_of
from profond.serve.predictor import Predictor

pytestmark = pytest.mark.usefixtures("undrawn")  # pictures are other tests' matter


def series(seed: int, steps: int = 40) -> np.ndarray:
    """(time,): a step up for odd seeds, down for even ones."""
    values = np.random.default_rng(seed).normal(0, 0.1, steps)
    values[steps // 2 :] += 1 if seed % 2 else -1
    return values.astype(np.float32)


def folder(path: Path, count: int = 24) -> Path:
    for i in range(count):
        file = path / ("up" if i % 2 else "down") / f"{i}.npy"
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, series(i))
    return path


def table(path: Path, seeds: list[int]) -> Path:
    lines = [",".join(["up" if i % 2 else "down", *(f"{value:.5f}" for value in series(i))]) for i in seeds]
    path.write_text("\n".join(["label," + ",".join(f"v{i}" for i in range(40)), *lines]) + "\n")
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("doors")
    data = folder(place / "data")
    assert run(["train", "--model=mlp", f"--data={data}", "--epochs=1", f"--out={place / 'runs'}", "--quiet"]) == 0
    return next((place / "runs").iterdir())


def test_series_that_cannot_be_read_are_left_out_on_request_and_kept_with_the_run(tmp_path, capsys):
    data = folder(tmp_path / "data")
    (data / "up" / "1.npy").write_bytes(b"damaged")
    with pytest.raises(DataError, match=r"1\.npy is not a \.npy file") as refused:
        open_dataset(data)
    assert "data.unreadable=skip" in refused.value.help
    command = ["train", "--model=mlp", f"--data={data}", "--epochs=1", f"--out={tmp_path / 'runs'}", "--quiet"]
    assert run([*command, "--set", "data.unreadable=skip"]) == 0
    assert "1 of 24 series cannot be read and are left out: up/1.npy" in capsys.readouterr().err
    trained = next((tmp_path / "runs").iterdir())
    assert "up/1.npy" in (trained / "skipped.csv").read_text()
    assert json.loads((trained / "config.json").read_text())["data"]["unreadable"] == ["up/1.npy"]


def test_folders_of_series_are_listed_as_those_of_pictures_are(tmp_path):
    data = folder(tmp_path / "data")
    (data / "up" / ".hidden.npy").write_bytes(b"")
    (data / "__MACOSX").mkdir()
    (data / "__MACOSX" / "1.npy").write_bytes(b"")
    (data / "empty").mkdir()
    (data / "up" / "about.pdf").write_bytes(b"")
    opened = open_dataset(data)
    assert opened.spec.classes == ("down", "up")
    assert sum(len(split) for split in opened.splits.values()) == 24
    assert any("not series by name were passed over: 1 .pdf" in note for note in opened.notes)
    assert any("class folders left out, for they hold no series: empty" in warning for warning in opened.warnings)


def test_pictures_that_cannot_be_read_are_not_taken_for_series_by_the_texts_beside_them(tmp_path):
    for i in range(6):
        place = tmp_path / "ab"[i % 2]
        place.mkdir(exist_ok=True)
        (place / f"{i}.heic").write_bytes(b"")
        (place / f"{i}.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    with pytest.raises(DataError, match=r"has no images: 6 \.heic"):
        open_dataset(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "id,label\n1,0\n2,1\n",
        "image,width,height,label\na,640,480,cat\nb,640,480,dog\n",
        "sep=;\nfile;label\n1;2\n2;3\n",
    ],
)
def test_a_list_of_files_under_other_names_is_no_table_of_series(tmp_path, text):
    file = tmp_path / "list.csv"
    file.write_text(text)
    with pytest.raises(DataError, match="has no column path"):
        open_dataset(file)


def test_lists_beside_loose_pictures_are_no_tables_of_series(tmp_path):
    for split in ("train", "test"):
        (tmp_path / f"{split}.csv").write_text("image,label\na.png,cat\nb.png,dog\n")
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    assert kind_of(tmp_path).name == WITHOUT_CLASSES
    with pytest.raises(DataError, match="has 1 image but no sub-folders") as told:
        list_folder(tmp_path)
    assert f"did you mean {tmp_path / 'test.csv'}?" in told.value.help


@pytest.mark.parametrize(
    ("cells", "said"), [(",", "no values"), ("nan,", "no values"), ("1e300,", "too large"), ("inf,", "infinity")]
)
def test_a_row_that_lacks_its_values_is_named_and_hides_no_table(tmp_path, cells, said, recwarn):
    path = table(tmp_path / "series.csv", list(range(12)))
    with path.open("a") as file:
        file.write("up" + "," + (cells * 40)[:-1] + "\n")
    with pytest.raises(DataError, match=f"line 14.*{said}|{said}.*line 14"):
        open_dataset(path)
    assert not recwarn.list


def test_equal_rows_of_a_table_go_to_one_split(tmp_path):
    opened = open_dataset(table(tmp_path / "t.csv", [*range(40), *range(12)]))
    assert across(opened) == []
    assert any("12 sets of equal series, 24 in all" in note for note in opened.notes)


def test_equal_series_in_two_splits_are_told_whether_in_memory_or_streamed(tmp_path):
    for split in ("train", "test"):
        folder(tmp_path / "data" / split, 8 if split == "train" else 2)
    for memory_mib in (100, 0):
        warnings = open_dataset(tmp_path / "data", memory_mib=memory_mib).warnings
        assert any("LEAK: 2 sets of series that are the same" in warning for warning in warnings)


def test_what_series_hold_is_known_by_their_files_whether_in_memory_or_streamed(tmp_path):
    data = folder(tmp_path / "data")
    kept, streamed = open_dataset(data), open_dataset(data, memory_mib=0)
    assert kept.contents("train") == streamed.contents("train") == open_dataset(data, length=10).contents("train")


def test_the_check_takes_the_settings_of_series(tmp_path):
    report = check(str(folder(tmp_path / "data")), length="10", valid_fraction="0.25")
    assert sum(report.counts["valid"].values()) == 6
    assert any("24 of 24 series are longer than 10 steps and are cut" in one.message for one in report.issues)
    gaps = table(tmp_path / "t.csv", list(range(12)))
    lines = gaps.read_text().splitlines()
    gaps.write_text("\n".join([lines[0], lines[1].replace(lines[1].split(",")[3], "", 1), *lines[2:]]) + "\n")
    with pytest.raises(DataError, match="a missing value"):
        check(str(gaps))
    assert check(str(gaps), missing="interpolate", label="label").samples == 12


def test_what_lies_beside_series_is_counted_and_passed_over(trained, tmp_path, capsys):
    data = folder(tmp_path / "new", 4)
    Image.new("RGB", (4, 4)).save(data / "up" / "photo.png")
    assert run(["predict", str(trained), str(data), "--json"]) == 0
    out, err = capsys.readouterr()
    said = json.loads(out)
    assert len(said["predictions"]) == 4
    assert said["passed_over"] == {".png": 1}
    assert "note: passed over: 1 .png" in err
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.new("RGB", (4, 4)).save(pictures / "a.png")
    assert run(["predict", str(trained), str(pictures)]) == 3
    assert "there is no series in" in capsys.readouterr().err


def test_series_may_be_given_as_arrays_and_tensors_alone_or_many(trained):
    predictor = Predictor.open(trained, device="cpu")
    one = series(1)
    alone = predictor.predict(one)[0]
    assert predictor.predict(one[None])[0].top == alone.top
    many = predictor.predict(np.stack([one[None], series(2)[None]]))
    assert [said.label for said in many] == [alone.label, predictor.predict(series(2))[0].label]
    for wrong, said in (
        (np.zeros((2, 40)), "series of 2 channels"),
        (np.full(40, np.nan), "missing or infinite"),
        (b"1,2,3", "of the type bytes, not a series"),
        (Image.new("RGB", (4, 4)), "is an image, and the network was trained on series"),
    ):
        with pytest.raises(DataError, match=said):
            predictor.predict(wrong)


def test_series_are_explained_each_on_a_sheet_of_its_own(trained, tmp_path, capsys):
    place = tmp_path / "there"
    np.save(tmp_path / "new.npy", series(1))
    asked = [str(tmp_path / "new.npy"), "test/0", "--json", "--quiet", f"--out={place}"]
    assert run(["explain", str(trained), *asked]) == 0
    sample, file = json.loads(capsys.readouterr().out)["explanations"]
    assert (sample["image"], file["image"], file["class"]) == ("test/0", "new.npy", "up")
    assert "grad_cam.png" not in {Path(one).name for one in file["files"]}, "an MLP has no maps"
    with Image.open(place / "new" / "overview.png") as sheet:
        assert min(sheet.size) > 500
    told = json.loads((place / "new" / "explanation.json").read_text())
    pixels = np.load(place / "new" / "integrated_gradients.npy")
    assert pixels.shape == (1, 40)
    assert pixels.sum(dtype=np.float64) == pytest.approx(
        told["methods"]["integrated_gradients"]["difference"], rel=0.02
    )
    assert run(["explain", str(trained), str(tmp_path / "new.npy"), "--method=nearest", f"--out={place}"]) == 3
    assert "nearest is for images" in capsys.readouterr().err


def test_each_series_of_a_table_is_explained(tmp_path, capsys):
    given = table(tmp_path / "t.csv", list(range(30)))
    assert run(["train", "--model=mlp", f"--data={given}", "--epochs=1", f"--out={tmp_path / 'runs'}", "--quiet"]) == 0
    trained = next((tmp_path / "runs").iterdir())
    new = table(tmp_path / "new.csv", [3, 4])
    capsys.readouterr()
    asked = ["--method=occlusion", f"--out={tmp_path / 'there'}", "--json", "--quiet"]
    assert run(["explain", str(trained), str(new), *asked]) == 0
    told = json.loads(capsys.readouterr().out)["explanations"]
    assert [one["image"] for one in told] == ["new.csv#1", "new.csv#2"]
    assert sorted(one.name for one in (tmp_path / "there").iterdir()) == ["new-1", "new-2"]
    asked = ["--rows=1", "--method=occlusion", f"--out={tmp_path / 'first'}"]
    assert run(["explain", str(trained), str(new), *asked]) == 0
    assert "new.csv has 2 series: its first 1 are explained; --rows 2 takes all" in capsys.readouterr().err
    assert [one.name for one in (tmp_path / "first").iterdir()] == ["new-1"]
