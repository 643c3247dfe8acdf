"""Series in files and tables: what is read, how it is recognised, and what a run makes of it."""

from __future__ import annotations

import csv
import io
import json
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import wavfile

from profond.cli import run
from profond.core.errors import ConfigError, DataError, Interrupted
from profond.data import open_dataset
from profond.data.check import check
from profond.data.images.augment import Augment
from profond.data.series.lengths import decide_length
from profond.data.series.preparation import looks_like_time
from profond.data.series.read import read_recording
from profond.experiments.configuration import changed, for_model
from profond.experiments.experiment import assemble
from profond.experiments.train import train_experiment
from profond.serve.predictor import Predictor


def noise(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def save(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def rows(values, delimiter=",", head=None, comma=False, digits=6):
    lines = [] if head is None else [delimiter.join(head)]
    for row in values:
        line = delimiter.join(f"{value:.{digits}f}" for value in row)
        lines.append(line.replace(".", ",") if comma else line)
    return "\n".join(lines) + "\n"


def bump(kind, seed, steps=70):
    """A series with one bump, up or down, at any place: what a small convnet learns in a second."""
    random = np.random.default_rng(seed)
    values = 0.2 * random.standard_normal(steps)
    start = random.integers(5, steps - 15)
    values[start : start + 8] += 2 if kind == "up" else -2
    return values.astype(np.float32)


@pytest.fixture(scope="module")
def bumps(tmp_path_factory):
    folder = tmp_path_factory.mktemp("series") / "bumps"
    for kind in ("up", "down"):
        for i in range(40):
            values = bump(kind, 1000 * (kind == "up") + i)
            times = np.arange(len(values)) * 0.5
            save(folder / kind / f"{i}.csv", rows(np.stack([times, values], 1), head=["time", "value"], digits=7))
    return folder


@pytest.fixture(scope="module")
def trained(bumps, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    assert run(["train", "--model=convnet1d", f"--data={bumps}", f"--out={out}", "--quiet"]) == 0
    return next(out.iterdir())


# -- reading one file


@pytest.mark.parametrize(
    ("delimiter", "head", "comma", "suffix"),
    [
        (",", None, False, "csv"),
        (",", ["a", "b", "c"], False, "csv"),
        (";", ['"a"', '"b; c"', '"é"'], True, "csv"),
        (";", None, True, "csv"),
        ("\t", ["a", "b", "c"], False, "tsv"),
        ("\t", None, True, "txt"),
        (" ", None, False, "txt"),
        ("  ", None, False, "txt"),
    ],
)
def test_a_text_is_read_whatever_parts_its_numbers(tmp_path, delimiter, head, comma, suffix):
    values = noise(0, 9, 3)
    found = read_recording(save(tmp_path / f"x.{suffix}", rows(values, delimiter, head, comma)))
    assert found.values.dtype == np.float32
    np.testing.assert_allclose(found.values, values, atol=1e-6)
    assert found.names == (() if head is None else tuple(name.strip('"') for name in head))


def test_a_single_column_with_decimal_commas_needs_a_word_only_where_commas_could_part_columns(tmp_path):
    file = save(tmp_path / "x.csv", "0,5\n1,25\n")
    assert read_recording(file).values.tolist() == [[0, 5], [1, 25]]
    assert read_recording(file, decimal=",").values.tolist() == [[0.5], [1.25]]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
def test_what_spreadsheets_save_is_read(tmp_path, encoding):
    (tmp_path / "x.csv").write_bytes("température;accélération\r\n0,5;-1,5e1\r\n2;3\r\n".encode(encoding))
    found = read_recording(tmp_path / "x.csv")
    assert found.names == ("température", "accélération")
    assert found.values.tolist() == [[0.5, -15], [2, 3]]


def test_lines_of_remarks_blank_lines_and_a_last_delimiter_are_passed_over(tmp_path):
    file = save(tmp_path / "x.csv", "# sensor 3\n\n1,2,\n3,4,\n\n")
    assert read_recording(file).values.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,2\n3,x\n", "line 2, column 2: 'x' is not a number"),
        ("a,b\n1,2\n3\n", "line 3: 1 cells, but there are 2 columns"),
        ("a,b\n1,2\n3,\n", "line 3, column b: a missing value"),
        ("a,b\n1,nan\n3,4\n", "line 2, column b: a missing value"),
        ("1,2\n3,inf\n", "line 2, column 2: infinity"),
        ("1,2\n3,1e300\n", "line 2, column 2: infinity"),
        ("a,b\n", "a header but no numbers"),
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("once upon a time\nthere was a text\n", "is not a number"),
    ],
)
def test_a_wrong_text_is_refused_by_name_and_line(tmp_path, text, said):
    file = save(tmp_path / "x.csv", text)
    with pytest.raises(DataError) as refused:
        read_recording(file)
    assert str(file) in refused.value.message
    assert said in refused.value.message
    assert refused.value.help


def test_gaps_are_filled_in_a_straight_line_where_that_is_asked_for(tmp_path):
    for label in "ab":
        for i in range(3):
            save(tmp_path / label / f"{i}.csv", "x,y\n,1\n2,1\n,1\n4,1\n,2\n")
    with pytest.raises(DataError, match="6 of 6"):
        open_dataset(tmp_path)
    sample = open_dataset(tmp_path, missing="interpolate").splits["train"].raw(0)
    assert sample[0].tolist() == [2, 2, 3, 4, 4]


@pytest.mark.parametrize("dtype", ["f4", "f8", ">f4", "i2", "u1", "?"])
@pytest.mark.parametrize("shape", [(7,), (7, 2), (2, 7)])
def test_an_array_is_read_as_it_lies(tmp_path, dtype, shape):
    values = (10 * np.abs(noise(1, *shape))).astype(dtype)
    np.save(tmp_path / "x.npy", values)
    found = read_recording(tmp_path / "x.npy").values
    np.testing.assert_array_equal(found, values.astype(np.float32).reshape(len(values), -1))


def test_an_array_in_fortran_order_is_read_as_it_is_meant(tmp_path):
    values = noise(2, 4, 6)
    np.save(tmp_path / "x.npy", np.asfortranarray(values))
    np.testing.assert_array_equal(read_recording(tmp_path / "x.npy").values, values)


def _header(shape, descr="<f4"):
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (_header((10**6, 10**6)) + b"1234", "1000000×1000000"),
        (_header((10**30,)) + b"1234", "more than"),
        (_header((9,)) + b"1234", "cut off"),
        (_header((-3,)) + b"1234", ""),
        (_header((0, 3)), "no numbers"),
        (_header((2, 2, 2)) + bytes(32), "3 axes"),
        (_header((), "<f4") + bytes(4), "0 axes"),
        (_header((1,), "|O") + bytes(8), "never unpickled"),
        (_header((1,), "<c8") + bytes(8), "not real numbers"),
        (_header((1,), "<U4") + bytes(16), "not real numbers"),
        (b"\x93NUMPY\x01\x00", "not a .npy file"),
        (b"\x93NUMPY\x01\x00\x10\x00os.system('true')\n", "not a .npy file"),
        (b"RIFF", "not a .npy file"),
    ],
)
def test_a_hostile_array_is_refused_before_anything_is_allocated(tmp_path, data, said):
    (tmp_path / "x.npy").write_bytes(data)
    with pytest.raises(DataError) as refused:
        read_recording(tmp_path / "x.npy")
    assert "x.npy" in refused.value.message
    assert said in refused.value.message


@pytest.mark.parametrize(("dtype", "scale"), [("u1", 128), ("i2", 2**15), ("i4", 2**31), ("f4", 1), ("f8", 1)])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_sound_is_read_as_scipy_reads_it(tmp_path, dtype, scale, channels):
    values = np.clip(0.3 * noise(3, 50, channels), -0.9, 0.9)
    stored = (values * scale + (128 if dtype == "u1" else 0)).astype(dtype)
    wavfile.write(tmp_path / "x.wav", 8000, stored)
    found = read_recording(tmp_path / "x.wav")
    rate, again = wavfile.read(tmp_path / "x.wav")
    wanted = (again.reshape(50, -1).astype(np.float64) - (128 if dtype == "u1" else 0)) / scale
    assert (found.rate, found.values.shape) == (rate, (50, channels))
    np.testing.assert_allclose(found.values, wanted, rtol=1e-6)


def test_a_sound_of_24_bits_and_other_chunks_around_it_are_read(tmp_path):
    numbers = [0, 1, -1, 2**23 - 1, -(2**23)]
    with wave.open(str(tmp_path / "x.wav"), "wb") as file:
        file.setparams((1, 3, 44100, 0, "NONE", ""))
        file.writeframes(b"".join(number.to_bytes(3, "little", signed=True) for number in numbers))
    plain = (tmp_path / "x.wav").read_bytes()
    np.testing.assert_allclose(read_recording(tmp_path / "x.wav").values[:, 0], np.array(numbers) / 2**23, rtol=1e-6)
    chunk = b"LIST" + struct.pack("<I", 5) + b"INFO1\0"
    (tmp_path / "y.wav").write_bytes(plain[:12] + chunk + plain[12:] + chunk)
    assert read_recording(tmp_path / "y.wav").values.shape == (5, 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data[:-7], "cut off"),
        (lambda data: data[:40], "cut off"),
        (lambda data: data[:20], "damaged"),
        (lambda data: b"RIFX" + data[4:], "not a WAV file"),
        (lambda data: data[:20] + b"\x06\0" + data[22:], "kind 6"),
        (lambda data: data[:22] + b"\0\0" + data[24:], "0 channels"),
        (lambda data: data[:40] + b"\xff\xff\xff\xff" + data[44:], "cut off"),
        (lambda data: data[:12] + data[36:], "before its format"),
    ],
)
def test_a_damaged_sound_is_refused_in_words(tmp_path, change, said):
    wavfile.write(tmp_path / "x.wav", 8000, np.arange(100, dtype=np.int16))
    (tmp_path / "y.wav").write_bytes(change((tmp_path / "x.wav").read_bytes()))
    with pytest.raises(DataError, match=said) as refused:
        read_recording(tmp_path / "y.wav")
    assert "y.wav" in refused.value.message


# -- what is decided about a folder


def test_a_folder_of_texts_opens_with_its_time_left_out_and_said(bumps):
    data = open_dataset(bumps)
    assert data.spec.axes == "ct"
    assert data.spec.shape == (1, 70)
    assert data.spec.classes == ("down", "up")
    assert any("'time' is taken as the time" in note for note in data.notes)
    train = data.splits["train"]
    for i in range(len(train)):
        kind, name = train.identity(i).removesuffix(".csv").split("/")
        np.testing.assert_allclose(train.raw(i)[0].numpy(), bump(kind, 1000 * (kind == "up") + int(name)), atol=1e-6)
    whole = np.concatenate([train.raw(i).double().numpy() for i in range(len(train))], axis=1)
    assert data.preprocessing.mean == pytest.approx((whole.mean(),), rel=1e-5)
    assert data.preprocessing.std == pytest.approx((whole.std(),), rel=1e-5)
    assert open_dataset(bumps, time_column="none").spec.shape == (2, 70)


@pytest.mark.parametrize(
    ("name", "is_time"),
    [
        ("time", True), ("Time (s)", True), ("temps [ms]", True), ("t", True), ("timestamp", True), ("", True),
        ("time_ms", True), ("t_s", True), ("Horodatage", True), ("date", True),
        ("timer", False), ("value", False), ("temperature", False), ("x", False), ("times square", False),
    ],
)  # fmt: skip
def test_a_column_of_time_is_known_by_its_name(name, is_time):
    assert looks_like_time(name) == is_time


def test_a_column_called_t_that_does_not_rise_is_a_channel(tmp_path):
    for i in range(6):
        save(tmp_path / "ab"[i % 2] / f"{i}.csv", rows(noise(i, 9, 2), head=["t", "p"]))
    assert open_dataset(tmp_path).spec.shape == (2, 9)


def test_dates_and_a_first_column_without_name_that_rises_evenly_are_the_time(tmp_path):
    for i in range(6):
        values = noise(i, 9, 1)
        dated = "\n".join(f"2024-05-0{k + 1}T12:00:00;{v:.4f}" for k, v in enumerate(values[:, 0]))
        save(tmp_path / "dated" / "ab"[i % 2] / f"{i}.csv", "date;x\n" + dated.replace(".", ","))
        numbered = np.concatenate([0.01 * np.arange(9)[:, None], values], 1)
        save(tmp_path / "numbered" / "ab"[i % 2] / f"{i}.csv", rows(numbered))
    assert open_dataset(tmp_path / "dated").spec.shape == (1, 9)
    assert open_dataset(tmp_path / "numbered").spec.shape == (1, 9)


def test_the_axis_that_differs_from_file_to_file_is_time(tmp_path):
    for i in range(8):
        for name, shape in (("ct", (12, 5 + i)), ("tc", (5 + i, 12)), ("same", (3, 40)), ("square", (4, 4))):
            folder = tmp_path / name / "ab"[i % 2]
            folder.mkdir(parents=True, exist_ok=True)
            np.save(folder / f"{i}.npy", noise(i, *shape))
    assert open_dataset(tmp_path / "ct").spec.shape[0] == 12
    assert open_dataset(tmp_path / "tc").spec.shape[0] == 12
    assert open_dataset(tmp_path / "same").spec.shape == (3, 40)
    assert open_dataset(tmp_path / "same", time="rows").spec.shape == (40, 3)
    with pytest.raises(DataError, match="cannot be seen which axis") as refused:
        open_dataset(tmp_path / "square")
    assert "data.time=rows" in refused.value.help
    assert open_dataset(tmp_path / "square", time="columns").spec.shape == (4, 4)


@pytest.mark.parametrize(
    ("lengths", "chosen"),
    [([5] * 10, 5), ([5, 6, 7, 9], 9), ([10] * 99 + [1000], 10), ([10] * 99 + [20], 20), ([10] * 18 + [30, 30], 30)],
)
def test_the_longest_decides_the_length_unless_it_is_an_exception(lengths, chosen):
    assert decide_length(lengths) == chosen


def test_series_are_cut_or_followed_by_their_mean_and_much_cutting_is_a_warning(tmp_path):
    for i in range(20):
        values = np.arange(10 + i, dtype=np.float32)
        folder = tmp_path / ("a" if i % 2 else "b")
        folder.mkdir(exist_ok=True)
        np.save(folder / f"{i}.npy", values)
    whole = open_dataset(tmp_path)
    assert not whole.warnings
    cut = open_dataset(tmp_path, length=15)
    assert any("are longer than 15 steps and are cut" in warning for warning in cut.warnings)
    for keep, first in (("start", 0), ("middle", 7), ("end", 14)):
        data = open_dataset(tmp_path, length=15, keep=keep)
        for split in data.splits.values():
            for i in range(len(split)):
                if split.identity(i) == "a/19.npy":
                    assert split.raw(i)[0].tolist() == list(range(first, first + 15))
                if split.identity(i) == "b/0.npy":
                    assert split.raw(i)[0, :10].tolist() == list(range(10))
                    ready = data.preprocessing.normalise(split.raw(i)[None])
                    assert ready[0, 0, 10:].abs().max() < 1e-6
    with pytest.raises(ConfigError, match="length is 0"):
        open_dataset(tmp_path, length=0)


def test_channels_must_agree_and_columns_are_found_by_their_names(tmp_path):
    for i in range(6):
        save(tmp_path / "ab"[i % 2] / f"{i}.csv", rows(noise(i, 9, 2), head=["x", "y"]))
    swapped = noise(4, 9, 2)[:, ::-1]
    save(tmp_path / "a" / "4.csv", rows(swapped, head=["y", "x"]))
    split = open_dataset(tmp_path, valid_fraction=0, test_fraction=0).splits["train"]
    place = [split.identity(i) for i in range(len(split))].index("a/4.csv")
    np.testing.assert_allclose(split.raw(place).numpy(), noise(4, 9, 2).T, atol=1e-6)
    save(tmp_path / "a" / "4.csv", rows(swapped, head=["y", "z"]))
    with pytest.raises(DataError, match="has no column 'x'"):
        open_dataset(tmp_path)
    assert {issue.kind for issue in check(str(tmp_path)).issues} >= {"channels"}


def test_a_constant_channel_is_a_warning_and_does_not_divide_by_zero(tmp_path):
    for i in range(6):
        values = np.concatenate([noise(i, 9, 1), np.full((9, 1), 3.0)], 1)
        save(tmp_path / "ab"[i % 2] / f"{i}.csv", rows(values, head=["x", "off"]))
    data = open_dataset(tmp_path)
    assert any("constant in train" in warning and "off" in warning for warning in data.warnings)
    assert data.preprocessing.std[1] == 1
    assert "constant" in {issue.kind for issue in check(str(tmp_path)).issues}


def test_sounds_of_another_rate_are_resampled_with_a_warning(tmp_path):
    for i in range(8):
        rate = 4000 if i == 5 else 2000
        tone = np.sin(2 * np.pi * 100 * np.arange(rate // 4) / rate).astype(np.float32)
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        wavfile.write(tmp_path / "ab"[i % 2] / f"{i}.wav", rate, 0.5 * tone)
    data = open_dataset(tmp_path, valid_fraction=0, test_fraction=0)
    assert any("2 rates are resampled to 2000 Hz" in warning for warning in data.warnings)
    assert data.spec.shape == (1, 500)
    split = data.splits["train"]
    by_name = {split.identity(i): split.raw(i)[0] for i in range(len(split))}
    assert (by_name["b/5.wav"] - by_name["b/7.wav"])[30:-30].abs().max() < 0.01
    assert open_dataset(tmp_path, rate=1000).spec.shape == (1, 250)


def test_series_that_do_not_fit_in_memory_are_streamed_and_the_same(bumps):
    kept, streamed = open_dataset(bumps), open_dataset(bumps, memory_mib=0)
    assert type(streamed.splits["train"]).__name__ == "FileSplit"
    assert streamed.preprocessing == kept.preprocessing
    assert streamed.split_hash("train") == kept.split_hash("train")
    one, other = (next(iter(data.batches("train", 16, shuffle=True, workers=0))) for data in (kept, streamed))
    assert all((a == b).all() for a, b in zip(one, other, strict=True))
    for data in (kept, streamed):
        for augment in (Augment(flip=True), Augment(decode_crop=0.5), Augment(sizes=((0.0, 32),))):
            with pytest.raises(ConfigError, match="only mixup is for signals"):
                data.batches("train", 16, augment=augment, epochs=2, workers=0)


def test_images_and_series_together_are_refused_and_remarks_beside_images_are_not(tmp_path):
    for i in range(6):
        folder = tmp_path / "mixed" / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9), (40 * i, 0, 0)).save(folder / f"{i}.png")
        np.save(folder / f"{i}.npy", noise(i, 5))
        save(tmp_path / "annotated" / "ab"[i % 2] / f"{i}.txt", "a remark")
        Image.new("RGB", (9, 9), (40 * i, 0, 0)).save(tmp_path / "annotated" / "ab"[i % 2] / f"{i}.png")
    with pytest.raises(DataError, match=r"images and series together: 6 \.npy, 6 \.png"):
        open_dataset(tmp_path / "mixed")
    assert open_dataset(tmp_path / "annotated").spec.axes == "chw"


def test_texts_of_words_are_no_series_and_remarks_beside_series_are_passed_over(bumps, tmp_path):
    for i in range(6):
        save(tmp_path / "words" / "ab"[i % 2] / f"{i}.txt", "It was a dark night.")
        save(tmp_path / "remarks" / "ab"[i % 2] / "about.txt", "sensor 3, in the cellar")
        save(tmp_path / "remarks" / "ab"[i % 2] / f"{i}.csv", rows(noise(i, 9, 2)))
        save(tmp_path / "numbers" / "ab"[i % 2] / f"{i}.txt", rows(noise(i, 9, 2), " "))
    assert open_dataset(tmp_path / "words").spec.axes == "t"  # texts by class
    assert any("2 .txt" in note for note in open_dataset(tmp_path / "remarks").notes)
    assert open_dataset(tmp_path / "numbers").spec.shape == (2, 9)


def test_a_manifest_of_series_opens_with_its_splits_and_groups(bumps, tmp_path):
    manifest = save(tmp_path / "list.csv", "path,label,split\n")
    with manifest.open("a") as file:
        for i in range(40):
            split = ("train", "valid", "test")[i % 3]
            for kind in ("up", "down"):
                file.write(f"{bumps}/{kind}/{i}.csv,{kind},{split}\n")
    data = open_dataset(manifest)
    assert data.spec.axes == "ct"
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 28, "valid": 26, "test": 26}


def test_every_damaged_file_is_counted_and_the_check_lists_them(bumps, tmp_path):
    for kind in ("up", "down"):
        for i in range(12):
            save(tmp_path / kind / f"{i}.csv", (bumps / kind / f"{i}.csv").read_text())
    save(tmp_path / "up" / "0.csv", "")
    save(tmp_path / "up" / "1.csv", "a,b\n1,x\n")
    save(tmp_path / "down" / "copy.csv", (tmp_path / "up" / "5.csv").read_text())
    with pytest.raises(DataError, match="2 of 25 series cannot be read") as refused:
        open_dataset(tmp_path)
    assert "profond data check" in refused.value.help
    report = check(str(tmp_path))
    kinds = {issue.kind: issue for issue in report.issues}
    assert kinds["unreadable"].items == (("up/0.csv",), ("up/1.csv",))
    assert kinds["contradiction"].items == (("down/copy.csv", "up/5.csv"),)
    assert not report.usable


# -- tables


def wide(path, count=40, label="label", split=False, delimiter=","):
    lines = []
    if label:
        lines.append(delimiter.join([*(["split"] if split else []), label, *(f"v{i}" for i in range(70))]))
    for i in range(count):
        kind = ("up", "down")[i % 2]
        cells = [f"{value:.6f}" for value in bump(kind, i)]
        lines.append(delimiter.join([*([("train", "test")[i % 4 == 3]] if split else []), kind, *cells]))
    return save(path, "\n".join(lines) + "\n")


@pytest.mark.parametrize("label", ["label", "Class", "classe", "kind", ""])
def test_a_wide_table_opens_with_a_header_or_without(tmp_path, label):
    data = open_dataset(wide(tmp_path / "t.csv", label=label))
    assert data.spec.shape == (1, 70)
    assert data.spec.classes == ("down", "up")
    split = data.splits["train"]
    place = [split.identity(i) for i in range(len(split))].index("3")
    np.testing.assert_allclose(split.raw(place)[0].numpy(), bump("up", 2), atol=1e-6)
    assert any("wide table" in note for note in data.notes)


def test_a_pair_of_tables_as_archives_have_it_opens_with_its_splits(tmp_path):
    for split, count in (("TRAIN", 20), ("TEST", 10)):
        lines = []
        for i in range(count):
            values = [f"{value:.6e}" for value in bump(("up", "down")[i % 2], i)]
            if i % 5 == 0:
                values[60:] = ["NaN"] * 10  # shorter ones end in NaN there
            lines.append("\t".join([f"{1 + i % 2:.7e}", *values]))
        save(tmp_path / f"Bumps_{split}.tsv", "\n".join(lines) + "\n")
        save(tmp_path / f"Bumps_{split}.txt", "\n".join(lines).replace("\t", "  ") + "\n")
    save(tmp_path / "README.md", "about it")
    data = open_dataset(tmp_path)
    assert data.spec.classes == ("1", "2")
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 20, "test": 10}
    assert any("series of 60 to 70 steps are brought to 70" in note for note in data.notes)


def long(path, label="label"):
    """Two channels, rows of the series mixed, times backwards."""
    lines = [f"id,t,x,y,{label}"]
    for step in reversed(range(70)):
        for i in range(30):
            kind = ("up", "down")[i % 2]
            lines.append(f"s{i},{step},{bump(kind, i)[step]:.6f},{i},{kind}")
    return save(path, "\n".join(lines) + "\n")


def test_a_long_table_is_put_in_order_and_its_columns_are_channels(tmp_path):
    data = open_dataset(long(tmp_path / "t.csv"))
    assert data.spec.shape == (2, 70)
    split = data.splits["train"]
    place = [split.identity(i) for i in range(len(split))].index("s2")
    np.testing.assert_allclose(split.raw(place)[0].numpy(), bump("up", 2), atol=1e-6)
    assert split.raw(place)[1].tolist() == [2] * 70


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("a,b,c\n1.5,2,3\n4,5,6\n", {}, "which column of .* is the label"),
        ("label,class,x,y\na,1,2,3\nb,1,2,3\n", {}, "several columns that could be the label"),
        ("t,x,label\n0,1,a\n1,2,a\n0,1,b\n1,5,b\n", {}, "none that says which series"),
        ("id,t,x,label\n1,0,1,a\n1,1,2,b\n2,0,1,b\n", {}, "line 3: the series '1' has two values of 'label'"),
        ("id,t,x,label\n1,0,1,a\n1,0,2,a\n2,0,1,b\n", {}, "has a time twice"),
        ("label,x,y\na,1,2\n,1,2\n", {}, "line 3: the label is empty"),
        ("label,x,y\na,1,2\nb,oops,2\nb,3,4\n", {}, "line 3, column 'x': 'oops' is not a number"),
        ("label,x,y,z\na,1,2,3\nb,1,,2\n", {}, "line 3: a missing value, step 2"),
        ("label,x,y\na,1,2\nb,1,2\n", {"label": "kind"}, "no column 'kind'"),
        ("label,x,y\na,1,2\na,1,2\n", {}, "one class only"),
        ("label,x,y\na,1,2\nb,1,2\n", {"lable": "x"}, "no setting 'lable'"),
    ],
)
def test_a_table_that_cannot_be_understood_is_refused_in_words(tmp_path, text, options, said):
    with pytest.raises((DataError, ConfigError), match=said) as refused:
        open_dataset(save(tmp_path / "t.csv", text), **options)
    assert refused.value.help


def test_settings_say_what_cannot_be_seen(tmp_path):
    file = save(tmp_path / "t.csv", "t,x,unit,kind\n" + "".join(
        f"{step},{step * unit},{unit},{'ab'[unit % 2]}\n" for unit in range(1, 9) for step in range(5)
    ))  # fmt: skip
    data = open_dataset(file, label="kind", id="unit")
    assert data.spec.shape == (1, 5)
    assert data.spec.classes == ("a", "b")


def test_a_manifest_without_its_columns_is_still_told_what_a_manifest_needs(tmp_path):
    with pytest.raises(DataError, match="has no column path"):
        open_dataset(save(tmp_path / "m.csv", "file,label\na.png,cat\nb.png,dog\n"))


# -- the command line


def test_the_default_command_trains_on_a_folder_of_series(trained):
    measured = json.loads((trained / "evaluation.json").read_text())["metrics"]
    assert measured["test"]["accuracy"]["value"] >= 0.95
    assert (trained / "evaluation" / "test" / "mistakes.png").is_file()
    assert "series.csv" in (trained / "README.md").read_text()
    known = json.loads((trained / "preprocessing.json").read_text())["series"]
    assert known["time_column"] == "time"
    assert known["names"] == ["value"]


def test_predicting_a_file_says_what_evaluation_said_of_it(trained, bumps, tmp_path, capsys):
    with (trained / "evaluation" / "test" / "predictions.csv").open() as file:
        said = {row["identity"]: row for row in csv.DictReader(file)}
    paths = [str(bumps / name) for name in said]
    table = tmp_path / "said.csv"
    assert run(["predict", str(trained), *paths, f"--csv={table}", "--quiet"]) == 0
    with table.open() as file:
        for row in csv.DictReader(file):
            before = said[str(Path(row["path"]).relative_to(bumps))]
            assert row["label"] == before["predicted"]
            assert float(row["probability"]) == pytest.approx(float(before["confidence"]), abs=1e-5)
    capsys.readouterr()
    french = (bumps / "up" / "0.csv").read_text().replace(",", ";").replace(".", ",")
    save(tmp_path / "new.csv", french)
    assert run(["predict", str(trained), str(tmp_path / "new.csv"), str(bumps / "up" / "0.csv"), "--quiet"]) == 0
    lines = [line.split("\t")[1:] for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == lines[1]


def test_what_a_run_cannot_take_is_refused_and_the_rest_predicted(trained, bumps, tmp_path, capsys):
    save(tmp_path / "in" / "bad.csv", "time,other\n0,1\n1,2\n")
    save(tmp_path / "in" / "good.csv", (bumps / "up" / "1.csv").read_text())
    Image.new("RGB", (5, 5)).save(tmp_path / "in" / "picture.png")
    assert run(["predict", str(trained), str(tmp_path / "in")]) == 3
    out, err = capsys.readouterr()
    assert out.startswith(str(tmp_path / "in" / "good.csv") + "\tup")
    assert "has no column 'value'" in err
    assert run(["predict", str(trained), str(tmp_path / "in" / "picture.png")]) == 3
    assert "is no series by its name" in capsys.readouterr().err


def test_features_evaluate_and_explain_know_series(trained, bumps, tmp_path, capsys):
    assert run(["features", str(trained), str(bumps / "up"), f"--out={tmp_path / 'f.npy'}"]) == 0
    assert np.load(tmp_path / "f.npy").shape == (40, 64)
    capsys.readouterr()
    assert run(["evaluate", str(trained), f"--data={bumps}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["count"] == 80
    assert run(["explain", str(trained), str(bumps / "up" / "0.csv"), "--method=maps"]) == 3
    assert "maps is for images, and this run was trained on series" in capsys.readouterr().err
    assert run(["data", "shard", str(bumps), str(tmp_path / "shards")]) == 3
    assert "shards are for pictures" in capsys.readouterr().err
    assert run(["finetune", "--model=resnet18", f"--data={bumps}"]) == 3
    assert "published for pictures only" in capsys.readouterr().err


class Stop:
    """Ends a training in its middle."""

    def started(self, progress): ...

    def stepped(self, progress):
        if progress.step == 3:
            raise KeyboardInterrupt

    def logged(self, progress, record): ...

    def finished(self, progress): ...


@pytest.mark.slow
@pytest.mark.parametrize("memory_mib", [1024, 0])
def test_a_run_on_series_that_is_stopped_in_its_middle_ends_with_the_same_bits(bumps, tmp_path, memory_mib):
    changes = {"training.epochs": 4, "training.precision": "fp32", "training.checkpoint_every_seconds": 0.0}
    changes |= {"data.memory_mib": memory_mib, "loader.workers": 0}
    config = changed(for_model("convnet1d", str(bumps)), changes)
    whole = train_experiment(assemble(config), out=tmp_path / "whole")
    with pytest.raises(Interrupted):
        train_experiment(assemble(config), out=tmp_path / "stopped", observers=[Stop()])
    stopped = next((tmp_path / "stopped").iterdir())
    assert not (stopped / "model.safetensors").exists()
    assert run(["runs", "resume", str(stopped), "--quiet"]) == 0
    assert (stopped / "model.safetensors").read_bytes() == whole.file("model.safetensors").read_bytes()


def test_a_run_on_a_table_predicts_tables_with_labels_or_without(tmp_path, capsys, monkeypatch):
    table = wide(tmp_path / "t.csv", 60)
    assert run(["train", "--model=mlp", f"--data={table}", f"--out={tmp_path / 'runs'}", "--quiet"]) == 0
    trained = next((tmp_path / "runs").iterdir())
    lines = [line.split(",") for line in table.read_text().splitlines()]
    bare = save(tmp_path / "new.csv", "\n".join(",".join(line[1:]) for line in lines) + "\n")
    with_labels = [one.top for one in Predictor.open(trained, device="cpu").predict([table])]
    without = Predictor.open(trained, device="cpu").predict([bare])
    assert [one.top for one in without] == with_labels
    assert without[16].source == f"{bare}#17"
    capsys.readouterr()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(bare.read_bytes())))
    assert run(["predict", str(trained), "-", "--quiet"]) == 0
    piped = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[1] for line in piped] == [top[0][0] for top in with_labels]
    assert piped[16].startswith("standard input#17\t")
    assert run(["evaluate", str(trained), f"--data={table}", "--json"]) == 0
    assert run(["predict", str(trained), str(save(tmp_path / "odd.csv", "a,b\nx,y\n"))]) == 3


@pytest.mark.parametrize("kind", ["wide", "headless", "long"])
def test_a_table_is_split_by_writing_it_again_with_its_splits(tmp_path, kind):
    table = (
        long(tmp_path / "t.csv")
        if kind == "long"
        else wide(tmp_path / "t.csv", label="" if kind == "headless" else "label")
    )
    assert run(["data", "split", str(table), f"--out={tmp_path / 's.csv'}"]) == 0
    before, after = open_dataset(table), open_dataset(tmp_path / "s.csv")
    assert {n: before.split_hash(n) for n in before.splits} == {n: after.split_hash(n) for n in after.splits}
    assert before.preprocessing.mean == after.preprocessing.mean


def test_a_folder_of_series_is_split_into_a_manifest(bumps, tmp_path):
    assert run(["data", "split", str(bumps), f"--out={tmp_path / 's.csv'}", "--duplicates-together"]) == 0
    assert {name: len(split) for name, split in open_dataset(tmp_path / "s.csv").splits.items()} == {
        "train": 64, "valid": 8, "test": 8
    }  # fmt: skip


@pytest.mark.parametrize(
    ("model", "said"),
    [("lenet5", "convnet1d and mlp take series"), ("resnet18", "convnet1d and mlp take series")],
)
def test_a_network_for_pictures_says_which_ones_take_series(bumps, model, said, capsys):
    assert run(["train", f"--model={model}", f"--data={bumps}"]) == 3
    assert said in capsys.readouterr().err


@pytest.mark.slow
def test_series_too_short_for_the_network_are_told_what_helps(tmp_path, capsys):
    for i in range(12):
        save(tmp_path / "s" / "ab"[i % 2] / f"{i}.csv", rows(noise(i, 26, 1)))
    command = ["train", "--model=convnet1d", f"--data={tmp_path / 's'}", "--epochs=1", f"--out={tmp_path / 'r'}"]
    assert run(command) == 3
    assert (
        "`train --set pool=2` pools less, `train --set data.length=64` makes your own series longer"
        in capsys.readouterr().err
    )
    assert run([*command, "--set", "pool=2", "--quiet"]) == 0
    assert run([*command, "--set", "data.length=64", "--quiet"]) == 0
