"""Files of PyTorch tensors by name: ``.pth`` in both of its formats, and safetensors.

A ``.pth`` is a pickle that names blocks of numbers beside it. It is read as ``torch.load(weights_only=True)`` would,
with less admitted and in less time: the pickle by recorders that allocate nothing, then, when all that it promises is
found to be there, the numbers straight from the file.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import IO, Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from profond.core.errors import ConfigError
from profond.core.names import openable
from profond.weights.archive import open_archive
from profond.weights.restricted_pickle import Global, file_size, key, mapped, sides, unpickle

LARGEST_HEADER = 16 << 20
"""Of a safetensors file, in bytes. NASNetLarge's is 0.2 MB; the format itself allows 100 MB of JSON."""

LARGEST_PICKLE = 64 << 20
"""Of a ``.pth``, in bytes: names and shapes. NASNetLarge's has 0.2 MB."""

_MAGIC = 0x1950A86A20F9469CFC6C
_PICKLED = b"\x80"
"""How every pickle since protocol 2 begins."""
_TYPES = {
    "Double": torch.float64,
    "Float": torch.float32,
    "Half": torch.float16,
    "BFloat16": torch.bfloat16,
    "Long": torch.int64,
    "Int": torch.int32,
    "Short": torch.int16,
    "Char": torch.int8,
    "Byte": torch.uint8,
    "Bool": torch.bool,
}
_WRAPPERS = ("state_dict", "model_state_dict", "model", "model_state", "net")


def read_tensors(path: Path | str) -> dict[str, Tensor]:
    """Every tensor of a ``.pth``, ``.pt`` or ``.safetensors`` file, by name, in memory.

    Raises: ConfigError when the file is missing, damaged, holds anything but tensors, or promises more than it has.
    """
    path = Path(path)
    file_size(path)
    return read_safetensors(path) if path.suffix == ".safetensors" else read_pth(path)


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Raises: ConfigError."""
    size = file_size(path)
    with path.open("rb") as file:
        start = file.read(8)
    header = struct.unpack("<Q", start)[0] if len(start) == 8 else size
    if header > size - 8:
        raise ConfigError(f"{path} is damaged: its header has {header} bytes, the file {size}", "fetch it again")
    if header > LARGEST_HEADER:
        raise ConfigError(f"{path} has a header of {header} bytes", f"no weights need more than {LARGEST_HEADER}")
    try:
        with openable(path) as name, safe_open(name, framework="pt") as opened:
            return {each: opened.get_tensor(each) for each in opened.keys()}  # noqa: SIM118
    except MemoryError:
        raise ConfigError(
            f"{path} has {size} bytes, more than there is memory for", "is it a file of weights?"
        ) from None
    except (SafetensorError, OSError, RuntimeError, ValueError, KeyError) as error:
        raise ConfigError(f"{path} is damaged: {error}", "fetch it again") from None


def read_pth(path: Path) -> dict[str, Tensor]:
    """Raises: ConfigError."""
    size = file_size(path)
    try:
        with path.open("rb", buffering=0) as numbers:
            read = read_zip if zipfile.is_zipfile(path) else read_stream
            return read(path, size, numbers)
    except ConfigError:
        raise
    except (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError) as error:
        raise ConfigError(f"{path} is damaged: {error}", "fetch it again") from None
    except (EOFError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ConfigError(f"{path} is damaged: {error or type(error).__name__}", "fetch it again") from None


def read_zip(path: Path, size: int, numbers: FileIO) -> dict[str, Tensor]:
    """The format since PyTorch 1.6: an uncompressed zip archive of data.pkl and data/<key>. Raises: ConfigError."""
    with open_archive(path) as archive:
        members = {member.filename: member for member in archive.infolist()}
        if any(member.compress_type != zipfile.ZIP_STORED for member in members.values()):
            raise ConfigError(f"{path} is compressed, which PyTorch's files are not", "unpack and save it again")
        if sum(member.file_size for member in members.values()) > size:
            raise ConfigError(f"{path} is damaged: its parts are larger than the file", "do not use it")
        names = [name for name in members if name.endswith("data.pkl")]
        if len(names) != 1:
            raise ConfigError(f"{path} is not a PyTorch file: no data.pkl in the archive", "check the path")
        top = names[0].removesuffix("data.pkl")
        if f"{top}byteorder" in members and archive.read(f"{top}byteorder") != b"little":
            raise ConfigError(f"{path} was written on a machine of another byte order", "save it again on this one")
        if members[names[0]].file_size > LARGEST_PICKLE:
            raise ConfigError(f"{path} has a data.pkl of {members[names[0]].file_size} bytes", "do not use it")
        content, storages = _recorded(io.BytesIO(archive.read(names[0])), size, path)
    for name, storage in storages.items():
        member = members.get(f"{top}data/{name}")
        if member is None or member.file_size < storage.nbytes:
            shown = f"{storage.nbytes} bytes for {name[:50]}"
            raise ConfigError(f"{path} promises {shown}, which are not there", "do not use it")
        numbers.seek(member.header_offset)
        header = numbers.read(30)
        if header[:4] != b"PK\x03\x04":
            raise ConfigError(f"{path} is damaged: {name[:50]} is not where it should be", "fetch it again")
        named, extra = struct.unpack("<HH", header[26:30])
        storage.read(numbers, member.header_offset + 30 + named + extra)
    return tensors_in(content, path)


def read_stream(path: Path, size: int, numbers: FileIO) -> dict[str, Tensor]:
    """The format before PyTorch 1.6: magic number, version, machine, tensors, keys; then each block.

    A block is the number of its numbers, as 8 bytes, and these. Raises: ConfigError.
    """
    with mapped(path) as stream:
        start = stream.read(4)
        stream.seek(0)
        if start == b"PK\x03\x04":  # the newer format, without its end
            raise ConfigError(f"{path} is damaged: it ends early", "fetch it again")
        if start[:1] != _PICKLED:
            raise ConfigError(f"{path} is not a PyTorch file", "give a .pth, .pt or .safetensors file")
        for part in ("magic number", "version", "machine"):
            # The magic number itself is greater than any file.
            found = unpickle(stream, {}, _MAGIC if part == "magic number" else size, path)
            if part == "magic number" and not (isinstance(found, int) and found == _MAGIC):
                raise ConfigError(f"{path} is not a PyTorch file", "give a .pth, .pt or .safetensors file")
            if part == "machine" and not (isinstance(found, dict) and found.get("little_endian") is True):
                raise ConfigError(f"{path} was written on a machine of another byte order", "save it again on this one")
        content, storages = _recorded(stream, size, path)
        keys = unpickle(stream, {}, size, path)
        position = stream.tell()
    if not isinstance(keys, list) or not all(isinstance(name, str | int) for name in keys):
        raise ConfigError(f"{path} is damaged: it has no list of blocks", "fetch it again")
    if len(keys) != len(storages) or set(map(str, keys)) != set(storages):
        raise ConfigError(f"{path} is damaged: its blocks are not those of its tensors", "fetch it again")
    for storage in map(storages.__getitem__, map(str, keys)):
        numbers.seek(position)
        (count,) = struct.unpack("<q", numbers.read(8))
        if count != storage.count:
            raise ConfigError(f"{path} is damaged: a block has {count} numbers, not {storage.count}")
        storage.read(numbers, position + 8)
        position += 8 + storage.nbytes
    return tensors_in(content, path)


def tensors_in(content: Any, path: Path) -> dict[str, Tensor]:
    """The state dict of a file: its content, or below the name that training programs put it under."""
    for name in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
            break
    if not isinstance(content, dict) or not all(isinstance(value, _Tensor) for value in content.values()):
        raise ConfigError(f"{path} holds no tensors by name", "give a state dict: torch.save(model.state_dict(), …)")
    found = {str(name): value.tensor() for name, value in content.items()}
    if found and all(name.startswith("module.") for name in found):  # written by DataParallel
        found = {name.removeprefix("module."): value for name, value in found.items()}
    return found


def _recorded(stream: IO[bytes], size: int, path: Path) -> tuple[Any, dict[str, _Storage]]:
    """A pickle of tensors as recorders, and the storages that it names. Raises: ConfigError for promises too great."""
    storages: dict[str, _Storage] = {}

    def storage(identity: Any) -> _Storage:
        if not isinstance(identity, tuple) or len(identity) < 5:
            raise ValueError("something outside that is no storage")
        _, kind, storage_key, _, count = identity[:5]
        if not isinstance(kind, type) or not issubclass(kind, _Storage) or not isinstance(count, int) or count < 0:
            raise ValueError("an unknown kind of storage")
        name = str(key(storage_key))
        if name not in storages:
            storages[name] = kind(count)
            total[0] += storages[name].nbytes
        if total[0] > size:
            raise ConfigError(f"{path} promises {total[0]} bytes, but has {size}", "do not use it")
        return storages[name]

    total = [0]
    return unpickle(stream, TENSOR_GLOBALS, size, path, storage), storages


class _Storage:
    """Stands for a storage: a number of numbers of one type, and these, when they have been read."""

    dtype = torch.uint8

    def __init__(self, count: int) -> None:
        self.count = count
        self.numbers: Tensor | None = None

    @property
    def nbytes(self) -> int:
        return self.count * self.dtype.itemsize

    def read(self, file: FileIO, position: int) -> None:
        """Raises: EOFError."""
        raw = torch.empty(self.nbytes, dtype=torch.uint8)
        view = raw.numpy().data
        file.seek(position)
        while len(view):
            got = file.readinto(view)
            if not got:
                raise EOFError("the file ends early")
            view = view[got:]
        self.numbers = raw.view(self.dtype)

    def __setstate__(self, state: Any) -> None:
        raise ValueError("a storage with a state")


class _Names(dict[Any, Any]):
    """Stands for an ordered dictionary; PyTorch gives it attributes, which are not needed.

    Args:
        items: pairs of name and value, as Python 2 writes them.
    """

    def __init__(self, items: Any = ()) -> None:
        if not isinstance(items, list | tuple) or not all(isinstance(i, list | tuple) and len(i) == 2 for i in items):
            raise ValueError("an ordered dictionary of something other than pairs")
        super().__init__((key(name), value) for name, value in items)

    def __setstate__(self, state: Any) -> None:
        pass


class _Tensor:
    """Stands for a tensor: a view into a storage, which must lie inside it."""

    def __init__(self, storage: Any, offset: Any, shape: Any, stride: Any, *_: Any) -> None:
        shape, stride, (offset,) = sides(shape), sides(stride), sides((offset,))
        if not isinstance(storage, _Storage) or len(shape) != len(stride):
            raise ValueError("a tensor without a storage")
        last = offset + sum((side - 1) * step for side, step in zip(shape, stride, strict=True))
        if 0 not in shape and (last >= storage.count or math.prod(shape) > storage.count):
            raise ValueError(f"a tensor of shape {shape} in a storage of {storage.count} numbers")
        self.storage, self.view = storage, (shape, stride, offset)

    def tensor(self) -> Tensor:
        assert self.storage.numbers is not None
        return self.storage.numbers.as_strided(*self.view)

    def __setstate__(self, state: Any) -> None:
        pass


class _Parameter:
    """Stands for a parameter: it is its tensor."""

    def __new__(cls, tensor: Any, *_: Any) -> Any:
        if not isinstance(tensor, _Tensor):
            raise ValueError("a parameter without a tensor")
        return tensor

    def __setstate__(self, state: Any) -> None:
        raise ValueError("a parameter with a state")


TENSOR_GLOBALS: dict[Global, Callable[..., Any]] = {
    ("collections", "OrderedDict"): _Names,
    ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
    ("torch._utils", "_rebuild_parameter"): _Parameter,
    **{
        ("torch", f"{name}Storage"): type(f"{name}Storage", (_Storage,), {"dtype": dtype})
        for name, dtype in _TYPES.items()
    },
}
