"""A server in this process, of a small graph that ONNX Runtime computes."""

from __future__ import annotations

import io
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.exported import of_pictures

from profond.runtime.exported import ExportedFile
from profond.runtime.served import Served
from profond.server.app import application
from profond.server.hosted import Offered
from profond.server.settings import Settings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would rather have the successor of httpx
    from starlette.testclient import TestClient

Serve = Callable[..., TestClient]


@pytest.fixture(scope="session")
def signs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of pictures of 8 × 8 with three classes."""
    return of_pictures(tmp_path_factory.mktemp("signs") / "signs.onnx")


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A JPEG of another size than the network's."""
    return jpeg(0)


def jpeg(seed: int, size: tuple[int, int] = (20, 30)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def pixels(seed: int, count: int = 1, size: tuple[int, int] = (8, 8)) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, (count, *size, 3), dtype=np.uint8)


def wait_for(client: TestClient, seconds: float = 30) -> TestClient:
    """Until its models are ready. Raises: AssertionError where they are not in time."""
    until = time.monotonic() + seconds
    while (found := client.get("/v2/health/ready")).status_code != 200:
        assert time.monotonic() < until, found.text
        time.sleep(0.01)
    return client


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A function: models, or none, behind a client that waits until they are ready."""
    with ExitStack() as opened:

        def start(*models: Served, ready: bool = True, **settings: Any) -> TestClient:
            app = application([Offered(one.name, lambda one=one: one) for one in models], Settings(**settings))
            client = opened.enter_context(TestClient(app, "http://localhost", raise_server_exceptions=False))
            return wait_for(client) if ready else client

        yield start


@pytest.fixture(scope="module")
def client(signs: Path) -> Iterator[TestClient]:
    """One server for tests that leave it as it is."""
    app = application([Offered("signs", lambda: ExportedFile(signs, "onnx", threads=1))])
    with TestClient(app, "http://localhost", raise_server_exceptions=False) as found:
        yield wait_for(found)
