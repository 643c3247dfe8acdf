"""A folder of images: one sub-folder a class, with or without ``train/ valid/ test/`` above."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any, Literal, NamedTuple

from profond.core.errors import DataError
from profond.data.dataset import Dataset
from profond.data.images import SUFFIXES
from profond.data.listing import SPLIT_NAMES, Listing, Sample, class_order
from profond.data.pictures import build


class Files(NamedTuple):
    """Which files are looked for in a folder.

    Args:
        noun: what people call many of them.
        suffixes: endings of their names, in small letters.
        layout: how to lay them out, for people.
    """

    noun: str
    suffixes: tuple[str, ...]
    layout: str


PICTURES = Files(
    "images",
    SUFFIXES,
    "put the images of each class in a sub-folder of its own: photos/cat/1.jpg, photos/dog/2.jpg",
)
_CLUTTER = {"thumbs.db", "desktop.ini", "__macosx"}


def open_folder(
    path: Path,
    size: int | tuple[int, int] | None = None,
    channels: Literal[1, 3] | None = None,
    resize: Literal["crop", "stretch", "pad"] = "crop",
    valid_fraction: float = 0.1,
    test_fraction: float = 0.1,
    split_seed: int = 0,
    memory_mib: int = 512,
    preprocessing: dict[str, Any] | None = None,
) -> Dataset:
    """Open a folder of images.

    Args:
        path: of the folder.
        size: side of a square, or height and width, that images are brought to. None: their own size when all
            share one of at most 64, else 64.
        channels: 1 for grey, 3 for colour; None: grey when every image is grey.
        resize: ``"crop"`` keeps the middle, ``"stretch"`` ignores the proportions, ``"pad"`` adds black borders.
        valid_fraction: share of each class for ``valid`` when the folder has no splits.
        test_fraction: likewise for ``test``.
        split_seed: another seed, another splitting.
        memory_mib: up to this size the decoded images are kept in memory; above, they are streamed.
        preprocessing: that of a model with weights, instead of size, channels, resize and what is measured here.

    Raises: DataError, ImageError.
    """
    listing = list_folder(path).placed(valid_fraction, test_fraction, split_seed)
    return build(listing, size, channels, resize, memory_mib, preprocessing)


def list_folder(path: Path, kind: Files = PICTURES) -> Listing:
    """Find the images of a folder, or files of another kind, and their classes.

    Raises: DataError when the layout is not one of the two.
    """
    path = Path(path)
    walk = _Walk(kind.suffixes)
    folders = walk.folders(path)
    filled = [folder for folder in folders if walk.images(folder)]
    loose = walk.loose_images(path)
    if not filled:
        if loose:
            raise DataError(f"{path} has {loose} {kind.noun} but no sub-folders, so no classes", kind.layout)
        raise DataError(f"{path} has no {kind.noun}", kind.layout)
    samples = []
    if {folder.name.lower() for folder in filled} <= SPLIT_NAMES.keys():
        splits = Counter(SPLIT_NAMES[folder.name.lower()] for folder in filled)
        for split, count in splits.items():
            if count > 1:
                names = [folder.name for folder in filled if SPLIT_NAMES[folder.name.lower()] == split]
                raise DataError(f"{path} has {split} twice: {' and '.join(names)}", "merge them, or rename one")
        if "train" not in splits:
            raise DataError(f"{path} has {', '.join(splits)} but no train", "name the folder to learn from train")
        # A lone train/ holds everything: it is split like a folder without splits.
        given = len(splits) > 1
        for folder in filled:
            split = SPLIT_NAMES[folder.name.lower()]
            if walk.loose_images(folder):
                raise DataError(f"{folder} has {kind.noun} outside of any class folder", kind.layout)
            for of_class in walk.folders(folder):
                samples += [Sample(file, of_class.name, split if given else "") for file in walk.images(of_class)]
    else:
        if loose:
            raise DataError(f"{path} has {loose} {kind.noun} outside of any class folder", kind.layout)
        for folder in filled:
            samples += [Sample(file, folder.name) for file in walk.images(folder)]
        if len(filled) == 1:
            inside = [folder for folder in walk.folders(filled[0]) if walk.images(folder)]
            if len(inside) > 1:
                raise DataError(f"{path} has one class only, {filled[0].name!r}", f"did you mean {filled[0]}?")
    notes = []
    if walk.passed_over:
        kinds = ", ".join(f"{count} {suffix or 'without suffix'}" for suffix, count in sorted(walk.passed_over.items()))
        notes.append(f"files that are not {kind.noun} by name were passed over: {kinds}")
    if empty := [folder.name for folder in folders if folder not in filled]:
        notes.append(f"folders without {kind.noun} were passed over: {', '.join(sorted(empty)[:10])}")
    classes = class_order([sample.label for sample in samples])
    return Listing(str(path), path, tuple(samples), classes, tuple(notes))


class _Walk:
    """Looks through folders in name order, links included, each folder once. Raises: DataError."""

    def __init__(self, suffixes: tuple[str, ...]) -> None:
        self.suffixes = suffixes
        self.passed_over: Counter[str] = Counter()
        self._images: dict[Path, list[Path]] = {}

    def folders(self, path: Path) -> list[Path]:
        return [entry for entry in _entries(path) if _is_folder(entry)]

    def loose_images(self, path: Path) -> int:
        return sum(1 for entry in _entries(path) if entry.suffix.lower() in self.suffixes and not _is_folder(entry))

    def images(self, path: Path) -> list[Path]:
        """Every image below a folder, at any depth."""
        if path not in self._images:
            self._images[path] = list(self._below(path, (os.path.realpath(path.parent),)))
        return self._images[path]

    def _below(self, path: Path, above: tuple[str, ...]) -> list[Path]:
        real = os.path.realpath(path)
        if real in above:
            raise DataError(f"{path} is a link that leads back to a folder above it", "remove the link")
        found = []
        for entry in _entries(path):
            if _is_folder(entry):
                found += self._below(entry, (*above, real))
            elif entry.suffix.lower() in self.suffixes:
                found.append(entry)
            else:
                self.passed_over[entry.suffix.lower()] += 1
        return found


def _entries(path: Path) -> list[Path]:
    try:
        entries = sorted(path.iterdir(), key=lambda entry: entry.name)
    except PermissionError:
        raise DataError(f"{path} may not be read", "change its permissions: chmod u+rx") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", "check the folder") from None
    return [entry for entry in entries if not entry.name.startswith(".") and entry.name.lower() not in _CLUTTER]


def _is_folder(entry: Path) -> bool:
    try:
        return entry.is_dir() if not entry.is_symlink() else Path(os.path.realpath(entry, strict=True)).is_dir()
    except OSError as error:  # a link that leads nowhere, or to itself
        raise DataError(f"{entry} is a link that leads nowhere: {error.strerror}", "remove the link") from None
