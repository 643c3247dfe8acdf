"""A run's folder: whole or absent, readable without Python, and honest about damage."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from profond.core.errors import ConfigError, StorageError
from profond.core.run import Run, all_runs, environment


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "runs", "lenet5", {"model": {"name": "lenet5"}})


def record(run: Run, *steps: int) -> None:
    for step in steps:
        run.append_metrics({"step": step, "split": "train", "loss": 1 / (1 + step)})


def test_a_new_run_has_its_config_its_environment_and_its_state(run: Run) -> None:
    assert {path.name for path in run.path.iterdir()} == {"config.json", "environment.json", "run.json"}
    assert run.config == {"model": {"name": "lenet5"}}
    assert run.state["status"] == "created"
    assert run.state["name"] == "lenet5"
    assert run.name.endswith("-lenet5")


def test_what_was_created_can_be_opened(run: Run) -> None:
    assert Run.open(run.path).config == run.config


def test_runs_started_at_the_same_moment_have_folders_of_their_own(tmp_path: Path) -> None:
    made = [Run.create(tmp_path, "mlp", {"seed": seed}) for seed in range(20)]
    assert len({run.path for run in made}) == 20
    assert [run.config["seed"] for run in made] == list(range(20))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_runs_created_by_several_threads_do_not_meet(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda seed: Run.create(tmp_path, "mlp", {"seed": seed}), range(32)))
    assert [run.config["seed"] for run in made] == list(range(32))


def test_changing_the_state_keeps_its_other_fields(run: Run) -> None:
    run.update(status="running", step=3)
    assert run.state["status"] == "running"
    assert run.state["name"] == "lenet5"
    assert run.state["step"] == 3
    assert run.state["schema_version"] == 1


def test_metrics_come_back_in_order(run: Run) -> None:
    assert list(run.metrics()) == []
    record(run, 1, 2, 3)
    assert [line["step"] for line in run.metrics()] == [1, 2, 3]


def test_a_last_line_cut_short_by_a_crash_is_passed_over(run: Run) -> None:
    record(run, 1, 2)
    with run.file("metrics.jsonl").open("a") as file:
        file.write('{"step": 3, "spl')
    assert [line["step"] for line in run.metrics()] == [1, 2]


def test_rewinding_drops_what_a_resumed_run_will_do_again(run: Run) -> None:
    record(run, 1, 2, 3, 4)
    with run.file("metrics.jsonl").open("a") as file:
        file.write('{"step": 5, "spl')
    run.rewind_metrics(2)
    record(run, 3)
    lines = run.file("metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3]


def test_rewinding_a_run_without_metrics_is_harmless(run: Run) -> None:
    run.rewind_metrics(0)
    assert list(run.metrics()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere is not a folder"):
        Run.open(tmp_path / "nowhere")


def test_a_folder_that_is_not_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no run\.json") as raised:
        Run.open(tmp_path)
    assert "runs list" in str(raised.value.help)


@pytest.mark.parametrize("content", [b"", b'{"model": ', b"[1, 2]", b"\xff\xfe\x00", b"null"])
def test_a_damaged_file_is_named(run: Run, content: bytes) -> None:
    run.file("config.json").write_bytes(content)
    with pytest.raises(ConfigError, match=r"config\.json is damaged"):
        Run.open(run.path)


def test_all_runs_are_listed_oldest_first_and_strangers_are_not(tmp_path: Path) -> None:
    assert all_runs(tmp_path / "absent") == []
    made = [Run.create(tmp_path, name, {}) for name in ("b", "a")]
    (tmp_path / "notes").mkdir()
    (tmp_path / ".20200101-000000-x.tmp").mkdir()
    (tmp_path / "readme.txt").write_text("mine")
    assert sorted(run.path for run in all_runs(tmp_path)) == sorted(run.path for run in made)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such error")
def test_a_file_where_the_runs_should_go_is_said(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(StorageError, match="runs"):
        Run.create(tmp_path / "runs", "mlp", {})


def test_the_environment_names_the_versions_that_were_used() -> None:
    import torch

    found = environment()
    assert found["packages"]["torch"] == torch.__version__
    assert json.loads(json.dumps(found)) == found


def test_a_run_that_cannot_be_written_whole_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        Run.create(tmp_path, "mlp", {"rate": object()})
    assert list(tmp_path.iterdir()) == []
