"""A folder of images without classes: what a network that makes such pictures learns from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from profond.core.errors import DataError
from profond.core.names import as_text
from profond.data.dataset import Dataset
from profond.data.images.build import build
from profond.data.images.unreadable import Unreadable, without_unreadable
from profond.data.layout import Walk, nothing_in, tables_beside
from profond.data.listing import SPLIT_NAMES, Listing, Sample

LARGEST_SIDE = 128
"""Pixels up to which images that all have one size keep it, be they square or not."""
FEW = 100
"""Images of which fewer are learned by heart rather than learned from."""
LEAST = 12
"""Images of which a quarter are the three that a measure needs."""
HELD_OUT = 10
"""Images that valid and test have where there are not many."""


def open_flat(
    path: Path,
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
    """Open a folder that holds images and no folders of classes, or holds such folders train, valid and test.

    Args: as in ``open_folder``; without a ``size``, images that all have one of at most 128 pixels keep it.
        valid_fraction, test_fraction: None: a tenth, of few images ten, and never more than a quarter.

    Raises: DataError, ImageError.
    """
    listing = without_unreadable(list_flat(path), unreadable)
    listing = dealt(listing, valid_fraction, test_fraction, split_seed)
    return build(listing, size, channels, resize, memory_mib, preprocessing, LARGEST_SIDE)


def list_flat(path: Path) -> Listing:
    """Find the images of a folder that has no classes. Raises: DataError where there is none."""
    path, walk = Path(path), Walk()
    splits = _splits(path, walk)
    samples = [Sample(file, "", split) for split, folder in splits.items() for file in walk.loose(folder)]
    samples = samples or [Sample(file, "") for file in walk.loose(path)]
    if not samples:
        raise nothing_in(path, walk, walk.folders(path))
    notes, warnings = walk.passed_over(path, splits.values())
    notes.insert(0, "no classes: for networks that make such pictures")
    if found := tables_beside(path, walk):
        warnings.append(f"read without classes; {found}")
    return Listing(
        str(path),
        path,
        tuple(samples),
        (),
        tuple(map(as_text, notes)),
        tuple(map(as_text, warnings)),
        unlabelled=True,
    )


def is_flat(path: Path) -> bool:
    """Whether a folder holds images and nothing that looks like classes."""
    walk = Walk()
    try:
        if not path.is_dir():
            return False
        if walk.loose(path):
            return not any(walk.below(folder).files for folder in walk.folders(path))
        return bool(_splits(path, walk))
    except (DataError, OSError):  # a path too long, a folder that may not be read
        return False  # the door of folders with classes says it best


def dealt(listing: Listing, valid_fraction: float | None, test_fraction: float | None, seed: int) -> Listing:
    """The same with a split for every image: enough in each that what a network makes can be set beside them.

    Raises: DataError where there are too few for that, and nobody said how they are to be dealt.
    """
    counts = Counter(sample.label for sample in listing.samples)
    least = min(counts.values())
    if not listing.is_split and least < LEAST and None in (valid_fraction, test_fraction):
        what = next(label for label, count in counts.items() if count == least) or listing.name
        raise DataError(
            f"{what} has {least} image{'' if least == 1 else 's'}, and {LEAST} at least are needed, to learn from some"
            " and measure with the others",
            f"add images: {FEW} are few, some hundred a beginning",
        )
    usual = max(0.1, min(0.25, HELD_OUT / least))
    shares = [usual if share is None else share for share in (valid_fraction, test_fraction)]
    return listing.with_splits(shares[0], shares[1], seed)


def few(counts: Mapping[str, int]) -> list[str]:
    """A warning where a network that makes pictures has hardly any to learn from.

    Args:
        counts: of images, by what they are called.
    """
    if min(counts.values()) >= FEW:
        return []
    shown = ", ".join(f"{name} has {count} image{'' if count == 1 else 's'}" for name, count in counts.items())
    return [
        f"{shown} to learn from: a network that makes pictures learns fewer than {FEW} by heart; some hundred are "
        "needed, and mirror images (--set flip=true) make more of what there is"
    ]


def _splits(path: Path, walk: Walk) -> dict[str, Path]:
    """The folders train, valid and test, where each holds images and no folder; none where any does otherwise."""
    found: dict[str, Path] = {}
    for folder in walk.folders(path):
        split = SPLIT_NAMES.get(folder.name.lower())
        if split is None or split in found or walk.folders(folder) or not walk.loose(folder):
            return {}
        found[split] = folder
    return {name: found[name] for name in ("train", "valid", "test") if name in found} if "train" in found else {}
