"""Requests gather while the engine computes; each gets its own answer, equal to the bit to the one it gets alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from support.serving import Running, running
from unit.server.conftest import jpeg, pixels

from profond.core.errors import DataError
from profond.runtime.engines.engine import Arrays
from profond.runtime.exported import ExportedFile
from profond.server.settings import Settings
from profond.server.sizes import equal_sizes


class Gated(ExportedFile):
    """An exported file whose engine waits at a gate, refuses black pictures, and notes the sizes of its batches."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "onnx", threads=1)
        self.gate, self.at_gate = threading.Event(), threading.Event()
        self.gate.set()
        self.sizes: list[int] = []

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        self.at_gate.set()
        self.gate.wait(20)
        values = inputs["pictures"]
        self.sizes.append(len(values))
        assert values.shape[1:] == (8, 8, 3)
        if any(not one.any() for one in values):
            raise DataError("a black picture")
        return super().run(inputs)

    def shut(self) -> None:
        self.sizes.clear()
        self.gate.clear()
        self.at_gate.clear()


@contextmanager
def gated(path: Path, **settings: Any) -> Iterator[tuple[Gated, Running]]:
    model = Gated(path)
    with running([model], Settings(trying_seconds=60, **settings)) as server:
        try:
            yield model, server.ready()
        finally:
            model.gate.set()


def ask(server: Running, values: NDArray[Any], **more: Any) -> httpx.Response:
    entry = {"name": "pictures", "shape": list(values.shape), "datatype": "UINT8", "data": values.ravel().tolist()}
    return httpx.post(f"{server.url}/v2/models/signs/infer", json={"inputs": [entry]}, timeout=20, **more)


def waiting(server: Running) -> int:
    """Samples that have a place in the queue."""
    found = httpx.get(f"{server.url}/metrics").text
    return int(float(found.split('profond_queue_samples{model="signs"} ')[1].split("\n")[0]))


def until(server: Running, count: int) -> None:
    end = time.monotonic() + 10
    while waiting(server) != count:
        assert time.monotonic() < end
        time.sleep(0.005)


def test_an_idle_engine_takes_one_at_once_and_what_gathers_meanwhile_in_prepared_sizes(signs: Path) -> None:
    with gated(signs) as (model, server), ThreadPoolExecutor(16) as clients:
        model.shut()
        first = clients.submit(ask, server, pixels(0))
        assert model.at_gate.wait(10)
        others = [clients.submit(ask, server, pixels(seed)) for seed in range(1, 8)]
        until(server, 8)
        model.gate.set()
        assert {one.result().status_code for one in (first, *others)} == {200}
    assert model.sizes == [1, 4, 2, 1]


def test_64_clients_get_each_their_own_answer_equal_to_the_bit_to_the_answer_alone(signs: Path) -> None:
    model = ExportedFile(signs, "onnx", threads=1)
    model.load([1])
    photos = [jpeg(seed, (10 + seed, 30)) for seed in range(64)]
    alone = [model.run(model.decoded(photo)) for photo in photos]
    known = [model.answer(one, 0) for one in alone]
    assert len({one["probability"] for one in known}) == 64
    with gated(signs) as (served, server), ThreadPoolExecutor(64) as clients:
        with httpx.Client(limits=httpx.Limits(max_connections=64)) as http:

            def asked(photo: bytes) -> dict[str, Any]:
                found: dict[str, Any] = http.post(f"{server.url}/predict", content=photo, timeout=20).json()
                return found

            served.shut()
            answers = [clients.submit(asked, photo) for photo in photos]
            until(server, 64)
            served.gate.set()
            assert [one.result() for one in answers] == [{"model": "signs", **one} for one in known]
        assert max(served.sizes) == 32


def test_one_bad_item_fails_alone(signs: Path) -> None:
    with gated(signs) as (model, server), ThreadPoolExecutor(8) as clients:
        model.shut()
        clients.submit(ask, server, pixels(0))
        assert model.at_gate.wait(10)
        given = [np.zeros((1, 8, 8, 3), np.uint8) if seed == 2 else pixels(seed) for seed in range(1, 5)]
        answers = [clients.submit(ask, server, one) for one in given]
        until(server, 5)
        model.gate.set()
        found = [one.result() for one in answers]
        assert [one.status_code for one in found] == [200, 400, 200, 200]
        assert found[1].json() == {"error": "a black picture"}
        assert [one.json()["outputs"] for one in found[2:]] == [ask(server, one).json()["outputs"] for one in given[2:]]


def test_a_request_of_many_samples_is_answered_in_their_order(signs: Path) -> None:
    with gated(signs) as (model, server):
        values = pixels(3, count=70)
        together = ask(server, values).json()["outputs"][0]["data"]
        alone = [ask(server, values[index : index + 1]).json()["outputs"][0]["data"] for index in (0, 33, 69)]
        assert [together[3 * index : 3 * index + 3] for index in (0, 33, 69)] == alone
        assert set(model.sizes) <= {1, 2, 4, 8, 16, 32}


def test_a_full_queue_sends_away_and_a_cancelled_request_frees_its_place(signs: Path) -> None:
    with gated(signs, queue=3) as (model, server), ThreadPoolExecutor(4) as clients:
        model.shut()
        first = clients.submit(ask, server, pixels(0))
        assert model.at_gate.wait(10)
        second = clients.submit(ask, server, pixels(1))
        until(server, 2)
        with pytest.raises(httpx.ReadTimeout):  # the client goes
            httpx.post(f"{server.url}/predict", content=jpeg(2), timeout=0.3)
        until(server, 2)
        third = clients.submit(ask, server, pixels(3))
        until(server, 3)
        refused = ask(server, pixels(4))
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        assert ask(server, pixels(4, count=4)).status_code == 503
        model.gate.set()
        assert {one.result().status_code for one in (first, second, third)} == {200}
        assert sum(model.sizes) == 3
        assert ask(server, pixels(4, count=4)).status_code == 413
        until(server, 0)


def test_a_request_that_takes_too_long_is_told_so_and_frees_its_place(signs: Path) -> None:
    with gated(signs, seconds=0.4) as (model, server):
        model.shut()
        late = ask(server, pixels(0))
        assert (late.status_code, "Retry-After" in late.headers) == (503, True)
        assert waiting(server) == 0


class Fickle(ExportedFile):
    """Computes as some engines do: with other bits of some samples in every size of a batch from four on."""

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        found = super().run(inputs)
        last = found["probabilities"]
        time.sleep(0.001 * len(last))
        some = (len(last) >= 4) & (inputs["pictures"][:, 0, 0, :1] % 8 == 0)
        return {**found, "probabilities": np.where(some, last * (1 + 2.0**-20 * len(last)), last).astype(np.float32)}


class Slow(ExportedFile):
    """Computes one alone with other bits than among others, and as long as eight together."""

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        found = super().run(inputs)
        time.sleep(0.002)
        one = len(found["probabilities"]) == 1
        return {**found, "probabilities": np.nextafter(found["probabilities"], np.float32(2 if one else 0))}


def test_only_sizes_with_equal_bits_are_used(signs: Path) -> None:
    sizes = (1, 2, 4, 8)
    for kind, known in ((ExportedFile, sizes), (Fickle, (1, 2)), (Slow, (2, 4, 8))):
        model = kind(signs, "onnx", threads=1)
        model.load(sizes)
        assert equal_sizes(model, sizes, seconds=60) == known


class Long(ExportedFile):
    """Takes long for each sample, by a clock of its own."""

    clock = 0.0

    def run(self, inputs: Arrays) -> dict[str, NDArray[Any]]:
        self.clock += 0.008 * len(inputs["pictures"])
        return super().run(inputs)

    def perf_counter(self) -> float:
        return self.clock


def test_a_network_that_takes_long_is_tried_with_fewer_samples_instead_of_fewer_sizes(
    signs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = (1, 2, 4, 8, 16, 32)
    model = Long(signs, "onnx", threads=1)
    model.load(sizes)
    monkeypatch.setattr("profond.server.sizes.time", model)
    model.clock = 0.0
    assert equal_sizes(model, sizes, seconds=1) == sizes
    assert model.clock < 2


def test_one_that_comes_alone_is_filled_up_where_no_size_is_one(signs: Path) -> None:
    model = Slow(signs, "onnx", threads=1)
    pictures = [pixels(number) for number in range(6)]
    with running([model], Settings(trying_seconds=60)) as server:
        server.ready()
        alone = [ask(server, picture).json() for picture in pictures]
        with ThreadPoolExecutor(6) as pool:
            together = [found.json() for found in pool.map(partial(ask, server), pictures)]
    assert alone == together


def resident() -> int:
    """Bytes of memory of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) << 10
    raise AssertionError("no VmRSS")


@pytest.mark.full
def test_memory_is_flat_over_10_000_images_of_different_sizes(signs: Path) -> None:

    random = np.random.default_rng(0)
    photos = [jpeg(seed, tuple(random.integers(8, 200, 2))) for seed in range(500)]
    with gated(signs) as (_, server), httpx.Client() as http:
        used = []
        for _ in range(20):
            for photo in photos:
                assert http.post(f"{server.url}/predict", content=photo).status_code == 200
            used.append(resident())
    assert max(used[4:]) - used[4] < 8 << 20, used
