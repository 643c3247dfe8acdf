"""The benchmarks run and keep their tables; what they measure is no test's business."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
