"""Pickles of numpy arrays and of PyTorch state dicts, read without running anything that is in them.

A pickle is a program. It is first read as text, opcode by opcode: a global that is not on the list, an opcode of
which data has no need, and a number or length greater than the file are refused. Only then is it unpickled, and the
globals on the list stand for recorders of ours, not for numpy's or PyTorch's own functions.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import ConfigError

Global = tuple[str, str]
LARGEST_FILE = 4 << 30
"""A pickle of arrays is read whole; none of the networks here has 4 GiB of weights."""

SMALL = 1 << 16
"""A number up to this one does no harm, even in a file that is smaller: a version, for example."""

_KINDS = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}
_DANGEROUS = {"INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "READONLY_BUFFER", "DUP"}


def read_arrays(path: Path | str) -> dict[str, list[NDArray[Any]]]:
    """A pickled dictionary of numpy arrays, or of lists of them.

    Raises: ConfigError when it holds anything else, is damaged, or promises more than the file has.
    """
    path = Path(path)
    size = file_size(path)
    if size > LARGEST_FILE:
        raise ConfigError(f"{path} has {size} bytes, too many for a pickle of weights")
    data = path.read_bytes()
    scan(io.BytesIO(data), ARRAY_GLOBALS, size, path)
    found = unpickle(io.BytesIO(data), ARRAY_GLOBALS, path)
    if not isinstance(found, dict):
        _refuse(path, "it is not a dictionary of arrays")
    try:
        return {str(name): _arrays(value) for name, value in found.items()}
    except ValueError as error:
        _refuse(path, f"it holds {error}")


def file_size(path: Path) -> int:
    """Raises: ConfigError when there is no such file, it is a folder, or empty."""
    try:
        if path.is_dir():
            raise ConfigError(f"{path} is a folder", "give a file in it")
        if not path.is_file():
            raise ConfigError(f"there is no file {path}", "check the path")
        size = path.stat().st_size
    except PermissionError:
        raise ConfigError(f"{path} may not be read", "change its permissions") from None
    if size == 0:
        raise ConfigError(f"{path} is empty", "fetch it again")
    return size


def scan(stream: IO[bytes], globals: Mapping[Global, Any], size: int, path: Path) -> None:
    """Read one pickle as text, up to its end, and leave the stream there.

    Args:
        globals: what it may name.
        size: of the whole file: no number, length or place in it can honestly be greater.

    Raises: ConfigError for anything that data does not need.
    """
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            if opcode.name in _DANGEROUS:
                _refuse(path, f"it uses {opcode.name}, which runs code")
            if isinstance(argument, int) and abs(argument) > max(size, SMALL):
                _refuse(path, f"it promises {argument} of something, but the file has {size} bytes")
            if opcode.name == "GLOBAL":  # the other way to name one is seen when it is unpickled
                module, _, name = str(argument).partition(" ")
                _admitted((module, name), globals, path)
    except ConfigError:
        raise
    except (ValueError, EOFError, OverflowError) as error:
        raise ConfigError(f"{path} is damaged: {error}", "fetch it again") from None


def unpickle(
    stream: IO[bytes],
    globals: Mapping[Global, Callable[..., Any]],
    path: Path,
    persistent: Callable[[Any], Any] | None = None,
) -> Any:
    """Unpickle what ``scan`` has passed. Raises: ConfigError for a global that is not on the list, or damage."""
    try:
        return _Unpickler(stream, globals, path, persistent).load()
    except ConfigError:
        raise
    except Exception as error:  # a damaged pickle may raise anything
        raise ConfigError(f"{path} is damaged: {error or type(error).__name__}", "fetch it again") from None


class _Unpickler(pickle.Unpickler):
    # NOTE latin1 turns the byte strings of Python 2's numpy into text and back without loss
    def __init__(
        self,
        stream: IO[bytes],
        globals: Mapping[Global, Callable[..., Any]],
        path: Path,
        persistent: Callable[[Any], Any] | None,
    ) -> None:
        super().__init__(stream, encoding="latin1")
        self.globals, self.path, self.persistent = globals, path, persistent

    def find_class(self, module: str, name: str, /) -> Any:
        return self.globals[_admitted((module, name), self.globals, self.path)]

    def persistent_load(self, identity: Any, /) -> Any:
        if self.persistent is None:
            _refuse(self.path, "it refers to something outside")
        return self.persistent(identity)


class _Type:
    """Stands for ``numpy.dtype``: a name such as ``f4``, and the order of its bytes."""

    def __init__(self, name: Any = None, *_: Any) -> None:
        self.name = str(name)
        self.order = "<"

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
            raise ValueError("a number type that is not known")
        self.order = state[1]

    def numpy(self) -> np.dtype[Any]:
        if self.name not in _KINDS:
            raise ValueError(f"numbers of type {self.name!r}")
        return np.dtype(("<" if self.order in "|=" else self.order) + self.name)


class _Array:
    """Stands for ``numpy.ndarray`` while it is unpickled: its shape and bytes, which must agree."""

    def __init__(self, *_: Any) -> None:
        self.array: NDArray[Any] | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, columns_first, data = state
        if not isinstance(kind, _Type) or not isinstance(shape, tuple) or not isinstance(data, bytes | bytearray | str):
            raise ValueError("an array of something other than numbers")
        if not all(isinstance(side, int) and side >= 0 for side in shape):
            raise ValueError(f"an array of shape {shape}")
        raw = data.encode("latin1") if isinstance(data, str) else data
        number = kind.numpy()
        if math.prod(shape) * number.itemsize != len(raw):
            raise ValueError(f"an array of shape {shape} in {len(raw)} bytes")
        flat = np.frombuffer(raw, dtype=number)
        self.array = flat.reshape(shape, order="F" if columns_first else "C")


class _FromBuffer:
    """Stands for ``numpy._frombuffer``, by which protocol 5 writes an array."""

    def __new__(cls, data: Any, kind: Any, shape: Any, order: Any, *_: Any) -> Any:
        found = _Array()
        found.__setstate__((1, shape, kind, order == "F", data))
        return found

    def __setstate__(self, state: Any) -> None:
        raise ValueError("a function with a state")


class _Encode:
    """Stands for ``_codecs.encode``, by which protocol 2 writes bytes."""

    def __new__(cls, text: Any, encoding: Any = "latin1") -> Any:
        if not isinstance(text, str) or encoding != "latin1":
            raise ValueError("bytes in an unknown encoding")
        return text.encode("latin1")

    def __setstate__(self, state: Any) -> None:
        raise ValueError("a function with a state")


# NOTE classes, not functions: a pickle can set the attributes of a function that it names.
ARRAY_GLOBALS: dict[Global, Callable[..., Any]] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.numeric", "_frombuffer"): _FromBuffer,
    ("numpy._core.numeric", "_frombuffer"): _FromBuffer,
    ("_codecs", "encode"): _Encode,
}


def _arrays(value: Any) -> list[NDArray[Any]]:
    """One array, or a list of them."""
    found = []
    for each in value if isinstance(value, list | tuple) else [value]:
        if not isinstance(each, _Array) or each.array is None:
            raise ValueError(f"{type(each).__name__} where an array was expected")
        found.append(each.array)
    return found


def _admitted(name: Global, globals: Mapping[Global, Any], path: Path) -> Global:
    if name not in globals:
        _refuse(path, f"it asks for {name[0]}.{name[1]}, which weights do not need")
    return name


def _refuse(path: Path, reason: str) -> NoReturn:
    raise ConfigError(f"{path} is not a file of weights alone: {reason}", "do not use it; nothing of it was run")
