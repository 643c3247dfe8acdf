"""A splitting written down as a manifest, so that it can be kept, shared and used again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from profond.core.errors import DataError
from profond.data.check import fingerprints
from profond.data.dataset import hash_samples
from profond.data.fingerprint import Sets
from profond.data.listing import Listing
from profond.data.manifest import list_manifest, write_manifest
from profond.data.open import kind_of
from profond.data.places import Member, relative


def store_split(
    reference: str,
    out: Path,
    valid_fraction: float = 0.1,
    test_fraction: float = 0.1,
    seed: int = 0,
    duplicates_together: bool = False,
) -> dict[str, dict[str, Any]]:
    """Split a folder or manifest and write it to ``out``; splits that are given already are kept.

    Returns: for each split its ``samples`` and the ``hash`` that the manifest's data set will have.

    Raises: DataError.
    """
    path = Path(reference).expanduser()
    if not path.exists():
        raise DataError(f"there is no {reference}", "name a folder of images or a .csv manifest")
    listing = kind_of(path, reference).list(path)
    if any(isinstance(sample.path, Member) for sample in listing.samples):
        raise DataError(f"{reference} holds shards, whose pictures no manifest can name", "split their folder")
    if duplicates_together:
        listing = _grouped(listing)
    listing = listing.placed(valid_fraction, test_fraction, seed)
    write_manifest(out, listing.samples)
    written = list_manifest(out)
    counts = Counter(sample.split for sample in written.samples)
    return {
        name: {
            "samples": counts[name],
            "hash": hash_samples((relative(s.path, written.root), s.label) for s in written.samples if s.split == name),
        }
        for name in ("train", "valid", "test")
        if counts[name]
    }


def _grouped(listing: Listing) -> Listing:
    """Samples that look the same join one group; groups that share a picture become one."""
    prints = fingerprints([sample.path for sample in listing.samples])
    sets = Sets(len(prints))
    first: dict[object, int] = {}
    for i, (sample, fingerprint) in enumerate(zip(listing.samples, prints, strict=True)):
        keys: list[object] = [sample.group] if sample.group else []
        if fingerprint is not None:
            keys.append(fingerprint.exact)
        for key in keys:
            sets.join(i, first.setdefault(key, i))
    samples = list(listing.samples)
    for group in sets.groups():
        named = next((samples[i].group for i in group if samples[i].group), None)
        name = named or relative(samples[group[0]].path, listing.root)
        for i in group:
            samples[i] = replace(samples[i], group=name)
    return replace(listing, samples=tuple(samples))
