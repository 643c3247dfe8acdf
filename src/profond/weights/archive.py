"""Zip archives of weights, opened when their list of files is not itself too large to be read."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

from profond.core.errors import ConfigError

LARGEST_LIST = 8 << 20
"""In bytes; NASNetLarge's 1,546 tensors take 0.2 MB."""

_END, _END_64 = b"PK\x05\x06", b"PK\x06\x06"
_FURTHEST = 22 + 65535 + 20 + 56
"""The end of an archive, with the longest comment, and with what archives of more than 4 GiB have before it."""


def open_archive(path: Path) -> zipfile.ZipFile:
    """Raises: ConfigError for a list of files that is too long; zipfile.BadZipFile."""
    length = _list_length(path)
    if length > LARGEST_LIST:
        raise ConfigError(f"{path} has a list of files of {length} bytes", f"no weights need more than {LARGEST_LIST}")
    return zipfile.ZipFile(path)


def _list_length(path: Path) -> int:
    """What the archive says of its central directory, in bytes; 0 where it says nothing."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _FURTHEST))
        end = file.read(_FURTHEST)
    found = []
    for mark, field, form in ((_END, 12, "<L"), (_END_64, 40, "<Q")):
        start = end.rfind(mark)
        if start >= 0 and len(end) >= start + field + struct.calcsize(form):
            found.append(struct.unpack_from(form, end, start + field)[0])
    return max((length for length in found if length != 0xFFFFFFFF), default=0)
