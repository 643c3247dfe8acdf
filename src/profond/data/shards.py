"""Tar shards in the layout of WebDataset: read by offset, so that any sample can be had without those before it.

A shard is a plain tar archive. Files that follow each other and share all of their name up to the first dot are one
sample: ``0001.jpg`` and ``0001.cls``. ``cls`` holds the number of the class, ``json`` a field ``label`` or ``cls``,
``txt`` a number or a name. ``train``, ``valid`` or ``test`` in the shard's own name is its split. What
``profond data shard`` writes has one file more, ``shards.json``, with the classes' names and every shard's size.

Source: T. Breuel and others, WebDataset, "The WebDataset Format"; read like its ``tariterators.py``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from profond.core.errors import DataError
from profond.core.files import cache_folder, write_text
from profond.data.dataset import Dataset
from profond.data.images import SUFFIXES
from profond.data.listing import SPLIT_NAMES, Listing, Sample, class_order
from profond.data.pictures import build
from profond.data.places import Member, Place
from profond.data.progress import track
from profond.data.synsets import are_synsets, usual
from profond.data.unreadable import Unreadable, without_unreadable

CONTENTS = "shards.json"
_NAME = re.compile(r"((?:.*/|)[^.]+)[.]([^/]*)")
_META = re.compile(r"__[^/]*__($|/)")
_LABELS = ("cls", "json", "txt")
_FIELDS = ("label", "cls", "class", "target")
_PICTURES = tuple(suffix.removeprefix(".") for suffix in SUFFIXES)
_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One sample of a shard.

    Args:
        path: of the picture in the archive.
        offset: of its first byte.
        size: in bytes.
        label: the number or the name of its class.
    """

    path: str
    offset: int
    size: int
    label: int | str


def are_shards(path: Path) -> bool:
    """Whether a folder holds tar archives, or a file is one."""
    if path.is_file():
        return path.suffix.lower() == ".tar"
    return any(entry.suffix.lower() == ".tar" and not entry.name.startswith(".") for entry in path.iterdir())


def open_shards(
    path: Path,
    size: int | tuple[int, int] | None = None,
    channels: Literal[1, 3] | None = None,
    resize: Literal["crop", "stretch", "pad"] = "crop",
    valid_fraction: float = 0.1,
    test_fraction: float = 0.1,
    split_seed: int = 0,
    memory_mib: int = 512,
    preprocessing: dict[str, Any] | None = None,
    unreadable: Unreadable = "refuse",
) -> Dataset:
    """Open a folder of shards, or one shard.

    Args: as in ``open_folder``; where the classes are ImageNet's synsets, size and colours are usually treated as
        ImageNet's are.

    Raises: DataError, ImageError.
    """
    listing = without_unreadable(list_shards(path), unreadable)
    listing = listing.placed(valid_fraction, test_fraction, split_seed)
    if preprocessing is None and channels != 1 and are_synsets(listing.classes):
        preprocessing = {**usual(size), "resize": resize}
    return build(listing, size, channels, resize, memory_mib, preprocessing)


def list_shards(path: Path) -> Listing:
    """Find the samples of a folder of shards. Raises: DataError naming the shard, and the file in it."""
    root = path if path.is_dir() else path.parent
    shards = sorted(root.glob("*.[tT][aA][rR]")) if path.is_dir() else [path]
    shards = [shard for shard in shards if not shard.name.startswith(".")]
    if downloads := [shard.name for shard in shards if shard.name.startswith("ILSVRC2012_img_")]:
        raise DataError(
            f"{path} holds ImageNet's archives as they are handed out: {', '.join(downloads)}",
            "unpack them: train/n01440764/*.JPEG, one folder for each inner archive, and val/*.JPEG",
        )
    contents = _contents(root, shards) if path.is_dir() else None
    splits = _splits(path, shards)
    entries: list[tuple[Path, Entry]] = []
    for shard in track(shards, len(shards), f"looking through {path.name}", unit=" shards"):
        entries += [(shard, entry) for entry in index(shard)]
    names = _classes(path, entries, contents)
    samples = tuple(
        Sample(
            Member(str(shard), entry.path, entry.offset, entry.size),
            names[entry.label] if isinstance(entry.label, int) else entry.label,
            splits[shard],
        )
        for shard, entry in entries
    )
    return Listing(str(path), root, samples, tuple(names))


def index(path: Path) -> list[Entry]:
    """Where each sample of a shard lies; kept in the cache until the shard's size or time changes.

    Raises: DataError when it is no tar archive, is cut off or damaged, or a sample has no label.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", "check the path") from None
    kept = cache_folder() / "shard_indexes" / f"{_digest(str(path.absolute()))}.json"
    version = [1, state.st_size, state.st_mtime_ns]
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # not there, or damaged: it is made anew
        known = json.loads(kept.read_text(encoding="utf-8"))
        if known["version"] == version:
            return [Entry(*row) for row in known["entries"]]
    entries = list(_read(path))
    rows = [[entry.path, entry.offset, entry.size, entry.label] for entry in entries]
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time, nothing else
        write_text(kept, json.dumps({"version": version, "entries": rows}))
    return entries


def place_of(root: Path, name: str) -> Place:
    """Where the sample of this identity lies: a file, or a file in a shard. Raises: DataError."""
    shard, inside, path = name.partition(".tar/")
    if not inside or not (root / f"{shard}.tar").is_file():
        return root / name
    entry = next((entry for entry in index(root / f"{shard}.tar") if entry.path == path), None)
    return root / name if entry is None else Member(str(root / f"{shard}.tar"), path, entry.offset, entry.size)


def _read(path: Path) -> Iterator[Entry]:
    sample: dict[str, tarfile.TarInfo] = {}
    current = None
    try:
        with tarfile.open(path, "r:") as archive, path.open("rb") as content:
            while (info := archive.next()) is not None:
                if not info.isreg() or info.issparse() or _META.match(info.name):
                    continue
                match = _NAME.fullmatch(info.name)
                if match is None:
                    continue
                if match[1] != current and sample:
                    yield _entry(path, content, sample)
                    sample = {}
                current = match[1]
                kind = match[2].lower()
                if kind in sample:
                    raise DataError(f"{path}: {info.name} is in it twice", "write the shard again")
                sample[kind] = info
            if sample:
                yield _entry(path, content, sample)
            _check_end(path, content, archive.offset)
    except (tarfile.TarError, EOFError) as error:
        raise DataError(
            f"{path} is no tar archive, or is damaged or cut off: {error}", "copy it again, or unpack .gz first"
        ) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}", "check the file") from None


def _check_end(path: Path, content: BinaryIO, offset: int) -> None:
    """NOTE tarfile takes a damaged header for the end of the archive, and so would lose all that follows."""
    content.seek(offset)
    block = content.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE:
        raise DataError(f"{path} is cut off after {offset} bytes: its end mark is not there", "copy it again")
    if any(block):
        raise DataError(f"{path} is damaged at byte {offset}", "copy it again")


def _entry(path: Path, content: BinaryIO, sample: dict[str, tarfile.TarInfo]) -> Entry:
    """Raises: DataError for a sample without a picture or a label."""
    first = next(iter(sample.values())).name
    picture = next((sample[kind] for kind in sample if kind in _PICTURES), None)
    if picture is None:
        raise DataError(f"{path}: the sample of {first} has no picture", f"one of {', '.join(_PICTURES)}")
    kind = next((kind for kind in _LABELS if kind in sample), None)
    if kind is None:
        raise DataError(f"{path}: {picture.name} has no label", "put its class beside it, as .cls, .json or .txt")
    info = sample[kind]
    content.seek(info.offset_data)
    text = content.read(min(info.size, 1 << 20))
    return Entry(picture.name, picture.offset_data, picture.size, _label(path, info.name, kind, text))


def _label(path: Path, name: str, kind: str, text: bytes) -> int | str:
    value: Any
    try:
        value = text.decode("utf-8").strip()
        if kind == "json":
            value = json.loads(value)
            if isinstance(value, dict):
                value = next((value[field] for field in _FIELDS if field in value), None)
    except ValueError as error:
        raise DataError(f"{path}: {name} is damaged: {error}", "write the shard again") from None
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d+", value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST:
        return value
    if isinstance(value, str) and value and kind != "cls":
        return value
    wanted = "a whole number, 0 or more" if kind == "cls" else "a number or a name"
    shown = repr(value)[:60]
    raise DataError(f"{path}: {name} says {shown}, which is not the label of a class", f"write {wanted}")


def _classes(path: Path, entries: Sequence[tuple[Path, Entry]], contents: dict[str, Any] | None) -> list[str]:
    """Names in label order. Raises: DataError for numbers and names together, or a number that has no name."""
    numbers = [(shard, entry) for shard, entry in entries if isinstance(entry.label, int)]
    if numbers and len(numbers) < len(entries):
        raise DataError(f"{path}: {len(numbers)} of {len(entries)} samples have numbers for labels, the others names")
    if not numbers:
        return list(class_order([str(entry.label) for _, entry in entries]))
    shard, greatest = max(numbers, key=lambda pair: pair[1].label)
    names = list(map(str, range(int(greatest.label) + 1))) if contents is None else list(contents["classes"])
    if int(greatest.label) >= len(names):
        raise DataError(
            f"{shard}: {greatest.path} is of class {greatest.label}, but {CONTENTS} names {len(names)} classes",
            "labels count from 0; write the shards again",
        )
    return names


def _contents(root: Path, shards: Sequence[Path]) -> dict[str, Any] | None:
    """What ``shards.json`` says, held against the shards that are there. Raises: DataError."""
    path = root / CONTENTS
    if not path.exists():
        return None
    try:
        contents: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        classes = contents["classes"]
        sizes = {name: int(about["bytes"]) for name, about in contents["shards"].items()}
        if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
            raise ValueError("no list of classes")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is damaged: {error!r}", "restore it, or write the shards again") from None
    there = {shard.name: shard for shard in shards}
    if absent := [name for name in sizes if name not in there]:
        raise DataError(f"{root} lacks {len(absent)} of its {len(sizes)} shards: {', '.join(absent[:3])}", "copy again")
    for name, size in sizes.items():
        if (found := there[name].stat().st_size) != size:
            raise DataError(f"{there[name]} has {found} bytes instead of {size}", "copy it again")
    return contents


def _splits(path: Path, shards: Sequence[Path]) -> dict[Path, str]:
    """The split of each shard by its name; empty when none has one. Raises: DataError when only some have."""
    found = {}
    for shard in shards:
        words = re.split(r"[-_. ]", shard.stem.lower())
        found[shard] = next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), "")
    without = [shard.name for shard, split in found.items() if not split]
    if without and len(without) < len(shards):
        raise DataError(
            f"{path}: {len(without)} of {len(shards)} shards have no train, valid or test in their names: {without[0]}",
            "rename them, such as train-000000.tar",
        )
    if set(found.values()) == {"train"}:  # a lone train holds everything: it is split like a folder without splits
        return dict.fromkeys(found, "")
    return found


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
