"""ImageNet's folder (ILSVRC-2012), in one of three layouts, each of which is known by itself:

    train/n01440764/*.JPEG  val/ILSVRC2012_val_00000001.JPEG …  ILSVRC2012_devkit_t12/     as its makers hand it out
    train/n01440764/*.JPEG  val/n01440764/*.JPEG                                             sorted, as many keep it
    ILSVRC/Data/CLS-LOC/{train,val}  LOC_val_solution.csv                                    as Kaggle hands it out

NOTE A label is the place of its synset among the sorted synsets. The devkit's ground truth counts otherwise, by
``ILSVRC2012_ID`` (1 is the kit fox, label 278), and only the devkit's own ``meta.mat`` (or ``map_clsloc.txt``) tells
which is which: ``synset_words.txt`` and ``LOC_synset_mapping.txt`` are in label order and do not.

Source: O. Russakovsky et al., ImageNet Large Scale Visual Recognition Challenge, IJCV 2015; the devkit's readme.txt.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from profond.core.errors import DataError
from profond.data import tree
from profond.data.dataset import Dataset
from profond.data.images.build import build
from profond.data.images.decoding import SUFFIXES
from profond.data.images.matlab import read_structures
from profond.data.images.unreadable import Unreadable, without_unreadable
from profond.data.listing import Listing, Sample
from profond.data.sets.synsets import are_synsets, is_synset, usual

_INSIDE = ("", "ILSVRC/Data/CLS-LOC", "Data/CLS-LOC", "CLS-LOC")
_DEVKIT = ("", "ILSVRC2012_devkit_t12/data", "ILSVRC2012_devkit_t12", "devkit/data", "devkit", "data")
_NUMBERED = re.compile(r"ILSVRC2012_val_(\d{8})\.jpe?g", re.IGNORECASE)
_TRUTH, _META, _MAP = "ILSVRC2012_validation_ground_truth.txt", "meta.mat", "map_clsloc.txt"
_SOLUTION = "LOC_val_solution.csv"


def open_imagenet(
    path: Path,
    size: int | tuple[int, int] | None = None,
    resize: Literal["crop", "stretch", "pad"] = "crop",
    valid_fraction: float = 0.1,
    test_fraction: float = 0.1,
    split_seed: int = 0,
    memory_mib: int = 0,
    preprocessing: dict[str, Any] | None = None,
    unreadable: Unreadable = "refuse",
) -> Dataset:
    """Open ImageNet's folder; its pictures are streamed, at 224×224 and with ImageNet's mean and deviation.

    Args: as in ``open_folder``; the fractions are not used, for it comes with its splits.

    Raises: DataError, ImageError.
    """
    listing = without_unreadable(list_imagenet(path), unreadable).with_splits()
    return build(listing, None, None, resize, memory_mib, preprocessing or {**usual(size), "resize": resize})


def find(path: Path) -> Path | None:
    """The folder that holds ImageNet's ``train`` and ``val``, at ``path`` or below; None when it is something else."""
    for inner in _INSIDE:
        folder = path / inner
        if not (folder / "train").is_dir() or not (folder / "val").is_dir():
            continue
        synsets = _folders(folder / "train")
        if synsets and are_synsets(synsets):
            return folder
        archives = [name for name in _files(folder / "train") if name.endswith(".tar")]
        if not synsets and archives and are_synsets(name.removesuffix(".tar") for name in archives):
            raise DataError(
                f"{folder / 'train'} holds {len(archives)} archives, one for each class",
                f"unpack each into a folder of its name: {archives[0]} into {archives[0].removesuffix('.tar')}/",
            )
    return None


def list_imagenet(path: Path) -> Listing:
    """Find the pictures of ImageNet's folder and their classes.

    Raises: DataError for a class without pictures, or pictures of the validation without labels.
    """
    folder = find(path)
    assert folder is not None, path
    classes = tuple(sorted(_folders(folder / "train")))
    samples = []
    for synset in classes:
        names = _image_names(folder / "train" / synset)
        samples += [Sample(folder / "train" / synset / name, synset, "train") for name in names]
    lists = _Lists(path, folder)
    if (devkit := lists.synsets()) is not None and (strangers := [name for name in classes if name not in devkit]):
        raise DataError(
            f"{folder / 'train'} has {len(strangers)} folders that {lists.named} does not know: {_few(strangers)}",
            "take them out, or use the devkit that belongs to this data",
        )
    val = folder / "val"
    inside = _folders(val)
    if inside:
        if strangers := [name for name in inside if not is_synset(name)]:
            raise DataError(f"{val} has folders that are no synsets: {_few(strangers)}", "such as n01440764")
        for synset in sorted(inside):
            samples += [Sample(val / synset / name, synset, "valid") for name in _image_names(val / synset)]
    else:
        names = _image_names(val)
        samples += [Sample(val / name, lists.label(name), "valid") for name in lists.complete(names, val)]
    notes = (f"{folder / 'test'} has no labels and is passed over",) if (folder / "test").is_dir() else ()
    return Listing(str(path), folder, tuple(samples), classes, notes)


class _Lists:
    """The labels of the flat validation, from whichever list is there.

    Args:
        path: that was opened.
        folder: that holds ``train`` and ``val``.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        depth = 3 if folder.parts[-3:] == ("ILSVRC", "Data", "CLS-LOC") else 0
        self.folders = list(dict.fromkeys([path, folder, folder / "val", *list(folder.parents)[:depth]]))
        self.named = ""
        self._label: Callable[[str], str | None] = lambda name: None
        self._listed: Sequence[str] = ()

    def synsets(self) -> set[str] | None:
        """Every synset that the devkit knows; None without it. Raises: DataError."""
        return None if (found := self._numbers()) is None else set(found.values())

    def complete(self, names: Sequence[str], val: Path) -> Sequence[str]:
        """The pictures, when exactly those that the list names are there. Raises: DataError."""
        if (solution := self._find(_SOLUTION)) is not None:
            self._read_solution(solution)
        elif (truth := self._find(_TRUTH)) is not None:
            self._read_truth(truth)
        else:
            raise DataError(
                f"{val} has {len(names)} pictures, and no list says which class each is of",
                f"put ILSVRC2012_devkit_t12/ (its data/{_TRUTH} and data/{_META}) or {_SOLUTION} beside train/, "
                "or sort the pictures into a folder for each synset",
            )
        present = set(names)
        if absent := [name for name in self._listed if name not in present]:
            raise DataError(
                f"{val} lacks {len(absent)} of the {len(self._listed)} pictures of {self.named}: {_few(absent)}",
                "unpack ILSVRC2012_img_val.tar again",
            )
        if unknown := [name for name in names if self._label(name) is None]:
            raise DataError(
                f"{val} has {len(unknown)} pictures that {self.named} does not list: {_few(unknown)}", "take them out"
            )
        return names

    def label(self, name: str) -> str:
        label = self._label(name)
        assert label is not None
        return label

    def _read_solution(self, path: Path) -> None:
        """Kaggle's list: ``ILSVRC2012_val_00048981,n03995372 85 1 499 272 …``, synset first, then boxes."""
        labels = {}
        for number, row in enumerate(csv.reader(_lines(path)), 1):
            if number == 1 and row[:1] == ["ImageId"]:
                continue
            words = row[1].split() if len(row) == 2 else []
            if not words or not is_synset(words[0]):
                raise DataError(f"{path}, line {number}: {','.join(row)[:60]!r} names no synset", "restore the file")
            labels[f"{row[0]}.JPEG"] = words[0]
        self.named, self._label, self._listed = path.name, labels.get, tuple(labels)

    def _read_truth(self, path: Path) -> None:
        """The devkit's list: a number in each line, for the pictures in the order of theirs."""
        numbers = self._numbers()
        if numbers is None:
            raise DataError(
                f"{path} gives numbers, and there is no {_META} beside it that says which synset each is",
                "unpack the whole devkit; a list in label order, such as synset_words.txt, cannot stand in for it",
            )
        labels = []
        for line, text in enumerate(_lines(path), 1):
            if not text.strip().isdecimal() or int(text) not in numbers:
                raise DataError(
                    f"{path}, line {line}: {text[:40]!r} is not a number of {self.named}", "restore the file"
                )
            labels.append(numbers[int(text)])

        def label(name: str) -> str | None:
            match = _NUMBERED.fullmatch(name)
            number = int(match[1]) if match else 0
            return labels[number - 1] if 1 <= number <= len(labels) else None

        listed = tuple(f"ILSVRC2012_val_{number:08}.JPEG" for number in range(1, len(labels) + 1))
        self.named, self._label, self._listed = path.name, label, listed

    def _numbers(self) -> dict[int, str] | None:
        """The synset of each ILSVRC2012_ID. Raises: DataError."""
        if (path := self._find(_META)) is not None:
            self.named = path.name
            rows = read_structures(path).get("synsets", [])
            pairs = [(row.get("ILSVRC2012_ID"), row.get("WNID")) for row in rows]
        elif (path := self._find(_MAP)) is not None:
            self.named = path.name
            words = [line.split() for line in _lines(path)]
            pairs = [(int(row[1]) if row[1:2] and row[1].isdecimal() else None, row[0]) for row in words if row]
        else:
            return None
        found = {int(n): name for n, name in pairs if isinstance(n, int | float) and isinstance(name, str)}
        if not pairs or len(found) < len(pairs) or not are_synsets(found.values()):
            raise DataError(f"{path} does not give a number and a synset for each class", "unpack the devkit again")
        return found

    def _find(self, name: str) -> Path | None:
        candidates = (folder / inner / name for folder in self.folders for inner in _DEVKIT)
        return next((path for path in candidates if path.is_file()), None)


def _image_names(folder: Path) -> list[str]:
    """Names in order. Raises: DataError when there is none."""
    names = [name for name in _files(folder) if os.path.splitext(name)[1].lower() in SUFFIXES]
    if not names:
        raise DataError(f"{folder} has no pictures", "unpack its archive again, or take the folder out")
    return names


def _files(folder: Path) -> list[str]:
    return sorted(entry.name for entry in _entries(folder) if not entry.is_dir())


def _folders(folder: Path) -> list[str]:
    return sorted(entry.name for entry in _entries(folder) if entry.is_dir())


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """NOTE not Path.iterdir: here the folder itself says what is a file, and a million need not be asked."""
    return tree.entries(folder)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}", "restore the file") from None


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
