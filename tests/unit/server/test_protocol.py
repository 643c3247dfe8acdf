"""The Open Inference Protocol over HTTP, as its specification and the extension of binary tensors have it."""

import base64
import io
import json
import math
from pathlib import Path

import httpx
import numpy as np
import pytest
from onnx import TensorProto, helper
from starlette.testclient import TestClient
from support.exported import CLASSES, of_series, of_texts, write
from unit.server.conftest import Serve, jpeg, pixels

from profond.core.tokens import Tokens
from profond.runtime.exported import ExportedFile

INFER = "/v2/models/signs/infer"
LENGTH = "Inference-Header-Content-Length"


def tensor(values: np.ndarray, **more: object) -> dict:
    return {
        "name": "pictures",
        "shape": list(values.shape),
        "datatype": "UINT8",
        "data": values.ravel().tolist(),
        **more,
    }


def binary(values: np.ndarray, **more: object) -> tuple[bytes, dict[str, str]]:
    """The body of a request with the tensor behind the JSON, and its headers."""
    raw = values.tobytes()
    entry = {"name": "pictures", "shape": list(values.shape), "datatype": "UINT8"}
    head = json.dumps({"inputs": [{**entry, "parameters": {"binary_data_size": len(raw)}}], **more}).encode()
    return head + raw, {LENGTH: str(len(head)), "Content-Type": "application/octet-stream"}


def test_the_server_says_what_it_is_and_that_it_lives(client: TestClient) -> None:
    assert client.get("/v2").json()["extensions"] == ["binary_tensor_data"]
    assert client.get("/v2/").json() == client.get("/v2").json()
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"live": True, "ready": True}


@pytest.mark.parametrize("path", ["/v2/models/signs", "/v2/models/signs/versions/1"])
def test_a_model_says_what_it_takes_with_its_version_or_without(client: TestClient, path: str) -> None:
    said = client.get(path).json()
    assert said["name"] == "signs"
    assert said["versions"] == ["1"]
    assert said["inputs"] == [{"name": "pictures", "datatype": "UINT8", "shape": [-1, -1, -1, 3]}]
    assert said["outputs"] == [
        {"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]},
        {"name": "label", "datatype": "BYTES", "shape": [-1]},
    ]
    assert client.get(path + "/ready").json() == {"name": "signs", "ready": True}


def test_nested_and_flat_data_binary_data_and_a_version_get_the_same_answer(client: TestClient) -> None:
    values = pixels(1, count=3)
    flat = client.post(INFER, json={"inputs": [tensor(values)]}).json()
    nested = client.post(INFER, json={"inputs": [tensor(values, data=values.tolist())]}).json()
    body, headers = binary(values)
    packed = client.post("/v2/models/signs/versions/1/infer", content=body, headers=headers).json()
    assert flat == nested == packed
    assert flat["model_name"] == "signs"
    assert flat["model_version"] == "1"
    assert "id" not in flat
    shares = np.array(flat["outputs"][0]["data"]).reshape(flat["outputs"][0]["shape"])
    assert shares.shape == (3, 3)
    assert flat["outputs"][1]["data"] == [CLASSES[best] for best in shares.argmax(1)]


def test_outputs_come_in_binary_where_the_request_or_one_output_says_so(client: TestClient) -> None:
    values = pixels(2)
    plain = client.post(INFER, json={"inputs": [tensor(values)]}).json()["outputs"]
    body, headers = binary(values, parameters={"binary_data_output": True})
    answer = client.post(INFER, content=body, headers=headers)
    length = int(answer.headers[LENGTH])
    head, rest = json.loads(answer.content[:length]), answer.content[length:]
    sizes = [one["parameters"]["binary_data_size"] for one in head["outputs"]]
    assert sum(sizes) == len(rest)
    assert np.frombuffer(rest[: sizes[0]], "<f4").tolist() == plain[0]["data"]
    assert rest[sizes[0] :] == len(plain[1]["data"][0]).to_bytes(4, "little") + plain[1]["data"][0].encode()

    wanted = [{"name": "label"}, {"name": "probabilities", "parameters": {"binary_data": True}}]
    answer = client.post(INFER, json={"id": "7", "inputs": [tensor(values)], "outputs": wanted})
    length = int(answer.headers[LENGTH])
    head = json.loads(answer.content[:length])
    assert head["id"] == "7"
    assert [one["name"] for one in head["outputs"]] == ["label", "probabilities"]
    assert head["outputs"][0]["data"] == plain[1]["data"]
    assert answer.content[length:] == rest[: sizes[0]]


def test_a_picture_may_come_as_a_file_in_json_in_binary_or_as_the_body(client: TestClient, photo: bytes) -> None:
    known = client.post("/predict", content=photo).json()
    entry = {"name": "pictures", "shape": [1], "datatype": "BYTES"}
    in_json = client.post(INFER, json={"inputs": [{**entry, "data": [base64.b64encode(photo).decode()]}]}).json()
    raw = len(photo).to_bytes(4, "little") + photo
    head = json.dumps({"inputs": [{**entry, "parameters": {"binary_data_size": len(raw)}}]}).encode()
    packed = client.post(INFER, content=head + raw, headers={LENGTH: str(len(head))}).json()
    assert in_json == packed
    assert in_json["outputs"][1]["data"] == [known["label"]]
    assert max(in_json["outputs"][0]["data"]) == known["probability"]
    body = client.post(INFER, content=photo, headers={LENGTH: "0"})
    assert body.content.endswith(known["label"].encode())


DATATYPES = {
    "BOOL": (TensorProto.BOOL, np.bool_),
    "UINT8": (TensorProto.UINT8, np.uint8),
    "UINT16": (TensorProto.UINT16, np.uint16),
    "UINT32": (TensorProto.UINT32, np.uint32),
    "UINT64": (TensorProto.UINT64, np.uint64),
    "INT8": (TensorProto.INT8, np.int8),
    "INT16": (TensorProto.INT16, np.int16),
    "INT32": (TensorProto.INT32, np.int32),
    "INT64": (TensorProto.INT64, np.int64),
    "FP16": (TensorProto.FLOAT16, np.float16),
    "FP32": (TensorProto.FLOAT, np.float32),
    "FP64": (TensorProto.DOUBLE, np.float64),
}


def test_every_datatype_goes_in_and_out_unchanged_as_json_and_in_binary(serve: Serve, tmp_path: Path) -> None:
    def port(name: str, kind: int) -> object:
        return helper.make_tensor_value_info(name, kind, ["n", 2])

    path = write(
        tmp_path / "same.onnx",
        [helper.make_node("Identity", [name], [name + "_out"]) for name in DATATYPES],
        [port(name, kind) for name, (kind, _) in DATATYPES.items()],
        [port(name + "_out", kind) for name, (kind, _) in DATATYPES.items()],
        {},
        {"takes": "tensors", "answer": {}},
    )
    client = serve(ExportedFile(path, "onnx", threads=1))
    given = {name: _extremes(np.dtype(dtype)) for name, (_, dtype) in DATATYPES.items()}
    entries = [{"name": name, "datatype": name, "shape": [2, 2]} for name in DATATYPES]

    in_json = [{**entry, "data": given[entry["name"]].ravel().tolist()} for entry in entries]
    said = client.post("/v2/models/same/infer", json={"inputs": in_json}).json()
    for one in said["outputs"]:
        dtype = DATATYPES[one["datatype"]][1]
        assert np.array(one["data"], dtype).tobytes() == given[one["datatype"]].tobytes(), one["datatype"]

    raw = [given[name].tobytes() for name in DATATYPES]
    packed = [{**entry, "parameters": {"binary_data_size": len(one)}} for entry, one in zip(entries, raw, strict=True)]
    head = json.dumps({"inputs": packed, "parameters": {"binary_data_output": True}}).encode()
    answer = client.post("/v2/models/same/infer", content=head + b"".join(raw), headers={LENGTH: str(len(head))})
    assert answer.content[int(answer.headers[LENGTH]) :] == b"".join(raw)


def _extremes(dtype: np.dtype) -> np.ndarray:
    if dtype.kind == "b":
        return np.array([[True, False], [False, True]])
    limits = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    return np.array([[limits.min, limits.max], [1, 0]], dtype)


def test_what_is_not_finite_is_null_in_json_and_itself_in_binary(serve: Serve, tmp_path: Path) -> None:
    path = write(
        tmp_path / "log.onnx",
        [helper.make_node("Log", ["x"], ["y"])],
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        {},
        {"takes": "tensors", "answer": {}},
    )
    client = serve(ExportedFile(path, "onnx", threads=1))
    request = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 3], "data": [0, 1, -1]}]}
    assert client.post("/v2/models/log/infer", json=request).json()["outputs"][0]["data"] == [None, 0.0, None]
    raw = client.post("/v2/models/log/infer", json={**request, "parameters": {"binary_data_output": True}})
    least, zero, unknown = np.frombuffer(raw.content[int(raw.headers[LENGTH]) :], "<f4")
    assert (least, zero) == (-math.inf, 0)
    assert math.isnan(unknown)


def test_numbers_of_another_width_are_taken_where_nothing_of_them_is_lost(serve: Serve, client: TestClient) -> None:
    values = pixels(3)
    wide = client.post(INFER, json={"inputs": [tensor(values, datatype="INT64")]})
    assert wide.json()["outputs"] == client.post(INFER, json={"inputs": [tensor(values)]}).json()["outputs"]
    large = values.astype(np.int64) + 200
    refused = client.post(INFER, json={"inputs": [{**tensor(large), "datatype": "INT64"}]})
    assert (refused.status_code, "0 to 255" in refused.json()["error"]) == (400, True)
    assert client.post(INFER, json={"inputs": [tensor(values, datatype="FP32")]}).status_code == 400


GOOD = tensor(pixels(4))
BAD = {
    "no JSON": b"{",
    "no UTF-8": b'{"id": "\xff"}',
    "nested without end": b"[" * 200_000,
    "a number of 5,000 digits": b'{"id": ' + b"9" * 5000 + b"}",
    "a list": [],
    "no inputs": {},
    "empty inputs": {"inputs": []},
    "inputs that are none": {"inputs": [1]},
    "an input without a name": {"inputs": [{**GOOD, "name": None}]},
    "an unknown input": {"inputs": [{**GOOD, "name": "x"}]},
    "one twice": {"inputs": [GOOD, GOOD]},
    "an unknown output": {"inputs": [GOOD], "outputs": [{"name": "x"}]},
    "an output twice": {"inputs": [GOOD], "outputs": [{"name": "label"}, {"name": "label"}]},
    "an id that is a number": {"id": 1, "inputs": [GOOD]},
    "parameters that are a list": {"inputs": [GOOD], "parameters": [1]},
    "a parameter that is a list": {"inputs": [GOOD], "parameters": {"a": []}},
    "a flag that is a text": {"inputs": [GOOD], "parameters": {"binary_data_output": "yes"}},
    "shared memory": {"inputs": [{**GOOD, "parameters": {"shared_memory_region": "a"}}]},
    "an unknown datatype": {"inputs": [{**GOOD, "datatype": "UINT4"}]},
    "no datatype": {"inputs": [{**GOOD, "datatype": None}]},
    "a datatype that is a list": {"inputs": [{**GOOD, "datatype": []}]},
    "a negative shape": {"inputs": [{**GOOD, "shape": [-1, 8, 8, 3]}]},
    "a shape of booleans": {"inputs": [{**GOOD, "shape": [True, 8, 8, 3]}]},
    "no samples": {"inputs": [{**GOOD, "shape": [0, 8, 8, 3], "data": []}]},
    "too few axes": {"inputs": [{**GOOD, "shape": [8, 8, 3]}]},
    "another number of colours": {"inputs": [{**GOOD, "shape": [1, 8, 24, 1]}]},
    "too few elements": {"inputs": [{**GOOD, "data": GOOD["data"][1:]}]},
    "uneven rows": {"inputs": [{**GOOD, "data": [GOOD["data"][:100], GOOD["data"][100:]]}]},
    "a text among numbers": {"inputs": [{**GOOD, "data": ["1", *GOOD["data"][1:]]}]},
    "a boolean among numbers": {"inputs": [{**GOOD, "data": [True, *GOOD["data"][1:]]}]},
    "a fraction": {"inputs": [{**GOOD, "data": [0.5, *GOOD["data"][1:]]}]},
    "a number that is too large": {"inputs": [{**GOOD, "data": [256, *GOOD["data"][1:]]}]},
    "null": {"inputs": [{**GOOD, "data": [None, *GOOD["data"][1:]]}]},
    "no data": {"inputs": [{key: value for key, value in GOOD.items() if key != "data"}]},
    "binary without its header": {"inputs": [{**GOOD, "parameters": {"binary_data_size": 192}}]},
    "a file that is no base64": {"inputs": [{"name": "pictures", "datatype": "BYTES", "shape": [1], "data": ["?"]}]},
    "a file that is no picture": {
        "inputs": [{"name": "pictures", "datatype": "BYTES", "shape": [1], "data": ["AAAA"]}]
    },
    "files in three axes": {
        "inputs": [{"name": "pictures", "datatype": "BYTES", "shape": [1, 1, 1], "data": ["AAAA"]}]
    },
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_request_is_refused_in_words(client: TestClient, what: str) -> None:
    body = BAD[what]
    answer = client.post(INFER, content=body if isinstance(body, bytes) else json.dumps(body).encode())
    assert answer.status_code == 400, answer.text
    assert set(answer.json()) == {"error"}
    assert len(answer.json()["error"]) < 400


@pytest.mark.parametrize("size", [-1, 191, 193, "192", True, 1 << 70])
def test_a_wrong_size_of_binary_data_is_refused(client: TestClient, size: object) -> None:
    raw = pixels(5).tobytes()
    entry = {"name": "pictures", "shape": [1, 8, 8, 3], "datatype": "UINT8", "parameters": {"binary_data_size": size}}
    head = json.dumps({"inputs": [entry]}).encode()
    answer = client.post(INFER, content=head + raw, headers={LENGTH: str(len(head))})
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("length", ["-1", "x", "99999", "9" * 400, "²"])
def test_a_wrong_length_of_the_json_is_refused(client: TestClient, length: str) -> None:
    answer = client.post(INFER, content=b"{}", headers=[(LENGTH.encode(), length.encode())])
    assert answer.status_code == 400, answer.text


def test_what_is_not_there_and_what_is_not_taken_has_its_own_status(client: TestClient) -> None:
    def status(method: str, path: str, **more: object) -> int:
        answer = client.request(method, path, **more)
        assert set(answer.json()) == {"error"}, path
        return answer.status_code

    for path in ("/v2/models/x", "/v2/models/x/ready", "/v2/models/signs/versions/2", "/v2/nothing", "/v2/models/"):
        assert status("GET", path) == 404
    assert status("POST", "/v2/models/x/infer", json={}) == 404
    assert status("GET", INFER) == 405
    assert status("POST", "/v2") == 405
    for kind in ("text/plain", "image/jpeg", "multipart/form-data; boundary=x"):
        assert status("POST", INFER, content=b"{}", headers={"Content-Type": kind}) == 415
    assert status("POST", INFER, content=b"{}", headers={"Content-Encoding": "br"}) == 415
    for kind in ("", "application/json", "application/octet-stream", "application/x-www-form-urlencoded"):
        assert client.post(INFER, json={"inputs": [GOOD]}, headers={"Content-Type": kind}).status_code == 200


def test_a_plain_post_takes_a_body_or_a_form_and_says_what_it_cannot_take(client: TestClient, photo: bytes) -> None:
    bare = client.post("/predict", content=photo)
    typed = client.post("/predict/signs", content=photo, headers={"Content-Type": "image/jpeg"})
    form = client.post("/predict", files={"file": ("a.jpg", photo, "image/jpeg")})
    assert bare.json() == typed.json() == form.json()
    assert bare.json()["model"] == "signs"
    assert bare.json()["label"] in CLASSES
    assert client.post("/predict", content=b"").status_code == 400
    assert client.post("/predict", content=b"GIF89a but cut off").status_code == 400
    assert client.post("/predict", data={"a": "1", "b": "2"}, files={}).status_code == 400
    assert client.post("/predict", files=[("a", photo), ("b", photo)]).status_code == 400
    for kind in ("image/svg+xml", "text/html", "application/json", "application/pdf"):
        assert client.post("/predict", content=photo, headers={"Content-Type": kind}).status_code == 415
    other = jpeg(9)
    assert client.post("/predict", content=other).json() != bare.json()


def test_a_text_comes_in_the_character_set_that_its_content_type_names(serve: Serve, tmp_path: Path) -> None:
    tokens = Tokens.learn(["un été", "un film"]).to_json()
    client = serve(ExportedFile(of_texts(tmp_path / "words.onnx", tokens), "onnx"))

    def post(text: bytes, charset: str) -> httpx.Response:
        return client.post("/predict", content=text, headers={"Content-Type": f"text/plain{charset}"})

    known = post("un été".encode(), "").json()
    assert known != post(b"un", "").json()
    for charset, codec in (
        ("iso-8859-1", "latin-1"),
        ("Windows-1252", "cp1252"),
        ("utf-16", "utf-16"),
        ('"UTF-8"', "utf-8"),
    ):
        assert post("un été".encode(codec), f"; charset={charset}").json() == known
    unsaid = post("un été".encode("latin-1"), "")
    assert unsaid.status_code == 400
    assert "charset=windows-1252" in unsaid.json()["error"]
    assert [post(b"x", f"; charset={name}").status_code for name in ("punycode", "zlib", "none")] == [415] * 3


def test_a_table_of_series_gets_an_answer_for_each_and_says_what_it_cannot_take(serve: Serve, tmp_path: Path) -> None:
    known = {"channels": 1, "length": 3, "table": "wide", "label": "kind", "names": ["value"]}
    client = serve(ExportedFile(of_series(tmp_path / "speed.onnx", known), "onnx"), queue=40, json_bytes=2000)
    head = "kind;a;b;c\n"
    rows = [f"slow;{number},5;{number};{number}\n" for number in range(100)]
    found = client.post("/predict", content=head + "".join(rows), headers={"Content-Type": "text/csv"})
    assert found.status_code == 200, found.text
    assert [one["id"] for one in found.json()["predictions"]] == [str(number) for number in range(1, 101)]
    alone = client.post("/predict", files={"file": ("a.csv", head + rows[60], "text/csv")}).json()["predictions"]
    assert alone[0]["estimates"] == found.json()["predictions"][60]["estimates"]
    assert alone[0]["estimates"][0]["value"] == pytest.approx(60 + 1 / 6)
    column = client.post("/predict", content="60.5\n60\n60\n").json()
    assert column == {"model": "speed", "estimates": alone[0]["estimates"]}
    array = io.BytesIO()
    np.save(array, np.array([60.5, 60, 60]))
    assert client.post("/predict", content=array.getvalue()).json() == column
    for body, status, words in (
        (head + "slow;1;x;3\n" + rows[1] + rows[2], 400, "'x' is not a number"),
        ("a,b\nno,yes\n", 400, "not laid out like the table"),
        ("slow;;;\n" + rows[1], 400, "no values"),
        ("RIFF1234WAVE", 400, "the series"),
        (head + "".join(rows * 2), 413, "bytes of text"),
    ):
        refused = client.post("/predict", content=body)
        assert (refused.status_code, words in refused.json()["error"]) == (status, True), refused.text
    given = {"name": "series", "shape": [1], "datatype": "BYTES", "data": [head + rows[1] + rows[2]]}
    asked = client.post("/v2/models/speed/infer", json={"inputs": [given]})
    assert (asked.status_code, "POST /predict" in asked.json()["error"]) == (400, True)
    assert 'profond_queue_samples{model="speed"} 0' in client.get("/metrics").text


def test_the_first_page_says_what_is_served_to_programs_and_to_people(client: TestClient) -> None:
    (model,) = client.get("/").json()["models"]
    assert model["predict"] == "/predict/signs"
    assert model["about"]["answer"]["classes"] == list(CLASSES)
    page = client.get("/", headers={"Accept": "text/html"})
    assert page.headers["Content-Type"].startswith("text/html")
    assert "POST /predict/signs" in page.text
