"""HDF5 files of weights, opened so that a hostile one cannot make this program follow it.

A dataset may be stored in another file, made of pieces of other files, compressed a million times, or only be
promised. All of these are refused: a weight is a block of numbers that lies in this file, as large as it says.
"""

from __future__ import annotations

import math
import mmap
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import h5py
import numpy as np
from h5py import h5a, h5d, h5f, h5g, h5l, h5o, h5s
from numpy.typing import NDArray

from profond.core.errors import ConfigError
from profond.weights.archive import open_archive
from profond.weights.restricted_pickle import file_size

MOST_NAMES = 20_000
"""In one list, and objects in one file; NASNetLarge has 1,546 tensors."""
DEEPEST = 32
MOST_LOOKED_AT = 60_000
"""Names and blocks in one reading: by links a small file can hold the same one any number of times."""
MOST_TEXT = 1 << 30
"""Bytes of names of varying length; by references a small file can hold the same one any number of times."""


@dataclass(frozen=True)
class Block:
    """One block of numbers in an open file; nothing is read before ``read``.

    Args:
        dataset: looked at, and found to be plain.
        kind: of its numbers.
        shape: of it.
        where: for messages: the place in the file, and the file.
        source: what lies behind the library: the file, or its content.
        offset: of the numbers there, in bytes; None where they lie in pieces, which only the library can put together.
    """

    dataset: h5d.DatasetID
    kind: np.dtype[Any]
    shape: tuple[int, ...]
    where: str
    source: Path | bytes
    offset: int | None

    def read(self) -> NDArray[np.float32]:
        """Its numbers. Raises: ConfigError when they cannot be read."""
        try:
            numbers = self._raw()
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            raise ConfigError(f"{self.where} is damaged: {error}", "fetch the file again") from None
        if self.kind.kind != "f":  # bfloat16, kept as raw 16 bits: the upper half of a float32
            return (numbers.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
        return numbers.astype(np.float32, copy=False)

    def _raw(self) -> NDArray[Any]:
        count = math.prod(self.shape)
        if self.offset is None or not count:
            numbers = np.empty(self.shape, self.kind)
            if count:
                self.dataset.read(h5s.ALL, h5s.ALL, numbers)
            return numbers
        if isinstance(self.source, bytes):
            return np.frombuffer(self.source, self.kind, count, self.offset).reshape(self.shape).copy()
        return np.fromfile(self.source, self.kind, count, offset=self.offset).reshape(self.shape)


class File:
    """An open file: groups, lists of names, and blocks, each looked at before it is believed.

    Its groups are h5py's low-level ones: with the others, looking takes three times as long, and a network has
    hundreds of tensors.

    Args:
        opened: by the library.
        path: for messages.
        size: of the file, in bytes.
        source: the file, or its content.
    """

    def __init__(self, opened: h5py.File, path: Path, size: int, source: Path | bytes) -> None:
        self.root, self.path, self.size, self.source = h5g.open(opened.id, b"/"), path, size, source
        self.plain = opened.userblock_size == 0  # otherwise places in the file are not counted from its start
        self.looked_at = 0

    def group(self, parent: h5g.GroupID, name: str) -> h5g.GroupID:
        """Raises: ConfigError when there is none."""
        found = self._member(parent, name)
        if not isinstance(found, h5g.GroupID):
            self.refuse(f"{name} is not a group")
        return found

    def names(self, group: h5g.GroupID) -> list[str]:
        """Of the members, in the order in which a person counts: conv2d, conv2d_2, conv2d_10."""
        if group.get_num_objs() > MOST_NAMES:
            self.refuse(f"{_path(group)} has {group.get_num_objs()} members")
        self._count_objects(group.get_num_objs())
        found: list[bytes] = []
        group.links.iterate(found.append)
        return sorted((name.decode(errors="replace") for name in found), key=counted)

    def has(self, group: h5g.GroupID, name: str) -> bool:
        return bool(group.links.exists(name.encode()))

    def has_attribute(self, group: h5g.GroupID, name: str) -> bool:
        return bool(h5a.exists(group, name.encode()))

    def text(self, group: h5g.GroupID, attribute: str) -> str:
        """One text in an attribute, or none."""
        if not self.has_attribute(group, attribute):
            return ""
        opened = h5a.open(group, attribute.encode())
        if opened.shape != ():
            return ""
        text = np.empty((), opened.dtype)
        opened.read(text)
        found = text[()]
        return (found.decode(errors="replace") if isinstance(found, bytes) else str(found))[:200]

    def listed(self, group: h5g.GroupID, attribute: str) -> list[str]:
        """A list of names in an attribute; Keras splits a long one into ``attribute0``, ``attribute1`` and so on."""
        parts = [attribute] if self.has_attribute(group, attribute) else []
        while not parts or parts[-1] != attribute:
            following = f"{attribute}{len(parts)}"
            if not self.has_attribute(group, following):
                break
            parts.append(following)
        if not parts:
            self.refuse(f"{_path(group)} has no {attribute}")
        found: list[str] = []
        for part in parts:
            found += self._texts(group, part)
        return found

    def block(self, parent: h5g.GroupID, name: str) -> Block:
        """Raises: ConfigError unless it is a plain block of floating-point numbers, all of it in this file."""
        self._count_objects(1)
        found = self._member(parent, name)
        if not isinstance(found, h5d.DatasetID):
            self.refuse(f"{name} is not a block of numbers")
        layout = found.get_create_plist()
        if layout.get_layout() == h5d.VIRTUAL or layout.get_external_count():
            self.refuse(f"{_path(found)} lies in another file")
        if layout.get_nfilters():
            self.refuse(f"{_path(found)} is compressed, which Keras does not do")
        kind, shape = found.dtype, found.shape
        if kind.kind != "f" and not (kind.itemsize == 2 and _is_bfloat16(found)):
            self.refuse(f"{_path(found)} holds {kind}, not floating-point numbers")
        promised = math.prod(shape or ()) * kind.itemsize
        if shape is None or promised > self.size or found.get_storage_size() < promised:
            self.refuse(f"{_path(found)} promises {shape} numbers, which the file does not hold")
        offset = found.get_offset() if self.plain and layout.get_layout() == h5d.CONTIGUOUS else None
        return Block(found, kind, shape, f"{name} in {self.path}", self.source, offset)

    def _texts(self, group: h5g.GroupID, attribute: str) -> list[str]:
        attributes = h5py.Group(group).attrs
        info = attributes.get_id(attribute)
        count = math.prod(info.shape)
        if count > MOST_NAMES or count * info.dtype.itemsize > self.size:
            self.refuse(f"{attribute} of {_path(group)} has {count} names")
        if not count:
            return []
        self._count_objects(count)
        if info.dtype.hasobject and count * _largest_text(self.source) > MOST_TEXT:
            self.refuse(f"{attribute} of {_path(group)} may be of more than {MOST_TEXT} bytes")
        value = attributes[attribute]
        try:
            names = [name.decode() if isinstance(name, bytes) else str(name) for name in np.atleast_1d(value).tolist()]
        except UnicodeDecodeError:
            self.refuse(f"{attribute} of {_path(group)} is not text")
        return names

    def _member(self, parent: h5g.GroupID, name: str) -> Any:
        """A member below a group, never by a link that could lead elsewhere."""
        found: Any = parent
        for part in [part.encode() for part in name.split("/") if part]:
            if part in (b".", b"..") or not isinstance(found, h5g.GroupID):
                self.refuse(f"{name} is missing")
            try:
                link = found.links.get_info(part)
            except (KeyError, RuntimeError):
                self.refuse(f"{name} is missing")
            if link.type != h5l.TYPE_HARD:
                self.refuse(f"{name} is a link to elsewhere")
            found = h5o.open(found, part)
        return found

    def _count_objects(self, count: int) -> None:
        self.looked_at += count
        if self.looked_at > MOST_LOOKED_AT:
            self.refuse("its names never end")

    def refuse(self, reason: str) -> NoReturn:
        raise ConfigError(f"{self.path} is not a usable file of weights: {reason}", "fetch it again, or do not use it")


@contextmanager
def open_hdf5(path: Path, content: bytes | None = None) -> Iterator[File]:
    """Open a file, or its content that lies in an archive. Raises: ConfigError for what is damaged or is not HDF5."""
    size = file_size(path)
    try:
        with h5py.File(path if content is None else h5f.open_file_image(content), "r") as opened:
            yield File(opened, path, size, path if content is None else content)
    except ConfigError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:  # whatever the library says of damage
        reason = str(error).strip().strip("'\"").split("\n")[0]
        raise ConfigError(f"{path} is not an HDF5 file, or is damaged: {reason}", "fetch it again") from None


def weights_inside(path: Path) -> bytes:
    """The HDF5 file in a ``.keras`` archive, in memory. Raises: ConfigError."""
    size = file_size(path)
    try:
        with open_archive(path) as archive:
            found = next((member for member in archive.infolist() if member.filename == "model.weights.h5"), None)
            if found is None:
                raise ConfigError(f"{path} has no model.weights.h5 in it", "is it a .keras file?")
            if found.compress_type != zipfile.ZIP_STORED or found.file_size > size:
                raise ConfigError(f"{path} is compressed, which Keras does not do", "save it again with Keras")
            return archive.read(found)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ConfigError(f"{path} is not a .keras file, or is damaged: {error}", "fetch it again") from None


def _largest_text(source: Path | bytes) -> int:
    """Bytes of the largest heap in the file, in which texts of varying length lie: none can be longer."""
    mark = b"GCOL\x01\0\0\0"  # how a heap begins; its size in bytes follows
    if isinstance(source, bytes):
        return _largest_after(source, mark)
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return _largest_after(content, mark)


def _largest_after(content: bytes | mmap.mmap, mark: bytes) -> int:
    largest, position = 0, content.find(mark)
    while position >= 0:
        largest = max(largest, int.from_bytes(content[position + 8 : position + 16], "little"))
        position = content.find(mark, position + 8)
    return largest


def _is_bfloat16(dataset: h5d.DatasetID) -> bool:
    return bool(h5a.exists(dataset, b"dtype") and h5py.Dataset(dataset).attrs["dtype"] == "bfloat16")


def _path(found: h5g.GroupID | h5d.DatasetID) -> str:
    return (h5py.h5i.get_name(found) or b"?").decode(errors="replace")


def counted(name: str) -> tuple[str, int]:
    """``conv2d_10`` to (conv2d, 10), ``conv2d`` to (conv2d, 0)."""
    start, underscore, number = name.rpartition("_")
    if underscore and number.isdecimal() and len(number) < 10:
        return start, int(number)
    return name, 0
