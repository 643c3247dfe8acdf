"""Requests made from our own description of the interface: every answer is one that the description tells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks
from support import exported
from support.known_models import Sum
from support.serving import Running, running

from profond.runtime.exported import ExportedFile

FILE = files("profond.server") / "openapi.json"
METHODS = {"GET", "POST"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    path = exported.of_pictures(tmp_path_factory.mktemp("described") / "signs.onnx")
    with running([ExportedFile(path, "onnx", 1, "signs"), Sum()]) as one:
        yield one.ready()


def test_the_description_has_every_route_and_no_other(server: Running) -> None:
    found = {(route.path, method) for route in server.app.routes for method in route.methods & METHODS}
    told = {(path, verb.upper()) for path, verbs in json.loads(FILE.read_text())["paths"].items() for verb in verbs}
    assert found == told


def test_the_server_gives_its_description(server: Running) -> None:
    answer = httpx.get(f"{server.url}/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == json.loads(FILE.read_text())


def described() -> Any:
    """The description, in which names of models are those that there are, and one that there is not."""
    found = json.loads(FILE.read_text())
    for verbs in found["paths"].values():
        for verb in verbs.values():
            for parameter in verb.get("parameters", ()):
                if parameter["in"] == "path":
                    names = ["sum", "signs", "nobody"] if parameter["name"] == "model" else ["1", "2"]
                    parameter["schema"] = {"enum": names}
    return schemathesis.openapi.from_dict(found)


api = described()
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture]


def tried(examples: int) -> settings:
    """As many examples of each operation, the same every time."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=QUIET,
        phases=[Phase.explicit, Phase.generate],
    )


@pytest.mark.slow
@api.parametrize()
@tried(25)
def test_every_answer_is_one_that_the_description_tells(case: schemathesis.Case, server: Running) -> None:
    case.call_and_validate(base_url=server.url, checks=CHECKS)


@pytest.mark.full
@api.parametrize()
@tried(500)
def test_every_answer_to_many_requests_is_described(case: schemathesis.Case, server: Running) -> None:
    case.call_and_validate(base_url=server.url, checks=CHECKS)
