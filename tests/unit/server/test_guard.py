"""Who may ask: by which name, from which page, with which token; and what a body may cost."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from starlette.routing import Route
from unit.server.conftest import Serve

from profond.core.errors import UsageError
from profond.runtime.exported import ExportedFile
from profond.server.settings import Settings

TOKEN = "a-token-of-many-letters"


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "127.0.0.1:80", "[::1]:8000", "LOCALHOST.", "mine.org"]
)
def test_names_of_this_machine_and_those_that_are_allowed_are_answered(serve: Serve, host: str) -> None:
    client = serve(ready=False, allowed_hosts=("mine.org",))
    assert client.get("/v2/health/live", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [("evil.org", 421), ("localhost.evil.org", 421), ("10.0.0.1", 421), ("", 400), ("a b", 400), ("localhost:x", 400)],
)
def test_every_route_refuses_another_name(serve: Serve, host: str, status: int) -> None:
    client = serve(ready=False)
    for route in client.app.routes:
        assert isinstance(route, Route)
        path = route.path.format(model="signs", version="1")
        assert client.request(min(route.methods), path, headers={"Host": host}).status_code == status, path


def test_the_address_at_which_a_connection_came_in_is_a_good_name(serve: Serve) -> None:
    client = serve(ready=False)
    client.base_url = "http://192.0.2.7:8000"  # the server's side of the connection, as the test client has it
    assert client.get("/v2/health/live").status_code == 200
    assert client.get("/v2/health/live", headers={"Host": "192.0.2.8"}).status_code == 421


def test_a_page_of_another_origin_may_not_ask_unless_it_is_named(serve: Serve) -> None:
    client = serve(ready=False)
    for origin in ("https://evil.org", "null", "http://localhost:1"):
        assert client.post("/predict", headers={"Origin": origin}).status_code == 403
    assert client.get("/v2", headers={"Origin": "http://localhost"}).status_code == 200
    ask = {"Origin": "https://mine.org", "Access-Control-Request-Method": "POST"}
    assert client.options("/predict", headers=ask).status_code == 403

    client = serve(ready=False, origins=("https://mine.org",), token=TOKEN)
    allowed = client.options("/predict", headers={**ask, "Access-Control-Request-Headers": "authorization"})
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://mine.org"
    assert client.get("/v2", headers={"Origin": "https://evil.org"}).status_code == 403
    assert client.get("/v2", headers={"Origin": "https://mine.org"}).status_code == 401


def test_every_route_but_health_asks_for_the_token(serve: Serve) -> None:
    client = serve(ready=False, token=TOKEN)
    free = {"/v2/health/live", "/v2/health/ready"}
    for route in client.app.routes:
        assert isinstance(route, Route)
        path = route.path.format(model="signs", version="1")
        for given in ("", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer \xe9{TOKEN}"):
            answer = client.request(min(route.methods), path, headers={"Authorization": given.encode("latin-1")})
            assert (answer.status_code == 401) == (path not in free), path
        answer = client.request(min(route.methods), path, headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code != 401
    assert client.get("/nothing").status_code == 401


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org", ""])
def test_an_address_that_others_reach_needs_a_token(host: str) -> None:
    with pytest.raises(UsageError, match="token"):
        Settings(host=host)
    assert Settings(host=host, token=TOKEN).host == host
    for short in ("", "short", "with a space in it, so long", "ünïcödé-and-long-enough"):
        with pytest.raises(UsageError, match="token"):
            Settings(host=host, token=short)


def test_a_body_is_refused_for_its_length_before_it_is_read_and_while_it_comes(serve: Serve, signs: Path) -> None:
    client = serve(ExportedFile(signs, "onnx", threads=1), body_bytes=1000)
    asked = []

    def chunks():
        for _ in range(100):
            asked.append(1)
            yield b"x" * 100

    assert client.post("/predict", content=b"", headers={"Content-Length": "1001"}).status_code == 413
    assert client.post("/predict", content=chunks()).status_code == 413
    bomb = gzip.compress(b" " * 100_000)
    assert len(bomb) < 1000
    assert client.post("/v2/models/signs/infer", content=bomb, headers={"Content-Encoding": "gzip"}).status_code == 413
    small = gzip.compress(b"{}")
    refused = client.post("/v2/models/signs/infer", content=small, headers={"Content-Encoding": "gzip"})
    assert (refused.status_code, "inputs" in refused.json()["error"]) == (400, True)
    for damaged in (small[:-2], small + b"x", b"{}"):
        answer = client.post("/v2/models/signs/infer", content=damaged, headers={"Content-Encoding": "gzip"})
        assert answer.status_code == 400


def test_pixels_elements_json_and_memory_have_their_limits(serve: Serve, signs: Path, photo: bytes) -> None:
    model = ExportedFile(signs, "onnx", threads=1)
    tensor = {"name": "pictures", "shape": [1, 20, 20, 3], "datatype": "UINT8", "data": [0] * 1200}
    infer = "/v2/models/signs/infer"
    assert serve(model, pixels=599).post("/predict", content=photo).status_code == 413
    assert serve(model, pixels=600).post("/predict", content=photo).status_code == 200
    assert serve(model, elements=1199).post(infer, json={"inputs": [tensor]}).status_code == 413
    assert serve(model, json_bytes=100).post(infer, json={"inputs": [tensor]}).status_code == 413
    full = serve(model, memory_bytes=100)
    answer = full.post(infer, json={"inputs": [tensor]})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert full.post(infer, content=b"{}").status_code == 400  # what was held is given back


def test_a_server_without_a_model_and_after_a_failed_load_is_not_ready_and_says_why(
    serve: Serve, signs: Path, tmp_path: Path
) -> None:
    nothing = serve(ready=False)
    assert nothing.get("/v2/health/live").status_code == 200
    assert nothing.get("/v2/health/ready").json()["error"] == "no model is served"
    assert nothing.post("/predict", content=b"x").status_code == 503

    damaged = tmp_path / "signs.onnx"
    good = ExportedFile(signs, "onnx", threads=1)
    damaged.write_bytes(signs.read_bytes())
    broken = ExportedFile(damaged, "onnx", threads=1, name="broken")
    damaged.write_bytes(b"not a graph")
    client = serve(good, broken, ready=False)
    while client.get("/v2/models/broken/ready").json().get("error", "loading").endswith("loading"):
        pass
    ready = client.get("/v2/health/ready")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert ready.json()["error"].startswith("broken: ")
    assert client.get("/v2/models/signs/ready").status_code == 200
    assert client.get("/v2/models/broken/ready").status_code == 503
    assert client.post("/predict/broken", content=b"x").status_code == 503
    assert not client.get("/").json()["models"][1]["ready"]


def test_logs_are_lines_of_json_without_what_was_sent(
    serve: Serve, signs: Path, photo: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    client = serve(ExportedFile(signs, "onnx", threads=1))
    client.post("/predict", content=photo)
    client.post("/predict", content=b"a secret")
    client.get("/a/secret?of=mine")
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["event"] for line in lines if line.get("route") != "ready"] == ["loaded", *["request"] * 3]
    assert [line["status"] for line in lines[-3:]] == [200, 400, 404]
    assert "secret" not in json.dumps(lines)


def test_metrics_count_requests_by_status_and_sizes_of_batches(serve: Serve, signs: Path, photo: bytes) -> None:
    client = serve(ExportedFile(signs, "onnx", threads=1))
    client.post("/predict", content=photo)
    client.post("/predict", content=b"x")
    page = client.get("/metrics").text
    assert 'profond_requests_total{model="signs",route="predict",status="200"} 1.0' in page
    assert 'profond_requests_total{model="signs",route="predict",status="400"} 1.0' in page
    assert 'profond_batch_size_count{model="signs"} 1.0' in page
    assert 'profond_queue_samples{model="signs"} 0.0' in page
    assert 'profond_model_ready{model="signs"} 1.0' in page
    assert 'profond_request_seconds_count{model="signs"} 2.0' in page
