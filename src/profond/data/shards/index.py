"""One tar archive in WebDataset's layout, looked through once: which samples it holds, and where each one lies.

Files that follow each other and share their name up to the FIRST dot are one sample, and what stands after that dot is
the kind of file: ``0001.jpg``, ``0001.seg.png`` and ``0001.cls``. Where that leaves a sample without a picture, the dot
belongs to the name, and the LAST one counts: ``frame 3.07.jpg`` and ``frame 3.07.cls``.

Source: T. Breuel and others, WebDataset, "The WebDataset Format"; read like its ``tariterators.py``, which knows the
first dot only.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from profond.core.errors import DataError
from profond.core.files import cache_folder, write_text
from profond.data.images.decoding import SUFFIXES

Files = dict[str, tarfile.TarInfo]
"""Those of one sample, by kind."""

_NAME = re.compile(r"((?:.*/|)[^.]+)[.]([^/]*)", re.DOTALL)
_META = re.compile(r"__[^/]*__($|/)")
_LABELS = ("cls", "json", "txt")
_FIELDS = ("label", "cls", "class", "target")
_IMAGES = tuple(suffix.removeprefix(".") for suffix in SUFFIXES)
_MOST = 1_000_000
_VERSION = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """One sample of a shard.

    Args:
        path: of the picture in the archive.
        offset: of its first byte.
        size: in bytes.
        label: the number or the name of its class.
        beside: how many other pictures the sample has, which are not used.
    """

    path: str
    offset: int
    size: int
    label: int | str
    beside: int = 0

    @property
    def is_dotted(self) -> bool:
        """Whether its name holds a dot that is its own, not the layout's."""
        return "." in self.path.rpartition("/")[2].rpartition(".")[0]


def index(path: Path) -> list[Entry]:
    """Where each sample of a shard lies; kept in the cache until the shard's size or time changes.

    Raises: DataError when it is no tar archive, is cut off or damaged, or a sample has no label.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", "check the path") from None
    kept = cache_folder() / "shard_indexes" / f"{_digest(str(path.absolute()))}.json"
    version = [_VERSION, state.st_size, state.st_mtime_ns]
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):  # not there, or damaged
        stored = json.loads(kept.read_text(encoding="utf-8"))
        if stored["version"] == version:
            return [Entry(*row) for row in stored["entries"]]
    entries = list(_read(path))
    rows = [astuple(entry) for entry in entries]
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time, nothing else
        write_text(kept, json.dumps({"version": version, "entries": rows}))
    return entries


class _Bounded:
    """A file of which no more is asked for than it has: a damaged header asks for up to 2^63 bytes at once."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.size = os.fstat(file.fileno()).st_size

    def read(self, size: int = -1) -> bytes:
        left = max(0, self.size - self.file.tell())
        return self.file.read(left if size < 0 else min(size, left))

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()


def _read(path: Path) -> Iterator[Entry]:
    try:
        with path.open("rb") as file:
            content = _Bounded(file)
            yield from _samples(path, content)
    except DataError:
        raise
    except OSError as error:
        if error.strerror is None:
            raise _damaged(path, error) from None
        raise DataError(f"{path} cannot be read: {error.strerror}", "check the file") from None
    # NOTE tarfile raises any of these for a header that makes no sense.
    except (tarfile.TarError, EOFError, ValueError, ArithmeticError, RecursionError, LookupError, TypeError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(
        f"{path} is no tar archive, or is damaged or cut off: {error}", "copy it again, or unpack .gz first"
    )


def _samples(path: Path, content: _Bounded) -> Iterator[Entry]:
    together: list[tarfile.TarInfo] = []
    current = None
    with tarfile.open(fileobj=content, mode="r:") as archive:  # type: ignore[call-overload]
        before = -1
        while (info := archive.next()) is not None:
            end = info.offset_data + (0 if info.issparse() else info.size)  # a sparse file has its size unpacked
            if info.offset <= before or info.size < 0 or end > content.size:
                raise DataError(f"{path} is damaged or cut off at byte {info.offset}", "copy it again")
            before = info.offset
            match = None if not info.isreg() or _META.match(info.name) else _NAME.fullmatch(info.name)
            if match is None:
                continue
            if info.issparse():
                raise DataError(f"{path}: {info.name} is stored as a sparse file", "write the shard without --sparse")
            if match[1] != current and together:
                yield from _entries(path, content, together)
                together = []
            current = match[1]
            together.append(info)
        if together:
            yield from _entries(path, content, together)
        _check_end(path, content, archive.offset)


def _check_end(path: Path, content: _Bounded, offset: int) -> None:
    """NOTE tarfile takes a damaged header for the end of the archive, and so would lose all that follows."""
    content.seek(offset)
    block = content.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE:
        raise DataError(f"{path} is cut off after {offset} bytes: its end mark is not there", "copy it again")
    if any(block):
        raise DataError(f"{path} is damaged at byte {offset}", "copy it again")


def _entries(path: Path, content: _Bounded, together: Sequence[tarfile.TarInfo]) -> Iterator[Entry]:
    """The samples among files that share their name up to the first dot: usually one. Raises: DataError."""
    whole = _by_kind(path, together, first_dot=True)
    groups: dict[str, list[tarfile.TarInfo]] = {}
    for info in together:
        groups.setdefault(info.name.rpartition(".")[0], []).append(info)
    parts = [_by_kind(path, group, first_dot=False) for group in groups.values()]
    complete = [part for part in parts if _of(part, _IMAGES) and _of(part, _LABELS)]
    if _of(whole, _IMAGES) and _of(whole, _LABELS):
        # Beside 7.jpg and 7.cls, 7.seg.png and 7.seg.txt are further parts; 7.5.jpg and 7.5.cls, labelled alike, are
        # another sample.
        by_last_dot = len(complete) > 1 and len({_of(part, _LABELS) for part in complete}) == 1
    else:
        by_last_dot = bool(complete)
    if by_last_dot:
        yield from (_entry(path, content, part) for part in parts if _of(part, (*_IMAGES, *_LABELS)))
        return
    yield _entry(path, content, whole)


def _of(files: Files, kinds: Sequence[str]) -> str | None:
    """The first kind of these that a sample has: pictures in the order of the archive."""
    return next((kind for kind in files if kind in kinds), None)


def _by_kind(path: Path, group: Sequence[tarfile.TarInfo], *, first_dot: bool) -> Files:
    found: Files = {}
    for info in group:
        last = info.name.rpartition("/")[2]
        kind = (last.partition(".")[2] if first_dot else last.rpartition(".")[2]).lower()
        if kind in found:
            raise DataError(f"{path}: {info.name} is in it twice", "write the shard again")
        found[kind] = info
    return found


def _entry(path: Path, content: _Bounded, sample: Files) -> Entry:
    """Raises: DataError for a sample without a picture or a label."""
    first = next(iter(sample.values())).name
    kind = _of(sample, _IMAGES)
    if kind is None:
        raise DataError(
            f"{path}: the sample of {first} has no picture",
            f"one of {', '.join(_IMAGES)}; the files of a sample follow each other, and share their name",
        )
    image = sample[kind]
    label = next((kind for kind in _LABELS if kind in sample), None)
    if label is None:
        raise DataError(
            f"{path}: {image.name} has no label",
            "put its class beside it, as .cls, .json or .txt; the files of a sample follow each other",
        )
    info = sample[label]
    content.seek(info.offset_data)
    text = content.read(min(info.size, 1 << 20))
    others = [one for one in sample if one != kind and one.rpartition(".")[2] in _IMAGES]
    return Entry(image.name, image.offset_data, image.size, _label(path, info.name, label, text), beside=len(others))


def _label(path: Path, name: str, kind: str, text: bytes) -> int | str:
    value: Any
    try:
        value = text.decode("utf-8").strip()
        if kind == "json":
            value = json.loads(value)
            if isinstance(value, dict):
                value = next((value[field] for field in _FIELDS if field in value), None)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: {name} is damaged: {error}", "write the shard again") from None
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d+", value) and len(value) < 20:  # longer ones are no class
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST:
        return value
    if isinstance(value, str) and value and kind != "cls" and not re.fullmatch(r"[+-]?\d+", value):
        return value
    wanted = f"a whole number from 0, below {_MOST:,}" + ("" if kind == "cls" else ", or a name")
    raise DataError(f"{path}: {name} says {repr(value)[:60]}, which is not the label of a class", f"write {wanted}")


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
