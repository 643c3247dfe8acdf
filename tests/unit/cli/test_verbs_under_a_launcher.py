"""A launcher has several processes call the same verb: training is one work for all of them, the others are for one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from profond.cli import registry, run

TORCHRUN = {
    "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "LOCAL_RANK": "0", "RANK": "0", "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "29500", "TORCHELASTIC_RUN_ID": "none",
}  # fmt: skip
SLURM = {"SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2", "SLURM_PROCID": "0", "SLURM_JOB_NAME": "job"}
TOGETHER = {"train", "finetune", "runs"}


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    "verb", [*sorted(set(registry.names()) - TOGETHER), "runs list", "runs compare", "runs delete"]
)
def test_what_one_process_does_is_refused_by_the_first_of_several(
    verb: str, launched: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*verb.split(), "x"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"error: torchrun started 2 processes, and `profond {verb}` is done by one",
        "help: start it without torchrun",
    ]


def test_the_other_process_says_nothing_and_ends_no_other(
    launched: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", "1")
    assert run(["evaluate", "last"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("words", [["train", "lenet6"], ["finetune", "--model=lenet6"], ["runs", "resume", "nowhere"]])
def test_training_is_begun(words: list[str], launched: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) != 0
    assert "is done by one" not in capsys.readouterr().err


def test_a_job_of_several_tasks_may_call_any_verb_without_srun(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        monkeypatch.delenv(name)
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    assert run(["runs", "list", f"--out={tmp_path}"]) == 0
    monkeypatch.setenv("SLURM_STEP_ID", "0")  # by srun
    assert run(["runs", "list", f"--out={tmp_path}"]) == 2
    assert "srun started 2 processes" in capsys.readouterr().err
