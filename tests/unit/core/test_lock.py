"""One process at a time writes into a folder, and the lock ends with its process."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from profond.cli import run as profond
from profond.core import lock
from profond.core.errors import ConfigError, StorageError
from profond.core.lock import NAME, held
from profond.core.run import Run

HOLD = """
import sys, time
from pathlib import Path
from profond.core.lock import held
with held(Path(sys.argv[1]), "training"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Any:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_another_process_is_named_with_its_machine_and_what_it_does(holder: Any, tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match=f"process {holder.pid} on {socket.gethostname()} is training") as raised,
        held(tmp_path, "evaluating"),
    ):
        pass
    assert raised.value.exit_code == 3


def test_after_kill_9_the_folder_is_free_at_once(holder: Any, tmp_path: Path) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / NAME).exists()
    with held(tmp_path, "training"):
        assert json.loads((tmp_path / NAME).read_text())["pid"] == os.getpid()
    assert not (tmp_path / NAME).exists()


def test_the_same_thread_may_enter_again_and_another_may_not(tmp_path: Path) -> None:
    refused: list[ConfigError] = []

    def enter() -> None:
        try:
            with held(tmp_path, "evaluating"):
                pass
        except ConfigError as error:
            refused.append(error)

    with held(tmp_path, "training"):
        with held(tmp_path, "evaluating"):
            pass
        assert (tmp_path / NAME).exists()
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
    assert len(refused) == 1
    with held(tmp_path, "training"):
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_worker_that_outlives_its_process_does_not_keep_the_lock(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    with held(tmp_path, "training"):
        worker = context.Process(target=time.sleep, args=(30,))
        worker.start()
    try:
        with held(tmp_path, "training"):
            pass
    finally:
        worker.kill()
        worker.join()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_where_the_file_system_knows_no_locks_the_named_process_counts_while_it_lives(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(handle: int, flags: int) -> None:
        raise OSError(number, "no locks")

    monkeypatch.setattr(lock.fcntl, "flock", none)
    note = {"pid": os.getppid(), "host": socket.gethostname(), "doing": "training"}
    (tmp_path / NAME).write_text(json.dumps(note))
    with pytest.raises(ConfigError, match=f"process {os.getppid()}"), held(tmp_path, "training"):
        pass
    (tmp_path / NAME).write_text(json.dumps({**note, "pid": 2**22 + 1}))  # more than any process has
    with held(tmp_path, "training"):
        pass
    assert not (tmp_path / NAME).exists()


@pytest.mark.parametrize("content", [b"", b"[" * 5000, b"\xff", b'{"pid": "x", "host": 3}', b"null"])
def test_a_note_that_is_damaged_is_another_process(holder: Any, tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(ConfigError, match="is in use"), held(tmp_path, "training"):
        pass


def test_a_folder_instead_of_the_lock_is_told(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(StorageError), held(tmp_path, "training"):
        pass


def test_a_run_that_another_process_trains_is_neither_resumed_nor_evaluated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run.create(tmp_path, "mlp", {"data": {"name": "mnist"}, "model": {"name": "mlp"}})
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(run.path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        before = run.state
        assert profond(["runs", "resume", str(run.path)]) == 3
        assert f"process {process.pid} on {socket.gethostname()} is training" in capsys.readouterr().err
        assert run.state == before
    finally:
        process.kill()
        process.communicate()
