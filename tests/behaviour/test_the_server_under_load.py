"""Many at once, too many, those who leave, those who send nonsense, and the end: nobody gets another's answer."""

from __future__ import annotations

import io
import os
import random
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support import exported
from support.known_models import Sum
from support.oracles import running as processes
from support.serving import Running, running

from profond.core.errors import ConfigError
from profond.runtime.engines.engine import Arrays
from profond.runtime.exported import ExportedFile
from profond.server.settings import Settings

CLIENTS = 64


class Held(ExportedFile):
    """An exported file that a test can hold, and that keeps the shapes that its engine was given."""

    def __init__(self, path: Path, engine: str = "onnx") -> None:
        super().__init__(path, engine, 1, "signs")  # type: ignore[arg-type]
        self.may_run = threading.Event()
        self.may_run.set()
        self.shapes: list[tuple[int, ...]] = []

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        self.may_run.wait(30)
        self.shapes.append(inputs["pictures"].shape)
        return super().run(inputs)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported.of_pictures(tmp_path_factory.mktemp("load") / "signs.onnx")


def picture(number: int) -> bytes:
    """One of its own size and content."""
    noise = np.random.default_rng(number)
    size = tuple(noise.integers(3, 60, 2))
    buffer = io.BytesIO()
    Image.fromarray(noise.integers(0, 256, (*size, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def taken(server: Running, name: str = "signs") -> int:
    """Places of the queue that are taken."""
    queue = server.app.state.models.all[name].queue
    return 0 if queue is None else queue.taken


@pytest.mark.parametrize("engine", ["onnx", "openvino"])
def test_sixty_four_clients_each_get_their_own_answer_to_the_bit(file: Path, engine: str) -> None:
    model = Held(file, engine)
    pictures = [picture(number) for number in range(CLIENTS)]
    headers = {"content-type": "application/octet-stream", "inference-header-content-length": "0"}

    def asked(client: httpx.Client, number: int) -> bytes:
        answer = client.post("/v2/models/signs/infer", content=pictures[number], headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.content

    with running([model]) as server, httpx.Client(base_url=server.url) as client:
        server.ready()
        alone = [asked(client, number) for number in range(CLIENTS)]
        assert len(set(alone)) == CLIENTS
        model.shapes.clear()
        model.may_run.clear()
        limits = httpx.Limits(max_connections=CLIENTS)
        with ThreadPoolExecutor(CLIENTS) as pool, httpx.Client(base_url=server.url, limits=limits) as crowd:
            waiting = [pool.submit(asked, crowd, number) for number in range(CLIENTS)]
            until(lambda: taken(server) == CLIENTS)
            model.may_run.set()
            together = [one.result() for one in waiting]
        assert together == alone
        offered = httpx.get(server.url).json()["models"][0]["batch_sizes"]
    sizes = [shape[0] for shape in model.shapes]
    assert sum(sizes) == CLIENTS
    # An engine whose bits depend on the size of a batch computes each alone.
    assert (max(sizes) > 1) == (max(offered) > 1)
    assert len({shape[1:] for shape in model.shapes}) == 1


def sum_of(left: float) -> dict[str, Any]:
    return {
        "inputs": [
            {"name": name, "shape": [1, 3], "datatype": "FP32", "data": [value] * 3}
            for name, value in (("left", left), ("right", 1.0))
        ]
    }


def ask(server: Running | str, left: float = 1.0, seconds: float = 30) -> httpx.Response:
    url = server if isinstance(server, str) else server.url
    return httpx.post(f"{url}/v2/models/sum/infer", json=sum_of(left), timeout=seconds)


def is_right(answer: httpx.Response, left: float = 1.0) -> bool:
    return answer.status_code == 200 and answer.json()["outputs"][0]["data"] == [left + 1] * 3


class Picky(Sum):
    """Fails for a whole batch when one of it is 13, as engines do."""

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        found = super().run(inputs)
        if (inputs["left"] == 13).any():
            raise ConfigError("thirteen")
        return found


def test_one_bad_item_fails_alone() -> None:
    model = Picky()
    with running([model]) as server, ThreadPoolExecutor(16) as pool:
        server.ready()
        model.may_run.clear()
        waiting = [pool.submit(ask, server, float(number)) for number in range(16)]
        until(lambda: taken(server, "sum") == 16)
        model.may_run.set()
        for number, one in enumerate(waiting):
            answer = one.result()
            assert is_right(answer, number) or number == 13
        assert waiting[13].result().status_code == 500
        assert list(waiting[13].result().json()) == ["error"]
        assert is_right(ask(server))
    assert max(shape[0] for shape in model.shapes) > 1


def test_a_full_queue_says_when_to_come_again_and_whoever_leaves_frees_a_place() -> None:
    model = Sum()
    with running([model], Settings(queue=4)) as server, ThreadPoolExecutor(4) as pool:
        server.ready()
        model.may_run.clear()
        body = httpx.Request("POST", f"{server.url}/v2/models/sum/infer", json=sum_of(1)).read()
        head = f"POST /v2/models/sum/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        leaving = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(2)]
        for connection in leaving:
            connection.sendall(head.encode() + body)
        staying = [pool.submit(ask, server, float(number)) for number in range(2)]
        until(lambda: taken(server, "sum") == 4)
        for path in ("/v2/models/sum/infer", "/v2/models/sum/versions/1/infer"):
            answer = httpx.post(server.url + path, json=sum_of(1))
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) >= 1
            assert list(answer.json()) == ["error"]
        assert httpx.get(f"{server.url}/v2/health/ready").status_code == 200
        for connection in leaving:
            connection.close()
        until(lambda: taken(server, "sum") == 2)
        staying.append(pool.submit(ask, server, 2.0))
        until(lambda: taken(server, "sum") == 3)
        model.may_run.set()
        assert all(is_right(one.result(), float(number)) for number, one in enumerate(staying))
        until(lambda: taken(server, "sum") == 0)


def test_it_is_not_ready_while_it_loads_and_says_so() -> None:
    slow, quick = Sum("slow"), Sum("sum")
    slow.may_load.clear()
    with running([quick, slow]) as server:
        until(lambda: is_right(ask(server)))  # the one does not wait for the other
        ready = httpx.get(f"{server.url}/v2/health/ready")
        assert (ready.status_code, ready.json()["ready"]) == (503, False)
        assert httpx.get(f"{server.url}/v2/health/live").status_code == 200
        assert httpx.get(f"{server.url}/v2/models/sum/ready").json() == {"name": "sum", "ready": True}
        assert httpx.get(f"{server.url}/v2/models/slow/ready").status_code == 503
        for path in ("/v2/models/slow/infer", "/predict/slow"):
            answer = httpx.post(server.url + path, json=sum_of(1))
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) >= 1
        slow.may_load.set()
        server.ready()


def test_it_is_not_ready_without_a_model_and_after_one_failed_and_the_others_answer() -> None:
    with running([]) as server:
        assert httpx.get(f"{server.url}/v2/health/ready").status_code == 503
        assert httpx.get(f"{server.url}/v2/health/live").status_code == 200
    for error in (ConfigError("the file is damaged"), RuntimeError("anything else")):
        with running([Sum("broken", fails_to_load=error), Sum()]) as server:
            until(lambda: is_right(ask(server)))
            ready = httpx.get(f"{server.url}/v2/health/ready")
            assert ready.status_code == 503
            assert "broken" in ready.json()["error"]
            assert httpx.get(f"{server.url}/v2/models/broken/ready").status_code == 503
            assert httpx.post(f"{server.url}/v2/models/broken/infer", json=sum_of(1)).status_code == 503


@pytest.mark.slow
@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_answers_what_it_took_and_takes_nothing_more(tmp_path: Path, told: signal.Signals) -> None:
    port = processes.free_port()
    script = Path(__file__).resolve().parents[1] / "support" / "held_server.py"
    tests = {"PYTHONPATH": os.pathsep.join([str(script.parents[1]), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, str(script), str(port), "1.5"]
    with processes.process(command, tmp_path, port, tests) as one, ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(ask, one.url, 42.0) for _ in range(4)]
        until(lambda: 'profond_queue_samples{model="sum"} 4.0' in httpx.get(f"{one.url}/metrics").text)
        assert one.process is not None
        one.process.send_signal(told)
        until(lambda: not processes.is_ready(one.url))
        assert all(is_right(answer.result(), 42.0) for answer in waiting)
        assert one.process.wait(20) == 0


def nonsense(number: int) -> bytes:
    """A request that is malformed in one of many ways; the same for the same number."""
    chance = random.Random(number)
    body = httpx.Request("POST", "http://localhost/", json=sum_of(number)).read()
    head = b"POST /v2/models/sum/infer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    whole = bytearray(head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    kind = number % 8
    if kind == 0:  # bits of it turned
        for _ in range(chance.randint(1, 20)):
            whole[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
    elif kind == 1:  # cut off, and the connection closed
        del whole[chance.randrange(1, len(whole)) :]
    elif kind == 2:
        whole = bytearray(chance.randbytes(chance.randint(1, 3000)))
    elif kind == 3:  # JSON that is none
        mangled = bytearray(body)
        for _ in range(chance.randint(1, 6)):
            place = chance.randrange(len(mangled))
            mangled[place : place + chance.randint(0, 4)] = chance.choice(
                [b"[", b"]", b"{", b'"', b"\xff", b"1e999", b","]
            )
        whole = bytearray(head + f"Content-Length: {len(mangled)}\r\n\r\n".encode() + mangled)
    elif kind == 4:  # binary sizes that are wrong
        said = body.replace(b'"data"', b'"parameters":{"binary_data_size":%d},"x"' % chance.randint(-9, 99))
        extra = b"Inference-Header-Content-Length: %d\r\n" % chance.choice([len(said), len(said) // 2, 10**9])
        junk = chance.randbytes(24)
        whole = bytearray(head + extra + b"Content-Length: %d\r\n\r\n" % (len(said) + 24) + said + junk)
    elif kind == 5:  # a chunked body with a wrong size
        size = chance.choice([b"zz", b"ffffffffffffffff", b"-1", b"5"])
        whole = bytearray(head + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\n" + body)
    elif kind == 6:  # headers too many, or too long
        many = b"".join(b"X-%d: %s\r\n" % (i, b"y" * chance.randint(0, 900)) for i in range(chance.randint(50, 200)))
        whole = bytearray(head + many + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    else:  # a picture's header where a tensor was expected
        junk = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + chance.randbytes(40)
        whole = bytearray(head.replace(b"/json", b"/octet-stream") + b"Content-Length: %d\r\n\r\n" % len(junk) + junk)
    return bytes(whole)


def send(port: int, text: bytes) -> bytes:
    """What is answered at once; the connection is closed whatever it is."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        try:
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            found = b""
            while part := connection.recv(1 << 16):
                found += part
            return found
        except OSError:
            return b""


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.full)])
def test_malformed_requests_leave_it_serving(tmp_path: Path, count: int) -> None:
    with processes.ours(tmp_path) as one:
        port = int(one.url.rpartition(":")[2])
        for number in range(200):
            send(port, nonsense(number))
        before = one.memory()
        statuses = set()
        for number in range(200, 200 + count):
            found = send(port, nonsense(number))
            statuses.add(found.split(b" ", 2)[1] if found else b"none")
            if number % 100 == 0:
                assert is_right(ask(one.url, number), number)
        assert b"500" not in statuses
        assert b"400" in statuses
        assert is_right(ask(one.url, 7.0), 7.0)
        assert one.memory() - before < 32 << 20
        said = (tmp_path / "said.txt").read_text()
        assert "Traceback" not in said
        assert '"fault"' not in said


@pytest.fixture
def sizes() -> list[bytes]:
    """Pictures of 500 sizes, some of them large."""
    noise = np.random.default_rng(0)
    found = []
    for number in range(500):
        width, height = noise.integers(1, 900 if number % 10 == 0 else 200, 2)
        buffer = io.BytesIO()
        Image.effect_noise((int(width), int(height)), 50).convert("RGB").save(buffer, "JPEG")
        found.append(buffer.getvalue())
    return found


@pytest.mark.full
def test_memory_stays_flat_over_ten_thousand_pictures_of_different_sizes(
    file: Path, sizes: list[bytes], tmp_path: Path
) -> None:
    port = processes.free_port()
    command = [sys.executable, "-m", "profond.server.command", str(file), "--port", str(port), "--quiet"]
    with processes.process(command, tmp_path, port) as one, httpx.Client(base_url=one.url) as client:
        memory = []
        for number in range(10_000):
            assert client.post("/predict", content=sizes[number % 500]).status_code == 200
            if number % 1000 == 999:
                memory.append(one.memory())
        assert memory[-1] - memory[1] < 16 << 20, memory
