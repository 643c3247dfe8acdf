"""A folder of images: one sub-folder a class, with or without ``train/ valid/ test/`` above."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from profond.core.errors import DataError
from profond.core.names import as_text
from profond.data.dataset import Dataset
from profond.data.images.build import build
from profond.data.images.unreadable import Unreadable, without_unreadable
from profond.data.labels import IN_A_FOLDER, doubts
from profond.data.layout import (
    Walk,
    beside_splits,
    called_as_splits,
    deeper,
    find_splits,
    left_out,
    nothing_in,
    only_one_class,
    refuse_hidden_splits,
)
from profond.data.listing import Listing, Sample, class_order
from profond.data.tree import IMAGES, Files

_UNLABELLED = {"unlabeled", "unlabelled", "unknown", "images", "all", "test"}
"""Names of the one folder that images without labels lie in, where a tool asks for a folder."""


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
    unreadable: Unreadable = "refuse",
) -> Dataset:
    """Open a folder of images.

    Args:
        path: of the folder.
        size: side of a square, or height and width, that images are brought to. None: their own size when all
            share one of at most 64, else 64.
        channels: 1 for grey, 3 for colour; None: grey when every image is grey.
        resize: ``"crop"`` keeps the middle, ``"stretch"`` ignores the proportions, ``"pad"`` adds borders
            of the background.
        valid_fraction: share of each class for ``valid`` when the folder has no splits.
        test_fraction: likewise for ``test``.
        split_seed: another seed, another splitting.
        memory_mib: up to this size the decoded images are kept in memory; above, they are streamed.
        preprocessing: that of a model with weights, instead of size, channels, resize and what is measured here.
        unreadable: ``"refuse"`` pictures that cannot be read, or ``"skip"`` them: they are told, and kept with the run;
            names of pictures are left out without looking.

    Raises: DataError, ImageError.
    """
    listing = without_unreadable(list_folder(path), unreadable)
    listing = listing.with_splits(valid_fraction, test_fraction, split_seed)
    return build(listing, size, channels, resize, memory_mib, preprocessing)


def list_folder(path: Path, kind: Files = IMAGES) -> Listing:
    """Find the images of a folder, or files of another kind, and their classes.

    Raises: DataError when the layout is not one of the two.
    """
    path = Path(path)
    walk = Walk(kind)
    inside = walk.folders(path)
    filled = [folder for folder in inside if walk.below(folder).files]
    splits = find_splits(path, walk, inside, filled)
    if not filled and not splits:
        for folder in inside:
            walk.below(folder).strict()
        raise nothing_in(path, walk, inside)
    if splits:
        samples, classes_in, warnings, used = _in_splits(path, walk, splits)
        beside, notes = beside_splits(path, walk, splits, inside)
        warnings += beside
    else:
        refuse_hidden_splits(path, walk, filled)
        if loose := len(walk.loose(path)):
            raise DataError(f"{path} has {kind.counted(loose)} outside of any class folder", kind.layout)
        samples = [
            Sample(file, as_text(folder.name)) for folder in inside for file in walk.below(folder).strict().files
        ]
        classes_in, warnings, used, notes = inside, called_as_splits(path, walk, filled), inside, []
    warnings += left_out(path, walk, classes_in)
    more_notes, more_warnings = walk.passed_over(path, used)
    classes = class_order([sample.label for sample in samples])
    if len(classes) == 1:
        raise only_one_class(path, walk, filled, classes[0], [*warnings, *more_warnings])
    notes += [*deeper(walk, classes_in), *more_notes]
    warnings += [*more_warnings, *doubts([sample.label for sample in samples], IN_A_FOLDER)]
    return Listing(str(path), path, tuple(samples), classes, tuple(map(as_text, notes)), tuple(map(as_text, warnings)))


def _in_splits(
    path: Path, walk: Walk, splits: dict[str, Path]
) -> tuple[list[Sample], list[Path], list[str], list[Path]]:
    """Samples, class folders, warnings, and the folders of splits that are used."""
    found: list[tuple[str, Path, list[Path]]] = []
    warnings = []
    for split, folder in splits.items():
        walk.below(folder).strict()
        inside = walk.unwrapped(folder)
        loose, of_classes = len(walk.loose(inside)), walk.folders(inside)
        filled = [of_class for of_class in of_classes if walk.below(of_class).files]
        if not filled and not loose:
            what = walk.contents(folder)
            warnings.append(f"{folder.name} is left out, for it holds no {walk.kind.noun}: {what}")
            continue
        if split == "test" and (not filled or (not loose and _are_unlabelled(filled))):
            # Pictures to be predicted on, as competitions hand them out.
            count = walk.kind.counted(len(walk.below(folder).files))
            warnings.append(
                f"{folder.name} has {count} and no class folders, so it is left out; "
                f"`profond predict RUN {folder}` says what they are"
            )
            continue
        if loose:
            others = [str(other.name) for other in splits.values() if other != folder]
            beside = f", and is a split, for {' and '.join(others)} stands beside it" if others else ""
            raise DataError(
                f"{inside} has {walk.kind.counted(loose)} outside of any class folder{beside}", walk.kind.layout
            )
        found.append((split, folder, of_classes))
    if all(split != "train" for split, _, _ in found):
        raise DataError(f"{path} has no {walk.kind.noun} to learn from: {'; '.join(warnings)}", walk.kind.layout)
    # A lone train/ holds everything: it is split like a folder without splits.
    has_splits = len(found) > 1
    samples = [
        Sample(file, as_text(of_class.name), split if has_splits else "")
        for split, _, of_classes in found
        for of_class in of_classes
        for file in walk.below(of_class).files
    ]
    return samples, [one for _, _, ones in found for one in ones], warnings, [folder for _, folder, _ in found]


def _are_unlabelled(filled: Sequence[Path]) -> bool:
    return len(filled) == 1 and filled[0].name.lower() in _UNLABELLED
