"""The answer to an inference request of the Open Inference Protocol."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.responses import Response

from profond.runtime.engines.engine import Arrays, Port
from profond.server.datatypes import BYTES, datatype_of
from profond.server.request import Asked

HEADER_LENGTH = "Inference-Header-Content-Length"


def written(asked: Asked, name: str, version: str, ports: Mapping[str, Port], outputs: Arrays) -> Response:
    """The outputs that were asked for, as JSON, or in binary behind it."""
    chosen = asked.outputs or dict.fromkeys(ports)
    said, parts = [], []
    for one, wanted in chosen.items():
        values = outputs[one]
        datatype = datatype_of(ports[one])
        entry: dict[str, Any] = {"name": one, "datatype": datatype, "shape": list(values.shape)}
        if asked.binary if wanted is None else wanted:
            raw = _binary(values, datatype)
            entry["parameters"] = {"binary_data_size": len(raw)}
            parts.append(raw)
        else:
            entry["data"] = _plain(values)
        said.append(entry)
    answer: dict[str, Any] = {"model_name": name, "model_version": version}
    if asked.id is not None:
        answer["id"] = asked.id
    answer["outputs"] = said
    head = json.dumps(answer, separators=(",", ":")).encode()
    if not parts:
        return Response(head, media_type="application/json")
    return Response(
        b"".join([head, *parts]), media_type="application/octet-stream", headers={HEADER_LENGTH: str(len(head))}
    )


def _plain(values: NDArray[Any]) -> list[Any]:
    """In one list; what is not finite, which JSON cannot carry, is null."""
    flat: list[Any] = values.ravel().tolist()
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        return [one if math.isfinite(one) else None for one in flat]
    if values.dtype.kind in "OSU":
        return [one.decode(errors="replace") if isinstance(one, bytes) else str(one) for one in flat]
    return flat


def _binary(values: NDArray[Any], datatype: str) -> bytes:
    if datatype != BYTES:
        return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
    texts = [one if isinstance(one, bytes) else str(one).encode() for one in values.ravel().tolist()]
    return b"".join(len(one).to_bytes(4, "little") + one for one in texts)
