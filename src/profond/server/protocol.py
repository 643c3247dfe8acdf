"""The routes of the Open Inference Protocol, version 2."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from profond.core.errors import ProfondError
from profond.core.version import VERSION
from profond.runtime.engines.engine import Port
from profond.server.asking import Asking, refused_for
from profond.server.body import OBJECTS, Bodies, while_waited_for
from profond.server.datatypes import BYTES, datatype_of, shape_of
from profond.server.guard import FACTS
from profond.server.hosted import Hosted, Models
from profond.server.refused import Refused, bad, busy
from profond.server.request import Asked, Given, from_binary, read_request
from profond.server.response import HEADER_LENGTH, written

EXTENSIONS = ["binary_tensor_data"]
_SHORT = 1 << 16
"""Bytes of JSON that are read where they are; more of them in a thread."""
_TYPES = ("", "application/json", "application/octet-stream", "application/x-www-form-urlencoded")
"""Content types of a request; the last is what curl sends where nothing is said."""


class Protocol:
    """Answers in the words of the protocol."""

    def __init__(self, models: Models, asking: Asking, bodies: Bodies) -> None:
        self.models = models
        self.asking = asking
        self.bodies = bodies

    def routes(self) -> list[Route]:
        one = "/v2/models/{model}"
        of_version = one + "/versions/{version}"
        found = [Route(path + "/infer", self.infer, name="infer", methods=["POST"]) for path in (one, of_version)]
        found += [
            Route("/v2", self.server, name="server"),
            Route("/v2/", self.server, name="server"),
            Route("/v2/health/live", self.live, name="live"),
            Route("/v2/health/ready", self.ready, name="ready"),
        ]
        for path in (one, of_version):
            found += [
                Route(path, self.model, name="model"),
                Route(path + "/ready", self.model_ready, name="model_ready"),
            ]
        return found

    async def server(self, request: Request) -> Response:
        request.scope[FACTS]["route"] = "server"
        return JSONResponse({"name": "profond", "version": VERSION, "extensions": EXTENSIONS})

    async def live(self, request: Request) -> Response:
        request.scope[FACTS]["route"] = "live"
        return JSONResponse({"live": True})

    async def ready(self, request: Request) -> Response:
        request.scope[FACTS]["route"] = "ready"
        if self.models.ready:
            return JSONResponse({"live": True, "ready": True})
        return JSONResponse({"live": True, "ready": False, "error": self.models.why_not()}, 503)

    async def model(self, request: Request) -> Response:
        model = self._model(request, "model")
        served = model.served
        return JSONResponse(
            {
                "name": model.name,
                "versions": [served.version],
                "platform": served.platform,
                "inputs": list(map(_described, served.inputs)),
                "outputs": list(map(_described, served.outputs)),
            }
        )

    async def model_ready(self, request: Request) -> Response:
        model = self._model(request, "model_ready")
        try:
            model.ready()
        except Refused as refused:
            said = {"name": model.name, "ready": False, "error": refused.message}
            return JSONResponse(said, refused.status, refused.headers)
        return JSONResponse({"name": model.name, "ready": True})

    async def infer(self, request: Request) -> Response:
        model = self._model(request, "infer")
        facts = request.scope[FACTS]
        queue = model.ready()
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _TYPES and not (kind.startswith("application/") and kind.endswith("+json")):
            raise Refused(415, f"Content-Type is {kind[:80]!r}: send application/json, or application/octet-stream")
        if queue.taken >= queue.capacity:
            queue.metrics.full.inc()
            refused = busy(f"{queue.taken} samples wait already: come again")
            refused.headers["Connection"] = "close"  # its body is not read
            raise refused
        length = _header_length(request)
        body = await self.bodies.read(request, facts)
        served = queue.served
        encoded = served.takes == "images"
        if length == 0:
            asked = _raw(body, served.inputs, served.takes != "tensors")
        elif (len(body) if length is None else length) <= _SHORT:
            asked = read_request(body, length, self.models.settings, encoded)
        else:
            said = min(len(body) if length is None else length, self.models.settings.json_bytes)
            self.bodies.hold(OBJECTS * said, facts)
            asked = await self.asking.in_a_thread(read_request, body, length, self.models.settings, encoded)
        try:
            outputs, facts["samples"] = await while_waited_for(request.receive, self.asking.tensors(queue, asked))
        except ProfondError as error:
            raise refused_for(error) from None
        return written(asked, model.name, served.version, model.outputs, outputs)

    def _model(self, request: Request, route: str) -> Hosted:
        facts = request.scope[FACTS]
        facts["route"] = route
        model = self.models.find(request.path_params["model"], request.path_params.get("version"))
        facts["model"] = model.name
        return model


Handler = Callable[[Request], Awaitable[Response]]


def _described(port: Port) -> dict[str, Any]:
    return {"name": port.name, "datatype": datatype_of(port), "shape": shape_of(port)}


def _header_length(request: Request) -> int | None:
    said = request.headers.get(HEADER_LENGTH)
    if said is None:
        return None
    if not said.isascii() or not said.isdigit() or len(said) > 12:
        raise bad(f"{HEADER_LENGTH} is not a number")
    return int(said)


def _raw(body: bytes, inputs: tuple[Port, ...], files: bool) -> Asked:
    """A body without JSON: the one input of one sample, a file where the model takes such."""
    if len(inputs) != 1:
        raise bad(f"a body without JSON is one input, and the model has {len(inputs)}")
    port = inputs[0]
    if files or port.dtype == "str":
        raw = len(body).to_bytes(4, "little") + body
        given = Given(port.name, BYTES, (1,), from_binary(memoryview(raw), port.name, BYTES, (1,)))
        return Asked(None, {port.name: given}, None, True)
    shape = (1, *(axis for axis in port.shape[1:] if isinstance(axis, int)))
    if len(shape) != len(port.shape):
        raise bad(f"a body without JSON has no shape, and input {port.name!r} has any: say it in JSON")
    datatype = datatype_of(port)
    values = from_binary(memoryview(body), port.name, datatype, shape)
    return Asked(None, {port.name: Given(port.name, datatype, shape, values)}, None, True)
