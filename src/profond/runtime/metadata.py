"""What an exported file says of itself, read without an engine."""

from __future__ import annotations

import html
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from profond.core.errors import ConfigError

KEY = "profond"
_PROPERTIES = 14
"""The number of the field of an ONNX model that holds names and texts.

Source: github.com/onnx/onnx, onnx/onnx.proto, ModelProto.metadata_props."""
_BEGINNING = 1 << 26
"""Bytes of OpenVINO's .xml that are looked through: what it says of itself stands at its end."""


def metadata_of(path: Path) -> dict[str, Any]:
    """What `profond export` wrote into a .onnx or .xml file.

    Raises: ConfigError for a file that is none of Profond's, or damaged.
    """
    try:
        with path.open("rb") as file:
            found = _of_xml(file) if path.suffix.lower() == ".xml" else onnx_properties(file).get(KEY)
    except (OSError, ValueError, IndexError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", "export it again") from None
    if found is None:
        raise ConfigError(
            f"{path} was not written by Profond: it says nothing of what it takes and answers",
            "give it a file of `profond export`",
        )
    return parsed(found, str(path))


def parsed(text: str, name: str) -> dict[str, Any]:
    """The JSON of an exported file. Raises: ConfigError for what is none, or of a later version of the format."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"what {name} says of itself is damaged: {error}", "export it again") from None
    if not isinstance(found, dict) or not isinstance(found.get("profond"), int) or "takes" not in found:
        raise ConfigError(f"what {name} says of itself is not Profond's", "export it again")
    if found["profond"] > 1:
        raise ConfigError(f"{name} is of a later version of Profond ({found.get('version', '?')})", "install that one")
    return found


def onnx_properties(file: BinaryIO) -> dict[str, str]:
    """The names and texts of an ONNX model; its graph is passed over, unread.

    Raises: ValueError for what is no such file.
    """
    found: dict[str, str] = {}
    end = file.seek(0, io.SEEK_END)
    file.seek(0)
    if not end:
        raise ValueError("it is empty")
    for number, length in _fields(file):
        if file.tell() + length > end:
            raise ValueError("it is cut off")
        if number != _PROPERTIES:
            file.seek(length, io.SEEK_CUR)
            continue
        parts = {1: b"", 2: b""}
        inner = io.BytesIO(file.read(length))
        for place, count in _fields(inner):
            parts[place] = inner.read(count)
        found[parts[1].decode()] = parts[2].decode()
    return found


def _fields(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Number and length of each field that has one, in protobuf's encoding; whoever asks reads or passes over it."""
    while first := file.read(1):
        key = _number(file, first)
        kind = key & 7
        if kind == 2:
            yield key >> 3, _number(file, file.read(1))
        elif kind == 0:
            _number(file, file.read(1))
        elif kind in (1, 5):
            file.seek(8 if kind == 1 else 4, io.SEEK_CUR)
        else:
            raise ValueError("it is not ONNX")


def _number(file: BinaryIO, byte: bytes) -> int:
    """A whole number, seven bits a byte, from its first byte on."""
    value = shift = 0
    while byte and shift < 64:
        value |= (byte[0] & 127) << shift
        if byte[0] < 128:
            return value
        shift += 7
        byte = file.read(1)
    raise ValueError("it is not ONNX, or cut off")


def _of_xml(file: BinaryIO) -> str | None:
    text = file.read(_BEGINNING).decode()
    found = re.findall(rf'<{KEY} value="([^"]*)"', text)  # that of an ONNX graph, where it was made of one, is before
    return html.unescape(found[-1]) if found else None
