"""Tar shards in the layout of WebDataset: read by offset, so that any sample can be had without those before it.

A shard is a plain tar archive. Files that follow each other and share their name are one sample: ``0001.jpg`` and
``0001.cls``; which dot ends a name, ``shard_index.py`` says. ``cls`` holds the number of the class, ``json`` a field
``label`` or ``cls``, ``txt`` a number or a name. ``train``, ``valid`` or ``test`` in the shard's own name is its split.
What ``profond data shard`` writes has one file more, ``shards.json``, with the classes' names and every shard's size.

Source: T. Breuel and others, WebDataset, "The WebDataset Format"; read like its ``tariterators.py``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from profond.core.errors import DataError
from profond.core.progress import track
from profond.data.dataset import Dataset
from profond.data.images.build import build
from profond.data.images.unreadable import Unreadable, without_unreadable
from profond.data.listing import SPLIT_NAMES, Listing, Sample, class_order
from profond.data.locations import Location, Member
from profond.data.sets.synsets import are_synsets, usual
from profond.data.shards.index import Entry, index

CONTENTS = "shards.json"
EMPTY = 0.5
"""Share of the classes that may be without a sample where the labels are numbers alone."""


def are_shards(path: Path) -> bool:
    """Whether a folder holds tar archives, or a file is one."""
    if path.is_file():
        return path.suffix.lower() == ".tar"
    return bool(_in_folder(path))


def _in_folder(path: Path) -> list[Path]:
    """The shards of a folder, in order of their names; a folder that is called .tar is none."""
    return sorted(
        entry
        for entry in path.iterdir()
        if entry.suffix.lower() == ".tar" and not entry.name.startswith(".") and entry.is_file()
    )


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
    listing = listing.with_splits(valid_fraction, test_fraction, split_seed)
    if preprocessing is None and channels != 1 and are_synsets(listing.classes):
        preprocessing = {**usual(size), "resize": resize}
    return build(listing, size, channels, resize, memory_mib, preprocessing)


def list_shards(path: Path) -> Listing:
    """Find the samples of a folder of shards. Raises: DataError naming the shard, and the file in it."""
    root = path if path.is_dir() else path.parent
    shards = _in_folder(path) if path.is_dir() else [path]
    if downloads := [shard.name for shard in shards if shard.name.startswith("ILSVRC2012_img_")]:
        raise DataError(
            f"{path} holds ImageNet's archives as they are handed out: {', '.join(downloads)}",
            "unpack them: train/n01440764/*.JPEG, one folder for each inner archive, and val/*.JPEG",
        )
    contents = _contents(root, shards, alone=not path.is_dir())
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
    found = [entry for _, entry in entries]
    return Listing(str(path), root, samples, tuple(names), _notes(found), _warnings(found, names))


def location_of(root: Path, name: str) -> Location:
    """Where the sample of this identity lies: a file, or a file in a shard. Raises: DataError."""
    shard, inside, path = name.partition(".tar/")
    if not inside or not (root / f"{shard}.tar").is_file():
        return root / name
    entry = next((entry for entry in index(root / f"{shard}.tar") if entry.path == path), None)
    return root / name if entry is None else Member(str(root / f"{shard}.tar"), path, entry.offset, entry.size)


def _classes(path: Path, entries: Sequence[tuple[Path, Entry]], contents: dict[str, Any] | None) -> list[str]:
    """Names in label order.

    Raises: DataError for numbers and names together, for a number that has no name, and for numbers of which most stand
        for nothing.
    """
    numbers = [(shard, entry) for shard, entry in entries if isinstance(entry.label, int)]
    if numbers and len(numbers) < len(entries):
        named = next((shard, entry) for shard, entry in entries if not isinstance(entry.label, int))
        raise DataError(
            f"{path}: {len(numbers)} of {len(entries)} samples have numbers for labels, such as {numbers[0][1].path}, "
            f"the others names, such as {named[1].path} in {named[0].name}",
            "write one or the other for all of them",
        )
    if not numbers:
        return list(class_order([str(entry.label) for _, entry in entries]))
    shard, greatest = max(numbers, key=lambda pair: pair[1].label)
    count = int(greatest.label) + 1
    if contents is None:
        used = len({entry.label for _, entry in numbers})
        if count - used > EMPTY * count:
            raise DataError(
                f"{shard}: {greatest.path} is of class {greatest.label:,}, which would make {count:,} classes, but the "
                f"{len(numbers):,} samples are of {used:,}",
                f"number the classes from 0, write names as .txt, or say all {count:,} names in {CONTENTS}",
            )
        return list(map(str, range(count)))
    names = list(contents["classes"])
    if count > len(names):
        raise DataError(
            f"{shard}: {greatest.path} is of class {greatest.label}, but {CONTENTS} names {len(names)} classes",
            "labels count from 0; write the shards again",
        )
    return names


def _notes(entries: Sequence[Entry]) -> tuple[str, ...]:
    """What was decided about names."""
    notes = []
    if dotted := [entry.path for entry in entries if entry.is_dotted]:
        notes.append(f"{len(dotted):,} samples have dots in their names, which end at the last one: {dotted[0]}")
    if beside := sum(entry.beside for entry in entries):
        first = next(entry.path for entry in entries if entry.beside)
        notes.append(f"{beside:,} pictures stand beside others of the same sample and are not used, as with {first}")
    return tuple(notes)


def _warnings(entries: Sequence[Entry], names: Sequence[str]) -> tuple[str, ...]:
    if not entries or not isinstance(entries[0].label, int):
        return ()
    used = {entry.label for entry in entries}
    empty = [name for number, name in enumerate(names) if number not in used]
    if not empty:
        return ()
    shown = ", ".join(empty[:5]) + (" …" if len(empty) > 5 else "")
    return (f"{len(empty):,} of {len(names):,} classes have no sample: {shown} (labels count from 0)",)


def _contents(root: Path, shards: Sequence[Path], *, alone: bool = False) -> dict[str, Any] | None:
    """What ``shards.json`` says, held against the shards that are there.

    Args:
        alone: the only shard was asked for by itself: it may lie among others, or beside a file that is not about it.

    Raises: DataError.
    """
    path = root / CONTENTS
    if not path.is_file():
        return None
    try:
        contents: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        classes = contents["classes"]
        sizes = {name: int(about["bytes"]) for name, about in contents["shards"].items()}
        if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
            raise ValueError("no list of classes")
        if len(set(classes)) < len(classes):
            raise ValueError("two classes have one name")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise DataError(f"{path} is damaged: {error!r}", "restore it, or write the shards again") from None
    there = {shard.name: shard for shard in shards}
    if alone:
        sizes = {name: size for name, size in sizes.items() if name in there}
        if not sizes:
            return None
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
