"""The examples of how a model is deployed, checked as far as they can be without a cluster."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from support import exported

from profond.runtime.exported import ExportedFile
from profond.server.app import application
from profond.server.command import profond_serve
from profond.server.datatypes import datatype_of
from profond.server.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
ROUTES = {route.path for route in application([]).routes if "GET" in route.methods}


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8")))


def is_understood(words: list[str]) -> dict[str, Any]:
    """What a server is told by these words. Raises: click's errors for what it does not know."""
    context = profond_serve.make_context("profond-serve", list(words))
    return dict(context.params)


def containerfile() -> list[tuple[str, str]]:
    """(instruction, what follows), lines that go on joined."""
    text = re.sub(r"\\\n", " ", (DEPLOY / "Containerfile").read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1].strip()) for line in lines]


def test_the_container_serves_as_a_user_without_rights_and_stops_in_good_order() -> None:
    told = dict(containerfile())
    assert told["USER"] not in ("0", "root")
    assert told["STOPSIGNAL"] == "SIGTERM"
    assert ast.literal_eval(told["ENTRYPOINT"]) == ["profond-serve"]
    words = ast.literal_eval(told["CMD"])
    given = is_understood(words)
    assert str(given["port"]) == told["EXPOSE"]
    assert "PROFOND_TOKEN" not in told.get("ENV", "")
    assert any(route in told["HEALTHCHECK"] for route in ROUTES if "health" in route)
    for instruction, rest in containerfile():
        if instruction == "COPY" and "--from" not in rest and "$" not in rest:
            assert (ROOT / rest.split()[0]).exists(), rest
    wheel = next(rest for instruction, rest in containerfile() if "pip wheel" in rest)
    assert (ROOT / wheel.split()[-1] / "pyproject.toml").exists()


def test_the_service_of_systemd_is_valid(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    text = (DEPLOY / "profond.service").read_text(encoding="utf-8")
    start = re.search(r"^ExecStart=(\S+) (.*)$", text, re.M)
    assert start is not None
    is_understood(shlex.split(start[2]))
    here = tmp_path / "profond.service"
    here.write_text(text.replace(start[1], sys.executable))  # it wants a program that is there
    done = subprocess.run(["systemd-analyze", "verify", str(here)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_the_service_is_given_longer_to_stop_than_the_server_takes() -> None:
    text = (DEPLOY / "profond.service").read_text(encoding="utf-8")
    seconds = re.search(r"^TimeoutStopSec=(\d+)$", text, re.M)
    assert seconds is not None
    assert float(seconds[1]) > Settings().drain_seconds
    pod = documents("kubernetes.yaml")[0]["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] > Settings().drain_seconds + 3


def test_the_probes_of_kubernetes_ask_routes_that_there_are_without_a_token() -> None:
    deployment, service = documents("kubernetes.yaml")
    pod = deployment["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    given = is_understood(container["args"])
    (port,) = container["ports"]
    assert given["port"] == port["containerPort"]
    assert [one["targetPort"] for one in service["spec"]["ports"]] == [port["name"]]
    assert service["spec"]["selector"] == pod["metadata"]["labels"] == deployment["spec"]["selector"]["matchLabels"]
    assert service["metadata"]["name"] in given["hosts"]
    for probe, path in (("startup", "live"), ("liveness", "live"), ("readiness", "ready")):
        asked = container[f"{probe}Probe"]["httpGet"]
        assert asked == {"path": f"/v2/health/{path}", "port": port["name"]}
        assert asked["path"] in ROUTES
    assert pod["metadata"]["annotations"]["prometheus.io/path"] in ROUTES


def test_the_manifests_are_valid_where_their_schemas_are_installed() -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    for one in documents("kubernetes.yaml"):
        validate.validate(one, validate.latest_version(), strict=True)


def test_kserve_is_given_the_model_or_the_container() -> None:
    for one in documents("kserve.yaml"):
        assert (one["apiVersion"], one["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
        for container in one["spec"]["predictor"].get("containers", ()):
            given = is_understood(container["args"])
            assert given["port"] == container["ports"][0]["containerPort"]
            for probe in ("readinessProbe", "livenessProbe"):
                assert container[probe]["httpGet"]["path"] in ROUTES
                assert container[probe]["httpGet"]["port"] == given["port"]
    model = documents("kserve.yaml")[0]["spec"]["predictor"]["model"]
    assert (model["modelFormat"]["name"], model["protocolVersion"]) == ("onnx", "v2")


def of_triton() -> ModuleType:
    """Triton's own definition of a configuration, as its client ships it; all of the client wants gRPC."""
    found = importlib.util.find_spec("tritonclient")
    assert found is not None
    assert found.submodule_search_locations is not None
    path = Path(found.submodule_search_locations[0]) / "grpc" / "model_config_pb2.py"
    spec = importlib.util.spec_from_file_location("model_config_pb2", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_configuration_for_triton_is_that_of_an_exported_file(tmp_path: Path) -> None:
    from google.protobuf import text_format

    triton = of_triton()
    told = text_format.Parse((DEPLOY / "triton/signs/config.pbtxt").read_text(), triton.ModelConfig())
    file = ExportedFile(exported.of_pictures(tmp_path / "signs.onnx"), "onnx", 1)
    file.load([1])
    names = {triton.DataType.Value(f"TYPE_{kind}"): kind for kind in ("UINT8", "FP32")}
    names[triton.DataType.Value("TYPE_STRING")] = "BYTES"
    for ports, wanted in ((told.input, file.inputs), (told.output, file.outputs)):
        found = [(port.name, names[port.data_type], len(port.dims)) for port in ports]
        assert found == [(port.name, datatype_of(port), len(port.shape)) for port in wanted]
        for port, own in zip(ports, wanted, strict=True):
            for told_axis, axis in zip(port.dims, own.shape, strict=True):
                assert told_axis == axis or isinstance(axis, str) or port.name == "probabilities"
    assert told.max_batch_size == 0
    assert told.backend == "onnxruntime"


def test_ray_serve_is_told_of_the_deployment_that_there_is() -> None:
    (one,) = documents("ray_serve.yaml")
    (app,) = one["applications"]
    module, name = app["import_path"].split(":")
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    assigned = {target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets}  # type: ignore[attr-defined]
    assert name in assigned
    assert {deployment["name"] for deployment in app["deployments"]} == classes
    assert one["http_options"]["host"] == "127.0.0.1"


def test_every_example_stands_on_the_page() -> None:
    for path in DEPLOY.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert f"(../{path.relative_to(ROOT)})" in PAGE, path
