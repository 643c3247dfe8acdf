"""An exported file answers for what people have: pictures of all kinds, series in files, texts."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.exported import CLASSES, of_pictures, of_series, of_texts, weights, write

from profond.core.errors import ConfigError, DataError, ImageError
from profond.core.tokens import Tokens
from profond.data.images.decoding import eight_bit, resize
from profond.runtime.answers import answer, line, with_labels
from profond.runtime.exported import ExportedFile
from profond.runtime.metadata import metadata_of
from profond.runtime.pictures import Pictures
from profond.runtime.served import Served

ENGINES = ("onnx", "openvino")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return of_pictures(tmp_path_factory.mktemp("exported") / "signs.onnx")


def opened(path: Path, engine: str = "onnx", sizes: tuple[int, ...] = (1, 2), **options: Any) -> ExportedFile:
    found = ExportedFile(path, engine, 1, **options)
    found.load(sizes)
    return found


def picture(width: int = 40, height: int = 30, mode: str = "RGB") -> Image.Image:
    random = np.random.default_rng(width * height)
    image = Image.fromarray(random.integers(0, 256, (height, width, 4), dtype=np.uint8), "RGBA")
    if mode == "I;16":
        return Image.fromarray(random.integers(0, 65536, (height, width), dtype=np.uint16))
    return image if mode == "RGBA" else image.convert("RGB").convert(mode)


def saved(image: Image.Image, kind: str = "PNG", **settings: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return buffer.getvalue()


def by_hand(image: Image.Image) -> np.ndarray:
    """The probabilities of `of_pictures`, for a picture as Pillow brings it to size."""
    pixels = np.asarray(resize(eight_bit(image, "RGB"), (8, 8), "crop", "bilinear"), np.float64)
    scores = pixels.reshape(-1) @ weights()
    return np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_picture_of_any_kind_is_answered_as_pillow_prepares_it(file: Path, engine: str) -> None:
    one = opened(file, engine)
    kinds = [picture(), picture(9, 300), picture(300, 9), picture(2, 1), picture(8, 8)]
    kinds += [picture(mode=mode) for mode in ("L", "P", "1", "CMYK", "RGBA", "I;16")]
    for image in kinds:
        body = saved(image, "TIFF" if image.mode == "CMYK" else "PNG")
        found = one.answer(one.run(one.decoded(body)), 0)
        shares = by_hand(image)
        assert found["label"] == CLASSES[shares.argmax()], image.mode
        assert [each["probability"] for each in found["top"]] == pytest.approx(sorted(shares)[::-1], abs=1e-5)
        assert {each["label"] for each in found["top"]} == set(CLASSES)


def test_a_picture_that_was_turned_is_upright(file: Path) -> None:
    one, image = opened(file), picture(24, 48)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = image.transpose(Image.Transpose.ROTATE_90)
    found = one.run(one.decoded(saved(turned, "PNG", exif=exif)))["probabilities"][0]
    np.testing.assert_allclose(found, by_hand(image), atol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_arrays_of_any_size_get_the_networks(file: Path, engine: str) -> None:
    one: Served = opened(file, engine)
    pixels = np.stack([np.asarray(picture(40, 30)), np.asarray(picture(40, 30).transpose(0))])
    prepared = one.prepared({"pictures": pixels})
    assert prepared["pictures"].shape == (2, 8, 8, 3)
    found = one.run(prepared)["probabilities"]
    for row, image in zip(found, pixels, strict=True):
        np.testing.assert_allclose(row, by_hand(Image.fromarray(image)), atol=1e-5)


def test_what_it_says_of_itself(file: Path) -> None:
    one = ExportedFile(file, "onnx", 1)
    assert (one.name, one.takes, one.platform, one.inputs) == ("signs", "images", "onnxruntime_onnx", ())
    assert one.about["answer"]["classes"] == list(CLASSES)
    one.load([1])
    assert [port.name for port in one.outputs] == ["probabilities", "label"]
    assert one.inputs[0].shape == ("n", "height", "width", 3)
    openvino = opened(file, "openvino", name="other")
    assert (openvino.name, openvino.platform) == ("other", "openvino")
    assert openvino.inputs == one.inputs


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "'pictures' is missing"),
        ({"pictures": np.zeros((1, 8, 8, 1), np.uint8)}, "uint8 1×8×8×1"),
        ({"pictures": np.zeros((1, 8, 8, 3), np.float32)}, "float32 1×8×8×3"),
        ({"pictures": np.zeros((8, 8, 3), np.uint8)}, "uint8 8×8×3"),
        ({"pictures": np.zeros((1, 0, 8, 3), np.uint8)}, "8×0 pixels"),
        ({"pictures": np.zeros((1, 8, 8, 3), np.uint8), "more": np.zeros(1)}, "'more' is unknown"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(file: Path, inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        opened(file).prepared(inputs)


@pytest.mark.parametrize("body", [b"", b"no picture", b"\x89PNG\r\n\x1a\n cut off"])
def test_what_is_no_picture_is_refused(file: Path, body: bytes) -> None:
    with pytest.raises(ImageError, match="the picture"):
        opened(file).decoded(body)


def test_a_network_of_one_size_and_colour_refuses_others(tmp_path: Path) -> None:
    one = opened(of_pictures(tmp_path / "digits.onnx", mode="L", fixed_size=True))
    with pytest.raises(DataError, match=r"40×30, but the network was trained on 8×8"):
        one.decoded(saved(picture()))
    with pytest.raises(DataError, match=r"40×30, but the network was trained on 8×8"):
        one.prepared({"pictures": np.zeros((1, 30, 40, 1), np.uint8)})
    with pytest.raises(DataError, match="in colour, but the network was trained on grey"):
        one.decoded(saved(picture(8, 8)))
    assert one.decoded(saved(picture(8, 8, "L")))["pictures"].shape == (1, 8, 8, 1)


@pytest.mark.parametrize(("size", "crop"), [((224, 224), 0.875), ((8, 16), 0.5), ((90, 90), 0.9)])
def test_a_crop_of_the_middle_lies_where_the_graph_will_find_it(size: tuple[int, int], crop: float) -> None:
    known = Pictures("RGB", size, crop=crop)
    image = picture(300, 420)
    whole = known.decoded(saved(image))[0]
    assert whole.shape[:2] == known.canvas == tuple(round(side / crop) for side in size)
    expected = resize(image, size, "crop", "bilinear", crop=crop)
    again = resize(Image.fromarray(whole), size, "crop", "bilinear", crop=crop)  # as the graph does
    assert np.array_equal(np.asarray(again), np.asarray(expected))


def test_where_no_size_has_that_middle_pictures_stay_as_they_are(tmp_path: Path) -> None:
    assert Pictures("RGB", (299, 299), crop=0.897).canvas is None
    path = of_pictures(tmp_path / "odd.onnx", crop=0.7)
    one = opened(path, "auto")
    assert one.platform == "onnxruntime_onnx"
    assert one.decoded(saved(picture(40, 30)))["pictures"].shape == (1, 30, 40, 3)
    with pytest.raises(ConfigError, match="inputs of one shape"):
        ExportedFile(path, "openvino")


def test_a_series_in_a_file_is_cut_and_filled_up(tmp_path: Path) -> None:
    one = opened(of_series(tmp_path / "s.onnx", {"channels": 2, "length": 4, "names": ["a", "b"]}), "openvino")
    body = "b,a,c\n10,1,0\n20,3,0\n"
    prepared = one.decoded(body.encode())["series"]
    assert prepared.tolist() == [[[1, 3, 1, 1], [10, 20, 2, 2]]]
    found = one.answer(one.run({"series": prepared}), 0)
    assert found == {
        "estimates": [{"name": "speed", "unit": "m/s", "value": 1.5}, {"name": "b", "unit": "", "value": 8.5}]
    }
    assert line(found) == "speed 1.5 m/s\tb 8.5"
    assert one.prepared({"series": np.ones((3, 2, 9), np.float32)})["series"].shape == (3, 2, 4)
    buffer = io.BytesIO()
    np.save(buffer, np.ones((5, 2), np.float32))
    assert one.decoded(buffer.getvalue())["series"].shape == (1, 2, 4)
    with pytest.raises(DataError, match=r"the series has no column 'b'"):
        one.decoded(b"a,c\n1,2\n3,4\n")
    with pytest.raises(DataError, match="missing or infinite"):
        one.prepared({"series": np.full((1, 2, 4), np.nan, np.float32)})


def test_where_a_graph_has_no_names_of_classes_they_are_given_beside() -> None:
    said = {"kind": "classes", "classes": ["a", "b"]}
    shares = {"probabilities": np.array([[0.2, 0.8], [0.7, 0.3]], np.float32)}
    assert with_labels(said, shares)["label"].tolist() == ["b", "a"]
    assert with_labels(said, {**shares, "label": np.array(["x", "y"])})["label"].tolist() == ["x", "y"]
    assert with_labels({"kind": "numbers"}, shares) == shares
    with pytest.raises(ConfigError, match="1 names of classes"):
        with_labels({**said, "classes": ["a"]}, shares)


WIDE = {"channels": 1, "length": 3, "table": "wide", "label": "kind", "names": ["value"]}
LONG = {
    "channels": 2,
    "length": 2,
    "table": "long",
    "label": "kind",
    "id": "id",
    "time_column": "t",
    "names": ["x", "y"],
}


@pytest.mark.parametrize(
    ("known", "body", "expected"),
    [
        (WIDE, "kind;a;b;c\nslow;1,5;2;3\nfast;4;5;6,5\n", {"1": [[1.5, 2, 3]], "2": [[4, 5, 6.5]]}),
        (WIDE, "a,b,c\n1,2,3\n", {"1": [[1, 2, 3]]}),
        (WIDE, "1\t2\n4\t5\n", {"1": [[1, 2, 1]], "2": [[4, 5, 1]]}),
        (WIDE, "kind,a,b\n,1,2\n", {"1": [[1, 2, 1]]}),
        (
            WIDE,
            "# remark\n@classLabel true slow fast\n@data\n1,2:fast\n4,5,6:slow\n",
            {"1": [[1, 2, 1]], "2": [[4, 5, 6]]},
        ),
        (LONG, "id;t;x;y;kind\nb;1;2,5;3;u\nb;0;1;4;u\na;0;7;8;v\n", {"b": [[1, 2.5], [4, 3]], "a": [[7, 1], [8, 2]]}),
        (LONG, "t,x,y\n0,1,2\n1,3,4\n", {"series": [[1, 3], [2, 4]]}),
        (WIDE, "value\n1\n2\n3\n", None),
        ({"channels": 1, "length": 3}, "1\n2\n3\n", None),
    ],
)
def test_a_table_of_series_is_read_as_the_one_that_was_trained_on(
    tmp_path: Path, known: dict[str, object], body: str, expected: dict[str, object] | None
) -> None:
    found = opened(of_series(tmp_path / "s.onnx", known), "onnx").rows(body.encode())
    assert (None if found is None else {id: one["series"][0].tolist() for id, one in found.items()}) == expected


def test_what_is_no_such_table_is_refused_in_words_and_one_series_is_taken_as_it_is(tmp_path: Path) -> None:
    wide = opened(of_series(tmp_path / "w.onnx", WIDE), "onnx")
    assert wide.decoded(b"value\n1\n2\n3\n")["series"].tolist() == [[[1, 2, 3]]]
    assert wide.decoded(b"kind,a,b,c\nslow,1,2,3\n")["series"].tolist() == [[[1, 2, 3]]]
    buffer = io.BytesIO()
    np.save(buffer, np.arange(3.0))
    assert wide.rows(buffer.getvalue()) is None
    assert wide.decoded(buffer.getvalue())["series"].tolist() == [[[0, 1, 2]]]
    with pytest.raises(DataError, match="has 2 series, and one is taken"):
        wide.decoded(b"1,2,3\n4,5,6\n")
    with pytest.raises(DataError, match=r"the series, line 2, .*'x' is not a number"):
        wide.rows(b"1,2,3\n4,x,6\n7,8,9\n")
    with pytest.raises(DataError, match="is not laid out like the table"):
        wide.rows(b"good,bad\nno,yes\n")
    with pytest.raises(DataError, match="has no column 'y'"):
        opened(of_series(tmp_path / "l.onnx", LONG), "onnx").rows(b"id,t,x\na,0,1\n")


def test_a_text_is_cut_into_the_files_own_tokens(tmp_path: Path) -> None:
    tokens = Tokens.learn(["a fine film", "a bad film"])
    one = opened(of_texts(tmp_path / "t.onnx", tokens.to_json()), "auto")
    assert one.platform == "onnxruntime_onnx"
    found = one.decoded(b"fine film")
    assert found["tokens"].shape == (1, 16)
    assert found["tokens"][0, :2].tolist() == tokens.encode("fine film")
    assert one.answer(one.run(found), 0)["label"] == "no entry"
    assert one.prepared({"tokens": np.ones((2, 17), np.int64)})["tokens"].shape == (2, 32)
    for body, message in ((b"  ", "empty"), (b"\xff\xfe\xff", "not UTF-8")):
        with pytest.raises(DataError, match=message):
            one.decoded(body)


def test_what_a_file_says_of_itself_is_read_without_an_engine(file: Path, tmp_path: Path) -> None:
    import onnx

    kept = {one.key: one.value for one in onnx.load(file).metadata_props}
    assert metadata_of(file) == json.loads(kept["profond"])
    own = tmp_path / "own.xml"
    text = "{&quot;profond&quot;: 1, &quot;takes&quot;: &quot;é&quot;}"
    own.write_text(f'<rt_info><framework><profond value="1" /></framework><profond value="{text}" /></rt_info>')
    assert metadata_of(own)["takes"] == "é"


def test_a_file_that_is_not_profonds_is_refused(file: Path, tmp_path: Path) -> None:
    model = tmp_path / "other.onnx"
    model.write_bytes(b"\x08\x0a")
    with pytest.raises(ConfigError, match="not written by Profond"):
        ExportedFile(model)
    whole = file.read_bytes()
    for left, how in ((len(whole) - 50, "it is cut off"), (len(whole) // 2, "it is cut off"), (0, "it is empty")):
        model.write_bytes(whole[:left])
        with pytest.raises(ConfigError, match=f"cannot be read: {how}"):
            ExportedFile(model)
    model.write_bytes(b"\x0b\xff\xff")
    with pytest.raises(ConfigError, match="not ONNX"):
        ExportedFile(model)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"profond": 2, "takes": "images"}, "later version"),
        ({"takes": "smells"}, "takes 'smells'"),
        ({"takes": "images"}, "picture is like"),
        ({"takes": "images", "picture": {"mode": "L"}}, "pictures is damaged"),
        ({"takes": "texts"}, "what they are written in"),
        ({"takes": "texts", "text": {"kind": "words", "entries": ["a"]}}, "damaged"),
    ],
)
def test_descriptions_that_are_not_understood_are_refused(
    tmp_path: Path, metadata: dict[str, Any], message: str
) -> None:
    from onnx import TensorProto, helper

    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in ("a", "b")]
    path = write(tmp_path / "x.onnx", [helper.make_node("Abs", ["a"], ["b"])], ports[:1], ports[1:], {}, metadata)
    with pytest.raises(ConfigError, match=message):
        ExportedFile(path)


def test_texts_as_arrays_go_in_as_they_are(tmp_path: Path) -> None:
    from onnx import TensorProto, helper

    ports = [helper.make_tensor_value_info(name, TensorProto.STRING, ["n", 2]) for name in ("a", "b")]
    nodes = [helper.make_node("Identity", ["a"], ["b"])]
    one = opened(write(tmp_path / "x.onnx", nodes, ports[:1], ports[1:], {}, {"takes": "tensors"}))
    for words in (np.array([["a", "é"]]), np.array([["a", "é"]], dtype=object)):
        assert one.run(one.prepared({"a": words}))["b"].tolist() == [["a", "é"]]
    with pytest.raises(DataError, match="'a' is int64 1×2"):
        one.prepared({"a": np.ones((1, 2), np.int64)})


def test_answers_that_cannot_be_are_refused() -> None:
    said = {"kind": "classes", "classes": ["a", "b"]}
    with pytest.raises(ConfigError, match="not finite"):
        answer(said, {"probabilities": np.array([[np.nan, 1]], np.float32)}, 0)
    with pytest.raises(ConfigError, match="names 2 classes and tells 3 apart"):
        answer(said, {"probabilities": np.ones((1, 3), np.float32)}, 0)
    assert answer({}, {"x": np.array([[0.1]], np.float32), "y": np.array([[3]])}, 0) == {"x": [0.1], "y": [3]}
