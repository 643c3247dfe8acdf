"""What it would cost to split a data set sample by sample whose samples belong together, such as frames of one sign."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profond.data.fingerprint import Fingerprint
from profond.data.issue import Issue
from profond.data.listing import Listing
from profond.data.splitting import assign

_HELD_OUT = 0.2
_MOST = 12_000
"""Samples that are compared; of more, whole groups are left out by turns."""
_BLOCK = 512


@dataclass(frozen=True)
class Leak:
    """What a split by sample would pretend, told by the nearest neighbour in what is left when a fifth is held out.

    Args:
        by_sample, by_group: share of the held out samples for which it is right, split so and so.
        torn: held out samples of the split by sample that have another of their group in train.
        held_out: held out samples of that split.
    """

    by_sample: float
    by_group: float
    torn: int
    held_out: int


def measured_leak(labels: Sequence[str], groups: Sequence[str], pixels: NDArray[np.float32]) -> Leak | None:
    """Hold a fifth out by sample and by group; None where there are too few samples for that.

    Args:
        labels: classes of the samples.
        groups: what each belongs to; empty texts where it stands alone.
        pixels: (n, numbers), each brought to length 1 by `standardised`.
    """
    every = -(-len(groups) // _MOST)
    order = {group: at for at, group in enumerate(dict.fromkeys(groups))}
    chosen = [i for i, group in enumerate(groups) if order[group] % every == 0]
    known = {label: at for at, label in enumerate(dict.fromkeys(labels))}
    targets = np.array([known[labels[i]] for i in chosen])
    own = [groups[i] or f"\0{i}" for i in chosen]
    names = [str(i) for i in chosen]
    shares = {"train": 1 - _HELD_OUT, "valid": _HELD_OUT}
    by_sample = np.array(assign(names, targets.tolist(), None, shares, seed=0)) == "valid"
    by_group = np.array(assign(names, targets.tolist(), own, shares, seed=0)) == "valid"
    if not (by_sample.any() and by_group.any() and (~by_sample).any() and (~by_group).any()):
        return None
    learned = {group for group, held in zip(own, by_sample, strict=True) if not held}
    torn = sum(group in learned for group, held in zip(own, by_sample, strict=True) if held)
    pixels = pixels[chosen]
    right = _nearest(pixels, targets, by_sample), _nearest(pixels, targets, by_group)
    return Leak(*right, torn, int(by_sample.sum()))


def leak_without_groups(
    labels: Sequence[str], groups: Sequence[str] | None, prints: Sequence[Fingerprint], noun: str
) -> list[Issue]:
    """A note on what the groups prevent, by 16×16 pixels.

    Args:
        labels: classes of the samples of train; without, nothing is told.
        groups: what each belongs to; empty texts where it stands alone.
        prints: of the samples.
        noun: what many samples are called.
    """
    sizes: dict[str, int] = defaultdict(int)
    for group in groups or ():
        sizes[group] += bool(group)
    several = sum(size > 1 for size in sizes.values())
    if groups is None or several < 2 or not all(labels) or any(one.shape is None for one in prints):
        return []
    leak = measured_leak(labels, groups, np.stack([standardised(one.shape) for one in prints if one.shape is not None]))
    if leak is None:
        return []
    size = np.median([size for size in sizes.values() if size > 1])
    text = (
        f"{several:,} groups of {size:.0f} {noun} are kept whole. Split by sample instead, {leak.torn:,} of "
        f"{leak.held_out:,} {noun} held out would have another of their group in train, and the nearest neighbour "
        f"(16×16 pixels) would be right for {leak.by_sample:.1%}; with groups whole it is right for {leak.by_group:.1%}"
    )
    return [Issue("group_leak_avoided", "note", text)]


def torn_groups(listing: Listing) -> list[Issue]:
    """Groups that stand in two splits."""
    where: dict[str, set[str]] = defaultdict(set)
    for sample in listing.samples:
        if sample.group:
            where[sample.group].add(sample.split)
    torn = [(group, *sorted(splits)) for group, splits in where.items() if len(splits) > 1]
    if not torn:
        return []
    text = f"LEAK: {len(torn)} groups stand in two splits: {', '.join(group[0] for group in torn[:5])}"
    return [Issue("group_leak", "error", text, tuple(torn))]


def standardised(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """A picture as a vector of mean 0 and length 1, whatever its light."""
    values = pixels.astype(np.float32).reshape(-1)
    values -= values.mean()
    return values / (np.linalg.norm(values) + np.float32(1e-6))


def _nearest(pixels: NDArray[np.float32], targets: NDArray[np.int64], held: NDArray[np.bool_]) -> float:
    """The share of the held out samples whose nearest neighbour among the others has their class."""
    asked, among = pixels[held], pixels[~held].T
    found = [targets[~held][(asked[i : i + _BLOCK] @ among).argmax(1)] for i in range(0, len(asked), _BLOCK)]
    return float((np.concatenate(found) == targets[held]).mean())
