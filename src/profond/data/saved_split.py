"""A splitting written down as a manifest, so that it can be kept, shared and used again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from profond.core.config import bind
from profond.core.errors import DataError
from profond.core.progress import announce
from profond.data.check import NEAR_LIMIT, count_in_words, fingerprints
from profond.data.classes import class_order
from profond.data.dataset import hash_samples
from profond.data.fingerprint import Fingerprint, Sets, near_groups
from profond.data.listing import Listing
from profond.data.locations import Member, relative
from profond.data.manifest import list_manifest, write_manifest
from profond.data.open import TABLES, Kind, kind_of
from profond.data.series.check import inspect_series
from profond.data.series.open import load_table
from profond.data.series.table import write_split_table
from profond.data.text.open import list_texts, open_texts, read_texts
from profond.data.text.write import write_texts

_ORDER = ("", "train", "valid", "test")
"""Of two splits that hold the same image, the first gets both: what was learned from is not measured on."""


def store_split(
    reference: str,
    out: Path,
    valid_fraction: float = 0.1,
    test_fraction: float = 0.1,
    seed: int = 0,
    duplicates_together: bool = False,
    options: Mapping[str, Any] | None = None,
) -> dict[str, dict[str, Any]]:
    """Split a folder or manifest and write it to ``out``; splits that are given already are kept.

    With ``duplicates_together``, what looks the same goes to one split: of those given, to train before valid and test.

    Args:
        options: which columns of a table are what, such as ``{"target": "weight"}``, as `open_dataset` takes them.

    Returns: for each split its ``samples`` and the ``hash`` that the manifest's data set will have.

    Raises: DataError.
    """
    path = Path(reference).expanduser()
    if not path.exists():
        raise DataError(f"there is no {reference}", "name a folder of images or a .csv manifest")
    options = options or {}
    kind = kind_of(path, reference, options)
    if kind.name in TABLES:
        bind(kind.open, {"path": path, **options}, what=f"{kind.name} {reference!r}")
        return _store_table(path, kind.name, out, valid_fraction, test_fraction, seed, duplicates_together, options)
    if kind.texts:
        return _store_texts(path, kind, out, valid_fraction, test_fraction, seed, options)
    listing = kind.list(**bind(kind.list, {"path": path, **options}, what=f"{kind.name} {reference!r}"))
    if listing.text is not None:
        raise DataError(f"{reference} holds captions", "write train, valid or test into a column split of its table")
    for warning in listing.warnings:
        announce(f"warning: {warning}")
    if any(isinstance(sample.path, Member) for sample in listing.samples):
        raise DataError(f"{reference} holds shards, whose pictures no manifest can name", "split their folder")
    if duplicates_together:
        listing = _grouped(listing, inspect_series(path, table=False).prints if kind.series else None)
    listing = listing.with_splits(valid_fraction, test_fraction, seed)
    if listing.classes != class_order(listing.classes):  # of two domains, of which the first is A
        first, second = listing.classes
        raise DataError(
            f"a manifest has its classes in the order of their names, so that {first} and {second} would change places",
            f"rename the folders: A_{first} and B_{second}",
        )
    write_manifest(out, listing.samples, listing.quantities)
    written = list_manifest(out)
    return _sizes_and_hashes(written)


def _store_texts(
    path: Path,
    kind: Kind,
    out: Path,
    valid_fraction: float,
    test_fraction: float,
    seed: int,
    options: Mapping[str, Any],
) -> dict[str, dict[str, Any]]:
    """Texts are written into one table, with a column ``split``; equal ones are together anyway."""
    bind(kind.open, {"path": path, **options}, what=f"{kind.name} {path}")
    if kind.open is not open_texts:
        raise DataError(f"{path} is a {kind.name}, whose splits are not stored", "split a table of texts and labels")
    listing, texts = read_texts(path, options.get("text"), options.get("target"), options.get("label"))
    listing = listing.with_splits(valid_fraction, test_fraction, seed)
    write_texts(out, listing, texts)
    return _sizes_and_hashes(list_texts(out))


def _store_table(
    path: Path,
    kind: str,
    out: Path,
    valid_fraction: float,
    test_fraction: float,
    seed: int,
    duplicates_together: bool,
    options: Mapping[str, Any],
) -> dict[str, dict[str, Any]]:
    """A table of series is written again, with a column ``split``."""
    if path.is_dir():
        raise DataError(f"{path} is a {kind}, one for each split: it is split already", "split one table")
    if path.suffix.lower() == ".ts":
        raise DataError(f"{path} has no column that could say the split", "name two files NAME_TRAIN.ts, NAME_TEST.ts")
    table = load_table(path, options)
    listing = table.listing()
    if duplicates_together:
        listing = _grouped(listing, inspect_series(path, table=True, options=options).prints)
    listing = listing.with_splits(valid_fraction, test_fraction, seed)
    write_split_table(out, path, "auto", table, [sample.split for sample in listing.samples])
    learned = {"target": ",".join(table.targets)} if table.targets else {"label": table.label}
    named = {key: name for key, name in learned.items() if name and not name.replace(",", "").isdigit()}
    return _sizes_and_hashes(load_table(out, named).listing())


def _sizes_and_hashes(written: Listing) -> dict[str, dict[str, Any]]:
    counts = Counter(sample.split for sample in written.samples)
    unlabelled = str(0)  # the target of all of them, as it is hashed
    targets = [
        (s.split, relative(s.path, written.root), unlabelled if written.unlabelled else s.label)
        for s in written.samples
    ]
    return {
        name: {
            "samples": counts[name],
            "hash": hash_samples((path, label) for split, path, label in targets if split == name),
        }
        for name in ("train", "valid", "test")
        if counts[name]
    }


def _grouped(listing: Listing, prints: Sequence[Fingerprint | None] | None = None) -> Listing:
    """Samples that look the same, or nearly, join one group; groups that share a picture become one.

    Args:
        prints: one for each sample; None: of pictures, which are looked at here.
    """
    if prints is None:
        prints = fingerprints([sample.path for sample in listing.samples])
    sets = Sets(len(prints))
    first: dict[object, int] = {}
    for i, (sample, fingerprint) in enumerate(zip(listing.samples, prints, strict=True)):
        keys: list[object] = [sample.group] if sample.group else []
        if fingerprint is not None:
            keys.append(fingerprint.exact)
        for key in keys:
            sets.join(i, first.setdefault(key, i))
    comparable = [(i, found) for i, found in enumerate(prints) if found is not None and found.shape is not None]
    if len(comparable) <= NEAR_LIMIT:
        for near in near_groups([fingerprint for _, fingerprint in comparable]):
            for i in near:
                sets.join(comparable[near[0]][0], comparable[i][0])
    samples = list(listing.samples)
    for group in sets.groups():
        named = next((samples[i].group for i in group if samples[i].group), None)
        name = named or relative(samples[group[0]].path, listing.root)
        for i in group:
            samples[i] = replace(samples[i], group=name)
    moved = 0
    for group in sets.groups():
        first_split = min((samples[i].split for i in group), key=_ORDER.index)
        for i in group:
            moved += samples[i].split != first_split
            samples[i] = replace(samples[i], split=first_split)
    if moved:
        samples_moved = count_in_words(moved)
        announce(f"{samples_moved} moved to the split of another that looks the same: to train before valid and test")
    return replace(listing, samples=tuple(samples))
