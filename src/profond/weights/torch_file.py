"""Files of PyTorch tensors by name: ``.pth`` in both of its formats, and safetensors.

A ``.pth`` is a pickle. ``torch.load(weights_only=True)`` runs no code from it, but believes its sizes; so it is first
read by recorders that allocate nothing, and refused where it promises more than the file holds.
"""

from __future__ import annotations

import io
import math
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from profond.core.errors import ConfigError
from profond.weights.restricted_pickle import Global, file_size, scan, unpickle

LARGEST_HEADER = 16 << 20
"""Of a safetensors file, in bytes. NASNetLarge's is 0.2 MB; the format itself allows 100 MB of JSON."""

_MAGIC = 0x1950A86A20F9469CFC6C
_BYTES = {"Double": 8, "Float": 4, "Half": 2, "BFloat16": 2, "Long": 8, "Int": 4, "Short": 2, "Char": 1, "Byte": 1}
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
        with safe_open(path, framework="pt") as opened:
            return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, RuntimeError, ValueError, KeyError) as error:
        raise ConfigError(f"{path} is damaged: {error}", "fetch it again") from None


def read_pth(path: Path) -> dict[str, Tensor]:
    """Raises: ConfigError."""
    size = file_size(path)
    try:
        check_zip(path, size) if zipfile.is_zipfile(path) else check_stream(path, size)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except ConfigError:
        raise
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ConfigError(f"{path} is damaged: {reason or type(error).__name__}", "fetch it again") from None
    return tensors_in(content, path)


def tensors_in(content: Any, path: Path) -> dict[str, Tensor]:
    """The state dict of a file: its content, or below the name that training programs put it under."""
    for name in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
            break
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ConfigError(f"{path} holds no tensors by name", "give a state dict: torch.save(model.state_dict(), …)")
    found = {str(name): value.detach() for name, value in content.items()}
    if found and all(name.startswith("module.") for name in found):  # written by DataParallel
        found = {name.removeprefix("module."): value for name, value in found.items()}
    return found


def check_zip(path: Path, size: int) -> None:
    """The format since PyTorch 1.6: an uncompressed zip archive. Raises: ConfigError."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise ConfigError(f"{path} is compressed, which PyTorch's files are not", "unpack and save it again")
            if sum(member.file_size for member in members) > size:
                raise ConfigError(f"{path} is damaged: its parts are larger than the file", "do not use it")
            pickles = [member for member in members if member.filename.endswith("data.pkl")]
            if len(pickles) != 1:
                raise ConfigError(f"{path} is not a PyTorch file: no data.pkl in the archive", "check the path")
            data = archive.read(pickles[0])
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, struct.error) as error:
        raise ConfigError(f"{path} is damaged: {error}", "fetch it again") from None
    _check(io.BytesIO(data), size, path)


def check_stream(path: Path, size: int) -> None:
    """The format before PyTorch 1.6: magic number, version, machine, tensors, and their bytes. Raises: ConfigError."""
    with path.open("rb") as stream:
        for place in ("magic number", "version", "machine"):
            start = stream.tell()
            # The magic number itself is greater than any file.
            scan(stream, {}, _MAGIC if place == "magic number" else size, path)
            end = stream.tell()
            stream.seek(start)
            found = unpickle(io.BytesIO(stream.read(end - start)), {}, path)
            if place == "magic number" and found != _MAGIC:
                raise ConfigError(f"{path} is not a PyTorch file", "give a .pth, .pt or .safetensors file")
        _check(stream, size, path)


def _check(stream: IO[bytes], size: int, path: Path) -> None:
    """Unpickle one state dict into recorders, and compare its promises with the file."""
    start = stream.tell()
    scan(stream, TENSOR_GLOBALS, size, path)
    end = stream.tell()
    stream.seek(start)
    promised: dict[str, int] = {}

    def storage(identity: Any) -> _Storage:
        mark, kind, key, _, count = identity[:5]
        if mark != "storage" or not isinstance(kind, type) or not issubclass(kind, _Storage) or count < 0:
            raise ValueError("an unknown kind of storage")
        promised[str(key)] = count * kind.itemsize
        if sum(promised.values()) > size:
            raise ConfigError(f"{path} promises {sum(promised.values())} bytes, but has {size}", "do not use it")
        return kind(count)

    unpickle(io.BytesIO(stream.read(end - start)), TENSOR_GLOBALS, path, storage)


class _Storage:
    """Stands for a storage: how many numbers it has."""

    itemsize = 1

    def __init__(self, count: int) -> None:
        self.count = count


class _Names(dict[Any, Any]):
    """Stands for an ordered dictionary; PyTorch gives it attributes, which are not needed."""

    def __setstate__(self, state: Any) -> None:
        pass


class _Tensor:
    """Stands for a tensor: a view into a storage, which must lie inside it."""

    def __init__(self, storage: Any, offset: Any, shape: Any, stride: Any, *_: Any) -> None:
        if not isinstance(storage, _Storage) or len(shape) != len(stride) or min((offset, *shape, *stride)) < 0:
            raise ValueError("a tensor without a storage")
        last = offset + sum((side - 1) * step for side, step in zip(shape, stride, strict=True))
        if 0 not in shape and (last >= storage.count or math.prod(shape) > storage.count):
            raise ValueError(f"a tensor of shape {tuple(shape)} in a storage of {storage.count} numbers")

    def __setstate__(self, state: Any) -> None:
        pass


class _Parameter:
    """Stands for a parameter, whose tensor was looked at before."""

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


TENSOR_GLOBALS: dict[Global, Callable[..., Any]] = {
    ("collections", "OrderedDict"): _Names,
    ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
    ("torch._utils", "_rebuild_parameter"): _Parameter,
    **{
        ("torch", f"{name}Storage"): type(f"{name}Storage", (_Storage,), {"itemsize": itemsize})
        for name, itemsize in _BYTES.items()
    },
}
