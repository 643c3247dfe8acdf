"""Files are whole or absent: after a crash, on a full disk, on one that cannot be written to."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.disk import mounted

from profond.core import files
from profond.core.errors import StorageError
from profond.core.run import Run


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "made" / "on the way" / "données.json"
    files.write_json(path, {"été": [1, 2.5, None]})
    assert path.read_text(encoding="utf-8") == '{\n  "été": [\n    1,\n    2.5,\n    null\n  ]\n}\n'


def test_an_error_while_writing_leaves_the_old_content_and_no_rubbish(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    files.write_text(path, "old")

    def write_half() -> None:
        with files.atomic_path(path) as temporary:
            temporary.write_text("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_written_file_can_be_read_by_others(tmp_path: Path) -> None:
    files.write_text(tmp_path / "file", "x")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


WRITER = """
import sys
from pathlib import Path
from profond.core.files import atomic_path
path = Path(sys.argv[1])
number = 0
print("started", flush=True)
while True:
    number += 1
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        for _ in range(200):
            file.write(number.to_bytes(8, "little") * 64)
"""


def test_a_process_killed_while_it_writes_leaves_one_whole_content(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    moments = random.Random(0)
    survived = set()
    for _ in range(25):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        with writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(moments.uniform(0.0, 0.03))
            writer.send_signal(signal.SIGKILL)
        if path.exists():
            content = path.read_bytes()
            assert len(content) == 200 * 64 * 8
            assert content == content[:8] * (200 * 64)
            survived.add(content[:8])
    assert survived, "no writer lived long enough to write once"


def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=64k") as disk:
        path = disk / "weights"
        files.write_bytes(path, b"o" * 8_000)
        with pytest.raises(StorageError, match=r"no space left on the disk that holds .*weights") as raised:
            files.write_bytes(path, b"n" * 200_000)
        assert raised.value.help
        assert path.read_bytes() == b"o" * 8_000
        assert list(disk.iterdir()) == [path]


def test_a_read_only_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=64k") as disk:
        path = disk / "weights"
        files.write_text(path, "old")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with pytest.raises(StorageError, match=r"cannot write to .*weights: Read-only file system"):
            files.write_text(path, "new")
        with pytest.raises(StorageError, match="cannot write to"):
            files.write_text(disk / "new folder" / "file", "new")
        assert path.read_text() == "old"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write to every folder")
def test_a_folder_of_somebody_else_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o500)
    with pytest.raises(StorageError, match=r"cannot write to .*: Permission denied"):
        files.write_text(folder / "file", "x")


def test_a_file_where_a_folder_is_needed_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("I am a file")
    with pytest.raises(StorageError, match="runs"):
        files.write_text(tmp_path / "runs" / "file", "x")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="this system has no /proc")
def test_a_place_where_no_folder_can_be_made_is_a_storage_error() -> None:
    with pytest.raises(StorageError, match="cannot write to /proc/nope: no folder can be made there") as raised:
        Run.create("/proc/nope", "name", {})
    assert raised.value.help
    with pytest.raises(StorageError, match="/proc/nope"):
        files.write_text("/proc/nope/file", "x")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EFBIG, "larger than a file may be"),
        (errno.EIO, "disk that holds .* failed"),
        (errno.ENAMETOOLONG, "name is too long"),
        (errno.EDQUOT, "no space left"),
        (errno.ELOOP, "lead in a circle"),
        (errno.ENOTDIR, "a file stands where a folder is needed"),
        (errno.EBUSY, "cannot write to"),
    ],
)
def test_what_the_system_refuses_is_said_in_words(number: int, words: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=words) as raised, files.storage_errors(tmp_path / "{weights}"):
        raise OSError(number, os.strerror(number))
    assert "{weights}" in raised.value.message
    assert raised.value.help


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
def test_a_file_larger_than_allowed_is_said_and_the_old_content_stays(tmp_path: Path) -> None:
    import resource

    path = tmp_path / "weights"
    files.write_text(path, "old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        with pytest.raises(StorageError, match=r"weights would be larger than a file may be there"):
            files.write_bytes(path, bytes(300_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_that_is_too_long_is_said_and_shortened(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="name is too long") as raised:
        files.write_text(tmp_path / ("n" * 3_000), "x")
    assert len(raised.value.message) < 500


def test_other_errors_of_the_system_are_not_renamed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), files.storage_errors(tmp_path):
        (tmp_path / "absent").read_text()


def test_the_checksum_is_that_of_the_whole_file(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5_000
    (tmp_path / "file").write_bytes(content)
    assert files.sha256(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PROFOND_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert files.cache_folder() == tmp_path / ".cache" / "profond"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    assert files.cache_folder() == tmp_path / "other" / "profond"
    monkeypatch.setenv("PROFOND_CACHE", "~/mine")
    assert files.cache_folder() == tmp_path / "mine"
