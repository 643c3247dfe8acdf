"""`./profond` and scripts/install, with a small project in place of ours: the same scripts, nothing to download."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="the launcher is a bash script")]

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "profond"
version = "0"
"""

# Builds an editable wheel without setuptools. Each build leaves a line in `builds`, and is slow while `slow` exists.
BACKEND = """
import time, zipfile
from pathlib import Path

def build_editable(folder, config_settings=None, metadata_directory=None):
    with open("builds", "a") as builds:
        builds.write("build\\n")
    while Path("slow").exists():
        time.sleep(0.05)
    if Path("broken").exists():
        raise SystemExit(1)
    name = "profond-0-py3-none-any.whl"
    metadata = "Metadata-Version: 2.1\\nName: profond\\nVersion: 0\\nProvides-Extra: test\\n"
    files = {"profond.pth": str(Path("src").resolve()) + "\\n",
             "profond-0.dist-info/METADATA": metadata,
             "profond-0.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"}
    with zipfile.ZipFile(Path(folder) / name, "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
        record = "".join(f"{path},,\\n" for path in [*files, "profond-0.dist-info/RECORD"])
        wheel.writestr("profond-0.dist-info/RECORD", record)
    return name
"""

PROGRAM = "import os, sys\nprint(os.getcwd(), sys.argv[1:])\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose path has a space in it."""
    root = tmp_path / "my checkout"
    package = root / "src" / "profond"
    package.mkdir(parents=True)
    (package / "__main__.py").write_text(PROGRAM)
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "backend.py").write_text(BACKEND)
    (root / "requirements.lock").write_text("# nothing\n")
    (root / "scripts").mkdir()
    shutil.copy2(ROOT / "scripts" / "install", root / "scripts" / "install")
    shutil.copy2(ROOT / "profond", root / "profond")
    return root


def hear_ctrl_c() -> None:
    """A shell lets what it starts with & ignore Ctrl-C, and whatever that starts: pytest's processes too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(
    command: Path, *arguments: str, cwd: Path | None = None, user: int | None = None, **environment: str
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(command), *arguments],
        cwd=cwd,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PROFOND_PYTHON": sys.executable, **environment},
        start_new_session=True,
        preexec_fn=hear_ctrl_c,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )


def run(
    command: Path, *arguments: str, cwd: Path | None = None, user: int | None = None, **environment: str
) -> tuple[int, str, str]:
    process = start(command, *arguments, cwd=cwd, user=user, **environment)
    said, told = process.communicate(timeout=120)
    return process.returncode, said.strip(), told.strip()


def builds(checkout: Path) -> int:
    log = checkout / "builds"
    return len(log.read_text().splitlines()) if log.exists() else 0


def wait_for_build(checkout: Path, number: int) -> None:
    until = time.monotonic() + 60
    while builds(checkout) < number:
        assert time.monotonic() < until, "the install never came to its build"
        time.sleep(0.02)


def test_the_first_use_installs_and_the_next_ones_only_start(checkout: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "profond.py").write_text("raise SystemExit('the wrong file was started')")
    code, said, told = run(checkout / "profond", "train", "a b", cwd=elsewhere)
    assert (code, said) == (0, f"{elsewhere} ['train', 'a b']")
    assert "making .venv" in told
    assert "ready" in told

    link = elsewhere / "link"
    link.symlink_to(checkout / "profond")
    (tmp_path / "second").symlink_to("elsewhere/link")
    assert run(tmp_path / "second", cwd=elsewhere) == (0, f"{elsewhere} []", "")
    assert run(checkout / "scripts" / "install") == (0, "", "")
    assert builds(checkout) == 1

    with (checkout / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    code, _, told = run(checkout / "profond")
    assert code == 0
    assert "up to date" in told
    assert builds(checkout) == 2

    code, _, _ = run(checkout / "scripts" / "install", "test")
    assert code == 0
    assert builds(checkout) == 3
    assert run(checkout / "profond") == (0, f"{Path.cwd()} []", "")
    assert run(checkout / "scripts" / "install", "test") == (0, "", "")
    assert builds(checkout) == 3


def test_a_checkout_that_was_moved_is_installed_anew(checkout: Path, tmp_path: Path) -> None:
    assert run(checkout / "profond")[0] == 0
    moved = checkout.rename(tmp_path / "moved")
    code, said, _ = run(moved / "profond", cwd=tmp_path)
    assert (code, said) == (0, f"{tmp_path} []")
    assert builds(moved) == 2


@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGKILL])
def test_an_install_cut_short_is_done_again(checkout: Path, kill: signal.Signals) -> None:
    (checkout / "slow").touch()
    process = start(checkout / "profond")
    wait_for_build(checkout, 1)
    os.killpg(process.pid, kill)
    _, told = process.communicate(timeout=60)
    (checkout / "slow").unlink()
    if kill is signal.SIGINT:
        assert process.returncode == 130
        assert "interrupted" in told
    code, said, told = run(checkout / "profond", "doctor")
    assert code == 0, told
    assert said.endswith("['doctor']")
    assert "making .venv" in told


def test_two_that_start_at_once_install_once(checkout: Path) -> None:
    (checkout / "slow").touch()
    first = start(checkout / "profond", "first")
    wait_for_build(checkout, 1)
    second = start(checkout / "profond", "second")
    assert second.stderr is not None
    assert "waiting for another install" in second.stderr.readline()
    (checkout / "slow").unlink()
    for process, name in ((first, "first"), (second, "second")):
        said, told = process.communicate(timeout=60)
        assert process.returncode == 0, told
        assert said.strip().endswith(f"['{name}']")
    assert builds(checkout) == 1


def test_a_failed_install_says_so_and_starts_nothing(checkout: Path) -> None:
    (checkout / "broken").touch()
    code, said, told = run(checkout / "profond")
    assert (code, said) == (4, "")
    assert "error: pip could not install" in told
    assert "help: " in told
    (checkout / "broken").unlink()
    assert run(checkout / "profond")[0] == 0


def test_without_a_python_that_is_new_enough_it_says_what_to_do(checkout: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for tool in ("bash", "dirname", "env"):
        (old / tool).symlink_to(shutil.which(tool) or tool)
    (old / "python3").write_text("#!/bin/sh\nexit 1\n")
    (old / "python3").chmod(0o755)
    code, said, told = run(checkout / "profond", PATH=str(old), PROFOND_PYTHON="")
    assert (code, said) == (4, "")
    assert told.splitlines() == [
        "error: no Python 3.11 or later was found",
        "help: install it, or name it: PROFOND_PYTHON=/path/to/python3 ./profond",
    ]
    code, _, told = run(checkout / "profond", PROFOND_PYTHON=str(old / "python3"))
    assert code == 4
    assert "is not Python 3.11 or later" in told
    assert not (checkout / ".venv").exists()


def content(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Every file below a folder: its owner, its inode and when it was changed."""
    about = {path: path.lstat() for path in sorted(folder.rglob("*"))}
    return {str(path): (state.st_uid, state.st_ino, state.st_mtime_ns) for path, state in about.items()}


def away(checkout: Path) -> None:
    """Python lies where others may not go, as in somebody's home."""
    python = checkout / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to(checkout / "away" / "python")


def lock_changed(checkout: Path) -> None:
    (checkout / "requirements.lock").write_text("# changed\n")


def cut_short(checkout: Path) -> None:
    (checkout / ".venv" / "profond-unfinished").touch()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can become somebody else")
def test_an_environment_of_somebody_else_is_left_alone(checkout: Path) -> None:
    assert run(checkout / "profond")[0] == 0
    for folder in checkout.parents:  # pytest's own folders are for root alone
        if folder.stat().st_mode & 0o055 != 0o055:
            folder.chmod(folder.stat().st_mode | 0o055)
    for shared in (False, True):
        if shared:
            for path in [checkout, *checkout.rglob("*")]:
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode | 0o777)
        for why in (lock_changed, cut_short, away):
            if not shared:  # and it stays so
                why(checkout)
            before = content(checkout / ".venv")
            code, said, told = run(checkout / "profond", "--version", user=65534)
            assert (code, said) == (4, ""), (shared, why, told)
            assert len(told.splitlines()) == 2, told
            assert told.startswith(f"error: {checkout}")
            assert ("belongs to root" if shared else "may not be written to") in told
            assert content(checkout / ".venv") == before
