"""Every series of a listing looked at: what cannot be read, equal ones, lengths, rates, constant channels."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from profond.core.errors import DataError
from profond.data.fingerprint import Fingerprint
from profond.data.listing import Listing
from profond.data.places import relative
from profond.data.progress import track
from profond.data.series.build import Settings, decide
from profond.data.series.open import list_series, load_table
from profond.data.series.preparation import decide_length
from profond.data.series.read import Recording, read_recording
from profond.data.series.text import SUFFIXES


@dataclass(frozen=True)
class Remark:
    """One kind of problem: a word for programs, how bad it is, a line for people, the samples concerned."""

    kind: str
    severity: Literal["error", "warning", "note"]
    message: str
    items: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Looked:
    """What was seen.

    Args:
        listing: all samples.
        prints: one for each, by which equal ones are found; None where it cannot be read.
        remarks: what is wrong with them.
    """

    listing: Listing
    prints: list[Fingerprint | None]
    remarks: list[Remark]


def look(path: Path, table: bool) -> Looked:
    """Look at every series of a folder or a manifest; or of a table. Raises: DataError when there is none at all."""
    if table:
        read = load_table(path)
        listing = read.listing()
        signals: list[NDArray[np.float32] | None] = list(read.signals)
        return Looked(listing, [_print(signal) for signal in read.signals], _remarks(listing, signals))
    listing = list_series(path)
    found: list[Recording | None] = []
    remarks, reasons, unreadable = [], [], []
    for sample in track(listing.samples, len(listing.samples), f"checking {listing.name}"):
        assert isinstance(sample.path, Path)
        try:
            found.append(read_recording(sample.path))
        except DataError as error:
            found.append(None)
            unreadable.append((relative(sample.path, listing.root),))
            reasons.append(error.message)
    if unreadable:
        shown = "; ".join(reasons[:3]) + ("; …" if len(reasons) > 3 else "")
        text = f"{len(unreadable)} of {len(found)} series cannot be read: {shown}"
        remarks.append(Remark("unreadable", "error", text, tuple(unreadable)))
    prints = [None if one is None else _print(one.values) for one in found]
    readable = [one for one in found if one is not None]
    kinds = Counter("text" if one.path.suffix.lower() in SUFFIXES else one.path.suffix.lower() for one in readable)
    if len(kinds) > 1:
        text = "mixed kinds of files: " + ", ".join(f"{kind} ({count})" for kind, count in kinds.most_common())
        remarks.append(Remark("kinds", "warning", text))
    if not readable:
        return Looked(listing, prints, remarks)
    notes: list[str] = []
    warnings: list[str] = []
    try:
        plain = decide(readable, readable, Settings(), notes, warnings)
    except DataError as error:
        return Looked(listing, prints, [*remarks, Remark("layout", "error", f"{error.message}: {error.help}")])
    signals, odd, why = [], [], []
    for sample, one in zip(listing.samples, found, strict=True):
        try:
            signals.append(None if one is None else plain.signal(one))
        except DataError as error:
            signals.append(None)
            odd.append((relative(sample.path, listing.root),))
            why.append(error.message)
    if odd:
        text = f"{len(odd)} of {len(found)} series have other channels: {why[0]}" + ("; …" if len(odd) > 1 else "")
        remarks.append(Remark("channels", "error", text, tuple(odd)))
    remarks += [Remark("rates", "warning", warning) for warning in warnings]
    remarks += [Remark("layout", "note", note) for note in notes]
    return Looked(listing, prints, remarks + _remarks(listing, signals))


def _remarks(listing: Listing, signals: list[NDArray[np.float32] | None]) -> list[Remark]:
    """Different lengths, and channels that never change."""
    remarks = []
    there = [signal for signal in signals if signal is not None]
    lengths = [signal.shape[1] for signal in there]
    if lengths and min(lengths) < max(lengths):
        chosen = decide_length(lengths)
        cut = sum(length > chosen for length in lengths)
        text = f"{len(set(lengths))} lengths, {min(lengths)} to {max(lengths)} steps; brought to {chosen} in training"
        remarks.append(Remark("lengths", "warning", text + (f", which cuts {cut}" if cut else "")))
    flat = []
    for sample, signal in zip(listing.samples, signals, strict=True):
        if signal is not None and signal.shape[1] > 1 and bool((np.ptp(signal, axis=1) == 0).any()):
            flat.append((relative(sample.path, listing.root),))
    if flat:
        shown = ", ".join(item[0] for item in flat[:3]) + (" …" if len(flat) > 3 else "")
        text = f"{len(flat)} of {len(there)} series have a channel that never changes: {shown}"
        remarks.append(Remark("constant", "warning", text, tuple(flat)))
    return remarks


def _print(values: NDArray[np.float32]) -> Fingerprint:
    """Equal for equal numbers in the same arrangement, whatever file they lie in."""
    shape = np.array(values.shape, dtype=np.int64).tobytes()
    digest = hashlib.blake2b(shape + np.ascontiguousarray(values).tobytes(), digest_size=16).digest()
    return Fingerprint(digest, None, (0, 0))
