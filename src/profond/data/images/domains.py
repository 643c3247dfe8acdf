"""Pictures of two domains, A to be translated into B: trainA, trainB, testA, testB, or two folders.

Which picture belongs to which is not known, and their numbers may differ.

Source of the layout: J.-Y. Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks,
ICCV 2017, and its code.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from profond.core.errors import DataError
from profond.core.names import as_text
from profond.data.copies import equal_files
from profond.data.dataset import Dataset
from profond.data.images.build import build
from profond.data.images.flat import LARGEST_SIDE, dealt, few
from profond.data.images.foreign import about
from profond.data.images.unreadable import Unreadable, without_unreadable
from profond.data.layout import Walk
from profond.data.listing import SPLIT_NAMES, Listing, Sample
from profond.data.locations import relative

_LAYOUT = "put what is to be learned from in trainA and trainB, and what is to be tested with in testA and testB"
_NAME = re.compile(r"([a-z]+)[ _-]?([ab])", re.IGNORECASE)


def open_domains(
    path: Path,
    to: str | None = None,
    size: int | tuple[int, int] | None = None,
    channels: Literal[1, 3] | None = None,
    resize: Literal["crop", "stretch", "pad"] = "crop",
    valid_fraction: float | None = None,
    test_fraction: float | None = None,
    split_seed: int = 0,
    memory_mib: int = 512,
    preprocessing: dict[str, Any] | None = None,
    unreadable: Unreadable = "refuse",
) -> Dataset:
    """Open pictures of two domains as two classes, A with the label 0 and B with the label 1.

    Args: as in ``open_folder``; without a ``size``, images that all have one of at most 128 pixels keep it.
        valid_fraction, test_fraction: None: a tenth of each, of few images ten, and never more than a quarter.
        to: the folder of B, where ``path`` is that of A; None: ``path`` holds trainA and trainB.

    Raises: DataError, ImageError.
    """
    listing = without_unreadable(list_domains(path, to), unreadable)
    listing = dealt(listing, valid_fraction, test_fraction, split_seed)
    return build(listing, size, channels, resize, memory_mib, preprocessing, LARGEST_SIDE)


def list_domains(path: Path, to: str | None = None) -> Listing:
    """Find the images of two domains.

    Raises: DataError when one of the two is missing or empty, or holds folders of classes.
    """
    path, walk = Path(path), Walk()
    if to is None:
        classes: tuple[str, str] = ("A", "B")
        folders = _of_layout(path, walk)
        root = path
    else:
        two = [Path(os.path.abspath(path)), Path(os.path.abspath(Path(to).expanduser()))]
        for given in two:
            if not given.is_dir():
                raise DataError(f"there is no folder {given}", "name two folders of pictures: --from A/ --to B/")
        if two[0].resolve() == two[1].resolve():
            raise DataError(f"A and B are the same folder, {two[0]}", "name two folders of pictures: --from A/ --to B/")
        names = [as_text(folder.name) for folder in two]
        classes = (names[0], names[1]) if names[0] != names[1] else ("A", "B")
        folders = {(side, ""): folder for side, folder in enumerate(two)}
        root = Path(os.path.commonpath(two))
    samples = [
        Sample(file, classes[side], split)
        for (side, split), folder in folders.items()
        for file in _images(folder, walk)
    ]
    only_train = {sample.split for sample in samples} == {"train"}
    if only_train:  # a share of it is held out, as of any folder without splits
        samples = [Sample(sample.path, sample.label) for sample in samples]
    notes, warnings = _told(folders, walk)
    warnings += _in_both(samples, classes, root)
    learned = [sample.label for sample in samples if sample.split in ("", "train")]
    warnings += few({name: learned.count(name) for name in classes})
    return Listing(str(path), root, tuple(samples), classes, tuple(map(as_text, notes)), tuple(map(as_text, warnings)))


def are_domains(path: Path) -> bool:
    """Whether a folder has one of trainA and trainB in it."""
    try:
        return path.is_dir() and any(_place(folder) in ((0, "train"), (1, "train")) for folder in Walk().folders(path))
    except DataError:
        return False


def _place(folder: Path) -> tuple[int, str] | None:
    """Which domain, 0 or 1, and split a folder's name speaks of: ``trainA``, ``test_b``."""
    found = _NAME.fullmatch(folder.name)
    split = SPLIT_NAMES.get(found[1].lower()) if found else None
    return ("ab".index(found[2].lower()), split) if found and split else None


def _of_layout(path: Path, walk: Walk) -> dict[tuple[int, str], Path]:
    found: dict[tuple[int, str], Path] = {}
    for folder in walk.folders(path):
        place = _place(folder)
        if place is not None and place in found:
            raise DataError(f"{path} has {found[place].name} and {folder.name}, which are the same", "rename one")
        if place is not None:
            found[place] = folder
    for side, split in list(found):
        if (1 - side, split) not in found:
            here = found[side, split]
            lacking = here.name[:-1] + ("bB" if side == 0 else "aA")[here.name[-1].isupper()]
            raise DataError(f"{path} has {here.name} but no {lacking}", _LAYOUT)
    return dict(sorted(found.items(), key=lambda one: (("train", "valid", "test").index(one[0][1]), one[0][0])))


def _images(folder: Path, walk: Walk) -> list[Path]:
    """The images directly in a folder. Raises: DataError where there is none."""
    if files := walk.loose(folder):
        return files
    inside = [one for one in walk.folders(folder) if walk.below(one).files]
    if inside:
        names = ", ".join(one.name for one in inside[:5]) + (" …" if len(inside) > 5 else "")
        raise DataError(
            f"{folder} holds folders of images ({names}), and a domain is one folder with the images in it",
            f"did you mean {inside[0]}?",
        )
    passed = walk.below(folder).passed_over
    raise DataError(f"{folder} has no images: {walk.contents(folder)}", about(passed) or "put its pictures there")


def _told(folders: Mapping[tuple[int, str], Path], walk: Walk) -> tuple[list[str], list[str]]:
    """Notes and warnings about what lies in the folders and is not used."""
    notes: list[str] = []
    warnings: list[str] = []
    for folder in folders.values():
        noted, warned = walk.passed_over(folder, ())
        notes += [f"{folder.name}: {note}" for note in noted]
        warnings += [f"{folder.name}: {warning}" for warning in warned]
        if inside := [one.name for one in walk.folders(folder) if walk.below(one).files]:
            warnings.append(f"{folder.name}: not used are the images in its folders {', '.join(inside[:5])}")
    return notes, warnings


def _in_both(samples: Sequence[Sample], classes: tuple[str, str], root: Path) -> list[str]:
    """A warning where A and B have images in common, by what their files hold."""
    sets = equal_files([sample.path for sample in samples])
    common = [group for group in sets if len({samples[at].label for at in group}) > 1]
    if not common:
        return []
    shared = sum(samples[at].label == classes[0] for group in common for at in group)
    count = sum(sample.label == classes[0] for sample in samples)
    first = " = ".join(relative(samples[common[0][at]].path, root) for at in (0, -1))
    if shared == count:
        return [f"A and B hold the same pictures, all {count} of A ({first}): there is nothing to translate"]
    return [f"{shared} of the {count} pictures of A are in B too, such as {first}"]
