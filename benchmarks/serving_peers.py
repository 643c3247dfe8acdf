"""What a server is compared with: a route that only reads, and the engine without any server."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np


def bare(port: int) -> None:
    """Serve a route that reads the same body, and answers as long a text as ours, with nothing between."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    answer = {
        "label": "a class",
        "probability": 0.5,
        "top": [{"label": f"class {i}", "probability": 0.1} for i in range(5)],
    }

    async def read(request: Request) -> JSONResponse:
        await request.body()
        return JSONResponse(answer)

    app = Starlette(routes=[Route("/{path:path}", read, methods=["GET", "POST"])])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def prepared(file: str, photos: list[str], batch: int) -> tuple[Any, dict[str, np.ndarray]]:
    """(exported file, loaded; a batch as its engine takes it)."""
    from profond.runtime.exported import ExportedFile

    served = ExportedFile(Path(file))
    served.load([batch])
    decoded = [served.decoded(Path(photos[i % len(photos)]).read_bytes()) for i in range(batch)]
    return served, {name: np.concatenate([one[name] for one in decoded]) for name in decoded[0]}


def direct(file: str, photos: list[str], batch: int, seconds: float) -> float:
    """Pictures a second: OpenVINO alone, one batch after the other, from tensors that stand ready."""
    import openvino

    _, inputs = prepared(file, photos, batch)
    graph = openvino.Core().read_model(file)
    graph.reshape({name: list(values.shape) for name, values in inputs.items()})
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    request = openvino.Core().compile_model(graph, "CPU", settings).create_infer_request()
    return batch * _rate(lambda: request.infer(inputs, share_inputs=True), seconds)


def decoding(file: str, photos: list[str], seconds: float) -> float:
    """Pictures a second: a file decoded, and computed by the engine, one after the other."""
    served, _ = prepared(file, photos, 1)
    bodies = [Path(name).read_bytes() for name in photos]
    turn = 0

    def one() -> None:
        nonlocal turn
        turn += 1
        served.answer(served.run(served.decoded(bodies[turn % len(bodies)])), 0)

    return _rate(one, seconds)


def _rate(work: Any, seconds: float) -> float:
    for _ in range(3):
        work()
    count, began = 0, time.perf_counter()
    while (now := time.perf_counter()) < began + seconds:
        work()
        count += 1
    return count / (now - began)
