"""An exported file on Ray Serve, where `profond-serve` and `ray[serve]` are installed: see ray_serve.yaml."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse

from profond.core.errors import DataError
from profond.runtime.exported import ExportedFile


@serve.deployment(num_replicas=2, max_ongoing_requests=16, ray_actor_options={"num_cpus": 1})
class Exported:
    """Takes a photo as the body of a POST, and answers as `profond-serve` does at /predict."""

    def __init__(self, file: str) -> None:
        self.model = ExportedFile(Path(file), threads=1)
        self.model.load([1])

    async def __call__(self, request: Request) -> JSONResponse:
        try:
            outputs = self.model.run(self.model.decoded(await request.body()))
        except DataError as error:
            return JSONResponse({"error": error.message}, 400)
        answer: dict[str, Any] = self.model.answer(outputs, 0)
        return JSONResponse(answer)


app = Exported.bind(os.environ.get("PROFOND_FILE", "signs.onnx"))
