"""What a server adds to the network that it serves, with client and server on the same two cores.

Direct loop: OpenVINO alone, one batch after the other, from tensors that stand ready. Bare route: Starlette on
uvicorn, which reads the same body and answers as much text. What one after the other could give at most is
`1/(1/A + 1/B)`, A the bare route, B the direct loop with one picture a batch. Rates are measured by a client whose
connections ask again as soon as they are answered; latencies at half the greatest rate by one that asks at a constant
rate, from the time at which each request was due. Weights are random, and all engines compute in float32. Everything
ran in turns, in one run.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import served
from benchmarks.child import measure
from benchmarks.report import spread, table

TITLE = "Serving"
SIGNS, SIGN_SIDE = "micronnet", 48
PHOTOS, PHOTO_SIDE = "resnet50", 224
CONNECTIONS = (1, 4, 16, 64)


def run(quick: bool, short: bool = False) -> str:
    rounds, seconds = (1, 0.5) if quick else (2, 3.0) if short else (5, 6.0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        signs = served.exported(folder, SIGNS, SIGN_SIDE, 43)
        parts = [_signs(signs, folder, rounds, seconds), _start(signs, folder, 1 if quick else 3 if short else 8)]
        if not quick:
            photos = served.exported(folder, PHOTOS, PHOTO_SIDE, 10)
            parts.append(_photos(photos, folder, rounds, seconds))
    return "\n\n".join(parts)


def _signs(file: Path, folder: Path, rounds: int, seconds: float) -> str:
    """One picture a request: the share of what was possible, and the latency at half the greatest rate."""
    bodies = served.photos(folder, SIGN_SIDE, kind="png")
    ask = {"path": "/predict", "bodies": bodies, "kind": "image/png"}
    found: dict[str, list[float]] = {name: [] for name in ("A", "B", "files", "ours", "single", "p99")}
    for _ in range(rounds):
        port = served.free_port()
        with served.serving(served.bare(port), port):
            found["A"].append(_greatest(port, ask, seconds))
        found["B"].append(measure("serving_peers", "direct", file=str(file), photos=bodies, batch=1, seconds=seconds))
        found["files"].append(measure("serving_peers", "decoding", file=str(file), photos=bodies, seconds=seconds))
        port = served.free_port()
        with served.serving(served.ours(file, port), port):
            single = measure("serving_client", "closed", port=port, **ask, connections=1, seconds=seconds)
            rate = _greatest(port, ask, seconds)
            half = measure("serving_client", "constant", port=port, **ask, rate=rate / 2, seconds=2 * seconds)
        found["ours"].append(rate)
        found["single"].append(single["p50"])
        found["p99"].append(half["p99"] if not half["failed"] else float("inf"))
    possible = [1 / (1 / a + 1 / b) for a, b in zip(found["A"], found["B"], strict=True)]
    shares = [ours / most for ours, most in zip(found["ours"], possible, strict=True)]
    times = [late / alone for late, alone in zip(found["p99"], found["single"], strict=True)]
    rows = [
        ["A: bare route, requests a second", spread(found["A"], 0), ""],
        ["B: direct loop of the network, pictures a second", spread(found["B"], 0), ""],
        ["decoding and network in one loop, pictures a second", spread(found["files"], 0), ""],
        ["1/(1/A + 1/B)", spread(possible, 0), ""],
        ["served: a PNG a request, requests a second", spread(found["ours"], 0), _held(shares, 0.6, "at least")],
        ["latency of a single request, ms", spread(found["single"], 2), ""],
        ["p99 at half the greatest rate, ms", spread(found["p99"], 2), _held(times, 4, "at most")],
    ]
    return table((f"`{SIGNS}`, {SIGN_SIDE} × {SIGN_SIDE}", "", "of what is to be held"), rows)


def _photos(file: Path, folder: Path, rounds: int, seconds: float) -> str:
    """ResNet-50, as JPEGs and as tensors, beside the direct loop at its best batch."""
    bodies = served.photos(folder, PHOTO_SIDE)
    # One photo that has the network's size already, as whoever sends tensors prepares it.
    image = Image.open(bodies[0]).convert("RGB").resize((PHOTO_SIDE, PHOTO_SIDE))
    tensor, header = served.tensors(folder, "pictures", np.asarray(image)[None])
    asks: dict[str, dict[str, Any]] = {
        "tensors": {
            "path": f"/v2/models/{PHOTOS}/infer",
            "bodies": [tensor],
            "kind": "application/octet-stream",
            "header": header,
        },
        "JPEGs": {"path": "/predict", "bodies": bodies, "kind": "image/jpeg"},
    }
    direct: dict[int, list[float]] = {1: [], 8: []}
    rates: dict[str, list[float]] = {name: [] for name in asks}
    for _ in range(rounds):
        for batch, values in direct.items():
            values.append(
                measure("serving_peers", "direct", file=str(file), photos=bodies, batch=batch, seconds=2 * seconds)
            )
        port = served.free_port()
        with served.serving(served.ours(file, port), port):
            for name, ask in asks.items():
                rates[name].append(_greatest(port, ask, 2 * seconds, (4, 16)))
    best = [max(values) for values in zip(*direct.values(), strict=True)]
    rows = [
        [f"direct loop, {batch} a batch, pictures a second", spread(values, 1), ""] for batch, values in direct.items()
    ]
    for name, goal in (("tensors", 0.9), ("JPEGs", 0.8)):
        shares = [rate / most for rate, most in zip(rates[name], best, strict=True)]
        rows.append([f"served: {name}, pictures a second", spread(rates[name], 1), _held(shares, goal, "at least")])
    return table((f"`{PHOTOS}`, {PHOTO_SIDE} × {PHOTO_SIDE}", "", "of the better direct loop"), rows)


def _start(file: Path, folder: Path, turns: int) -> str:
    """From the start of a process to its first answer."""
    photo = Path(served.photos(folder, SIGN_SIDE, 1, "png")[0]).read_bytes()
    found = []
    for turn in range(turns + 1):
        port = served.free_port()
        began = time.perf_counter()
        child = subprocess.Popen(served.ours(file, port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not served.answers(port, "/predict", photo):
            if child.poll() is not None or time.perf_counter() - began > served.SECONDS:
                raise RuntimeError("the server did not start")
            time.sleep(0.005)
        if turn:  # the first fills the file cache
            found.append(time.perf_counter() - began)
        child.terminate()
        child.wait(40)
    rows = [["`profond-serve` with one file, to the first answer, s", spread(found, 2), _held(found, 3, "at most")]]
    return table(("starting", "", "of what is to be held"), rows)


def _greatest(port: int, ask: dict[str, Any], seconds: float, connections: tuple[int, ...] = CONNECTIONS) -> float:
    """The rate at the number of connections at which it is greatest."""
    done = [
        measure("serving_client", "closed", port=port, **ask, connections=count, seconds=seconds / len(connections))
        for count in connections
    ]
    if failed := sum(one["failed"] for one in done):
        raise RuntimeError(f"{failed:.0f} requests were not answered")
    return max(one["rate"] for one in done)


def _held(values: list[float], goal: float, how: str) -> str:
    middle = statistics.median(values)
    held = middle >= goal if how == "at least" else middle <= goal
    return f"{spread(values, 2)}; {how} {goal:g}: {'held' if held else 'NOT held'}"
