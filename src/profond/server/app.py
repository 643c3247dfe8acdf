"""The application: routes behind their guard, and models that load while it already says that it is not ready."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from profond.server.asking import Asking
from profond.server.body import Bodies
from profond.server.guard import FACTS, Guard
from profond.server.hosted import Models, Offered
from profond.server.metrics import Metrics
from profond.server.plain import Plain
from profond.server.protocol import Protocol
from profond.server.refused import Refused
from profond.server.settings import Settings


def application(offered: Sequence[Offered], settings: Settings | None = None) -> Starlette:
    """A server as an application, which loads its models when it starts.

    Args:
        offered: the models, each by its name; `Offered(served.name, lambda: served)` for one that is at hand.
        settings: what it may be told; without them it is one for this machine alone.
    """
    settings = settings or Settings()
    metrics, bodies, asking = Metrics(), Bodies(settings), Asking(settings)
    models = Models(offered, settings, metrics)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        models.start()
        yield
        models.draining = True
        models.stop()
        asking.close()

    middleware = [Middleware(Guard, settings=settings, bodies=bodies, metrics=metrics)]
    if settings.origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.origins,
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type", "Inference-Header-Content-Length"],
                expose_headers=["Inference-Header-Content-Length", "Retry-After"],
            )
        )
    app = Starlette(
        routes=[
            *Plain(models, asking, bodies, metrics).routes(),  # looked through in order, and all match different paths
            *Protocol(models, asking, bodies).routes(),
            *_described(),
        ],
        middleware=middleware,
        exception_handlers={Refused: _refused, HTTPException: _http},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.models = models
    return app


def _described() -> list[Route]:
    """The description of all routes, where it is installed."""
    file = files("profond.server") / "openapi.json"
    if not file.is_file():
        return []
    text = file.read_bytes()

    async def openapi(request: Request) -> Response:
        request.scope[FACTS]["route"] = "openapi"
        return Response(text, media_type="application/json")

    return [Route("/openapi.json", openapi, name="openapi")]


async def _refused(request: Request, error: Any) -> Response:
    assert isinstance(error, Refused)
    return error.response()


async def _http(request: Request, error: Any) -> Response:
    words = {
        404: "there is nothing at this address: GET / says what is served",
        405: "this address does not take this method",
    }
    return JSONResponse({"error": words.get(error.status_code, str(error.detail))}, error.status_code, error.headers)
