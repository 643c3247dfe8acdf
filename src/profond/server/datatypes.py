"""The names that the Open Inference Protocol has for types of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from profond.runtime.engines.engine import Port
from profond.server.refused import bad

NUMPY = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
BYTES = "BYTES"
_NAMES = {dtype.name: name for name, dtype in NUMPY.items()}


def datatype_of(port: Port) -> str:
    """As the protocol calls it; all text is BYTES."""
    return BYTES if port.dtype == "str" else _NAMES[port.dtype]


def shape_of(port: Port) -> list[int]:
    """An axis of any length is -1."""
    return [axis if isinstance(axis, int) else -1 for axis in port.shape]


def fitted(values: NDArray[Any], port: Port) -> NDArray[Any]:
    """Numbers in the type of a port, where none of them changes its meaning: whole numbers stay whole, and no finite
    number becomes infinite.

    Raises: Refused.
    """
    wanted = np.dtype(port.dtype)
    if values.dtype == wanted:
        return values
    given = f"input {port.name!r} is {_NAMES[values.dtype.name]}, and the model takes {datatype_of(port)}"
    if values.dtype.kind == "f" and wanted.kind == "f":
        with np.errstate(over="ignore"):
            found = values.astype(wanted)
        if not np.array_equal(np.isfinite(found), np.isfinite(values)):
            raise bad(f"{given}: numbers in it are too large for that")
        return found
    if values.dtype.kind in "iu" and wanted.kind in "iu":
        limits = np.iinfo(wanted)
        if values.size and not (int(values.min()) >= limits.min and int(values.max()) <= limits.max):
            raise bad(f"{given}, which goes from {limits.min} to {limits.max}")
        return values.astype(wanted)
    raise bad(given)
