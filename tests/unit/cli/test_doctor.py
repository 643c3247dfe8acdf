"""`profond doctor` tells the truth about this machine, and about a broken one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from profond.cli.doctor import doctor, examine, readable


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One's own holds whatever was fetched on this machine, and takes as long to measure."""
    monkeypatch.setenv("PROFOND_CACHE", str(tmp_path / "cache"))


def as_json(*, exit_code: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(doctor, ["--json"], catch_exceptions=False)
    assert result.exit_code == exit_code, result.output
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def test_a_sound_machine_has_no_problems_and_exit_code_0() -> None:
    report = as_json()
    assert report["schema_version"] == 1
    assert report["command"] == "doctor"
    assert report["problems"] == []


def test_it_names_the_versions_that_are_installed() -> None:
    packages = as_json()["packages"]
    assert packages["torch"] == metadata.version("torch")
    assert packages["click"] == metadata.version("click")
    assert "pytest" not in packages


def test_it_tells_which_extras_are_here_and_what_for() -> None:
    extras = as_json()["extras"]
    assert extras["test"]["missing"] == []
    assert set(extras) == set(metadata.metadata("profond").get_all("Provides-Extra") or [])
    assert all(extra["for"] for extra in extras.values())


def test_the_precision_is_the_one_that_training_would_choose() -> None:
    from profond.core.device import choose_device, choose_precision

    chosen = choose_precision(choose_device())
    machine = as_json()["machine"]
    assert (machine["precision"], machine["precision_reason"]) == (chosen.precision, chosen.reason)


def test_the_cache_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mnist" / "raw").mkdir(parents=True)
    (tmp_path / "mnist" / "raw" / "images").write_bytes(b"x" * 1_500)
    (tmp_path / "note").write_bytes(b"y" * 20)
    monkeypatch.setenv("PROFOND_CACHE", str(tmp_path))
    kept = as_json()["cache"]
    assert kept["holds"] == {"mnist": 1_500, "note": 20}
    assert kept["bytes"] == 1_520
    assert kept["free_bytes"] > 0


def test_a_cache_that_does_not_exist_yet_is_no_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROFOND_CACHE", str(tmp_path / "not" / "yet"))
    assert as_json()["cache"]["bytes"] == 0
    assert not (tmp_path / "not").exists()


def test_a_cache_that_cannot_be_made_is_a_problem_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PROFOND_CACHE", str(tmp_path / "file" / "cache"))
    [problem] = as_json(exit_code=1)["problems"]
    assert "is not a folder" in problem
    assert "PROFOND_CACHE" in problem


def test_people_read_the_same_as_programs() -> None:
    result = CliRunner().invoke(doctor, [], catch_exceptions=False)
    report = examine()
    assert result.exit_code == 0
    assert f"precision    {report['machine']['precision']} ({report['machine']['precision_reason']})" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("nothing that is needed is missing")


def test_without_registry_clients_it_says_what_that_means(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    report = as_json()
    assert report["clients"]["npm"] is None
    assert report["clients"]["apt-get"] is None
    output = CliRunner().invoke(doctor, [], catch_exceptions=False).stdout
    assert "npm          not here: " in output


BREAK = """
import sys
from importlib.machinery import ModuleSpec
class Broken:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise OSError("libtorch.so: cannot open shared object file")
sys.meta_path.insert(0, Broken())
from profond.cli.doctor import doctor
doctor()
"""


def test_a_pytorch_that_cannot_be_imported_is_told_without_a_traceback() -> None:
    done = subprocess.run([sys.executable, "-c", BREAK, "--json"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == ""
    assert json.loads(done.stdout)["problems"] == [
        "PyTorch cannot be imported: libtorch.so: cannot open shared object file"
    ]
    told = subprocess.run([sys.executable, "-c", BREAK], capture_output=True, text=True)
    assert told.returncode == 1
    assert "PROBLEM      PyTorch cannot be imported" in told.stdout


def test_a_wheel_without_its_requirements_is_told(tmp_path: Path) -> None:
    """The package and its own metadata, with every other package out of sight but click and packaging."""
    import click
    import packaging

    import profond

    for package in (profond, click, packaging):
        folder = Path(package.__file__ or "").parent
        (tmp_path / folder.name).symlink_to(folder)
    distribution = tmp_path / "profond-0.dist-info"
    distribution.mkdir()
    (distribution / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: profond\nVersion: 0\nRequires-Dist: torch>=2.11\nRequires-Dist: click>=999\n"
    )
    click_metadata = tmp_path / "click-1.0.dist-info"
    click_metadata.mkdir()
    (click_metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: click\nVersion: 1.0\n")
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from profond.cli.doctor import doctor; doctor()"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(tmp_path), "--json"],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )
    assert done.returncode == 1, done.stderr
    problems = json.loads(done.stdout)["problems"]
    assert "torch>=2.11 is needed, but it is not installed" in problems
    assert "click>=999 is needed, but version 1.0 is installed" in problems


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_000, "1.0 kB"), (11_500_000, "11.5 MB"), (2 * 10**15, "2000.0 TB")],
)
def test_sizes_are_written_for_people(size: int, text: str) -> None:
    assert readable(size) == text
