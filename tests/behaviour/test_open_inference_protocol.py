"""The same requests, by clients that are not ours, to our server and to others of the Open Inference Protocol.

Ours runs always. The others run where they are installed (`support/oracles/running.py` says how), and any other server
of the same three models where `PROFOND_ORACLE_URL` names it. Where one of them answers otherwise, the specification
decides, and the difference is written down in `DIFFERENCES`: it has to stay true.

Source: https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
        https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from open_inference.openapi.client import AsyncOpenInferenceClient, OpenInferenceClient
from open_inference.openapi.errors import BadRequestError
from open_inference.openapi.types import (
    InferenceRequest,
    InferenceResponse,
    MetadataModelResponse,
    MetadataServerResponse,
    RequestInput,
    RequestOutput,
    TensorData,
)
from support.oracles import running
from tritonclient.utils import InferenceServerException

LEFT = np.array([[1, 2.5, -3], [0.1, 1e-30, 1e38]], np.float32)
RIGHT = np.array([[10, 20, 30], [0.2, 1e-30, -1e38]], np.float32)
WORDS = np.array([["one", ""], ["zwölf 🚦", "a,b\n\0c"]], object)
HALVES = np.array([[0.5, 1.0009765, -2], [6e-8, 65504 / 2, 3]], np.float16)

DIFFERENCES = (
    (
        "mlserver",
        r"takes_binary|adds_binary|binary_tensors_and|order_of_binary|sends_halves|they_were\[True|that_were_asked|"
        r"triton_gets_its_id|over_one_connection|triton_is_told|shared_memory|triton_of_asyncio|header_length|"
        r"binary_size|words_that_end_early",
        "it has no binary tensors, which are an extension; tritonclient sends them by default",
    ),
    ("mlserver", r"where_no_id", "it makes an id up; the specification returns the one that was given, if any"),
    ("mlserver", r"body_that_is_wrong", "422 with `detail`, or 500; the specification wants 400 with `error`"),
    ("mlserver", r"readiness_says", "its body is empty; the specification has name and ready"),
    ("kserve", r"triton_reads_what", "its platform is the empty text; the specification's example names the engine"),
    ("kserve", r"takes_binary", "it takes them and does not say so among its extensions"),
    (
        "kserve",
        r"tensors_in_json|they_were\[False",
        "it takes a body without Content-Type for binary, and tritonclient sends JSON without one",
    ),
    ("kserve", r"where_no_id", "its answers must have an id; the specification returns the one that was given, if any"),
    (
        "kserve",
        r"triton_is_told.*batches",
        "whether batches fit is the model's business there; NumPy broadcasts them",
    ),
    (
        "kserve",
        r"body_that_is_wrong(?!.*(negative|unknown type))|header_length.*(99999|one)|binary_size|words_that_end_early",
        "422 with `detail`, or 500 with the name of an exception; the specification wants 400 with `error`",
    ),
    ("kserve", r"version_that_are_not_there", "501 for every version, for it has none"),
)
"""Server, which tests, and in what it differs from the specification, which ours follows."""


SERVERS = ["ours", *(name for name in running.OTHERS if running.is_there(name))]


@pytest.mark.parametrize("name", running.OTHERS)
def test_another_server_is_there_to_compare_with(name: str) -> None:
    if not running.is_there(name):
        pytest.skip(f"{running.variable(name)} says of no {name}")
    assert name in SERVERS


@pytest.fixture(scope="session", params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of the three known models."""
    started: Callable[..., Any] = getattr(running, request.param)
    with started(tmp_path_factory.mktemp(request.param)) as one:
        yield one.url


@pytest.fixture(autouse=True)
def known_difference(request: pytest.FixtureRequest) -> None:
    """What another server does otherwise than the specification says is expected of it, and of it alone."""
    if not (called := getattr(request.node, "callspec", None) and request.node.callspec.params.get("server")):
        return
    name = re.sub(rf"\[{called}-?", "[", request.node.name)
    for server, tests, reason in DIFFERENCES:
        if server == called and re.search(tests, name):
            request.applymarker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.fixture
def client(server: str) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(server.removeprefix("http://")) as one:
        yield one


def given(name: str, value: np.ndarray, kind: str, binary: bool = True, module: Any = triton) -> Any:
    tensor = module.InferInput(name, list(value.shape), kind)
    tensor.set_data_from_numpy(value, binary_data=binary)
    return tensor


def two_numbers(binary: bool = True, module: Any = triton) -> list[Any]:
    return [given("left", LEFT, "FP32", binary, module), given("right", RIGHT, "FP32", binary, module)]


def in_json(left: Any = None, right: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "inputs": [
            {"name": "left", "shape": [2, 3], "datatype": "FP32", "data": LEFT.tolist() if left is None else left},
            {"name": "right", "shape": [2, 3], "datatype": "FP32", "data": RIGHT.tolist() if right is None else right},
        ],
        **more,
    }


def post(server: str, body: Any, name: str = "sum") -> httpx.Response:
    return httpx.post(f"{server}/v2/models/{name}/infer", json=body, timeout=30)


def refused(answer: httpx.Response, *codes: int) -> None:
    """An error as the protocol wants it: a code, and one object with words."""
    assert answer.status_code in (codes or (400,)), answer.text
    said = answer.json()
    assert list(said) == ["error"]
    assert isinstance(said["error"], str)
    assert said["error"].strip()
    assert "Traceback" not in said["error"]


# tritonclient, with its defaults: tensors are binary both ways


def test_triton_finds_it_alive_and_ready(client: triton.InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    for name in running.PORTS:
        assert client.is_model_ready(name)
    with pytest.raises(InferenceServerException, match=r".+"):
        client.get_model_metadata("nobody")


def test_a_model_that_is_not_there_is_not_ready(client: triton.InferenceServerClient) -> None:
    assert not client.is_model_ready("nobody")


def test_triton_reads_what_the_server_and_its_models_are(client: triton.InferenceServerClient) -> None:
    about = client.get_server_metadata()
    assert about["name"]
    assert about["version"]
    for name, (inputs, outputs, width) in running.PORTS.items():
        model = client.get_model_metadata(name)
        assert model["name"] == name
        assert model["platform"]
        for ports, wanted in ((model["inputs"], inputs), (model["outputs"], outputs)):
            assert {port["name"]: port["datatype"] for port in ports} == wanted
            assert all(list(map(int, port["shape"])) == [-1, width] for port in ports)


def test_the_server_says_that_it_takes_binary_tensors(client: triton.InferenceServerClient) -> None:
    assert any(name.startswith("binary_tensor_data") for name in client.get_server_metadata()["extensions"])


def test_triton_adds_binary_tensors_to_the_bit(client: triton.InferenceServerClient) -> None:
    found = client.infer("sum", two_numbers())
    assert np.array_equal(found.as_numpy("sum"), LEFT + RIGHT)
    assert np.array_equal(found.as_numpy("difference"), LEFT - RIGHT)
    assert found.as_numpy("sum").dtype == np.float32


def test_triton_adds_tensors_in_json_to_the_bit(client: triton.InferenceServerClient) -> None:
    wanted = [triton.InferRequestedOutput(name, binary_data=False) for name in ("sum", "difference")]
    found = client.infer("sum", two_numbers(binary=False), outputs=wanted)
    assert np.array_equal(found.as_numpy("sum"), LEFT + RIGHT)
    assert np.array_equal(found.as_numpy("difference"), LEFT - RIGHT)


@pytest.mark.parametrize("binary", [(True, False, False), (False, True, True), (True, True, False)])
def test_binary_tensors_and_json_mix_in_one_request(client: triton.InferenceServerClient, binary: tuple[bool]) -> None:
    left, right, answered = binary
    found = client.infer(
        "sum",
        [given("left", LEFT, "FP32", left), given("right", RIGHT, "FP32", right)],
        outputs=[
            triton.InferRequestedOutput("difference", binary_data=answered),
            triton.InferRequestedOutput("sum", binary_data=not answered),
        ],
    )
    assert np.array_equal(found.as_numpy("sum"), LEFT + RIGHT)
    assert np.array_equal(found.as_numpy("difference"), LEFT - RIGHT)


def test_the_order_of_binary_tensors_is_that_of_the_request(client: triton.InferenceServerClient) -> None:
    found = client.infer("sum", two_numbers()[::-1])
    assert np.array_equal(found.as_numpy("difference"), LEFT - RIGHT)


def test_triton_sends_halves_and_gets_them(client: triton.InferenceServerClient) -> None:
    found = client.infer("halves", [given("halves", HALVES, "FP16")]).as_numpy("doubled")
    assert found.dtype == np.float16
    assert np.array_equal(found, HALVES * np.float16(2))


@pytest.mark.parametrize("binary", [True, False])
def test_words_come_back_as_they_were(client: triton.InferenceServerClient, binary: bool) -> None:
    wanted = [triton.InferRequestedOutput("again", binary_data=binary)]
    found = client.infer("words", [given("words", WORDS, "BYTES", binary)], outputs=wanted).as_numpy("again")
    assert found.shape == WORDS.shape
    texts = [one.decode() if isinstance(one, bytes) else one for one in found.ravel()]
    assert texts == WORDS.ravel().tolist()


def test_only_the_outputs_that_were_asked_for_come_in_that_order(client: triton.InferenceServerClient) -> None:
    found = client.infer("sum", two_numbers(), outputs=[triton.InferRequestedOutput("difference")])
    assert [one["name"] for one in found.get_response()["outputs"]] == ["difference"]
    assert np.array_equal(found.as_numpy("difference"), LEFT - RIGHT)


def test_triton_gets_its_id_back(client: triton.InferenceServerClient) -> None:
    assert client.infer("sum", two_numbers(), request_id="it's 42 ü").get_response()["id"] == "it's 42 ü"


def test_several_requests_go_over_one_connection(client: triton.InferenceServerClient) -> None:
    for number in range(5):
        moved = (LEFT + number).astype(np.float32)
        found = client.infer("sum", [given("left", moved, "FP32"), given("right", RIGHT, "FP32")])
        assert np.array_equal(found.as_numpy("sum"), moved + RIGHT)


def wrong_requests() -> dict[str, tuple[str, list[Any], list[Any] | None]]:
    return {
        "no such model": ("nobody", two_numbers(), None),
        "another shape": ("sum", [given("left", LEFT[:, :2].copy(), "FP32"), given("right", RIGHT, "FP32")], None),
        "another type": (
            "sum",
            [given("left", np.eye(2, 3, dtype=int), "INT64"), given("right", RIGHT, "FP32")],
            None,
        ),
        "an input is missing": ("sum", two_numbers()[:1], None),
        "no such input": ("sum", [*two_numbers(), given("middle", LEFT, "FP32")], None),
        "no such output": ("sum", two_numbers(), [triton.InferRequestedOutput("product")]),
        "batches that differ": ("sum", [given("left", LEFT, "FP32"), given("right", RIGHT[:1], "FP32")], None),
    }


@pytest.mark.parametrize("what", wrong_requests())
def test_triton_is_told_what_is_wrong(client: triton.InferenceServerClient, what: str) -> None:
    name, inputs, outputs = wrong_requests()[what]
    with pytest.raises(InferenceServerException) as error:
        client.infer(name, inputs, outputs=outputs)
    assert error.value.status() in ("400", "404")
    assert "an exception occurred in the client" not in error.value.message()
    assert client.is_server_ready()


def test_shared_memory_is_refused(client: triton.InferenceServerClient) -> None:
    tensor = triton.InferInput("left", [2, 3], "FP32")
    tensor.set_shared_memory("mine", LEFT.nbytes)
    with pytest.raises(InferenceServerException) as error:
        client.infer("sum", [tensor, two_numbers()[1]])
    assert error.value.status() == "400"


def test_triton_of_asyncio_gets_sixteen_answers_at_once(server: str) -> None:
    async def asked(client: triton_aio.InferenceServerClient, number: int) -> None:
        moved = (LEFT + number).astype(np.float32)
        inputs = [given("left", moved, "FP32", module=triton_aio), given("right", RIGHT, "FP32", module=triton_aio)]
        found = await client.infer("sum", inputs, request_id=str(number))
        assert found.get_response()["id"] == str(number)
        assert np.array_equal(found.as_numpy("sum"), moved + RIGHT)

    async def all_of_them() -> None:
        async with triton_aio.InferenceServerClient(server.removeprefix("http://")) as client:
            assert await client.is_server_live()
            assert await client.is_model_ready("sum")
            assert (await client.get_model_metadata("words"))["name"] == "words"
            await asyncio.gather(*(asked(client, number) for number in range(16)))

    asyncio.run(all_of_them())


def test_triton_of_asyncio_is_told_what_is_wrong_and_goes_on(server: str) -> None:
    async def both() -> None:
        async with triton_aio.InferenceServerClient(server.removeprefix("http://")) as client:
            with pytest.raises(InferenceServerException, match=r".+"):
                await client.infer("sum", two_numbers(module=triton_aio)[:1])
            found = await client.infer("words", [given("words", WORDS, "BYTES", module=triton_aio)])
            assert found.as_numpy("again").shape == WORDS.shape

    asyncio.run(both())


# the protocol's own client, made from its published description: what it reads is of the published form


def published(**more: Any) -> InferenceRequest:
    inputs = [
        RequestInput(name=one["name"], shape=one["shape"], datatype="FP32", data=TensorData(__root__=one["data"]))
        for one in in_json()["inputs"]
    ]
    return InferenceRequest(inputs=inputs, **more)


@pytest.fixture
def publishers(server: str) -> Iterator[OpenInferenceClient]:
    with httpx.Client(timeout=30) as connection:
        yield OpenInferenceClient(base_url=server, httpx_client=connection)


def flat(tensor: Any) -> list[Any]:
    return np.array(json.loads(tensor.data.json())).ravel().tolist()


def test_the_published_client_reads_everything(publishers: OpenInferenceClient) -> None:
    publishers.check_server_liveness()
    publishers.check_server_readiness()
    assert isinstance(publishers.read_server_metadata(), MetadataServerResponse)
    for name in running.PORTS:
        publishers.check_model_readiness(name)
        about = publishers.read_model_metadata(name)
        assert isinstance(about, MetadataModelResponse)
        for version in about.versions or []:
            publishers.check_model_version_readiness(name, version)
            assert publishers.read_model_version_metadata(name, version).name == name


def test_the_published_client_is_answered(publishers: OpenInferenceClient) -> None:
    found = publishers.model_infer("sum", request=published(id="42", outputs=[RequestOutput(name="sum")]))
    assert isinstance(found, InferenceResponse)
    assert (found.model_name, found.id) == ("sum", "42")
    (output,) = found.outputs
    assert (output.name, output.datatype, output.shape) == ("sum", "FP32", [2, 3])
    assert np.array_equal(np.array(flat(output), np.float32).reshape(2, 3), LEFT + RIGHT)
    for version in publishers.read_model_metadata("sum").versions or []:
        again = publishers.model_version_infer("sum", version, request=published())
        assert again.model_version == version
        assert flat(again.outputs[0]) == flat(output)


def test_the_published_client_is_refused_in_the_published_form(publishers: OpenInferenceClient) -> None:
    with pytest.raises(BadRequestError) as error:
        publishers.model_infer("sum", request=published(outputs=[RequestOutput(name="product")]))
    assert error.value.body["error"]


def test_the_published_client_of_asyncio_is_answered(server: str) -> None:
    async def asked() -> InferenceResponse:
        async with httpx.AsyncClient(timeout=30) as connection:
            client = AsyncOpenInferenceClient(base_url=server, httpx_client=connection)
            await client.check_server_readiness()
            assert (await client.read_model_metadata("sum")).name == "sum"
            return await client.model_infer("sum", request=published())

    assert {output.name for output in asyncio.run(asked()).outputs} == {"sum", "difference"}


# JSON by hand


@pytest.mark.parametrize("form", ["nested", "flat", "half flat"])
def test_data_may_be_nested_or_flat(server: str, form: str) -> None:
    left = {"nested": LEFT.tolist(), "flat": LEFT.ravel().tolist(), "half flat": LEFT.tolist()}[form]
    right = RIGHT.tolist() if form == "nested" else RIGHT.ravel().tolist()
    answer = post(server, in_json(left, right))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    found = {one["name"]: one for one in answer.json()["outputs"]}
    assert np.array_equal(np.array(found["sum"]["data"], np.float32).reshape(found["sum"]["shape"]), LEFT + RIGHT)


def test_words_in_json_are_answered_in_json(server: str) -> None:
    tensor = {"name": "words", "shape": [2, 2], "datatype": "BYTES", "data": WORDS.ravel().tolist()}
    answer = post(server, {"inputs": [tensor]}, "words")
    assert answer.status_code == 200, answer.text
    (output,) = answer.json()["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == ("again", "BYTES", [2, 2])
    assert np.array(output["data"]).ravel().tolist() == WORDS.ravel().tolist()


def test_an_id_comes_back(server: str) -> None:
    assert post(server, in_json(id="ä 1")).json()["id"] == "ä 1"


def test_where_no_id_is_given_none_is_made_up(server: str) -> None:
    assert post(server, in_json()).json().get("id") is None


def test_one_sample_is_a_batch_of_one(server: str) -> None:
    body = in_json()
    for tensor in body["inputs"]:
        tensor["shape"], tensor["data"] = [1, 3], tensor["data"][0]
    (output, _) = post(server, body).json()["outputs"]
    assert output["shape"] == [1, 3]


def test_parameters_that_nobody_knows_are_passed_over(server: str) -> None:
    body = in_json(parameters={"priority": 1, "mine": "x"})
    body["inputs"][0]["parameters"] = {"mine": True}
    assert post(server, body).status_code == 200


WRONG = {
    "nothing": b"",
    "no JSON": b"{inputs: 1}",
    "not UTF-8": b'{"inputs": "\xff"}',
    "a list": b"[]",
    "no inputs": b"{}",
    "inputs that are none": b'{"inputs": 3}',
    "an input that is none": b'{"inputs": [3]}',
    "too few numbers": json.dumps(in_json([1, 2, 3])).encode(),
    "too many numbers": json.dumps(in_json(list(range(7)))).encode(),
    "words for numbers": json.dumps(in_json([["a", "b", "c"]] * 2)).encode(),
    "ragged": json.dumps(in_json([[1, 2], [3, 4, 5, 6]])).encode(),
    "a negative shape": json.dumps(in_json()).replace("[2, 3]", "[-2, -3]").encode(),
    "a huge shape": json.dumps(in_json()).replace("[2, 3]", "[2000000000, 3]").encode(),
    "an unknown type": json.dumps(in_json()).replace("FP32", "FP31").encode(),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_body_that_is_wrong_is_refused_in_words(server: str, what: str) -> None:
    headers = {"content-type": "application/json"}
    answer = httpx.post(f"{server}/v2/models/sum/infer", content=WRONG[what], headers=headers, timeout=30)
    refused(answer, 400, 413 if what == "a huge shape" else 400)


@pytest.mark.parametrize("length", ["9", "99999", "-1", "one", "0"])
def test_a_header_length_that_is_wrong_is_refused(server: str, length: str) -> None:
    body = json.dumps(in_json()).encode()
    headers = {"content-type": "application/octet-stream", "inference-header-content-length": length}
    refused(httpx.post(f"{server}/v2/models/sum/infer", content=body, headers=headers, timeout=30))


@pytest.mark.parametrize("size", [23, 25, 0, -24, 10**12, "24"])
def test_a_binary_size_that_is_wrong_is_refused(server: str, size: int | str) -> None:
    body = in_json()
    for tensor in body["inputs"]:
        del tensor["data"]
        tensor["parameters"] = {"binary_data_size": size}
    head = json.dumps(body).encode()
    headers = {"content-type": "application/octet-stream", "inference-header-content-length": str(len(head))}
    content = head + LEFT.tobytes() + RIGHT.tobytes()
    refused(httpx.post(f"{server}/v2/models/sum/infer", content=content, headers=headers, timeout=30))


def test_words_that_end_early_are_refused(server: str) -> None:
    tensor = {"name": "words", "shape": [1, 2], "datatype": "BYTES", "parameters": {"binary_data_size": 9}}
    head = json.dumps({"inputs": [tensor]}).encode()
    headers = {"content-type": "application/octet-stream", "inference-header-content-length": str(len(head))}
    content = head + b"\x01\0\0\0a" + b"\xff\xff\xff\x7f"
    refused(httpx.post(f"{server}/v2/models/words/infer", content=content, headers=headers, timeout=30))


def test_a_model_and_a_version_that_are_not_there_are_refused(server: str) -> None:
    for path in ("nobody", "sum/versions/77"):
        refused(httpx.get(f"{server}/v2/models/{path}"), 400, 404)
        assert httpx.get(f"{server}/v2/models/{path}/ready").status_code in (400, 404, 503)
        refused(httpx.post(f"{server}/v2/models/{path}/infer", json=in_json()), 400, 404)


def test_readiness_says_of_what(server: str) -> None:
    assert httpx.get(f"{server}/v2/models/sum/ready").json() == {"name": "sum", "ready": True}
