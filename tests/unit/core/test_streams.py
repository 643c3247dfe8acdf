"""Standard output that is full or closed, and standard error that hears nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROFOND = f"{sys.executable} -P -m profond"
VERBS = ["--help", "--version", "models list", "recipes list --json", "data list", "params lenet5", "conv --help"]

needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


def shell(line: str) -> tuple[int, str, str]:
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@needs_full
@pytest.mark.parametrize("verb", VERBS)
def test_a_full_standard_output_is_said_in_one_line(verb: str) -> None:
    code, _, told = shell(f"{PROFOND} {verb} > /dev/full")
    assert (code, told) == (1, "error: nothing more can be written to standard output: No space left on device\n")


@pytest.mark.parametrize("verb", VERBS[:3])
def test_a_closed_standard_output_is_said_in_one_line(verb: str) -> None:
    code, _, told = shell(f"{PROFOND} {verb} >&-")
    assert (code, told) == (1, "error: nothing can be written to standard output: it is closed\n")


@needs_full
@pytest.mark.parametrize("stream", ["2>/dev/full", "2>&-", "<&- 2>&-"])
def test_what_cannot_be_said_on_standard_error_ends_nothing(stream: str, tmp_path: Path) -> None:
    code, said, _ = shell(f"{PROFOND} models list {stream}")
    assert code == 0
    assert said.startswith("alexnet")
    code, said, _ = shell(f"{PROFOND} runs show {tmp_path}/none {stream}")
    assert (code, said) == (3, "")


def test_a_reader_that_has_gone_is_no_error_to_speak_of() -> None:
    """As of `profond models list | head -1`, when `head` has its line."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [*PROFOND.split(), "models", "list"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_stream_that_is_closed_leaves_its_number_to_no_file(tmp_path: Path) -> None:
    """Else what a library writes to standard output would land in the first file that is opened."""
    program = (
        "import os, sys; from profond.core import streams; streams.prepare();"
        f"file = open({str(tmp_path / 'file')!r}, 'w'); sys.exit(file.fileno())"
    )
    code, _, _ = shell(f'{sys.executable} -c "{program}" <&- >&- 2>&-')
    assert code > 2
