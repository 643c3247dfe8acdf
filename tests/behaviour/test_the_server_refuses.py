"""What a server must not do for a stranger: every route is enumerated, and each refusal proved on it."""

from __future__ import annotations

import base64
import gzip
import io
import json
import pickle
import socket
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from support import exported
from support.known_models import Sum
from support.serving import Running, running

from profond.core.errors import UsageError
from profond.runtime.exported import ExportedFile
from profond.server.app import application
from profond.server.settings import Settings

TOKEN = "a-token-of-some-length"
HEALTH = ("/v2/health/live", "/v2/health/ready")
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND")
SMALL = Settings(body_bytes=20_000, json_bytes=10_000, elements=10_000, pixels=1_000_000)


def routes() -> list[tuple[str, str]]:
    """Every method and path of the application; what stands in braces is filled in."""
    found = []
    for route in application([]).routes:
        path = route.path.replace("{model}", "signs").replace("{version}", "1")
        found += [(method, path) for method in sorted(route.methods)]
    return found


ROUTES = routes()
POSTED = sorted({path for method, path in ROUTES if method == "POST"})


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported.of_pictures(tmp_path_factory.mktemp("refused") / "signs.onnx")


@pytest.fixture(scope="module")
def server(file: Path) -> Iterator[Running]:
    with running([ExportedFile(file, "onnx", 1, "signs")], SMALL) as one:
        yield one.ready()


@pytest.fixture(scope="module")
def guarded() -> Iterator[Running]:
    """As it is where others can reach it; here at the loopback nevertheless."""
    with running([Sum("signs")], Settings(host="0.0.0.0", token=TOKEN)) as one:
        yield one.ready()


def head(method: str, path: str, *lines: str, host: str = "localhost") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: {host}", *lines, "", ""]).encode("latin-1")


def test_there_are_routes_and_each_is_asked() -> None:
    assert len(ROUTES) >= 20
    assert len(POSTED) >= 3


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_route_is_not_there_under_another_name_of_the_server(server: Running, method: str, path: str) -> None:
    for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "localhost@evil.example", ""):
        assert server.status(head(method, path, "Connection: close", host=host)) in (400, 421), host
    twice = head(method, path, "Host: localhost", "Connection: close")
    assert server.status(twice) == 400
    assert server.status(f"{method} {path} HTTP/1.0\r\n\r\n".encode()) == 400
    whole = head(method, f"http://evil.example{path}", "Connection: close", host="evil.example")
    assert server.status(whole) in (400, 404, 421)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_page_of_another_origin_may_not_ask(server: Running, method: str, path: str) -> None:
    for origin in ("http://evil.example", "null", "http://localhost:1", "http://localhost.evil.example"):
        found = server.raw(head(method, path, f"Origin: {origin}", "Connection: close"))
        assert found.split(b" ", 2)[1] == b"403", origin
        assert b"access-control" not in found.lower()


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_route_asks_for_the_token_where_others_reach_it(guarded: Running, method: str, path: str) -> None:
    wrong = ("", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", f"Bearer {TOKEN.upper()}")
    for given in wrong:
        lines = [f"Authorization: {given}"] if given else []
        status = guarded.status(head(method, path, *lines, "Connection: close"))
        assert (status == 200) if path in HEALTH else (status == 401), given
    asked = guarded.status(head(method, path, f"Authorization: Bearer {TOKEN}", "Connection: close"))
    assert asked not in (0, 401, 403, 421, 500)
    in_address = guarded.status(head(method, f"{path}?token={TOKEN}&access_token={TOKEN}", "Connection: close"))
    assert in_address == (200 if path in HEALTH else 401)


def test_another_address_than_the_loopback_needs_a_token() -> None:
    for host in ("0.0.0.0", "::", "192.0.2.7", "example.org", ""):
        with pytest.raises(UsageError):
            Settings(host=host)
        Settings(host=host, token=TOKEN)


@pytest.mark.parametrize("path", sorted({path for _, path in ROUTES}))
def test_a_route_takes_its_own_methods_alone(server: Running, path: str) -> None:
    own = {method for method, other in ROUTES if other == path}
    for method in METHODS:
        if method not in own and method != "CONNECT":
            found = server.raw(head(method, path, "Content-Length: 0", "Connection: close"))
            assert found.split(b" ", 2)[1] == b"405", method
            allowed = next(line for line in found.lower().split(b"\r\n") if line.startswith(b"allow:"))
            assert {one.strip().upper() for one in allowed.split(b":")[1].decode().split(",")} == own
            assert set(json.loads(found.partition(b"\r\n\r\n")[2])) == {"error"}


@pytest.mark.parametrize("path", POSTED)
def test_a_body_that_is_too_large_is_refused_before_it_is_read(server: Running, path: str) -> None:
    began = time.monotonic()
    announced = head("POST", path, "Content-Length: 20001", "Content-Type: application/octet-stream")
    assert server.status(announced) == 413  # and no byte of the body was sent
    assert server.status(head("POST", path, f"Content-Length: {10**30}")) in (400, 413)
    assert time.monotonic() - began < 8  # the client's own patience: the answer did not wait for a body
    chunk = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
    chunked = head("POST", path, "Transfer-Encoding: chunked") + chunk * 5
    assert server.status(chunked) == 413  # and the last chunk was not sent


@pytest.mark.parametrize("path", POSTED)
@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_small_body_that_unpacks_to_a_large_one_is_refused(
    server: Running, path: str, coding: str, pack: Any
) -> None:
    body = pack(bytes(10_000_000))
    assert len(body) < 20_000
    headers = {"content-encoding": coding, "content-type": "application/octet-stream"}
    answer = httpx.post(server.url + path, content=body, headers=headers)
    assert (answer.status_code, list(answer.json())) == (413, ["error"])
    answer = httpx.post(server.url + path, content=b"not packed", headers=headers)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


@pytest.mark.parametrize("path", POSTED)
def test_an_encoding_or_a_type_that_nobody_knows_is_refused(server: Running, path: str) -> None:
    for headers in (
        {"content-type": "application/x-python-pickle"},
        {"content-type": "application/xml"},
        {"content-type": "text/html"},
        {"content-type": "image/svg+xml"},
        {"content-type": "application/postscript"},
        {"content-encoding": "br", "content-type": "application/octet-stream"},
        {"content-encoding": "gzip, gzip", "content-type": "application/octet-stream"},
    ):
        answer = httpx.post(server.url + path, content=b"x", headers=headers)
        assert answer.status_code == 415, headers
        assert list(answer.json()) == ["error"]


def saved(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, packed: bytes, *more: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join([chunk(b"IHDR", header), *more, chunk(b"IDAT", packed), chunk(b"IEND", b"")])


NOT_PICTURES = {
    "EPS": saved(Image.new("RGB", (8, 8)), "EPS"),
    "SVG": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>',
    "PDF": saved(Image.new("RGB", (8, 8)), "PDF"),
    "an icon": saved(Image.new("RGB", (16, 16)), "ICO"),
    "FITS": b"SIMPLE  =                    T" + b" " * 2850,
    "a text": b"hello",
    "HTML": b"<html><img src='http://evil.example/'></html>",
    "a program": b"\x7fELF\x02\x01\x01" + bytes(100),
    "a pickle": pickle.dumps({"a": 1}),
    "an archive": b"PK\x03\x04" + bytes(100),
    "half a picture": saved(Image.effect_noise((60, 60), 80).convert("RGB"), "PNG")[:3000],
    "no pixels": png(0, 8, zlib.compress(b"")),
    "pixels that are not there": png(500, 500, zlib.compress(b"")),
}
BOMBS = {
    "a little file of 2.5 gigapixels": png(50_000, 50_000, zlib.compress(bytes(100))),
    "more pixels than are taken": png(2_000, 501, zlib.compress(bytes(501 * 6001), 9)),
    "a side of two thousand million": png(2**31 - 1, 1, zlib.compress(bytes(100))),
}


@pytest.mark.parametrize("what", [*NOT_PICTURES, *BOMBS])
def test_what_is_no_picture_of_a_known_kind_or_too_large_is_refused(server: Running, what: str) -> None:
    body = {**NOT_PICTURES, **BOMBS}[what]
    assert len(body) < 20_000
    plain = httpx.post(f"{server.url}/predict", content=body)
    tensor = {"name": "pictures", "shape": [1], "datatype": "BYTES", "data": [base64.b64encode(body).decode()]}
    protocol = httpx.post(f"{server.url}/v2/models/signs/infer", json={"inputs": [tensor]})
    for answer in (plain, protocol):
        assert answer.status_code in ((400, 413) if what in BOMBS else (400,)), answer.text
        assert list(answer.json()) == ["error"]
        assert "Traceback" not in answer.text


def test_a_picture_whose_text_unpacks_to_much_is_refused_or_answered_without_it(server: Running) -> None:
    text = b"comment\0\0" + zlib.compress(bytes(8_000_000), 9)
    rows = zlib.compress(b"".join(b"\0" + bytes(24) for _ in range(8)))
    answer = httpx.post(f"{server.url}/predict", content=png(8, 8, rows, chunk(b"zTXt", text)))
    assert answer.status_code in (200, 400)


class Touches:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("form", ["pickle", "npy", "npz", "torch"])
def test_nothing_is_unpickled(server: Running, tmp_path: Path, form: str) -> None:
    made, buffer = tmp_path / "made", io.BytesIO()
    if form == "pickle":
        buffer.write(pickle.dumps(Touches(made)))
    elif form == "torch":
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps(Touches(made)))
            archive.writestr("archive/version", "3")
    elif form == "npy":
        np.save(buffer, np.array([Touches(made)], object), allow_pickle=True)
    else:
        np.savez(buffer, a=np.array([Touches(made)], object))
    body = buffer.getvalue()
    raw = {"content-type": "application/octet-stream", "inference-header-content-length": "0"}
    encoded = {"name": "pictures", "shape": [1], "datatype": "BYTES", "data": [base64.b64encode(body).decode()]}
    for answer in (
        httpx.post(f"{server.url}/predict", content=body),
        httpx.post(f"{server.url}/predict", files={"file": ("model.pt", body)}),
        httpx.post(f"{server.url}/v2/models/signs/infer", content=body, headers=raw),
        httpx.post(f"{server.url}/v2/models/signs/infer", content=body),
        httpx.post(f"{server.url}/v2/models/signs/infer", json={"inputs": [encoded]}),
    ):
        assert answer.status_code == 400, answer.text
    assert not made.exists()
    pickle.loads(pickle.dumps(Touches(made)))
    assert made.exists()  # so it would have been seen


def test_no_path_and_no_address_in_a_request_is_followed(server: Running, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(saved(Image.new("RGB", (8, 8), "red"), "PNG"))
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.setblocking(False)
        address = f"http://127.0.0.1:{trap.getsockname()[1]}/a.png"
        for lure in (str(secret), f"file://{secret}", address, address.replace("http", "ftp"), "\\\\evil\\share"):
            coded = base64.b64encode(lure.encode()).decode()
            tensor = {"name": "pictures", "shape": [1], "datatype": "BYTES", "data": [coded]}
            named = {"path": lure, "url": lure, "file": lure, "uri": lure}
            plain = {"name": "pictures", "shape": [1], "datatype": "BYTES", "data": [lure], "parameters": named}
            for answer in (
                httpx.post(f"{server.url}/predict", content=lure.encode()),
                httpx.post(f"{server.url}/predict", params=named, content=b""),
                httpx.post(f"{server.url}/predict", data={"file": lure}),
                httpx.post(f"{server.url}/predict", files={"file": (lure, lure.encode())}),
                httpx.post(f"{server.url}/v2/models/signs/infer", json={"inputs": [tensor]}),
                httpx.post(f"{server.url}/v2/models/signs/infer", json={"inputs": [plain]}),
                httpx.post(f"{server.url}/v2/models/signs/infer", json={"inputs": [], "parameters": named}),
            ):
                assert answer.status_code in (400, 415), answer.text
        with pytest.raises(BlockingIOError):
            trap.accept()


def test_a_name_that_climbs_out_of_its_folder_is_no_model(server: Running) -> None:
    for name in ("..%2f..%2fetc%2fpasswd", "%2e%2e", "signs%00", "signs%2f..", "%2fetc%2fpasswd", "signs.onnx"):
        for path in (f"/v2/models/{name}", f"/v2/models/{name}/ready", f"/v2/models/signs/versions/{name}"):
            found = server.raw(head("GET", path, "Connection: close"))
            assert found.split(b" ", 2)[1] in (b"400", b"404"), path
            assert b"root:" not in found


def test_a_web_socket_is_refused(server: Running) -> None:
    lines = ("Upgrade: websocket", "Connection: Upgrade, close", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    assert server.status(head("GET", "/v2", *lines, "Sec-WebSocket-Version: 13")) != 101


def test_json_that_is_too_long_or_too_deep_is_refused(server: Running) -> None:
    for body in (b"[" * 9_999, b'{"a":' * 1_900, b"[" * 15_000, b"9" * 9_000, b'{"inputs":[' + b"1," * 3_000 + b"1]}"):
        answer = httpx.post(f"{server.url}/v2/models/signs/infer", content=body)
        assert answer.status_code in (400, 413), answer.text
        assert list(answer.json()) == ["error"]
    shaped = {"name": "pictures", "shape": [1, 10**6, 10**6, 3], "datatype": "UINT8", "data": [1]}
    answer = httpx.post(f"{server.url}/v2/models/signs/infer", json={"inputs": [shaped]})
    assert answer.status_code in (400, 413)


def test_answers_say_nothing_of_the_machine(server: Running, file: Path) -> None:
    for path in ("/", "/v2", "/v2/models/signs", "/metrics", "/openapi.json", "/nothing"):
        answer = httpx.get(server.url + path)
        assert str(file.parent) not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"
