"""What a person waits for before anything happens, and the memory that a training takes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

from benchmarks.child import environment, measure
from benchmarks.machine import ROOT
from benchmarks.report import spread, table

TITLE = "Starting, and memory"
COMMANDS = (("--help",), ("models", "list"), ("recipes", "list"))


def run(quick: bool, short: bool = False) -> str:
    rows = []
    times: dict[tuple[str, ...], list[float]] = {command: [] for command in COMMANDS}
    peaks: dict[tuple[str, ...], float] = {}
    for turn in range(2 if quick else 5 if short else 12):
        for command in COMMANDS:
            seconds, peak = measure("startup", "call", arguments=command).values()
            if turn:  # the first fills the file cache
                times[command].append(1000 * seconds)
                peaks[command] = max(peak, peaks.get(command, 0))
    for command in COMMANDS:
        rows.append([f"`profond {' '.join(command)}`", f"{spread(times[command], 0)} ms", f"{peaks[command]:.0f} MiB"])
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["train", "lenet5", "--out", folder, "--quiet", *(["--steps", "5"] if quick else [])]
        seconds, peak = measure("startup", "call", arguments=arguments).values()
        if not quick:
            rows.append(["`profond train lenet5`, with its evaluation", f"{seconds:.1f} s", f"{peak:.0f} MiB"])
        rows += _prediction(folder, 2 if quick else 4 if short else 8)
    return table(("", "wall clock", "peak memory"), rows)


def _prediction(runs: str, turns: int) -> list[list[str]]:
    """From `profond predict RUN photo` to the answer, and what of it is importing."""
    from PIL import Image

    photo = f"{runs}/photo.png"
    Image.effect_noise((28, 28), 60).save(photo)
    arguments = ("predict", "last", photo, "--out", runs)
    whole: list[float] = []
    importing: list[float] = []
    peaks: list[float] = []
    for turn in range(turns):
        seconds, peak = measure("startup", "call", arguments=arguments).values()
        imports = measure("startup", "imports", arguments=arguments)
        if turn:
            whole.append(seconds)
            importing.append(imports)
            peaks.append(peak)
    return [
        ["`profond predict last photo.png`, to the answer", f"{spread(whole, 2)} s", f"{max(peaks):.0f} MiB"],
        ["of it importing, PyTorch's own part included", f"{spread(importing, 2)} s", ""],
    ]


def imports(arguments: list[str]) -> float:
    """Seconds in which a call of the command line imports modules, from its first line on."""
    command = [sys.executable, "-X", "importtime", "-m", "profond", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True)
    own = (line.removeprefix("import time:").split("|")[0] for line in done.stderr.splitlines() if "|" in line)
    return sum(int(field) for field in own if field.strip().isdecimal()) / 1e6


def call(arguments: list[str]) -> dict[str, float]:
    """Seconds and the greatest resident memory, MiB, of one call of the command line.

    NOTE from a small process: Linux counts the memory of the one that forks as its child's.
    """
    began = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "profond", *arguments],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert child.stderr is not None
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    child.stderr.close()
    if child.returncode:
        raise RuntimeError(f"profond {' '.join(arguments)} failed:\n{said.decode()[-2000:]}")
    return {"seconds": seconds, "peak": usage.ru_maxrss / 1024}
