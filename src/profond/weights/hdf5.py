"""HDF5 files of weights, opened so that a hostile one cannot make this program follow it.

A dataset may be stored in another file, made of pieces of other files, compressed a million times, or only be
promised. All of these are refused: a weight is a block of numbers that lies in this file, as large as it says.
"""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

import h5py
import numpy as np
from h5py import h5a, h5d, h5g, h5l, h5o, h5s
from numpy.typing import NDArray

from profond.core.errors import ConfigError
from profond.weights.restricted_pickle import file_size

MOST_NAMES = 20_000
"""In one list, and objects in one file; NASNetLarge has 1,546 tensors."""
DEEPEST = 32


@dataclass(frozen=True)
class Block:
    """One block of numbers in an open file; nothing is read before ``read``.

    Args:
        dataset: looked at, and found to be plain.
        shape: of it.
        where: for messages: the file and the place in it.
    """

    dataset: h5py.Dataset
    shape: tuple[int, ...]
    where: str

    def read(self) -> NDArray[np.float32]:
        """Its numbers. Raises: ConfigError when they cannot be read."""
        bfloat = _is_bfloat16(self.dataset)
        numbers = np.empty(self.shape, self.dataset.dtype if bfloat else np.float32)
        try:
            if numbers.size:
                self.dataset.id.read(h5s.ALL, h5s.ALL, numbers)
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            raise ConfigError(f"{self.where} is damaged: {error}", "fetch the file again") from None
        if bfloat:  # kept as raw 16 bits, the upper half of a float32
            return (numbers.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
        return numbers


class File:
    """An open file: groups, lists of names, and blocks, each looked at before it is believed."""

    def __init__(self, opened: h5py.File, path: Path, size: int) -> None:
        self.root, self.path, self.size = opened, path, size

    def group(self, parent: h5py.Group, name: str) -> h5py.Group:
        """Raises: ConfigError when there is none."""
        found = self._member(parent, name)
        if not isinstance(found, h5py.Group):
            self.refuse(f"{name} is not a group")
        return found

    def names(self, group: h5py.Group) -> list[str]:
        """Of the members, in the order in which a person counts: conv2d, conv2d_2, conv2d_10."""
        if len(group) > MOST_NAMES:
            self.refuse(f"{group.name} has {len(group)} members")
        found: list[bytes] = []
        group.id.links.iterate(found.append)
        return sorted((name.decode(errors="replace") for name in found), key=counted)

    def has(self, group: h5py.Group, name: str) -> bool:
        return bool(group.id.links.exists(name.encode()))

    def text(self, group: h5py.Group, attribute: str) -> str:
        """One text in an attribute, or none."""
        if not h5a.exists(group.id, attribute.encode()) or group.attrs.get_id(attribute).shape != ():
            return ""
        return str(group.attrs[attribute])[:200]

    def listed(self, group: h5py.Group, attribute: str) -> list[str]:
        """A list of names in an attribute; Keras splits a long one into ``attribute0``, ``attribute1`` and so on."""
        parts = [attribute] if attribute in group.attrs else []
        while not parts or parts[-1] != attribute:
            following = f"{attribute}{len(parts)}"
            if following not in group.attrs:
                break
            parts.append(following)
        if not parts:
            self.refuse(f"{group.name} has no {attribute}")
        found: list[str] = []
        for part in parts:
            found += self._texts(group, part)
        return found

    def block(self, parent: h5py.Group, name: str) -> Block:
        """Raises: ConfigError unless it is a plain block of floating-point numbers, all of it in this file."""
        found = self._member(parent, name)
        if not isinstance(found, h5py.Dataset):
            self.refuse(f"{name} is not a block of numbers")
        layout = found.id.get_create_plist()
        if layout.get_layout() == h5d.VIRTUAL or layout.get_external_count():
            self.refuse(f"{found.name} lies in another file")
        if layout.get_nfilters():
            self.refuse(f"{found.name} is compressed, which Keras does not do")
        kind, shape = found.dtype, found.shape
        if kind.kind != "f" and not (kind.itemsize == 2 and _is_bfloat16(found)):
            self.refuse(f"{found.name} holds {kind}, not floating-point numbers")
        promised = math.prod(shape or ()) * kind.itemsize
        if shape is None or promised > self.size or found.id.get_storage_size() < promised:
            self.refuse(f"{found.name} promises {shape} numbers, which the file does not hold")
        return Block(found, shape, f"{name} in {self.path}")

    def _texts(self, group: h5py.Group, attribute: str) -> list[str]:
        info = group.attrs.get_id(attribute)
        count = math.prod(info.shape)
        if count > MOST_NAMES or count * info.dtype.itemsize > self.size:
            self.refuse(f"{attribute} of {group.name} has {count} names")
        if not count:
            return []
        value = group.attrs[attribute]
        try:
            names = [name.decode() if isinstance(name, bytes) else str(name) for name in np.atleast_1d(value).tolist()]
        except UnicodeDecodeError:
            self.refuse(f"{attribute} of {group.name} is not text")
        return names

    def _member(self, parent: h5py.Group, name: str) -> Any:
        """A member below a group, never by a link that could lead elsewhere."""
        # By h5py's low-level calls: its groups' own take three times as long, and a network has hundreds of tensors.
        found: Any = parent.id
        for part in [part.encode() for part in name.split("/") if part]:
            if part in (b".", b"..") or not (isinstance(found, h5g.GroupID) and found.links.exists(part)):
                self.refuse(f"{name} is missing")
            if found.links.get_info(part).type != h5l.TYPE_HARD:
                self.refuse(f"{name} is a link to elsewhere")
            found = h5o.open(found, part)
        if isinstance(found, h5g.GroupID):
            return h5py.Group(found)
        return h5py.Dataset(found) if isinstance(found, h5d.DatasetID) else None

    def refuse(self, reason: str) -> NoReturn:
        raise ConfigError(f"{self.path} is not a usable file of weights: {reason}", "fetch it again, or do not use it")


@contextmanager
def open_hdf5(path: Path, content: IO[bytes] | None = None) -> Iterator[File]:
    """Open a file, or its content that lies in an archive. Raises: ConfigError for what is damaged or is not HDF5."""
    size = file_size(path)
    try:
        with h5py.File(content if content is not None else path, "r") as opened:
            yield File(opened, path, size)
    except ConfigError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:  # whatever the library says of damage
        reason = str(error).strip().strip("'\"").split("\n")[0]
        raise ConfigError(f"{path} is not an HDF5 file, or is damaged: {reason}", "fetch it again") from None


def weights_inside(path: Path) -> IO[bytes]:
    """The HDF5 file in a ``.keras`` archive, in memory. Raises: ConfigError."""
    size = file_size(path)
    try:
        with zipfile.ZipFile(path) as archive:
            found = next((member for member in archive.infolist() if member.filename == "model.weights.h5"), None)
            if found is None:
                raise ConfigError(f"{path} has no model.weights.h5 in it", "is it a .keras file?")
            if found.compress_type != zipfile.ZIP_STORED or found.file_size > size:
                raise ConfigError(f"{path} is compressed, which Keras does not do", "save it again with Keras")
            return io.BytesIO(archive.read(found))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ConfigError(f"{path} is not a .keras file, or is damaged: {error}", "fetch it again") from None


def _is_bfloat16(dataset: h5py.Dataset) -> bool:
    return bool(h5a.exists(dataset.id, b"dtype") and dataset.attrs["dtype"] == "bfloat16")


def counted(name: str) -> tuple[str, int]:
    """``conv2d_10`` to (conv2d, 10), ``conv2d`` to (conv2d, 0)."""
    start, underscore, number = name.rpartition("_")
    if underscore and number.isdecimal() and len(number) < 10:
        return start, int(number)
    return name, 0
