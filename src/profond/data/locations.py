"""Where pictures lie: files, and files inside tar archives; a million of them in a few arrays."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from profond.core.errors import ImageError


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside a tar archive, which is read without looking at the archive's other files.

    Args:
        archive: path of the archive.
        path: of the file inside it.
        offset: of its first byte in the archive.
        size: in bytes.
    """

    archive: str
    path: str
    offset: int
    size: int

    def __str__(self) -> str:
        return f"{self.archive}: {self.path}"

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        return os.path.splitext(self.path)[1]

    def as_posix(self) -> str:
        return f"{Path(self.archive).as_posix()}/{self.path}"

    def read(self) -> bytes:
        """Raises: ImageError when the archive is not there, or too short."""
        try:
            with open(self.archive, "rb", buffering=0) as archive:
                archive.seek(self.offset)
                data = archive.read(self.size)
        except OSError as error:
            raise ImageError(f"{self} cannot be read: {error.strerror}", "restore the archive") from None
        if len(data) != self.size:
            raise ImageError(f"{self} is cut off: {len(data)} of {self.size} bytes", "copy the archive again")
        return data


@dataclass(frozen=True, slots=True)
class FileInMemory:
    """A file that is in memory.

    Args:
        data: all of its bytes.
        name: what to call it.
    """

    data: bytes
    name: str

    def __str__(self) -> str:
        return self.name

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def suffix(self) -> str:
        return ""

    def read(self) -> bytes:
        return self.data


Location = Path | Member


def relative(location: Location, root: Path) -> str:
    """A place below ``root`` with forward slashes; any other as it is."""
    above = root.as_posix()
    return location.as_posix().removeprefix(above if above.endswith("/") else f"{above}/")


class Locations:
    """An immutable list of places.

    NOTE not a list of objects: ImageNet's paths would be 400 MB, and each worker process would soon hold a copy, for
    Python writes to every object that it looks at.

    Args:
        locations: all of them files, or all of them members of archives.
        root: paths are kept relative to this folder.
    """

    def __init__(self, locations: Sequence[Location], root: Path) -> None:
        self.root = root
        members = [location for location in locations if isinstance(location, Member)]
        assert len(members) in (0, len(locations))
        names = [location.path if isinstance(location, Member) else relative(location, root) for location in locations]
        encoded = [name.encode("utf-8", "surrogateescape") for name in names]
        self._text = b"".join(encoded)
        self._ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
        self._archives = sorted({member.archive for member in members})
        number = {archive: i for i, archive in enumerate(self._archives)}
        rows = [(number[member.archive], member.offset, member.size) for member in members]
        self._rows = np.array(rows, dtype=np.int64).reshape(-1, 3)

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, index: int) -> Location:
        index = range(len(self))[index]
        first, last = self._ends[index : index + 2].tolist()
        name = self._text[first:last].decode("utf-8", "surrogateescape")
        if not self._archives:
            return self.root / name
        archive, offset, size = self._rows[index].tolist()
        return Member(self._archives[archive], name, offset, size)

    def identity(self, index: int) -> str:
        return relative(self[index], self.root)

    @property
    def archives(self) -> np.ndarray[tuple[int], np.dtype[np.int64]] | None:
        """The number of the archive that holds each, or None for files."""
        return self._rows[:, 0] if self._archives else None
