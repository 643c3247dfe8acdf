"""An hour at half load, and whether memory stays flat and latency steady: ``python -m benchmarks.soak FILE``.

FILE is an exported network of pictures, which `profond-serve` serves; or `--port` and `--pid` name a server that runs
already. The greatest rate is measured first; then half of it is asked at a constant rate, with photos of many sizes,
and p99 and memory are printed for each minute. At the end it says whether it held, and the exit code is 1 if not: no
request unanswered, memory grown by less than 5 % and 16 MiB from the second quarter to the last, and the median p99 of
the last quarter at most 1.5 times that of the second.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from benchmarks import served
from benchmarks.child import measure
from benchmarks.machine import description

GROWTH, MEBIBYTES = 0.05, 16
SLOWER = 1.5
SIDES = (32, 48, 150, 600)


@dataclass(frozen=True)
class Minute:
    """What was measured in one.

    Args:
        memory: MiB that the server keeps, all of its processes together.
        p50, p99: milliseconds.
    """

    memory: float
    p50: float
    p99: float
    rate: float
    failed: float


def verdict(minutes: Sequence[Minute]) -> list[str]:
    """What did not hold, in words; nothing where all did."""
    quarter = max(1, len(minutes) // 4)
    early, late = minutes[quarter : 2 * quarter] or minutes[:1], minutes[-quarter:]
    wrong = []
    if failed := sum(one.failed for one in minutes):
        wrong.append(f"{failed:.0f} requests were not answered")
    before, after = (statistics.median(one.memory for one in part) for part in (early, late))
    if after - before > min(GROWTH * before, MEBIBYTES):
        wrong.append(f"memory grew from {before:.0f} to {after:.0f} MiB")
    before, after = (statistics.median(one.p99 for one in part) for part in (early, late))
    if after > SLOWER * before:
        wrong.append(f"p99 went from {before:.2f} to {after:.2f} ms")
    return wrong


def memory_of(pid: int) -> float:
    """MiB that a process and those below it keep in memory."""
    total = 0
    for process in [pid, *_below(pid)]:
        try:
            lines = Path(f"/proc/{process}/status").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return total / 1024


def _below(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [number for child in map(int, children) for number in (child, *_below(child))]


def main(arguments: list[str] | None = None) -> int:
    words = (__doc__ or "").splitlines()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=words[0])
    parser.add_argument("file", type=Path, nargs="?", help="an exported network of pictures")
    parser.add_argument("--port", type=int, help="of a server at 127.0.0.1 that runs already, instead of FILE")
    parser.add_argument("--pid", type=int, help="of that server")
    parser.add_argument("--path", default="/predict", help="that takes a photo")
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--minute", type=float, default=60, help="seconds that one takes; less to try it")
    asked = parser.parse_args(arguments)
    if (asked.file is None) == (asked.port is None) or (asked.port is None) != (asked.pid is None):
        parser.error("give a FILE, or --port and --pid of a server")
    port = asked.port or served.free_port()
    with tempfile.TemporaryDirectory() as folder:
        bodies = [photo for side in SIDES for photo in served.photos(Path(folder), side, 25)]
        ask = {"port": port, "path": asked.path, "bodies": bodies, "kind": "image/jpeg"}
        server = served.serving(served.ours(asked.file, port), port) if asked.file else nullcontext()
        with server as child:
            minutes = soaked(ask, child.pid if child else asked.pid, asked.minutes, asked.minute)
    wrong = verdict(minutes)
    print("held: memory flat, p99 steady, all answered" if not wrong else f"NOT held: {'; '.join(wrong)}")
    return bool(wrong)


def soaked(ask: dict[str, object], pid: int, count: int, seconds: float) -> list[Minute]:
    """Measures for so many minutes, each of so many seconds, and prints each."""
    print(description())
    greatest = max(
        measure("serving_client", "closed", **ask, connections=connections, seconds=min(10.0, seconds))["rate"]
        for connections in (4, 16)
    )
    print(f"greatest rate: {greatest:.0f} requests a second; asked for half of it\n")
    print("minute   requests/s   p50 ms   p99 ms   memory MiB   unanswered", flush=True)
    minutes = []
    for number in range(count):
        began = time.monotonic()
        done = measure("serving_client", "constant", **ask, rate=greatest / 2, seconds=seconds)
        one = Minute(memory_of(pid), done["p50"], done["p99"], done["rate"], done["failed"])
        minutes.append(one)
        print(
            f"{number + 1:6} {one.rate:12.1f} {one.p50:8.2f} {one.p99:8.2f} {one.memory:12.1f} {one.failed:12.0f}",
            flush=True,
        )
        time.sleep(max(0.0, seconds - (time.monotonic() - began)))
    return minutes


if __name__ == "__main__":
    sys.exit(main())
