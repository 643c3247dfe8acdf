"""An inference request of the Open Inference Protocol, as JSON or with binary tensors behind the JSON."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profond.server.datatypes import BYTES, NUMPY
from profond.server.refused import Refused, bad
from profond.server.settings import Settings

_MOST_AXES = 16
_MOST_NAMES = 64
_ID_LENGTH = 512
_NOT_KEPT = {
    "shared_memory_region": "shared memory is not read here: send the tensor itself",
    "shared_memory_offset": "shared memory is not read here: send the tensor itself",
    "shared_memory_byte_size": "shared memory is not read here: send the tensor itself",
    "sequence_id": "requests are answered one by one here, and no sequence of them is kept",
    "classification": "the extension 'classification' is not supported: ask for the output, or use POST /predict",
}
"""Parameters that ask for something that is not done; others are passed over."""


@dataclass(frozen=True)
class Given:
    """One tensor of a request.

    Args:
        values: of its shape; of text, one-dimensional, each element bytes.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: NDArray[Any]


@dataclass(frozen=True)
class Asked:
    """A request that was understood.

    Args:
        outputs: whether each that was asked for is wanted in binary; None asks for all.
        binary: whether outputs are wanted in binary where it is not said of one.
    """

    id: str | None
    inputs: Mapping[str, Given]
    outputs: Mapping[str, bool | None] | None
    binary: bool


def read_request(body: bytes, header_length: int | None, settings: Settings, encoded: bool) -> Asked:
    """The request in a body.

    Args:
        header_length: how many bytes of it are JSON, where binary tensors follow; None where all are.
        encoded: whether BYTES in JSON are base64 unless it says otherwise, as they are for pictures.

    Raises: Refused.
    """
    length = len(body) if header_length is None else header_length
    if not 0 <= length <= len(body):
        raise bad(f"Inference-Header-Content-Length is {length}, and the body has {len(body)} bytes")
    if length > settings.json_bytes:
        raise Refused(413, f"{length} bytes of JSON, and {settings.json_bytes} are taken: send the tensors in binary")
    said = parsed(body[:length])
    if not isinstance(said, dict):
        raise bad("the request is not a JSON object")
    identity = said.get("id")
    if identity is not None and (not isinstance(identity, str) or len(identity) > _ID_LENGTH):
        raise bad(f"'id' is not a text of at most {_ID_LENGTH} characters")
    parameters = _parameters(said, "the request")
    binary = _flag(parameters, "binary_data_output")
    outputs = _outputs(said.get("outputs"))
    inputs, rest = {}, memoryview(body)[length:]
    for one in _entries(said.get("inputs"), "inputs"):
        given, rest = _input(one, rest, header_length is not None, settings, encoded)
        if given.name in inputs:
            raise bad(f"input {given.name!r} is given twice")
        inputs[given.name] = given
    if rest:
        raise bad(f"{len(rest)} bytes at the end belong to no input: their 'binary_data_size' says which are whose")
    return Asked(identity, inputs, outputs, bool(binary))


def parsed(text: bytes) -> Any:
    """What JSON says. Raises: Refused."""
    try:
        return json.loads(text)
    except RecursionError:
        raise bad("the JSON is nested too deep") from None
    except UnicodeDecodeError:
        raise bad("the JSON is not UTF-8") from None
    except ValueError as error:  # also a whole number of thousands of digits
        raise bad(f"the body is not JSON: {error}") from None


def _entries(found: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
        raise bad(f"'{name}' is not a list of objects")
    if len(found) > _MOST_NAMES:
        raise bad(f"{len(found)} {name}, and {_MOST_NAMES} are the most")
    for one in found:
        if not isinstance(one.get("name"), str):
            raise bad(f"one of the {name} has no 'name'")
    return found


def _parameters(found: Mapping[str, Any], whose: str) -> dict[str, Any]:
    parameters = found.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise bad(f"the parameters of {whose} are not an object")
    for name, value in parameters.items():
        if not isinstance(value, str | int | float | bool):
            raise bad(f"parameter {name!r} of {whose} is not a text, a number or a boolean")
        if name in _NOT_KEPT and value not in (0, "", False):
            raise bad(f"parameter {name!r}: {_NOT_KEPT[name]}")
    return parameters


def _flag(parameters: Mapping[str, Any], name: str) -> bool | None:
    value = parameters.get(name)
    if value is not None and not isinstance(value, bool):
        raise bad(f"parameter {name!r} is not true or false")
    return value


def _outputs(found: Any) -> dict[str, bool | None] | None:
    if found is None or found == []:
        return None
    wanted: dict[str, bool | None] = {}
    for one in _entries(found, "outputs"):
        if one["name"] in wanted:
            raise bad(f"output {one['name']!r} is asked for twice")
        wanted[one["name"]] = _flag(_parameters(one, f"output {one['name']!r}"), "binary_data")
    return wanted


def _input(
    one: Mapping[str, Any], rest: memoryview, has_binary: bool, settings: Settings, encoded: bool
) -> tuple[Given, memoryview]:
    name, datatype = one["name"], one.get("datatype")
    if not isinstance(datatype, str) or (datatype != BYTES and datatype not in NUMPY):
        raise bad(f"input {name!r} has the datatype {_short(datatype)}, which is none of {', '.join([*NUMPY, BYTES])}")
    shape, count = _shape(one.get("shape"), name, settings)
    parameters = _parameters(one, f"input {name!r}")
    size = parameters.get("binary_data_size")
    if size is not None:
        if not has_binary:
            raise bad(f"input {name!r} is binary, and the header Inference-Header-Content-Length is not there")
        if "data" in one:
            raise bad(f"input {name!r} has both 'data' and 'binary_data_size'")
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= len(rest):
            raise bad(f"input {name!r}: binary_data_size is {_short(size)}, and {len(rest)} bytes are left")
        raw, rest = rest[:size], rest[size:]
        return Given(name, datatype, shape, from_binary(raw, name, datatype, shape)), rest
    if not isinstance(one.get("data"), list):
        raise bad(f"input {name!r} has no 'data' that is a list")
    flat = _flat(one["data"], shape, count, name)
    if datatype == BYTES:
        kind = parameters.get("content_type")
        if kind not in (None, "base64", "str"):
            raise bad(f"input {name!r}: content_type is {_short(kind)}, and 'base64' and 'str' are known")
        return Given(name, datatype, shape, _texts(flat, name, encoded if kind is None else kind == "base64")), rest
    return Given(name, datatype, shape, _numbers(flat, name, datatype).reshape(shape)), rest


def _shape(found: Any, name: str, settings: Settings) -> tuple[tuple[int, ...], int]:
    if not isinstance(found, list) or not 1 <= len(found) <= _MOST_AXES:
        raise bad(f"input {name!r}: 'shape' is not a list of 1 to {_MOST_AXES} numbers")
    for axis in found:
        if isinstance(axis, bool) or not isinstance(axis, int) or axis < 0:
            raise bad(f"input {name!r}: {_short(axis)} in 'shape' is not a length")
    count = math.prod(found)
    if count > settings.elements:
        raise Refused(413, f"input {name!r} has {_short(count)} elements, and {settings.elements} are taken")
    if count == 0:
        raise bad(f"input {name!r} is empty")
    return tuple(found), count


def _flat(data: list[Any], shape: Sequence[int], count: int, name: str) -> list[Any]:
    """The elements in their order; given so, or nested as the shape says."""
    if not any(isinstance(one, list) for one in data):
        if len(data) != count:
            raise bad(f"input {name!r} has {len(data)} elements, and its shape {list(shape)} has {count}")
        return data
    for depth in range(len(shape)):
        if len(data) != math.prod(shape[: depth + 1]):
            raise bad(f"input {name!r}: 'data' is not nested as its shape {list(shape)} says")
        if depth + 1 == len(shape):
            break
        if not all(isinstance(one, list) and len(one) == shape[depth + 1] for one in data):
            raise bad(f"input {name!r}: 'data' is not nested as its shape {list(shape)} says")
        data = [element for one in data for element in one]
    if any(isinstance(one, list) for one in data):
        raise bad(f"input {name!r}: 'data' is nested deeper than its shape {list(shape)} says")
    return data


def _numbers(flat: list[Any], name: str, datatype: str) -> NDArray[Any]:
    wanted = NUMPY[datatype]
    kinds = set(map(type, flat))
    allowed = {bool} if wanted.kind == "b" else {int} if wanted.kind in "iu" else {int, float}
    if not kinds <= allowed:
        other = next(one for one in flat if type(one) not in allowed)
        raise bad(f"input {name!r}: {_short(other)} is no {datatype}")
    try:
        with np.errstate(over="ignore"):
            found = np.array(flat, dtype=np.float64 if wanted.kind == "f" else wanted)
            narrow = found.astype(wanted)
    except (OverflowError, ValueError):
        raise bad(f"input {name!r}: a number in it does not fit into {datatype}") from None
    if wanted.kind == "f" and not np.array_equal(np.isinf(found), np.isinf(narrow)):
        raise bad(f"input {name!r}: a number in it does not fit into {datatype}")
    return narrow


def _texts(flat: list[Any], name: str, encoded: bool) -> NDArray[Any]:
    found = np.empty(len(flat), object)
    for index, one in enumerate(flat):
        if not isinstance(one, str):
            raise bad(f"input {name!r}: {_short(one)} is no text")
        try:
            found[index] = base64.b64decode(one, validate=True) if encoded else one.encode()
        except (binascii.Error, ValueError):
            how = "base64" if encoded else "text that UTF-8 can carry"
            raise bad(f"input {name!r}: element {index} is not {how}") from None
    return found


def from_binary(raw: memoryview, name: str, datatype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Elements in little-endian order; of BYTES each has its length before it. Raises: Refused."""
    count = math.prod(shape)
    if datatype != BYTES:
        dtype = NUMPY[datatype]
        if len(raw) != count * dtype.itemsize:
            raise bad(
                f"input {name!r} has {len(raw)} bytes, and {datatype} of {list(shape)} has {count * dtype.itemsize}"
            )
        found = np.frombuffer(raw, np.uint8 if dtype.kind == "b" else dtype).reshape(shape)
        return found != 0 if dtype.kind == "b" else found
    elements: list[bytes] = []
    place = 0
    while place < len(raw) and len(elements) <= count:
        length = int.from_bytes(raw[place : place + 4], "little")
        if place + 4 + length > len(raw):
            raise bad(f"input {name!r}: element {len(elements)} is cut off")
        elements.append(bytes(raw[place + 4 : place + 4 + length]))
        place += 4 + length
    if len(elements) != count:
        raise bad(f"input {name!r} has {len(elements)} elements, and its shape {list(shape)} has {count}")
    texts = np.empty(count, object)
    texts[:] = elements
    return texts


def _short(value: Any) -> str:
    text = repr(value) if not isinstance(value, int) or abs(value) < 1 << 64 else "a very large number"
    return text if len(text) <= 40 else text[:39] + "…"
