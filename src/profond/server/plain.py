"""The routes for people: a file goes in, an answer in plain words comes out; what is served; and metrics."""

from __future__ import annotations

import html
from email.message import Message as Mail
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message

from profond.core.errors import ProfondError
from profond.core.version import VERSION
from profond.runtime.series import Series
from profond.runtime.served import Served
from profond.server.asking import Asking, refused_for
from profond.server.body import OBJECTS, Bodies, while_waited_for
from profond.server.guard import FACTS
from profond.server.hosted import Hosted, Models
from profond.server.metrics import Metrics
from profond.server.refused import Refused, bad

_UNSAID = ("", "application/octet-stream", "application/x-www-form-urlencoded", "binary/octet-stream")
"""Content types that say nothing of a body; the third is what curl sends."""
_TYPES = {
    "images": tuple(
        f"image/{kind}"
        for kind in (
            *("jpeg", "jpg", "pjpeg", "png", "apng", "x-png", "bmp", "x-ms-bmp", "gif", "webp", "tiff", "avif"),
            *("jp2", "jpx", "jpm", "j2k", "x-portable-pixmap", "x-portable-graymap", "x-portable-bitmap"),
            "x-portable-anymap",
        )
    ),
    "series": ("text/csv", "text/plain", "text/tab-separated-values", "application/csv", "application/vnd.ms-excel"),
    "texts": ("text/plain",),
}
_WORDS = {"images": "a picture", "series": "a CSV", "texts": "a text"}
_CHARSETS = {
    **dict.fromkeys(("utf-8", "utf8", "us-ascii", "ascii"), "utf-8"),
    **dict.fromkeys(("iso-8859-1", "latin-1", "latin1", "windows-1252", "cp1252"), "cp1252"),
    "iso-8859-15": "iso-8859-15",
    "utf-16": "utf-16",
}
"""Character sets of texts, and what decodes them; browsers too take Latin-1 for Windows-1252, of which it is a part.

Source: encoding.spec.whatwg.org/#names-and-labels"""
_FIELDS = 8
_STYLE = "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}pre{overflow:auto}"


class Plain:
    """Answers in plain JSON."""

    def __init__(self, models: Models, asking: Asking, bodies: Bodies, metrics: Metrics) -> None:
        self.models = models
        self.asking = asking
        self.bodies = bodies
        self.metrics = metrics

    def routes(self) -> list[Route]:
        return [
            Route("/predict", self.predict, name="predict", methods=["POST"]),
            Route("/predict/{model}", self.predict, name="predict", methods=["POST"]),
            Route("/", self.front, name="front"),
            Route("/metrics", self.measured, name="metrics"),
        ]

    async def front(self, request: Request) -> Response:
        request.scope[FACTS]["route"] = "front"
        said = {
            "name": "profond",
            "version": VERSION,
            "ready": self.models.ready,
            "models": list(map(_said, self.models.all.values())),
        }
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(
                _page(said), headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
            )
        return JSONResponse(said)

    async def measured(self, request: Request) -> Response:
        request.scope[FACTS]["route"] = "metrics"
        page, kind = self.metrics.text(request.headers.get("accept", ""))
        return Response(page, headers={"Content-Type": kind})

    async def predict(self, request: Request) -> Response:
        facts = request.scope[FACTS]
        facts["route"] = "predict"
        model = self._model(request.path_params.get("model"))
        facts["model"] = model.name
        queue = model.ready()
        served = queue.served
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if served.takes == "tensors":
            raise bad(f"the model {model.name!r} takes tensors: POST them to /v2/models/{model.name}/infer")
        if kind not in (*_UNSAID, *_TYPES[served.takes], "multipart/form-data"):
            raise Refused(
                415,
                f"Content-Type is {kind[:80]!r}, and the model takes {_WORDS[served.takes]}: send it as "
                f"{_TYPES[served.takes][0]}, as multipart/form-data, or without a Content-Type",
            )
        body = await self.bodies.read(request, facts)
        if kind == "multipart/form-data":
            body = await self._from_form(request, body)
        if not body:
            raise bad(f"the body is empty: send {_WORDS[served.takes]}")
        if served.takes == "texts":
            body = _in_utf8(body, request.headers.get("content-type", ""))
        elif served.takes == "series" and Series.is_text(body):
            self.bodies.hold(OBJECTS * min(len(body), self.models.settings.json_bytes), facts)
        try:
            found = await while_waited_for(request.receive, self.asking.file(queue, body))
            if isinstance(found, dict):
                said = [{"id": id, **served.answer(*one)} for id, one in found.items()]
                answer = {"model": model.name, "predictions": said}
            else:
                answer = {"model": model.name, **served.answer(*found)}
        except ProfondError as error:
            raise refused_for(error) from None
        facts["samples"] = len(found) if isinstance(found, dict) else 1
        try:
            return JSONResponse(answer)
        except ValueError:
            raise Refused(500, "the model's answer has numbers that are not finite") from None

    def _model(self, name: str | None) -> Hosted:
        if name is not None:
            return self.models.find(name)
        if not self.models.all:
            raise Refused(503, self.models.why_not())
        if len(self.models.all) > 1:
            raise Refused(404, "several models are served: POST to /predict/NAME, one of " + ", ".join(self.models.all))
        return next(iter(self.models.all.values()))

    async def _from_form(self, request: Request, body: bytes) -> bytes:
        """The one file of a form, or the one text."""

        async def again() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        most = self.models.settings.body_bytes
        try:
            async with Request(request.scope, again).form(max_files=1, max_fields=_FIELDS, max_part_size=most) as form:
                files = [one for _, one in form.multi_items() if isinstance(one, UploadFile)]
                if files:
                    return await files[0].read()
                texts = [one for _, one in form.multi_items() if isinstance(one, str)]
        except HTTPException as error:
            raise bad(f"the form cannot be read (send one file in it): {error.detail}") from None
        if len(texts) != 1:
            raise bad(f"the form has no file and {len(texts)} fields: send one file")
        return texts[0].encode(errors="replace")


def _in_utf8(body: bytes, content_type: str) -> bytes:
    """A text in the character set that its content type names. Raises: Refused for one that is not known, or wrong."""
    named = Mail()
    named["Content-Type"] = content_type
    charset = (named.get_content_charset() if content_type else None) or "utf-8"
    if charset not in _CHARSETS:
        raise Refused(415, f"the charset {charset[:40]!r} is not known: send UTF-8")
    try:
        return body.decode(_CHARSETS[charset]).encode()
    except UnicodeDecodeError as error:
        raise bad(
            f"the text is not {charset.upper()}: {error.reason} at byte {error.start}: send UTF-8, or say what it is, "
            "such as Content-Type: text/plain; charset=windows-1252"
        ) from None


def _said(model: Hosted) -> dict[str, Any]:
    if model.queue is None:
        return {"name": model.name, "ready": False, **({} if model.failure is None else {"error": model.failure})}
    served = model.queue.served
    return {
        "name": model.name,
        "ready": True,
        "version": served.version,
        "platform": served.platform,
        "takes": served.takes,
        "predict": None if served.takes == "tensors" else f"/predict/{model.name}",
        "infer": f"/v2/models/{model.name}/infer",
        "batch_sizes": sorted(model.queue.sizes),
        "about": dict(served.about),
    }


def _page(said: dict[str, Any]) -> str:
    def told(model: dict[str, Any]) -> str:
        name = html.escape(model["name"])
        if not model["ready"]:
            return f"<li><b>{name}</b>: {html.escape(model.get('error', 'loading'))}</li>"
        how = f"<code>POST {html.escape(model['predict'] or model['infer'])}</code>"
        return f"<li><b>{name}</b> takes {html.escape(model['takes'])}: {how}</li>"

    models = "".join(map(told, said["models"])) or "<li>none</li>"
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Profond</title><style>{_STYLE}</style>"
        f"<h1>Profond {html.escape(said['version'])}</h1><p>Models served here:</p><ul>{models}</ul>"
        "<pre>curl --data-binary @photo.jpg ADDRESS/predict</pre>"
        "<p>The Open Inference Protocol is at <code>/v2</code>, metrics at <code>/metrics</code>.</p></html>"
    )


__all__ = ["Plain", "Served"]
