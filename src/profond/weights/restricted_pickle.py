"""Pickles of numpy arrays and of PyTorch state dicts, read without running anything that is in them.

A pickle is a program for a machine with a stack. Here is such a machine, with the instructions alone that numbers,
text, lists, tuples and dictionaries need. Globals that are on a list stand for recorders of ours, not for numpy's or
PyTorch's own functions; all others are refused. No number or length may be greater than the file, and every step is
of constant cost: keys are text or whole numbers, for the hash of tuples in tuples can take for ever; there are no
sets; nothing is copied, compared or shown before its type is known.
"""

from __future__ import annotations

import math
import mmap
import pickletools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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

MOST_INSTRUCTIONS = 1_000_000
"""In one pickle; NASNetLarge's 1,546 tensors take some 50,000."""

MOST_SIDES = 64
"""Of an array; NumPy allows no more either."""

_KINDS = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
"""Instructions whose argument is the value."""


def read_arrays(path: Path | str) -> dict[str, list[NDArray[Any]]]:
    """A pickled dictionary of numpy arrays, or of lists of them.

    Raises: ConfigError when it holds anything else, is damaged, or promises more than the file has.
    """
    path = Path(path)
    size = file_size(path)
    if size > LARGEST_FILE:
        raise ConfigError(f"{path} has {size} bytes, too many for a pickle of weights")
    with mapped(path) as stream:
        found = unpickle(stream, ARRAY_GLOBALS, size, path)
    if not isinstance(found, dict):
        _refuse(path, "it is not a dictionary of arrays")
    try:
        recorded = {str(name): _arrays(value) for name, value in found.items()}
        if sum(array.nbytes for arrays in recorded.values() for array in arrays) > size:
            raise ValueError("more numbers than bytes")
        return {name: [array.numbers() for array in arrays] for name, arrays in recorded.items()}
    except ValueError as error:
        _refuse(path, f"it holds {error}")


@contextmanager
def mapped(path: Path) -> Iterator[IO[bytes]]:
    """A file as a stream that never makes room for more than the file has, whatever length it is asked for."""
    with path.open("rb") as file:
        try:
            stream = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:  # no room for it, or a file system that cannot
            raise ConfigError(f"{path} cannot be read: {error.strerror}", "copy it to a disk of this machine") from None
        with stream:
            yield stream  # type: ignore[misc]


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


def unpickle(
    stream: IO[bytes],
    globals: Mapping[Global, Callable[..., Any]],
    size: int,
    path: Path,
    persistent: Callable[[Any], Any] | None = None,
) -> Any:
    """Read one pickle, up to its end, and leave the stream there.

    Args:
        globals: what it may name, and the recorders that stand for it.
        size: of the whole file: no number, length or place in it can honestly be greater.
        persistent: turns the names of things outside into these.

    Raises: ConfigError for anything that data does not need, or damage.
    """
    machine = _Machine(globals, path, persistent)
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if isinstance(argument, int) and abs(argument) > max(size, SMALL):
                _refuse(path, f"it promises {_number(argument)} of something, but the file has {size} bytes")
            if count > MOST_INSTRUCTIONS:
                _refuse(path, f"it has more than {MOST_INSTRUCTIONS} instructions")
            machine.step(opcode.name, argument)
        return machine.stack.pop()
    except ConfigError:
        raise
    except Exception as error:  # a damaged pickle may raise anything
        reason = str(error)[:200] or type(error).__name__
        raise ConfigError(f"{path} is damaged: {reason}", "fetch it again") from None


class _Machine:
    """The stack, the marks in it, and what is remembered.

    Source: Python's own ``pickletools``, which describes every instruction.
    """

    def __init__(
        self, globals: Mapping[Global, Callable[..., Any]], path: Path, persistent: Callable[[Any], Any] | None
    ) -> None:
        self.globals, self.path, self.persistent = globals, path, persistent
        self.recorders = set(globals.values())
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memory: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        """One instruction. Raises: ConfigError for one of which data has no need; ValueError, IndexError …"""
        push, pop = self.stack.append, self.stack.pop
        match name:
            case "PROTO" | "FRAME" | "STOP":
                pass
            case _ if name in _VALUES:
                push(argument)
            case _ if name in _CONSTANTS:
                push(_CONSTANTS[name])
            case "MARK":
                self.marks.append(len(self.stack))
            case "POP":
                pop()
            case "POP_MARK":
                self._marked()
            case "EMPTY_TUPLE":
                push(())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                push(tuple(self._last(int(name[-1]))))
            case "TUPLE":
                push(tuple(self._marked()))
            case "EMPTY_LIST":
                push([])
            case "LIST":
                push(self._marked())
            case "APPEND":
                self._extend([pop()])
            case "APPENDS":
                self._extend(self._marked())
            case "EMPTY_DICT":
                push({})
            case "DICT":
                items = self._marked()
                push({})
                self._set(items)
            case "SETITEM":
                self._set(self._last(2))
            case "SETITEMS":
                self._set(self._marked())
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self.memory[argument] = self.stack[-1]
            case "MEMOIZE":
                self.memory[len(self.memory)] = self.stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                push(self.memory[argument])
            case "GLOBAL":
                module, _, of_module = argument.partition(" ")
                push(self._named(module, of_module))
            case "STACK_GLOBAL":
                push(self._named(*self._last(2)))
            case "REDUCE":
                made, arguments = self._last(2)
                if not isinstance(made, type) or made not in self.recorders or not isinstance(arguments, tuple):
                    raise ValueError("something is called that is no function")
                push(made(*arguments))
            case "BUILD":
                state = pop()
                if type(self.stack[-1]) not in self.recorders:
                    raise ValueError("something is given a state that has none")
                self.stack[-1].__setstate__(state)
            case "BINPERSID":
                if self.persistent is None:
                    _refuse(self.path, "it refers to something outside")
                push(self.persistent(pop()))
            case _:
                _refuse(self.path, f"it uses {name}, of which data has no need")

    def _last(self, count: int) -> list[Any]:
        items = self.stack[-count:]
        if len(items) < count:
            raise ValueError("it takes more than there is")
        del self.stack[-count:]
        return items

    def _marked(self) -> list[Any]:
        """What was put on the stack since the last mark."""
        mark = self.marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        return items

    def _extend(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise ValueError("something is appended to what is no list")
        self.stack[-1].extend(items)

    def _set(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], dict) or len(items) % 2:
            raise ValueError("something is put into what is no dictionary")
        self.stack[-1].update(zip(map(key, items[::2]), items[1::2], strict=True))

    def _named(self, module: Any, name: Any) -> Callable[..., Any]:
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError("a global without a name")
        if (module, name) not in self.globals:
            _refuse(self.path, f"it asks for {f'{module}.{name}'[:100]}, which weights do not need")
        return self.globals[module, name]


def key(value: Any) -> Any:
    """A key of a dictionary. Raises: ValueError unless it is text or a whole number."""
    if not isinstance(value, str | int):
        raise ValueError(f"a dictionary with a {type(value).__name__} for a key")
    return value


def sides(values: Any) -> tuple[int, ...]:
    """A shape, or strides: whole numbers. Raises: ValueError."""
    if not isinstance(values, tuple | list) or len(values) > MOST_SIDES:
        raise ValueError("a shape that is none")
    if not all(isinstance(side, int) and side >= 0 for side in values):
        raise ValueError("a shape that is not of whole numbers")
    return tuple(values)


class _Type:
    """Stands for ``numpy.dtype``: a name such as ``f4``, and the order of its bytes."""

    def __init__(self, name: Any = None, *_: Any) -> None:
        if not isinstance(name, str):
            raise ValueError("a number type without a name")
        self.name = name
        self.order = "<"

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 2 or not isinstance(state[1], str):
            raise ValueError("a number type that is not known")
        if state[1] not in ("<", ">", "|", "="):
            raise ValueError("a number type that is not known")
        self.order = state[1]

    def numpy(self) -> np.dtype[Any]:
        if self.name not in _KINDS:
            raise ValueError(f"numbers of type {self.name[:50]!r}")
        return np.dtype(("<" if self.order in "|=" else self.order) + self.name)


class _Array:
    """Stands for ``numpy.ndarray``: its shape and bytes, which must agree; bytes that are text are not yet changed."""

    def __init__(self, *_: Any) -> None:
        self.number: np.dtype[Any] | None = None
        self.shape: tuple[int, ...] = ()
        self.columns_first = False
        self.data: bytes | bytearray | str = b""

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, columns_first, data = state
        data = data.text if isinstance(data, _Encode) else data
        if not isinstance(kind, _Type) or not isinstance(data, bytes | bytearray | str):
            raise ValueError("an array of something other than numbers")
        self.shape, self.number, self.data, self.columns_first = sides(shape), kind.numpy(), data, bool(columns_first)
        if math.prod(self.shape) * self.number.itemsize != len(data):
            raise ValueError(f"an array of shape {self.shape} in {len(data)} bytes")

    @property
    def nbytes(self) -> int:
        return len(self.data)

    def numbers(self) -> NDArray[Any]:
        raw = self.data.encode("latin1") if isinstance(self.data, str) else self.data
        return np.frombuffer(raw, dtype=self.number).reshape(self.shape, order="F" if self.columns_first else "C")


class _FromBuffer:
    """Stands for ``numpy._frombuffer``, by which protocol 5 writes an array."""

    def __new__(cls, data: Any, kind: Any, shape: Any, order: Any, *_: Any) -> Any:
        found = _Array()
        found.__setstate__((1, shape, kind, isinstance(order, str) and order == "F", data))
        return found

    def __setstate__(self, state: Any) -> None:
        raise ValueError("a function with a state")


class _Encode:
    """Stands for ``_codecs.encode``, by which protocol 2 writes bytes; the text is kept as it is."""

    def __init__(self, text: Any, encoding: Any = "latin1") -> None:
        if not isinstance(text, str) or not isinstance(encoding, str) or encoding != "latin1":
            raise ValueError("bytes in an unknown encoding")
        self.text = text

    def __setstate__(self, state: Any) -> None:
        raise ValueError("a function with a state")


# NOTE classes, not functions: what a pickle calls is one of these, and nothing else on the stack is a class.
ARRAY_GLOBALS: dict[Global, Callable[..., Any]] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.numeric", "_frombuffer"): _FromBuffer,
    ("numpy._core.numeric", "_frombuffer"): _FromBuffer,
    ("_codecs", "encode"): _Encode,
}


def _arrays(value: Any) -> list[_Array]:
    """One array, or a list of them."""
    found = []
    for each in value if isinstance(value, list | tuple) else [value]:
        if not isinstance(each, _Array) or each.number is None:
            raise ValueError(f"{type(each).__name__} where an array was expected")
        found.append(each)
    return found


def _number(value: int) -> str:
    return str(value) if value.bit_length() < 100 else f"a number of {value.bit_length()} bits"


def _refuse(path: Path, reason: str) -> NoReturn:
    raise ConfigError(f"{path} is not a file of weights alone: {reason}", "do not use it; nothing of it was run")
