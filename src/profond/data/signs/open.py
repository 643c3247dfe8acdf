"""A folder in the layout of the German traffic sign benchmark, as a data set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from profond.data.dataset import Dataset
from profond.data.images.build import build
from profond.data.images.unreadable import Unreadable, without_unreadable
from profond.data.listing import Listing
from profond.data.signs.layout import list_signs
from profond.data.signs.names import MIRRORS, Language

SIDE = 48


def open_signs(
    path: Path,
    size: int | tuple[int, int] = SIDE,
    crop: bool = False,
    channels: Literal[1, 3] = 3,
    resize: Literal["crop", "stretch", "pad"] = "stretch",
    language: Language = "en",
    valid_fraction: float = 0.1,
    test_fraction: float = 0.1,
    split_seed: int = 0,
    memory_mib: int = 1024,
    preprocessing: dict[str, Any] | None = None,
    unreadable: Unreadable = "refuse",
) -> Dataset:
    """Open the benchmark, from its archives or from what they unpack to.

    Each physical sign, 30 pictures, is a group: whatever is held out of train holds all of a sign.

    Args:
        path: of a folder that has it somewhere below.
        size: side of a square, or height and width, that pictures are brought to.
        crop: cut each picture to its sign first, which the tables tell; other pictures are then given without a margin.
        channels: 1 for grey, 3 for colour.
        resize: ``"stretch"`` ignores the proportions, which differ by a few pixels, ``"crop"`` keeps the middle,
            ``"pad"`` adds borders.
        language: of the classes' names.
        valid_fraction: share of the signs of train for ``valid``, where there are no test pictures.
        test_fraction: likewise for ``test``.
        split_seed: another seed, another splitting.
        memory_mib: up to this size the decoded pictures are kept in memory; above, they are streamed.
        preprocessing: that of a model with weights, instead of size, channels, resize and what is measured here.
        unreadable: ``"refuse"`` pictures that cannot be read, or ``"skip"`` them.

    Raises: DataError, ImageError.
    """
    listing = without_unreadable(list_signs(path, language), unreadable)
    listing = listing.with_splits(valid_fraction, test_fraction, split_seed)
    return build_signs(listing, size, crop, channels, resize, memory_mib, preprocessing)


def build_signs(
    listing: Listing,
    size: int | tuple[int, int],
    crop: bool,
    channels: Literal[1, 3],
    resize: Literal["crop", "stretch", "pad"],
    memory_mib: int,
    preprocessing: dict[str, Any] | None = None,
) -> Dataset:
    """A data set of signs that are all placed in splits, whole or cut to their regions. Raises: ImageError."""
    if crop:
        note = "each picture is cut to its sign, by the region in the tables"
        listing = replace(listing, notes=(*listing.notes, note))
    else:
        listing = replace(listing, samples=tuple(replace(sample, region=None) for sample in listing.samples))
    dataset = build(listing, size, channels, resize, memory_mib, preprocessing)
    return replace(dataset, spec=replace(dataset.spec, mirrors=MIRRORS))
