"""The little of MATLAB's file format, version 5, that ImageNet's ``meta.mat`` needs: arrays of structures.

NOTE `scipy.io.loadmat` reads these too, but on one with a few changed bytes it can end the whole process (SciPy 1.17.1:
a segmentation fault), where a user's damaged file must be refused in words.

Source: The MathWorks, MAT-File Format, "Level 5 MAT-File Format".
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from profond.core.errors import DataError

_COMPRESSED, _MATRIX = 15, 14
_NUMBERS = {1: "b", 2: "B", 3: "h", 4: "H", 5: "i", 6: "I", 7: "f", 9: "d", 12: "q", 13: "Q"}
_CELLS, _STRUCTURES, _TEXT = 1, 2, 4
_LARGEST = 64 << 20
"""Bytes of an array when unpacked; meta.mat has less than one million."""


def read_structures(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The arrays of structures of a file, by name: a dictionary for each structure, of numbers, text and lists.

    Raises: DataError for a file that is damaged or of another kind.
    """
    try:
        data = path.read_bytes()
        if data[124:128] not in (b"\x00\x01IM", b"\x01\x00MI"):
            raise ValueError("no header of MATLAB 5")
        order = "<" if data[126:128] == b"IM" else ">"
        found = {}
        for kind, content in _elements(data[128:], order):
            if kind == _COMPRESSED:
                unpacker = zlib.decompressobj()
                unpacked = unpacker.decompress(content, _LARGEST)
                if unpacker.unconsumed_tail:
                    raise ValueError(f"an array has more than {_LARGEST} bytes")
                kind, content = next(_elements(unpacked, order))
            if kind == _MATRIX:
                name, value = _array(content, order)
                if isinstance(value, list) and value and isinstance(value[0], dict):
                    found[name] = value
        return found
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", "check the file") from None
    except (ValueError, struct.error, zlib.error, StopIteration, IndexError, RecursionError) as error:
        raise DataError(f"{path} is not a MATLAB 5 file, or is damaged: {error}", "unpack the devkit again") from None


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Kind and content of each element in turn."""
    position = 0
    while position + 8 <= len(data):
        kind, size = struct.unpack_from(order + "II", data, position)
        if kind >> 16:  # a small element: kind and size in four bytes, content in the next four
            kind, size = kind & 0xFFFF, kind >> 16
            first, step = position + 4, 8
        else:
            first, step = position + 8, 8 + size + (-size % 8 if kind != _COMPRESSED else 0)
        if size > len(data) - first:
            raise ValueError(f"an element of {size} bytes is cut off")
        yield kind, data[first : first + size]
        position += step


def _array(content: bytes, order: str) -> tuple[str, Any]:
    """Name and value of an array: text, a number, or a list of what it holds."""
    if not content:
        return "", []
    parts = _elements(content, order)
    flags = struct.unpack_from(order + "I", next(parts)[1])[0] & 0xFF
    lengths = _numbers(*next(parts), order)
    name = next(parts)[1].decode("latin-1")
    if flags == _STRUCTURES:
        (width,) = _numbers(*next(parts), order)
        names = next(parts)[1]
        if width < 1:
            raise ValueError("fields without names")
        fields = [names[i : i + width].split(b"\0")[0].decode("latin-1") for i in range(0, len(names), width)]
        count = math.prod(lengths)
        if count * len(fields) * 8 > len(content):
            raise ValueError(f"{count} structures are promised, more than there is room for")
        return name, [{field: _array(next(parts)[1], order)[1] for field in fields} for _ in range(count)]
    if flags == _CELLS:
        return name, [_array(inner, order)[1] for _, inner in parts]
    kind, values = next(parts, (1, b""))
    if flags == _TEXT:
        sixteen = "utf-16-le" if order == "<" else "utf-16-be"
        wide = {4: sixteen, 16: "utf-8", 17: sixteen}
        return name, values.decode(wide.get(kind, "latin-1"))
    numbers = _numbers(kind, values, order)
    return name, numbers[0] if len(numbers) == 1 else numbers


def _numbers(kind: int, values: bytes, order: str) -> list[Any]:
    letter = _NUMBERS.get(kind)
    if letter is None:
        raise ValueError(f"numbers of kind {kind}")
    return list(struct.unpack(f"{order}{len(values) // struct.calcsize(letter)}{letter}", values))
