"""What it would cost to split a data set sample by sample whose samples belong together, such as frames of one sign."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

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


def leak_without_groups(
    labels: Sequence[str], groups: Sequence[str] | None, prints: Sequence[Fingerprint], noun: str
) -> list[Issue]:
    """A note on what the groups prevent: a fifth is held out by sample and by group, and each time the nearest
    neighbour in what is left, by 16×16 pixels, says its class.

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
    every = -(-len(groups) // _MOST)
    order = {group: at for at, group in enumerate(dict.fromkeys(groups))}
    chosen = [i for i, group in enumerate(groups) if order[group] % every == 0]
    known = {label: at for at, label in enumerate(dict.fromkeys(labels))}
    targets = np.array([known[labels[i]] for i in chosen])
    own = [groups[i] or f"\0{i}" for i in chosen]
    pixels = np.stack([_standardised(prints[i]) for i in chosen])
    names = [str(i) for i in chosen]
    shares = {"train": 1 - _HELD_OUT, "valid": _HELD_OUT}
    by_sample = np.array(assign(names, targets.tolist(), None, shares, seed=0)) == "valid"
    by_group = np.array(assign(names, targets.tolist(), own, shares, seed=0)) == "valid"
    if not (by_sample.any() and by_group.any() and (~by_sample).any() and (~by_group).any()):
        return []
    learned = {group for group, held in zip(own, by_sample, strict=True) if not held}
    torn = sum(group in learned for group, held in zip(own, by_sample, strict=True) if held)
    right = [_nearest(pixels, targets, held) for held in (by_sample, by_group)]
    held_out = int(by_sample.sum())
    size = np.median([size for size in sizes.values() if size > 1])
    text = (
        f"{several:,} groups of {size:.0f} {noun} are kept whole. Split by sample instead, {torn:,} of {held_out:,} "
        f"{noun} held out would have another of their group in train, and the nearest neighbour (16×16 pixels) would "
        f"be right for {right[0]:.1%}; with groups whole it is right for {right[1]:.1%}"
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


def _standardised(one: Fingerprint) -> NDArray[np.float32]:
    assert one.shape is not None
    values = one.shape.astype(np.float32)
    values -= values.mean()
    return values / (np.linalg.norm(values) + 1e-6)


def _nearest(pixels: NDArray[np.float32], targets: NDArray[np.int64], held: NDArray[np.bool_]) -> float:
    """The share of the held out samples whose nearest neighbour among the others has their class."""
    asked, among = pixels[held], pixels[~held].T
    found = [targets[~held][(asked[i : i + _BLOCK] @ among).argmax(1)] for i in range(0, len(asked), _BLOCK)]
    return float((np.concatenate(found) == targets[held]).mean())
