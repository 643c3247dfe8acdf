"""The benchmarks run and keep their tables; what they measure is no test's business."""

from __future__ import annotations

import os
import re
import socketserver
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmarks.serving_client import constant
from benchmarks.soak import Minute, verdict

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
    )


def test_a_version_that_the_lock_holds_is_not_held_a_second_time() -> None:
    lock, peers = (
        {
            re.split("[=<>~\\[]", line)[0].lower().replace("_", "-"): line
            for line in (ROOT / name).read_text().splitlines()
        }
        for name in ("requirements.lock", "benchmarks/requirements.txt")
    )
    assert [line for name, line in peers.items() if name in lock and "==" in line] == []
    assert "torch" in lock
    assert "jax" in peers


@pytest.mark.slow
def test_a_benchmark_runs_in_an_interpreter_of_its_own_and_prints_a_table() -> None:
    done = bench("overhead", "--quick")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["lenet5"] * 2
    assert len({line.count("|") for line in lines}) == 1


@pytest.mark.full
def test_the_steps_of_two_players_have_the_losses_of_plain_pytorch() -> None:
    done = bench("adversarial", "--quick")
    assert done.returncode == 0, done.stderr
    lines = [line.split("|")[1:-1] for line in done.stdout.splitlines() if line.startswith("| dcgan")]
    assert len(lines) == 2
    plain, ours, others_plain, others_ours, exact, chosen = map(float, lines[1][1:])
    assert [ours, others_ours] == pytest.approx([plain, others_plain], rel=2e-2)
    assert exact < 1e-4
    assert chosen < 2e-2


def test_an_unknown_benchmark_is_refused_and_the_known_ones_named() -> None:
    done = bench("speed")
    assert done.returncode == 2
    assert "throughput" in done.stderr
    done = bench("overhead", "zoo", "--short")
    assert done.returncode == 2
    assert "zoo has no short form" in done.stderr
    assert "overhead" in done.stderr
    done = bench("overhead", "--device", "cuda")
    assert done.returncode == 2
    assert "on a GPU there are: adversarial" in done.stderr


def test_a_section_is_replaced_and_the_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks.report import keep, table

    page = tmp_path / "docs" / "benchmarks.md"
    keep("a", "First", "run a", table(("", "n"), [["x", "1"]]), "- here", page)
    keep("b", "Second", "run b", "two", "- here", page)
    keep("a", "First", "run a", table(("", "n"), [["x", "3"]]), "- there", page)
    text = page.read_text(encoding="utf-8")
    assert text.index("## First") < text.index("## Second")
    assert "| x | 3 |" in text
    assert "| x | 1 |" not in text
    assert text.count("<!-- a -->") == 1


@pytest.mark.full
def test_serving_is_measured_beside_the_direct_loop() -> None:
    done = bench("serving", "--quick")
    assert done.returncode == 0, done.stderr
    rows = [line.split("|")[1].strip() for line in done.stdout.splitlines() if line.startswith("|")]
    assert "1/(1/A + 1/B)" in rows
    assert any(row.startswith("p99 at half") for row in rows)


def test_a_soak_says_what_did_not_hold() -> None:
    flat = [Minute(100, 2, 5 + number % 2, 50, 0) for number in range(60)]
    assert verdict(flat) == []
    assert verdict(flat[:1]) == []
    grown = [Minute(100 + number, 2, 5, 50, 0) for number in range(60)]
    assert verdict(grown) == ["memory grew from 122 to 152 MiB"]
    slower = [Minute(100, 2, 5 + number / 5, 50, 0) for number in range(60)]
    assert verdict(slower)[0].startswith("p99 went from")
    assert verdict([*flat[:30], Minute(100, 2, 5, 50, 3), *flat[31:]]) == ["3 requests were not answered"]


class OneAtATime(socketserver.BaseRequestHandler):
    """Answers the first request of all after half a second, those that come meanwhile after it."""

    turn = threading.Lock()
    stalled = False

    def handle(self) -> None:
        while self.request.recv(1000):
            with self.turn:
                if not OneAtATime.stalled:
                    OneAtATime.stalled = True
                    time.sleep(0.5)
            self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def test_a_client_of_constant_rate_counts_from_when_a_request_was_due(tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(b"x")
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), OneAtATime) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        found = constant(server.server_address[1], "/", [str(body)], "text/plain", rate=40, seconds=0.5)
        server.shutdown()
        thread.join()
    assert (found["requests"], found["failed"]) == (20, 0)
    # Twenty were due in the half second in which nobody was answered: all of them waited, and not the first alone.
    assert found["p99"] >= 500
    assert found["p50"] >= 200
