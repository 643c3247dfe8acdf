"""A command line that is told to stop says so in one line and exits with 130, whatever it is doing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from profond import models

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
ALL = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]

HEADER = """
import os, signal, sys, time
from profond.core import signals
signals.listen()
def send(name):
    os.kill(os.getpid(), getattr(signal, name))
    time.sleep(0.05)
name = sys.argv[1]
"""

PROGRAMS = {
    "before anything is imported": ("send(name)", 130, "error: stopped\n"),
    "while it works": (
        """
signals.working()
try:
    send(name)
except KeyboardInterrupt:
    send(name)  # a key is often pressed twice: what is tidied up here is tidied up
    print("tidied up", file=sys.stderr)
signals.ending(130)
sys.exit(130)
""",
        130,
        "tidied up\n",
    ),
    "where a library swallows it, and the verb then fails": (
        """
signals.working()
try:
    send(name)
except KeyboardInterrupt:
    pass
from profond.cli import run
sys.exit(run(["runs", "show", "/nowhere"]))
""",
        130,
        "error: stopped\n",
    ),
    "while a module is imported, and the verb fails before it is looked at again": (
        """
import importlib.abc, importlib.util
class Sending(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        return importlib.util.spec_from_loader(name, self) if name == "sending" else None
    def exec_module(self, module):
        send(name)
sys.meta_path.insert(0, Sending())
signals.AGAIN_SECONDS = 60.0
signals.working()
import sending
from profond.cli import run
sys.exit(run(["runs", "show", "/nowhere"]))
""",
        130,
        "error: stopped\n",
    ),
    "again, as nothing seems to happen": (
        """
signals.SAME_PRESS_SECONDS = 0.0
signals.working()
try:
    send(name)
except KeyboardInterrupt:
    send(name)
    print("not reached")
""",
        130,
        "error: stopped\n",
    ),
    "in code that was compiled from a text": (
        """
signals.working()
try:
    exec("send(name)")
except KeyboardInterrupt:
    print("stopped", file=sys.stderr)
signals.ending(130)
sys.exit(130)
""",
        130,
        "stopped\n",
    ),
    "while a module is imported that swallows all": (
        """
import builtins, pathlib, tempfile
builtins.send, builtins.name = send, name
with tempfile.TemporaryDirectory() as folder:
    pathlib.Path(folder, "swallowing.py").write_text("try: send(name)\\nexcept BaseException: pass")
    sys.path.append(folder)
    signals.working()
    try:
        import swallowing
        time.sleep(5)
        print("not reached")
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
signals.ending(130)
sys.exit(130)
""",
        130,
        "stopped\n",
    ),
    "when all is done": ("signals.working()\nsignals.ending(0)\nsend(name)\nprint('not reached')", 0, ""),
    "while Python ends": (
        """
class Last:
    def __del__(self):
        self.kill(self.own, self.number)
kept = Last()
kept.kill, kept.own, kept.number = os.kill, os.getpid(), getattr(signal, name)
signals.working()
signals.ending(0)
""",
        0,
        "",
    ),
    "in a worker": (
        """
signals.working()
child = os.fork()
if child == 0:
    send(name)  # Ctrl-C reaches the whole group, and the parent ends its workers
    os._exit(7)
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status), file=sys.stderr)
""",
        0,
        {"SIGINT": "7\n", "SIGHUP": "7\n", "SIGTERM": "-15\n"},
    ),
}


@pytest.mark.parametrize("when", PROGRAMS)
@pytest.mark.parametrize("number", ALL, ids=lambda number: number.name)
def test_a_signal_is_answered_in_every_stage(when: str, number: signal.Signals) -> None:
    program, code, told = PROGRAMS[when]
    done = subprocess.run([sys.executable, "-c", HEADER + program, number.name], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr == (told if isinstance(told, str) else told[number.name])


def test_a_program_that_uses_the_library_keeps_its_signals() -> None:
    program = "import signal, profond.cli, profond.core.signals; print(signal.getsignal(signal.SIGTERM) == 0)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def listens(process: subprocess.Popen[str]) -> bool:
    """Whether the process has set its handlers: bit 15 - 1 of those that it catches."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def nothing() -> None:
    pass


def as_under_nohup() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "own.pth"
    torch.save(models.create("squeezenet1_1").state_dict(), path)
    return path


def waiting(weights: Path, prepare: Callable[[], None] = nothing) -> subprocess.Popen[str]:
    """A command line that loads PyTorch, and then waits for standard input."""
    command = [sys.executable, "-P", "-m", "profond", "predict", "--model", "squeezenet1_1"]
    command += ["--weights", str(weights), "-"]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=prepare,
    )


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system has no /proc")
@pytest.mark.parametrize("number", ALL, ids=lambda number: number.name)
@pytest.mark.parametrize("delay", [0.0, 0.3])
def test_the_command_line_answers_from_its_first_line(number: signal.Signals, delay: float, weights: Path) -> None:
    with waiting(weights) as process:
        while not listens(process):
            time.sleep(0.001)
        time.sleep(delay)
        process.send_signal(number)
        said, told = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "")
    assert told.removeprefix(f"weights: {weights}\n") == "error: stopped\n"  # a quick machine has said what it reads


@pytest.mark.parametrize("ignored", [True, False])
def test_hanging_up_is_ignored_where_it_was_ignored(ignored: bool) -> None:
    program = "import signal; from profond.core import signals; print(signal.SIGHUP in signals.stopping_signals())"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        preexec_fn=as_under_nohup if ignored else nothing,
    )
    assert done.stdout == f"{not ignored}\n"
